"""Verification: what a venue's outcomes are held to in verify mode, beyond what every mode says.

How far a source can be held to the rules depends on what it tells: whether a liquidation comes as
one fill or many, whether its prices are the rulebook's or an order book's, whether every account's
payments are there. So each check is asked for by name, and without a section nothing more is
looked at.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, to_scaled
from clearing.rulebook.fields import NamedRounding, Rate, Share


class VerificationDocument(Fact):
    """Which outcomes are checked against the ladder, the waterfall and funding.

    ``price_tolerance``: how far a liquidation's price may be from a due rung's, as a share of that
    price (0: one price step; absent: not checked). ``liquidation_seconds``: how long after an
    account fell due its liquidation has to begin. ``quantity``: a liquidation closes exactly what a
    due rung would, or at most that (``at_most``, where one liquidation comes as several fills).
    ``adl_rank``: whoever is deleveraged has to be the first by the waterfall's ranking.
    ``funding_seconds``: how long after a told settlement everybody has to have been paid.
    """

    price_tolerance: Share | None = None
    liquidation_seconds: Annotated[int, Field(ge=0, le=31_622_400)] | None = None
    quantity: Literal["exact", "at_most"] | None = None
    adl_rank: bool = False
    funding_seconds: Annotated[int, Field(ge=0, le=31_622_400)] | None = None


class FeesDocument(Fact):
    """What a class of accounts pays for a fill, as a share of its notional; negative: a rebate.

    Either one ``rate``, or ``maker`` and ``taker``, of which either is right, because a fill does
    not say which it was. ``liquidation`` and ``adl`` are for fills of these causes (absent: as for
    any other). The notional × rate is rounded to the settlement asset's units by ``rounding``.
    """

    rate: Rate | None = None
    maker: Rate | None = None
    taker: Rate | None = None
    liquidation: Rate | None = None
    adl: Rate | None = None
    rounding: NamedRounding = Rounding.HALF_EVEN

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        sides = [self.maker is not None, self.taker is not None]
        if any(sides) is (self.rate is not None) or any(sides) is not all(sides):
            raise ValueError("rate: give either rate alone, or both maker and taker")
        return self


class Verification:
    """See :class:`VerificationDocument`.

    ``tolerance`` is at RATE_SCALE, ``funding_lag`` and ``liquidation_lag`` in microseconds; None:
    not checked.
    """

    __slots__ = ("adl_rank", "funding_lag", "liquidation_lag", "quantity", "tolerance")

    def __init__(self, document: VerificationDocument) -> None:
        tolerance, seconds = document.price_tolerance, document.funding_seconds
        self.tolerance = None if tolerance is None else _scaled(tolerance)
        self.quantity = document.quantity
        self.adl_rank = document.adl_rank
        self.funding_lag = None if seconds is None else seconds * 1_000_000
        late = document.liquidation_seconds
        self.liquidation_lag = None if late is None else late * 1_000_000

    @property
    def looks_at_fills(self) -> bool:
        """Whether any check is of a venue's liquidations or deleveragings."""
        checks = (self.quantity, self.tolerance, self.liquidation_lag)
        return self.adl_rank or any(check is not None for check in checks)


class Fees:
    """See :class:`FeesDocument`: by cause, the rates (at RATE_SCALE) of which one has to be paid.

    A taker's rate comes before a maker's.
    """

    __slots__ = ("_rates", "rounding")

    def __init__(self, document: FeesDocument) -> None:
        told = (document.rate, document.taker, document.maker)
        trade = tuple(_scaled(rate) for rate in told if rate is not None)
        self._rates = {"trade": trade, "liquidation": trade, "adl": trade}
        for cause, rate in (("liquidation", document.liquidation), ("adl", document.adl)):
            if rate is not None:
                self._rates[cause] = (_scaled(rate),)
        self.rounding = document.rounding

    def rates(self, cause: str) -> tuple[int, ...]:
        """Return the rates of which a fill of that cause pays one, at RATE_SCALE."""
        return self._rates[cause]


def _scaled(rate: Decimal) -> int:
    return to_scaled(rate, RATE_DECIMALS)
