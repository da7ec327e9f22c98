"""The answer of a stress test: what each path did, and of random ones how often and how badly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from clearing.audit.replay.answer import AssetTotals, FundState
from clearing.audit.replay.sums import exact_text
from clearing.audit.stress.running import Outcome
from clearing.engine.book import Book
from clearing.quantities import Rounding, divide, format_scaled

_DECIMALS: Final = 6
_RANKED: Final = 20
_EXACT: Final = Context(prec=40)
_Z: Final = Decimal("1.959963984540054235524594430520551527955")
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class PathOutcome:
    """What became of the book on one path; amounts are exact, in units of their asset.

    ``funds`` have their equity at the end and the least it was.
    """

    liquidated_accounts: int
    liquidation_steps: int
    deleveraged_accounts: int
    assets: tuple[AssetTotals, ...]
    funds: tuple[FundState, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a figure is spread over random paths: rounded half-even at 6 decimals.

    Percentiles are the least value that so many per cent of the paths do not exceed.
    """

    figure: str
    mean: str
    median: str
    p95: str
    p99: str
    worst: str


@dataclass(frozen=True, slots=True)
class Depletion:
    """How often a fund had no equity left (0 or below) at some moment of a path.

    ``probability`` is the share of the paths, ``low`` and ``high`` its Wilson interval at 95 %,
    rounded half-even at 6 decimals.
    """

    fund: str
    asset: str
    paths: int
    depleted: int
    probability: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Driver:
    """An account or market, the losses beyond equity that it caused, and their share of all.

    Over random paths, the mean of a path.
    """

    what: str
    name: str
    asset: str
    loss: str
    share: str


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """What one path of the document did: ``outcome`` of a single one, the rest of random ones."""

    path: str
    label: str
    paths: int
    outcome: PathOutcome | None
    spreads: tuple[Spread, ...]
    depletion: tuple[Depletion, ...]
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class StressAnswer:
    """What a stress test does to the book at a log position."""

    stress: str
    log_position: int
    engine_version: str
    digest: str
    paths: tuple[PathAnswer, ...]


def path_answer(kind: str, label: str, outcomes: list[Outcome], book: Book) -> PathAnswer:
    """Return what the outcomes of one path of the document come to; ``book`` knows the names."""
    random = kind == "monte_carlo"
    return PathAnswer(
        kind,
        label,
        len(outcomes),
        None if random else _outcome(outcomes[0], book),
        tuple(_spreads(outcomes, book)) if random else (),
        tuple(_depletion(outcomes, book)) if random else (),
        tuple(_drivers(outcomes, book)),
    )


def _outcome(outcome: Outcome, book: Book) -> PathOutcome:
    registry, names = book.registry, ("penalties", "loss", "fund", "adl", "socialised", "deficit")
    assets = []
    for number in sorted({asset for asset, _ in outcome.amounts}):
        texts = [exact_text(outcome.amounts.get((number, name), Fraction(0))) for name in names]
        assets.append(AssetTotals(registry.asset(number).name, *texts))
    funds = [
        FundState(
            registry.account(account).name,
            registry.asset(asset).name,
            exact_text(outcome.ends[account, asset]),
            exact_text(low),
        )
        for (account, asset), low in sorted(outcome.lows.items())
    ]
    return PathOutcome(
        outcome.liquidated, outcome.steps, outcome.deleveraged, tuple(assets), tuple(funds)
    )


def _spreads(outcomes: list[Outcome], book: Book) -> Iterable[Spread]:
    figures: list[tuple[str, Callable[[Outcome], Fraction], bool]] = [
        ("accounts liquidated", lambda o: Fraction(o.liquidated), True),
        ("accounts deleveraged", lambda o: Fraction(o.deleveraged), True),
    ]
    keys = sorted({key for outcome in outcomes for key in outcome.amounts})
    for number, name in keys:
        words = f"{_WORDS[name]}, {book.registry.asset(number).name}"
        figures.append((words, _amount(number, name), True))
    for key in sorted({key for outcome in outcomes for key in outcome.lows}):
        account, asset = (book.registry.account(key[0]).name, book.registry.asset(key[1]).name)
        figures.append((f"low of {account}, {asset}", _low(key), False))
    for words, figure, high_is_bad in figures:
        values = sorted((figure(outcome) for outcome in outcomes), reverse=not high_is_bad)
        mean = sum(values, Fraction(0)) / len(values)
        median, p95, p99 = (_shown(values[_rank(percent, len(values))]) for percent in (50, 95, 99))
        yield Spread(words, _shown(mean), median, p95, p99, _shown(values[-1]))


_WORDS: Final = {
    "penalties": "penalties",
    "loss": "losses",
    "fund": "borne by funds",
    "adl": "by deleveraging",
    "socialised": "socialised",
    "deficit": "deficit",
}


def _amount(asset: int, name: str) -> Callable[[Outcome], Fraction]:
    return lambda outcome: outcome.amounts.get((asset, name), Fraction(0))


def _low(key: tuple[int, int]) -> Callable[[Outcome], Fraction]:
    return lambda outcome: outcome.lows.get(key, Fraction(0))


def _rank(percent: int, count: int) -> int:
    return -(-percent * count // 100) - 1


def _depletion(outcomes: list[Outcome], book: Book) -> Iterable[Depletion]:
    for key in sorted({key for outcome in outcomes for key in outcome.lows}):
        count = len(outcomes)
        depleted = sum(outcome.lows.get(key, Fraction(1)) <= 0 for outcome in outcomes)
        low, high = wilson(depleted, count)
        names = (book.registry.account(key[0]).name, book.registry.asset(key[1]).name)
        share = _shown(Fraction(depleted, count))
        yield Depletion(*names, count, depleted, share, _text(low), _text(high))


def wilson(hits: int, count: int) -> tuple[Decimal, Decimal]:
    """Return Wilson's interval at 95 % for a share of ``hits`` in ``count``.

    Source: E. B. Wilson, 1927, Probable inference, the law of succession, and statistical
    inference.
    """
    n, p = Decimal(count), _EXACT.divide(Decimal(hits), Decimal(count))
    square = _EXACT.multiply(_Z, _Z)
    middle = p + square / (2 * n)
    spread = _EXACT.multiply(_Z, _EXACT.sqrt(p * (1 - p) / n + square / (4 * n * n)))
    whole = 1 + square / n
    low, high = ((middle - spread) / whole, (middle + spread) / whole)
    return (max(low, Decimal(0)) if hits else Decimal(0)), (
        min(high, Decimal(1)) if hits < count else Decimal(1)
    )


def _drivers(outcomes: list[Outcome], book: Book) -> Iterable[Driver]:
    registry = book.registry
    for what in ("account", "market"):
        sums: dict[tuple[int, int], Fraction] = {}
        for outcome in outcomes:
            caused = outcome.accounts if what == "account" else outcome.markets
            for key, loss in caused.items():
                sums[key] = sums.get(key, Fraction(0)) + loss
        totals: dict[int, Fraction] = {}
        for (_, asset), loss in sums.items():
            totals[asset] = totals.get(asset, Fraction(0)) + loss
        ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:_RANKED]
        for (ordinal, asset), loss in ranked:
            if what == "account":
                name = registry.account(ordinal).name
            else:
                name = registry.market(ordinal).name
            share = _shown(loss / totals[asset])
            mean = _shown(loss / len(outcomes))
            yield Driver(what, name, registry.asset(asset).name, mean, share)


def _shown(value: Fraction) -> str:
    scaled = divide(value.numerator * 10**_DECIMALS, value.denominator, Rounding.HALF_EVEN)
    return format_scaled(scaled, _DECIMALS)


def _text(value: Decimal) -> str:
    return _shown(Fraction(value))
