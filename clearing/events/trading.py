"""Events of positions and marks: fills, trades, marks, funding and the clock."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import EventBase, Fact, Reference
from clearing.events.fields import (
    Amount,
    Identifier,
    ListAsTuple,
    Name,
    NonZeroAmount,
    NotNegativeAmount,
    PositiveAmount,
)

Cause = Literal["trade", "liquidation", "adl"]


class PositionCarried(EventBase):
    """An opening position where a source's history starts.

    ``size`` is signed (long positive) and is added to what the account holds. ``entry_price`` is
    the average entry; absent, it is unknown, and the position is valued from the first price that
    the market shows afterwards.
    """

    kind: Literal["PositionCarried"] = "PositionCarried"
    account: Name
    market: Name
    size: NonZeroAmount
    entry_price: PositiveAmount | None = None


class Filled(EventBase):
    """One side of an execution.

    ``size`` is unsigned, ``side`` says whether the account bought or sold. ``fee`` is charged when
    positive and rebated when negative, in ``fee_asset`` (the market's settlement asset if absent).
    ``trade_id`` is shared by the two fills of one trade. ``cause``: what its source says it was,
    ``method`` its own word for how, where it has one (a liquidation into the market, a backstop).
    ``reported_size_before`` (signed) and ``reported_pnl`` (before fees) are the source's own
    figures: they are compared with ours and move nothing. ``reported_cost`` is what the source
    says the fill cost, in the settlement asset and with the sign of a position's cost (a linear
    purchase positive): it is posted, and where the price gives another it is a deviation.
    """

    kind: Literal["Filled"] = "Filled"
    account: Name
    market: Name
    side: Literal["buy", "sell"]
    size: PositiveAmount
    price: PositiveAmount
    fee: Amount = Decimal(0)
    fee_asset: Name | None = None
    trade_id: Identifier | None = None
    cause: Cause = "trade"
    method: Name | None = None
    reported_size_before: Amount | None = None
    reported_pnl: Amount | None = None
    reported_cost: Amount | None = None


class Traded(EventBase):
    """Both sides of an execution. Fees and causes as in :class:`Filled`, each side its own."""

    kind: Literal["Traded"] = "Traded"
    market: Name
    buyer: Name
    seller: Name
    size: PositiveAmount
    price: PositiveAmount
    buyer_fee: Amount = Decimal(0)
    seller_fee: Amount = Decimal(0)
    fee_asset: Name | None = None
    trade_id: Identifier | None = None
    buyer_cause: Cause = "trade"
    seller_cause: Cause = "trade"


class MarketPrice(Fact):
    """A market and a price at its mark decimals."""

    market: Name
    price: PositiveAmount


class Marked(EventBase):
    """The marks of one or more markets; all are set before anything is tested.

    ``amends`` names the mark that this one corrects.
    """

    kind: Literal["Marked"] = "Marked"
    marks: Annotated[tuple[MarketPrice, ...], ListAsTuple, Field(min_length=1, max_length=1000)]
    amends: Reference | None = None

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        names = [mark.market for mark in self.marks]
        if len(set(names)) != len(names):
            raise ValueError("marks: a market may stand only once in one event")
        return self


class FundingSettled(EventBase):
    """A market's funding was settled at ``rate`` × ``price`` per unit of size.

    ``rate`` is a fraction of notional for the whole interval of ``interval_seconds``; positive:
    longs pay shorts. ``price`` is at the market's mark decimals.
    """

    kind: Literal["FundingSettled"] = "FundingSettled"
    market: Name
    rate: Amount
    price: PositiveAmount
    interval_seconds: Annotated[int, Field(ge=1, le=31_622_400)] = 28_800


class FundingPaid(EventBase):
    """A funding payment as its source booked it, in the market's settlement asset.

    ``amount`` is the effect on the account's cash: positive was received, negative was paid.
    """

    kind: Literal["FundingPaid"] = "FundingPaid"
    account: Name
    market: Name
    amount: NonZeroAmount


class MarketSettled(EventBase):
    """A market ended: every position in it is closed at ``price``, and no other may be opened.

    ``price`` is at the market's mark decimals; 0 is an option that ended worthless.
    """

    kind: Literal["MarketSettled"] = "MarketSettled"
    market: Name
    price: NotNegativeAmount


class ClockTicked(EventBase):
    """Time reached ``occurred_at``: due timers fire and everything is tested again."""

    kind: Literal["ClockTicked"] = "ClockTicked"
