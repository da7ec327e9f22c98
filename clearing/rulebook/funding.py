"""Funding that the rulebook computes: from premium and interest to what a unit of size pays.

All of it is exact fractions until a rounding that the document names. Rates are fractions of
notional; a positive one makes longs pay. The engine says what the premium was over a period; this
says what follows from it.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.canonical import canonical_json
from clearing.events.fields import Name
from clearing.quantities import Rounding, divide
from clearing.rulebook.fields import Factor, List, NamedRounding, Rate, Share
from clearing.rulebook.prices.base import RoleName

LONGEST_SECONDS: Final = 316_224_000
"""The longest period, of ten years of 366 days."""

Seconds = Annotated[int, Field(ge=60, le=LONGEST_SECONDS)]


class SampledPremium(Fact):
    """The mean of a period's ``PremiumSampled``; of ``expected`` ones, those missing are 0."""

    op: Literal["samples"]
    expected: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class PricePremium(Fact):
    """(``of`` − ``over``) / ``over`` of two roles' prices.

    ``average``: ``twap`` over the period, outside pauses and from the role's first price on, or the
    ``last`` price. ``rounding``, where given, rounds each average to mark decimals.
    """

    op: Literal["prices"]
    of: RoleName = "mark"
    over: RoleName = "index"
    average: Literal["twap", "last"] = "twap"
    rounding: NamedRounding | None = None

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.of == self.over:
            raise ValueError(f"over: is {self.over}, as of is; a premium is between two prices")
        return self


class RateBounds(Fact):
    """A rate at least ``low`` and at most ``high``."""

    low: Rate
    high: Rate

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low: {self.low} is above high, {self.high}")
        return self


class MarginBounds(Fact):
    """±``factor`` × (initial − maintenance rate of ``schedule`` at the smallest notional).

    Both rates and the bound are rounded down to ``rate_decimals`` where the rule has them.
    """

    factor: Factor
    schedule: Name


class SideFactors(Fact):
    """What share of a payment a side pays, and what share it receives."""

    pays: Share = Decimal(1)
    receives: Share = Decimal(1)


class SidesDocument(Fact):
    """How the two sides differ.

    ``long`` and ``short`` are shares of the payment. ``residual`` is the account that gets what is
    not passed on and pays what is missing; of its cash, at most ``residual_share`` in one
    settlement: what the receiving side gets is cut to that.
    """

    long: SideFactors = SideFactors()
    short: SideFactors = SideFactors()
    residual: Name
    residual_share: Share | None = None


class PauseDocument(Fact):
    """Market states in which a period's time does not count.

    With ``prorate`` the payment is for the share of the period that did.
    """

    states: Annotated[
        tuple[
            Literal["reduce_only", "liquidations_paused", "halted", "auction", "final_settlement"],
            ...,
        ],
        List,
        Field(min_length=1, max_length=5),
    ]
    prorate: bool = True


class FundingRuleDocument(Fact):
    """How a market's funding is computed, in derive and (to compare) verify mode.

    Stamps are the multiples of ``interval_seconds`` since 1970, moved by ``offset_seconds``. A
    period ends ``cut_off_seconds`` before its stamp, and is paid ``lag_seconds`` after it by the
    positions then open.

    rate = clamp((premium + interest term) × share not paused × ``scaling``, ``cap``), for
    ``per_seconds`` (default: the interval), where the interest term is ``interest`` (a rate for
    ``interest_seconds``, default ``per_seconds``) or, with a ``band``, clamp(interest − premium,
    band). What a unit of size pays is rate × interval / ``per_seconds`` × its face at the price
    ``pays_at`` (a role, or ``reference``: what the premium is over). ``rate_decimals`` and
    ``payment_decimals`` round premium and rate, and the payment, by ``rounding``; without them only
    the end of the funding index's scale does.
    """

    interval_seconds: Seconds
    offset_seconds: Annotated[int, Field(ge=0, le=LONGEST_SECONDS)] = 0
    cut_off_seconds: Annotated[int, Field(ge=0, le=LONGEST_SECONDS)] = 0
    lag_seconds: Annotated[int, Field(ge=0, le=LONGEST_SECONDS)] = 0
    per_seconds: Seconds | None = None
    premium: Annotated[SampledPremium | PricePremium, Field(discriminator="op")]
    interest: Rate = Decimal(0)
    interest_seconds: Seconds | None = None
    band: RateBounds | None = None
    scaling: Factor = Decimal(1)
    cap: RateBounds | MarginBounds | None = None
    pays_at: Literal["funding", "index", "mark", "reference"] = "funding"
    rate_decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    payment_decimals: Annotated[int, Field(ge=0, le=30)] | None = None
    rounding: NamedRounding = Rounding.TOWARD_ZERO
    pause: PauseDocument | None = None
    sides: SidesDocument | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pays_at == "reference" and not isinstance(self.premium, PricePremium):
            raise ValueError("pays_at: samples have no reference price; name a role")
        for name, value in (("offset", self.offset_seconds), ("cut_off", self.cut_off_seconds)):
            if value >= self.interval_seconds:
                raise ValueError(
                    f"{name}_seconds: is {value}, not less than the interval of"
                    f" {self.interval_seconds}"
                )
        return self

    def roles(self) -> set[str]:
        """Return the roles other than the mark that it reads."""
        roles: set[str] = set() if self.pays_at in ("reference", "funding") else {self.pays_at}
        if isinstance(self.premium, PricePremium):
            roles |= {self.premium.of, self.premium.over}
        return roles - {"mark"}

    def compile(
        self,
        path: str,
        account: Callable[[str, str], int],
        margin_gap: Callable[[str, str], tuple[Fraction, Fraction]],
    ) -> "FundingRule":
        """Return the rule ready for the engine.

        ``account`` finds an account's ordinal by path and name, ``margin_gap`` the initial and
        maintenance rates of a schedule by path and name.
        """
        bounds = None
        if isinstance(self.cap, RateBounds):
            bounds = (Fraction(self.cap.low), Fraction(self.cap.high))
        elif self.cap is not None:
            initial, maintenance = margin_gap(f"{path}.cap.schedule", self.cap.schedule)
            gap = self._floored(initial) - self._floored(maintenance)
            most = self._floored(Fraction(self.cap.factor) * gap)
            bounds = (-most, most)
        sides = None
        if self.sides is not None:
            sides = Sides(self.sides, account(f"{path}.sides.residual", self.sides.residual))
        return FundingRule(self, bounds, sides)

    def _floored(self, value: Fraction) -> Fraction:
        if self.rate_decimals is None:
            return value
        return rounded(value, self.rate_decimals, Rounding.DOWN)


def rounded(value: Fraction, decimals: int, rounding: Rounding) -> Fraction:
    """Return ``value`` at ``decimals`` decimals, rounded as named."""
    scale = 10**decimals
    return Fraction(divide(value.numerator * scale, value.denominator, rounding), scale)


class Sides:
    """How the sides of a settlement differ; factors are fractions, ``residual`` an ordinal."""

    __slots__ = (
        "long_pays",
        "long_receives",
        "residual",
        "residual_share",
        "short_pays",
        "short_receives",
    )

    def __init__(self, document: SidesDocument, residual: int) -> None:
        self.long_pays = Fraction(document.long.pays)
        self.long_receives = Fraction(document.long.receives)
        self.short_pays = Fraction(document.short.pays)
        self.short_receives = Fraction(document.short.receives)
        self.residual = residual
        share = document.residual_share
        self.residual_share = None if share is None else Fraction(share)


class FundingRule:
    """A market's computed funding ready for the engine; times in microseconds.

    ``key`` is its document as canonical JSON: a rule of the same key goes on with its period.
    """

    __slots__ = (
        "_band",
        "_cap",
        "_interest",
        "_payment_decimals",
        "_per",
        "_rate_decimals",
        "_scaling",
        "cut_off",
        "expected",
        "interval",
        "key",
        "lag",
        "last",
        "of",
        "offset",
        "over",
        "pauses",
        "pays_at",
        "prorates",
        "rounding",
        "rounds_averages",
        "sides",
    )

    def __init__(
        self,
        document: FundingRuleDocument,
        cap: tuple[Fraction, Fraction] | None,
        sides: Sides | None,
    ) -> None:
        second = 1_000_000
        self.key = canonical_json(document.model_dump(mode="json"))
        self.interval = document.interval_seconds * second
        self.offset = document.offset_seconds * second
        self.cut_off = document.cut_off_seconds * second
        self.lag = document.lag_seconds * second
        self.sides = sides
        self.pays_at = document.pays_at
        self.rounding = document.rounding
        premium = document.premium
        prices = premium if isinstance(premium, PricePremium) else None
        self.expected = premium.expected if isinstance(premium, SampledPremium) else 0
        self.of = "" if prices is None else prices.of
        self.over = "" if prices is None else prices.over
        self.last = prices is not None and prices.average == "last"
        self.rounds_averages = None if prices is None else prices.rounding
        self.pauses = frozenset(() if document.pause is None else document.pause.states)
        self.prorates = document.pause is not None and document.pause.prorate
        per = document.per_seconds or document.interval_seconds
        self._per = Fraction(document.interval_seconds, per)
        interest = Fraction(document.interest)
        self._interest = interest * Fraction(per, document.interest_seconds or per)
        band = document.band
        self._band = None if band is None else (Fraction(band.low), Fraction(band.high))
        self._scaling = Fraction(document.scaling)
        self._cap = cap
        self._rate_decimals = document.rate_decimals
        self._payment_decimals = document.payment_decimals

    @property
    def roles(self) -> tuple[str, str]:
        """The two roles that the premium is between."""
        return (self.of, self.over)

    @property
    def sampled(self) -> bool:
        """Whether the premium is told in samples, not made of prices."""
        return not self.of

    def rate(self, premium: Fraction, running: Fraction) -> Fraction:
        """Return the rate, for as long as rates are; ``running`` is the share not paused."""
        premium = self._round(premium)
        interest = self._interest
        if self._band is not None:
            interest = min(max(interest - premium, self._band[0]), self._band[1])
        rate = (premium + interest) * (running if self.prorates else 1) * self._scaling
        if self._cap is not None:
            rate = min(max(rate, self._cap[0]), self._cap[1])
        return self._round(rate)

    def _round(self, rate: Fraction) -> Fraction:
        if self._rate_decimals is None:
            return rate
        return rounded(rate, self._rate_decimals, self.rounding)

    def for_interval(self, rate: Fraction) -> Fraction:
        """Return what of ``rate`` is for one interval."""
        return rate * self._per

    def payment(self, rate: Fraction, face: Fraction, index_decimals: int) -> int:
        """Return what a unit of size pays in one interval, at the decimals of a funding index.

        ``face`` is what a unit of size is worth. Positive: longs pay.
        """
        payment = self.for_interval(rate) * face
        decimals = self._payment_decimals
        if decimals is not None and decimals < index_decimals:
            payment = rounded(payment, decimals, self.rounding)
        scaled = payment * 10**index_decimals
        return divide(scaled.numerator, scaled.denominator, self.rounding)
