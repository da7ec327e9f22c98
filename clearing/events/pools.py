"""Events of pooled funds: providers put money in for shares, and take their part out again.

How many shares an amount is, and what shares are worth, the ledger computes.
"""

from typing import Literal, Self

from pydantic import model_validator

from clearing.events.base import EventBase
from clearing.events.fields import Name, PositiveAmount


class _OfPool(EventBase):
    account: Name
    fund: Name
    asset: Name

    @model_validator(mode="after")
    def _not_its_own(self) -> Self:
        if self.account == self.fund:
            raise ValueError(
                f"account: {self.account!r} is the fund itself, which cannot be among its providers"
            )
        return self


class PoolJoined(_OfPool):
    """``account`` puts ``amount`` of ``asset`` into ``fund``, for shares of what the fund has."""

    kind: Literal["PoolJoined"] = "PoolJoined"
    amount: PositiveAmount


class PoolLeft(_OfPool):
    """``account`` gives back so many ``shares`` of ``fund`` for what they are worth.

    Shares have the asset's decimals.
    """

    kind: Literal["PoolLeft"] = "PoolLeft"
    shares: PositiveAmount


class PoolLeaveRequested(_OfPool):
    """``account`` will give back ``shares`` of ``fund``: from now on they gain nothing for it.

    It replaces what the account asked for before.
    """

    kind: Literal["PoolLeaveRequested"] = "PoolLeaveRequested"
    shares: PositiveAmount


class PoolLeaveCancelled(_OfPool):
    """``account`` stays in ``fund`` after all; what its shares gained meanwhile is the others'."""

    kind: Literal["PoolLeaveCancelled"] = "PoolLeaveCancelled"
