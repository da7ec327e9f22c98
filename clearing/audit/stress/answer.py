"""The answer of a stress test: what each path came to, how likely, and who and what drives it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from clearing.audit.replay.answer import ColumnTotals, FundState
from clearing.audit.replay.sums import exact_text
from clearing.audit.stress.stage import Outcome, Where
from clearing.audit.stress.statistics import (
    PROBABILITY_DECIMALS,
    mean,
    quantile,
    rounded,
    wilson,
)
from clearing.events import Registry

COUNTS: Final = (
    "liquidated_accounts",
    "liquidation_steps",
    "margin_calls",
    "deleveraged_accounts",
    "deleveragings",
)
"""What is counted of each path, as in its totals; and ``moved_marks``."""

AMOUNTS: Final = ("penalties", "losses", "funds", "adl", "socialised", "deficit")
"""What is added up of each path, by asset."""

_COUNT_DECIMALS: Final = 4
_ZERO: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is distributed over the paths of a Monte Carlo, from good to bad.

    ``asset`` is empty for counts, ``fund`` but for the low and the end of a fund. ``mean`` is
    rounded half-even to the asset's decimals (counts: four). The others are what one of the paths
    came to: ``p95`` is gone beyond by no more than 5 % of them. More is worse; for funds, less is.
    """

    figure: str
    asset: str
    fund: str
    mean: str
    median: str
    p95: str
    p99: str
    worst: str


@dataclass(frozen=True, slots=True)
class Chance:
    """In how many ``paths`` something happened, and how likely that makes it.

    ``probability`` is their share, with the 95 % interval of Wilson from ``low`` to ``high``; all
    three are empty where the paths are not drawn.
    """

    paths: int
    probability: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Depletion:
    """How often a fund does not suffice.

    ``depleted``: its equity is not above 0 at some time, or a deficit is left in the asset.
    ``beyond``: others bear losses in the asset too, by deleveraging, socialised or as a deficit.
    ``start`` is its equity at the beginning, ``lowest`` the least that any path took it to.
    """

    fund: str
    asset: str
    start: str
    lowest: str
    depleted: Chance
    beyond: Chance


@dataclass(frozen=True, slots=True)
class Driver:
    """An account or a market that causes losses: ``loss`` is the mean over the paths.

    Rounded half-even to the asset's decimals; ``share`` is its part of all losses in the asset, of
    four decimals. In ``paths`` it had any; ``liquidated`` counts the paths in which the account's
    ladder acted (None for markets). An empty name stands for losses that no move explains.
    """

    name: str
    asset: str
    loss: str
    share: str
    paths: int
    liquidated: int | None


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """What one of the document's paths came to.

    ``totals`` and ``moved_marks`` (by forced closes) are of a path that is not drawn, ``figures``
    of those that are. ``accounts`` and ``markets`` go from the greatest loss to the least, by
    asset. ``digest`` is the SHA-256 of the paths' entry hashes: the same one is the same answer.
    """

    name: str
    path: str
    count: int
    totals: ColumnTotals | None
    moved_marks: int | None
    figures: tuple[Figure, ...]
    funds: tuple[Depletion, ...]
    accounts: tuple[Driver, ...]
    markets: tuple[Driver, ...]
    files: dict[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class StressAnswer:
    """What a stress test of the book after ``log_position`` says.

    ``still`` is what comes of it when time passes and no mark moves: what the rulebook does anyhow.
    """

    stress: str
    log_position: int
    engine_version: str
    still: ColumnTotals
    paths: tuple[PathAnswer, ...]


Funds = dict[Where, str]
"""Equity of each fund at the beginning, by (fund, asset)."""


def with_funds(totals: ColumnTotals, funds: Funds) -> ColumnTotals:
    """Return totals in which every fund of the beginning stands, and in the same order."""
    found = {(state.fund, state.asset): state for state in totals.funds}
    names = sorted({*funds, *found})
    states = [found.get(name) or FundState(*name, "0", "0") for name in names]
    return replace(totals, funds=tuple(states))


def distribution(outcomes: Sequence[Outcome], registry: Registry) -> tuple[Figure, ...]:
    """Return how everything that is counted and added up is distributed."""
    totals = [outcome.totals for outcome in outcomes]
    figures = [
        _figure(name, ("", ""), [Fraction(getattr(t, name)) for t in totals], _COUNT_DECIMALS)
        for name in COUNTS
    ]
    moved = [Fraction(outcome.moved) for outcome in outcomes]
    figures.append(_figure("moved_marks", ("", ""), moved, _COUNT_DECIMALS))
    for asset in sorted({state.asset for t in totals for state in t.assets}):
        decimals = _decimals(registry, asset)
        for name in AMOUNTS:
            values = [_amount(t, asset, name) for t in totals]
            figures.append(_figure(name, (asset, ""), values, decimals))
    for fund, asset in sorted({(s.fund, s.asset) for t in totals for s in t.funds}):
        decimals = _decimals(registry, asset)
        for name, field in (("fund_low", "low"), ("fund_end", "equity")):
            values = [_fund(t, fund, asset, field) for t in totals]
            figures.append(_figure(name, (asset, fund), values, decimals))
    return tuple(figures)


def _figure(name: str, of: Where, values: Sequence[Fraction], decimals: int) -> Figure:
    asset, fund = of
    ordered = sorted(values, reverse=bool(fund))
    marks = (quantile(ordered, percent) for percent in (50, 95, 99, 100))
    return Figure(name, asset, fund, rounded(mean(values), decimals), *map(exact_text, marks))


def depletions(outcomes: Sequence[Outcome], funds: Funds, *, drawn: bool) -> tuple[Depletion, ...]:
    """Return how often each fund does not suffice, and how sure that is."""
    found = []
    for (fund, asset), start in sorted(funds.items()):
        lows, depleted, beyond = [], 0, 0
        for outcome in outcomes:
            totals = outcome.totals
            lows.append(min(Fraction(start), _fund(totals, fund, asset, "low")))
            deficit = _amount(totals, asset, "deficit")
            others = _amount(totals, asset, "adl") + _amount(totals, asset, "socialised")
            depleted += lows[-1] <= 0 or deficit > 0
            beyond += others > 0 or deficit > 0
        chances = (_chance(hits, len(outcomes), drawn=drawn) for hits in (depleted, beyond))
        found.append(Depletion(fund, asset, start, exact_text(min(lows)), *chances))
    return tuple(found)


def _chance(hits: int, runs: int, *, drawn: bool) -> Chance:
    if not drawn:
        return Chance(hits, "", "", "")
    return Chance(hits, rounded(Fraction(hits, runs), PROBABILITY_DECIMALS), *wilson(hits, runs))


def account_drivers(outcomes: Sequence[Outcome], registry: Registry) -> tuple[Driver, ...]:
    """Return the accounts that lost or were liquidated, the greatest losses first."""
    liquidated: dict[Where, int] = {}
    for outcome in outcomes:
        for name in sorted(outcome.liquidated):
            liquidated[name] = liquidated.get(name, 0) + 1
    return _drivers([outcome.accounts for outcome in outcomes], registry, liquidated)


def market_drivers(outcomes: Sequence[Outcome], registry: Registry) -> tuple[Driver, ...]:
    """Return the markets that losses came from, the greatest first."""
    return _drivers([outcome.markets for outcome in outcomes], registry, None)


def _drivers(
    losses: Sequence[dict[Where, Fraction]], registry: Registry, liquidated: dict[Where, int] | None
) -> tuple[Driver, ...]:
    sums: dict[Where, Fraction] = {}
    paths: dict[Where, int] = {}
    for of_path in losses:
        for name, loss in of_path.items():
            sums[name] = sums.get(name, _ZERO) + loss
            paths[name] = paths.get(name, 0) + 1
    counts = liquidated or {}
    everyone = {*sums, *counts}

    def rank(name: Where) -> tuple[str, Fraction, int, str]:
        return name[1], -sums.get(name, _ZERO), -counts.get(name, 0), name[0]

    found = []
    for name in sorted(everyone, key=rank):
        total = sum((loss for (_, asset), loss in sums.items() if asset == name[1]), _ZERO)
        loss = sums.get(name, _ZERO)
        share = rounded(loss / total, _COUNT_DECIMALS) if total else "0.0000"
        average = rounded(loss / len(losses), _decimals(registry, name[1]))
        hit = None if liquidated is None else counts.get(name, 0)
        found.append(Driver(*name, average, share, paths.get(name, 0), hit))
    return tuple(found)


def _amount(totals: ColumnTotals, asset: str, name: str) -> Fraction:
    found: Iterable[str] = (getattr(t, name) for t in totals.assets if t.asset == asset)
    return Fraction(next(iter(found), "0"))


def _fund(totals: ColumnTotals, fund: str, asset: str, field: str) -> Fraction:
    found: Iterable[str] = (
        getattr(s, field) for s in totals.funds if (s.fund, s.asset) == (fund, asset)
    )
    return Fraction(next(iter(found), "0"))


def _decimals(registry: Registry, asset: str) -> int:
    return registry.asset(registry.asset_ordinals[asset]).decimals
