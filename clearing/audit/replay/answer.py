"""The answer of a replay: three columns of totals, the accounts whose fate differs, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from clearing.audit.losses import plain
from clearing.audit.replay.run import Column, Replay
from clearing.audit.replay.sums import exact_text
from clearing.audit.replay.tally import Key, Tally
from clearing.engine import ENGINE_VERSION
from clearing.engine.book import Book
from clearing.engine.scope import Scope
from clearing.engine.valuation import equity_of, measure
from clearing.quantities import format_exact


@dataclass(frozen=True, slots=True)
class AssetTotals:
    """What a column's losses came to in one asset: exact amounts in units of the asset.

    ``losses`` were borne by ``funds``, ``adl``, ``socialised`` and ``deficit``.
    """

    asset: str
    penalties: str
    losses: str
    funds: str
    adl: str
    socialised: str
    deficit: str


@dataclass(frozen=True, slots=True)
class FundState:
    """A fund in a column: its equity at the end, and the least it was since the beginning."""

    fund: str
    asset: str
    equity: str
    low: str


@dataclass(frozen=True, slots=True)
class ColumnTotals:
    """What one column came to, counted from the first position that is told.

    ``liquidated_accounts`` are distinct accounts with a ladder's step or a liquidation that their
    venue told; ``liquidation_steps`` counts the ladders' steps, ``told_liquidations`` the venue's
    fills, ``liquidation_events`` the events with any of them: one account may have many.
    ``contested`` counts sides. ``digest`` is the book's at the end.
    """

    column: str
    liquidated_accounts: int
    liquidation_steps: int
    told_liquidations: int
    liquidation_events: int
    margin_calls: int
    deleveraged_accounts: int
    deleveragings: int
    contested: int
    assets: tuple[AssetTotals, ...]
    funds: tuple[FundState, ...]
    deviations: dict[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class Fate:
    """How one account stands in one asset at the end of a column, and what happened to it.

    ``liquidations`` counts ladder steps and told ones; ``first_liquidation`` is the position of the
    first, None if there was none; ``deleveraged`` how often it was taken from.
    """

    status: str
    equity: str
    maintenance: str
    liquidations: int
    first_liquidation: int | None
    deleveraged: int


@dataclass(frozen=True, slots=True)
class FateView:
    """An account's fate in each column; ``derived`` is None where nothing had to be derived.

    ``diverged`` is the first position whose entries about it differ from the record's, and
    ``diverged_at`` when that event happened; None where only its marks differ.
    """

    account: str
    asset: str
    recorded: Fate
    derived: Fate | None
    scenario: Fate
    diverged: int | None
    diverged_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContestedView:
    """A side of a recorded fill that the account could not have had in a column, and why."""

    column: str
    log_position: int
    account: str
    market: str
    size: str
    reason: str


@dataclass(frozen=True, slots=True)
class OverrideView:
    """What became of an override: how many events it changed, the first and last position."""

    override: str
    events: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class ScenarioAnswer:
    """What a scenario changes, told from log position ``since`` to ``upto``.

    ``columns``: recorded, derived without the overrides (left out where the log's own ladders act
    already: it would be the record again) and scenario. ``fates`` are the accounts that end with
    another status or equity, or were liquidated or deleveraged otherwise.
    """

    scenario: str
    since: int
    upto: int
    engine_version: str
    columns: tuple[ColumnTotals, ...]
    fates: tuple[FateView, ...]
    contested: tuple[ContestedView, ...]
    overrides: tuple[OverrideView, ...]


class Outcome(Protocol):
    """What one run of a log came to: its book at the end, and what was counted."""

    name: str
    tally: Tally

    @property
    def book(self) -> Book:
        """The book at the end."""

    @property
    def contested(self) -> int:
        """How many sides of fills were contested."""

    def digest(self) -> str:
        """Return the digest of the book; empty where it is not known."""


def answer_of(replay: Replay, times: dict[int, datetime]) -> ScenarioAnswer:
    """Return the answer of a replay that has run; ``times`` are those of the positions it names."""
    columns = columns_of(replay)
    overlay = replay.overlay
    return ScenarioAnswer(
        replay.scene.name,
        overlay.first,
        overlay.upto,
        ENGINE_VERSION,
        tuple(totals_of(column) for column in columns),
        tuple(_fates(replay, times)),
        tuple(view for column in columns for view in _contested(column)),
        tuple(
            OverrideView(applied.where, applied.count, applied.first or None, applied.last or None)
            for applied in overlay.applied
        ),
    )


def columns_of(replay: Replay) -> list[Column]:
    """Return the columns of a replay, in the order in which they are shown."""
    columns = [replay.recorded, replay.derived, replay.scenario]
    return [column for column in columns if column is not None]


def totals_of(column: Outcome, *, digest: bool = True) -> ColumnTotals:
    """Return what a column came to; without ``digest``, which takes time, that is empty."""
    tally, book = column.tally, column.book
    liquidated = {account for account, _ in {*tally.steps, *tally.told}}
    return ColumnTotals(
        column.name,
        len(liquidated),
        sum(tally.steps.values()),
        sum(tally.told.values()),
        len(tally.events),
        sum(tally.calls.values()),
        len({account for account, _ in tally.adl}),
        sum(tally.adl.values()),
        column.contested,
        tuple(_assets(column)),
        tuple(_funds(book, tally.lows)),
        dict(sorted(tally.deviations.items())),
        column.digest() if digest else "",
    )


def _assets(column: Outcome) -> Iterable[AssetTotals]:
    amounts, book = column.tally.amounts, column.book
    for asset in sorted({asset for asset, _ in amounts}):
        names = ("penalties", "loss", "fund", "adl", "socialised", "deficit")
        texts = [exact_text(amounts.get((asset, name), Fraction(0))) for name in names]
        yield AssetTotals(book.registry.asset(asset).name, *texts)


def _funds(book: Book, lows: dict[Key, Decimal]) -> Iterable[FundState]:
    for (account, asset), low in sorted(lows.items()):
        scope = book.scope(account, asset)
        equity = format_exact(equity_of(book, scope), book.assets[asset].working)
        names = (book.registry.account(account).name, book.registry.asset(asset).name)
        yield FundState(*names, equity, plain(low))


def _fates(replay: Replay, times: dict[int, datetime]) -> Iterable[FateView]:
    recorded, derived, scenario = replay.recorded, replay.derived, replay.scenario
    book = scenario.engine.book
    for key in sorted(book.scopes):
        mine, told = fate_of(scenario, key), fate_of(recorded, key)
        between = None if derived is None else fate_of(derived, key)
        if mine == told and between in (None, told):
            continue
        at = scenario.diverged.get(key)
        yield FateView(
            book.registry.account(key[0]).name,
            book.registry.asset(key[1]).name,
            told,
            between,
            mine,
            at,
            None if at is None else times.get(at),
        )


def fate_of(column: Outcome, key: Key) -> Fate:
    """Return how a scope stands in a column, and what happened to it."""
    book, tally = column.book, column.tally
    scope = book.scopes.get(key) or Scope(*key)
    now, working = measure(book, scope), book.assets[key[1]].working
    return Fate(
        scope.status,
        format_exact(now.equity, working),
        format_exact(now.maintenance, working),
        tally.steps.get(key, 0) + tally.told.get(key, 0),
        tally.first.get(key),
        tally.adl.get(key, 0),
    )


def _contested(column: Column) -> Iterable[ContestedView]:
    registry = column.engine.book.registry
    for found in column.contests.found:
        spec = registry.market(found.market)
        size = format_exact(found.size, spec.size_decimals)
        account = registry.account(found.account).name
        yield ContestedView(column.name, found.position, account, spec.name, size, found.reason)
