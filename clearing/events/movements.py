"""Events that move money or correct it. Amounts are in the named asset, within its decimals."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from clearing.events.base import Authorised, EventBase, Reference
from clearing.events.fields import InterestRate, Name, NonZeroAmount, PositiveAmount


class Deposited(EventBase):
    """``amount`` of ``asset`` arrived from outside for ``account``.

    ``finality``: a ``pending`` deposit (seen on its chain, not final there) is kept apart and
    counts for nothing until ``DepositConfirmed``; ``Reversed`` takes back either.
    """

    kind: Literal["Deposited"] = "Deposited"
    account: Name
    asset: Name
    amount: PositiveAmount
    finality: Literal["confirmed", "pending"] = "confirmed"


class DepositConfirmed(EventBase):
    """A pending deposit became final: its amount is the account's from now on."""

    kind: Literal["DepositConfirmed"] = "DepositConfirmed"
    deposit: Reference


class Withdrawn(EventBase):
    """``amount`` of ``asset`` left ``account`` for outside. It happened, so it always posts."""

    kind: Literal["Withdrawn"] = "Withdrawn"
    account: Name
    asset: Name
    amount: PositiveAmount


class Transferred(EventBase):
    """``amount`` of ``asset`` went from ``account`` to ``to_account``."""

    kind: Literal["Transferred"] = "Transferred"
    account: Name
    to_account: Name
    asset: Name
    amount: PositiveAmount


class FundContributed(EventBase):
    """``amount`` of ``asset`` was paid into ``fund`` from outside."""

    kind: Literal["FundContributed"] = "FundContributed"
    fund: Name
    asset: Name
    amount: PositiveAmount


class FundWithdrawn(EventBase, Authorised):
    """``amount`` of ``asset`` was taken out of ``fund``."""

    kind: Literal["FundWithdrawn"] = "FundWithdrawn"
    fund: Name
    asset: Name
    amount: PositiveAmount


class Adjusted(EventBase, Authorised):
    """A correction of cash: ``account`` receives ``amount`` (negative: pays) from a contra account.

    ``category`` groups adjustments (fee refund, compensation, write-off …). Without
    ``contra_account`` the other side stands on the asset's adjustment account. ``reference``
    names the event that this amends.
    """

    kind: Literal["Adjusted"] = "Adjusted"
    account: Name
    asset: Name
    amount: NonZeroAmount
    category: Name
    contra_account: Name | None = None
    reference: Reference | None = None


class Reversed(EventBase, Authorised):
    """Undoes one earlier event, once and in full, by posting its opposite now.

    Only cash movements, trades, recorded funding and adjustments can be reversed; no liquidation
    is undone. ``target`` names the event.
    """

    kind: Literal["Reversed"] = "Reversed"
    target: Reference


class InterestSettled(EventBase):
    """Interest on balances of ``asset`` was settled for ``interval_seconds``.

    ``rate`` is what debts (negative balances) pay and ``credit_rate`` what positive balances get,
    both fractions of the balance for the whole interval, at most 10.
    """

    kind: Literal["InterestSettled"] = "InterestSettled"
    asset: Name
    rate: InterestRate
    credit_rate: InterestRate = Decimal(0)
    interval_seconds: Annotated[int, Field(ge=1, le=31_622_400)] = 28_800


class InterestPaid(EventBase):
    """An interest payment as its source booked it.

    ``amount`` is the effect on the account's cash: positive was received, negative was paid.
    """

    kind: Literal["InterestPaid"] = "InterestPaid"
    account: Name
    asset: Name
    amount: NonZeroAmount
