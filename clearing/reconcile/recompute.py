"""What a venue should have charged: fees by a schedule, and funding by settled rates.

Signs are ours: a fee paid and an overcharge are positive, funding received is positive. Nothing is
posted: the report is what somebody claims back with.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from clearing.adapters.statements import FillLeg, StatementLine
from clearing.audit.funding_due import FundingDue
from clearing.events.documents import DocumentUnreadable, read_text
from clearing.quantities import Rounding, divide


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: object) -> object:
    """Return a whole number as a document tells it as text; anything else as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,18})?$")]
"""An exact decimal as text."""


class FeeTier(_Strict):
    """From which volume on which rates hold; negative rates are rebates."""

    volume: Text = "0"
    maker: Text
    taker: Text


class FeePeriod(_Strict):
    """Rates in force from a moment on, for markets by name (``*``: any other)."""

    since: AwareDatetime
    markets: tuple[str, ...] = ("*",)
    tiers: Annotated[tuple[FeeTier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        volumes = [Decimal(tier.volume) for tier in self.tiers]
        if volumes[0] != 0 or any(a >= b for a, b in pairwise(volumes)):
            raise ValueError("tiers: begin at volume 0 and rise")
        return self


class TakerWhen(_Strict):
    """How a line says that it took: ``column`` holds ``value``."""

    column: str
    value: str


class FeeSchedule(_Strict):
    """A venue's fees as data.

    The fee of a fill is notional × rate, rounded by ``rounding`` to ``decimals``; the notional is
    size × price × the market's ``multipliers`` (1 unless named), of ``inverse`` markets size ×
    multiplier / price; a fee in what was traded is size × rate. The tier is that of the volume of
    the ``volume_days`` before the fill's UTC day, as far as the lines have it. Without
    ``taker_when`` either rate is right, because the lines do not say which it was. ``units`` is by
    how many units of the last decimal a charge may differ.
    """

    format: Literal[1]
    venue: str
    decimals: Annotated[int, Field(ge=0, le=18)]
    rounding: Rounding = Rounding.HALF_EVEN
    units: Annotated[int, Field(ge=0, le=1_000)] = 0
    volume_days: Annotated[int, Field(ge=1, le=366)] = 30
    multipliers: Mapping[str, Text] = {}
    inverse: tuple[str, ...] = ()
    taker_when: TakerWhen | None = None
    periods: Annotated[tuple[FeePeriod, ...], Field(min_length=1)]


class ScheduleRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A file that is no fee schedule; says which field is wrong and how."""


def fee_schedule(path: Path) -> FeeSchedule:
    """Return the schedule in a YAML or JSON file; raises :class:`ScheduleRefused`."""
    try:
        return FeeSchedule.model_validate(read_text(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field_ = ".".join(str(part) for part in first["loc"])
        raise ScheduleRefused(f"{path}: {field_}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, DocumentUnreadable) as error:
        raise ScheduleRefused(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True)
class FeeLine:
    """A fill that was not charged by the schedule; exact decimals, overcharged if positive.

    ``charged``, ``expected`` and ``overcharged`` are in ``fee_asset``.
    """

    file: str
    line: int
    at: datetime
    market: str
    trade_id: str
    fee_asset: str
    notional: str
    rate: str
    charged: str
    expected: str
    overcharged: str


@dataclass(slots=True)
class FeeReport:
    """What was charged against what should have been.

    ``compared`` fills tell a fee and have a schedule, ``unscheduled`` have none in force.
    ``charged``, ``expected`` and ``overcharged`` are sums by fee asset (``overcharged`` of what was
    charged too much alone, ``undercharged`` of the rest); ``lines`` are the fills that differ.
    """

    compared: int = 0
    unscheduled: int = 0
    charged: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    overcharged: dict[str, str] = field(default_factory=dict)
    undercharged: dict[str, str] = field(default_factory=dict)
    lines: list[FeeLine] = field(default_factory=list)


def recompute_fees(lines: Iterable[StatementLine], schedule: FeeSchedule) -> FeeReport:
    """Compare the fee that each fill was charged with the schedule's; lines in order of moment."""
    report = FeeReport()
    sums: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    volumes = _Volumes(schedule.volume_days)
    for line in sorted(lines, key=lambda one: one.at):
        fill = line.fill
        if fill is None or fill.fee is None or not fill.price:
            continue
        notional = _notional(fill.market, fill.size, fill.price, schedule)
        tier = _tier(schedule, line.at, fill.market, volumes.before(line.at))
        volumes.add(line.at, notional)
        base = _base(fill, notional)
        if tier is None:
            report.unscheduled += 1
            continue
        report.compared += 1
        charged = Fraction(fill.fee)
        expected, rate = _expected(base, _rates(tier, line, schedule), charged, schedule)
        for name, value in (("charged", charged), ("expected", expected)):
            sums[name][fill.fee_asset] += value
        away = charged - expected
        if abs(away) * 10**schedule.decimals <= schedule.units:
            continue
        sums["overcharged" if away > 0 else "undercharged"][fill.fee_asset] += abs(away)
        report.lines.append(
            FeeLine(
                line.file,
                line.line,
                line.at,
                fill.market,
                fill.trade_id,
                fill.fee_asset,
                _text(base),
                rate,
                _text(charged),
                _text(expected),
                _text(away),
            )
        )
    for name, by_asset in sums.items():
        setattr(report, name, {asset: _text(by_asset[asset]) for asset in sorted(by_asset)})
    return report


class _Volumes:
    """The volume of so many whole days before a moment's."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._by_day: dict[int, Fraction] = defaultdict(Fraction)

    def add(self, at: datetime, notional: Fraction) -> None:
        self._by_day[at.astimezone(UTC).toordinal()] += notional

    def before(self, at: datetime) -> Fraction:
        today = at.astimezone(UTC).toordinal()
        return sum(
            (self._by_day[day] for day in range(today - self._days, today) if day in self._by_day),
            Fraction(0),
        )


def _notional(market: str, size: Decimal, price: Decimal, schedule: FeeSchedule) -> Fraction:
    multiplier = Fraction(schedule.multipliers.get(market, "1"))
    if market in schedule.inverse:
        return abs(Fraction(size)) * multiplier / Fraction(price)
    return abs(Fraction(size)) * Fraction(price) * multiplier


def _base(fill: FillLeg, notional: Fraction) -> Fraction:
    """Return what the fee is a rate of: the notional, or the size if it is in what was traded."""
    return abs(Fraction(fill.size)) if fill.fee_of == "size" else notional


def _tier(schedule: FeeSchedule, at: datetime, market: str, volume: Fraction) -> FeeTier | None:
    """Return the tier in force: of the latest period that names the market, else of ``*``."""
    for named in (market, "*"):
        in_force = [p for p in schedule.periods if p.since <= at and named in p.markets]
        if in_force:
            tiers = max(in_force, key=lambda period: period.since).tiers
            return [tier for tier in tiers if Fraction(tier.volume) <= volume][-1]
    return None


def _rates(tier: FeeTier, line: StatementLine, schedule: FeeSchedule) -> tuple[str, ...]:
    when = schedule.taker_when
    if when is None:
        return (tier.taker, tier.maker)
    return (tier.taker,) if line.told.get(when.column) == when.value else (tier.maker,)


def _expected(
    notional: Fraction, rates: Sequence[str], charged: Fraction, schedule: FeeSchedule
) -> tuple[Fraction, str]:
    """Return the expected fee and its rate: of several the one that comes nearest."""
    scale = 10**schedule.decimals
    found = []
    for place, rate in enumerate(rates):
        exact = notional * Fraction(rate) * scale
        rounded = divide(exact.numerator, exact.denominator, schedule.rounding)
        found.append(
            (abs(charged - Fraction(rounded, scale)), place, Fraction(rounded, scale), rate)
        )
    _, _, expected, rate = min(found)
    return expected, rate


@dataclass(frozen=True, slots=True)
class ImpliedRate:
    """What rate an account's fills in a fee asset were charged, taking or making.

    ``lowest`` and ``highest`` are the ends of the rates that explain every fill within so many
    units of the last decimal (exact decimals, rounded outward); empty where no one rate does, and
    ``odd`` then are the lines that fit the rate of the others worst.
    """

    account: str
    fee_asset: str
    market: str
    takes: str
    fills: int
    lowest: str
    highest: str
    odd: tuple[int, ...]


def implied_rates(
    lines: Iterable[StatementLine],
    *,
    decimals: int,
    units: int = 1,
    taker_when: TakerWhen | None = None,
    by_market: bool = False,
) -> list[ImpliedRate]:
    """Return the rates that fees tell, where a venue's schedule for an account is not known.

    A fee of ``decimals`` decimals within ``units`` of what notional × rate gives (size × rate where
    it is in what was traded). With ``by_market`` a rate for each market, else one for all together.
    """
    groups: dict[tuple[str, str, str, str], list[tuple[Fraction, Fraction, int]]] = {}
    for line in lines:
        fill = line.fill
        if fill is None or fill.fee is None or not fill.price or not fill.size:
            continue
        takes = (
            ""
            if taker_when is None
            else str(line.told.get(taker_when.column) == taker_when.value).lower()
        )
        key = (line.account, fill.fee_asset, fill.market if by_market else "", takes)
        notional = _base(fill, abs(Fraction(fill.size)) * Fraction(fill.price))
        groups.setdefault(key, []).append((notional, Fraction(fill.fee), line.line))
    slack = Fraction(units, 10**decimals)
    found = []
    for key, fills in sorted(groups.items()):
        lowest = max((fee - slack) / notional for notional, fee, _ in fills)
        highest = min((fee + slack) / notional for notional, fee, _ in fills)
        account, asset, market, takes = key
        if lowest <= highest:
            ends = (_down(lowest), _up(highest))
            found.append(ImpliedRate(account, asset, market, takes, len(fills), *ends, ()))
            continue
        rates = sorted(fee / notional for notional, fee, _ in fills)
        usual = rates[len(rates) // 2]
        odd = tuple(line for notional, fee, line in fills if abs(fee - usual * notional) > slack)
        found.append(ImpliedRate(account, asset, market, takes, len(fills), "", "", odd))
    return found


_RATE_DECIMALS: Final = 12


def _down(value: Fraction) -> str:
    return _text(Fraction(floor(value * 10**_RATE_DECIMALS), 10**_RATE_DECIMALS))


def _up(value: Fraction) -> str:
    return _text(Fraction(ceil(value * 10**_RATE_DECIMALS), 10**_RATE_DECIMALS))


@dataclass(frozen=True, slots=True)
class FundingLine:
    """A settlement at which what was charged is not what was due, in ``asset``.

    ``due`` and ``charged`` are what the account got (negative: paid), ``overcharged`` is positive
    where it got too little. ``verdict`` is ``unpaid`` (nothing was charged or paid), ``wrong``, or
    ``unfounded`` (charged where nothing was due).
    """

    at: datetime
    market: str
    asset: str
    rate: str
    price: str
    size: str
    due: str
    charged: str
    overcharged: str
    verdict: Literal["unpaid", "wrong", "unfounded"]


@dataclass(slots=True)
class FundingReport:
    """What was charged for funding against what the settled rates made due, by asset."""

    compared: int = 0
    due: dict[str, str] = field(default_factory=dict)
    charged: dict[str, str] = field(default_factory=dict)
    overcharged: dict[str, str] = field(default_factory=dict)
    lines: list[FundingLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FundingCharge:
    """What a statement says was charged for funding: positive was received."""

    at: datetime
    market: str
    asset: str
    amount: Decimal


def recompute_funding(
    due: Iterable[FundingDue],
    charges: Iterable[FundingCharge],
    *,
    within: timedelta = timedelta(seconds=60),
    rounding: Rounding = Rounding.HALF_EVEN,
    units: int = 0,
) -> FundingReport:
    """Compare charges with what was due; a charge belongs to the settlement ``within`` before it.

    Only one of the same market and asset.
    The due is rounded to the asset's units by ``rounding``; ``units`` is by how many a charge may
    differ.
    """
    report = FundingReport()
    waiting: dict[tuple[str, str], list[FundingCharge]] = defaultdict(list)
    for charge in sorted(charges, key=lambda one: one.at):
        waiting[charge.market, charge.asset].append(charge)
    sums: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    decimals: dict[str, int] = {}
    for one in due:
        decimals[one.asset] = one.decimals
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=one.occurred_at)
        scale = 10**one.decimals
        rounded = divide(one.due.numerator * scale, one.due.denominator, rounding)
        expected = Fraction(rounded, scale)
        left = waiting[one.market, one.asset]
        first = bisect_left(left, at, key=_charged_at)
        last = bisect_right(left, at + within, key=_charged_at)
        mine = left[first:last]
        del left[first:last]
        charged = sum((Fraction(c.amount) for c in mine), Fraction(0))
        report.compared += 1
        sums["due"][one.asset] += expected
        sums["charged"][one.asset] += charged
        if abs(charged - expected) * scale <= units:
            continue
        sums["overcharged"][one.asset] += expected - charged
        report.lines.append(
            FundingLine(
                at,
                one.market,
                one.asset,
                one.rate,
                one.price,
                one.size,
                _text(expected),
                _text(charged),
                _text(expected - charged),
                "wrong" if mine else "unpaid",
            )
        )
    for charge in (left for several in waiting.values() for left in several):
        amount = Fraction(charge.amount)
        sums["charged"][charge.asset] += amount
        sums["overcharged"][charge.asset] -= amount
        texts = ("", "", "", "0", _text(amount), _text(-amount))
        report.lines.append(
            FundingLine(charge.at, charge.market, charge.asset, *texts, "unfounded")
        )
    report.lines.sort(key=lambda line: (line.at, line.market))
    for name, by_asset in sums.items():
        setattr(report, name, {asset: _text(by_asset[asset]) for asset in sorted(by_asset)})
    return report


def _charged_at(charge: FundingCharge) -> datetime:
    return charge.at


def charges_of(lines: Iterable[StatementLine]) -> Iterator[FundingCharge]:
    """Yield what the lines of a statement say was charged for funding."""
    for line in lines:
        for leg in line.cash:
            if leg.kind == "funding" and leg.amount:
                yield FundingCharge(line.at, line.market, leg.asset, leg.amount)


def _text(value: Fraction) -> str:
    """Write an exact decimal; what is none (an inverse notional) is cut at 18 decimals."""
    scaled = value * 10**18
    digits = abs(scaled.numerator) // scaled.denominator
    sign = "-" if scaled < 0 and digits else ""
    text = f"{digits // 10**18}.{digits % 10**18:018d}".rstrip("0").rstrip(".")
    return f"{sign}{text}"
