"""Events of pooled funds: providers put money in for shares, and take their part out again.

How many shares an amount is, and what shares are worth, the ledger computes.
"""

from typing import Literal

from clearing.events.base import EventBase
from clearing.events.fields import Name, PositiveAmount


class PoolJoined(EventBase):
    """``account`` puts ``amount`` of ``asset`` into ``fund``, for shares of what the fund has."""

    kind: Literal["PoolJoined"] = "PoolJoined"
    account: Name
    fund: Name
    asset: Name
    amount: PositiveAmount


class PoolLeft(EventBase):
    """``account`` gives back so many ``shares`` of ``fund`` for what they are worth.

    Shares have the asset's decimals.
    """

    kind: Literal["PoolLeft"] = "PoolLeft"
    account: Name
    fund: Name
    asset: Name
    shares: PositiveAmount


class PoolLeaveRequested(EventBase):
    """``account`` will give back ``shares`` of ``fund``: from now on they gain nothing for it.

    It replaces what the account asked for before.
    """

    kind: Literal["PoolLeaveRequested"] = "PoolLeaveRequested"
    account: Name
    fund: Name
    asset: Name
    shares: PositiveAmount


class PoolLeaveCancelled(EventBase):
    """``account`` stays in ``fund`` after all; what its shares gained meanwhile is the others'."""

    kind: Literal["PoolLeaveCancelled"] = "PoolLeaveCancelled"
    account: Name
    fund: Name
    asset: Name
