"""One path on one engine: marks are told, time passes, and what comes of it is counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from clearing.audit.replay.answer import ColumnTotals, totals_of
from clearing.audit.replay.run import Column
from clearing.audit.stress.blame import NOWHERE, shares_of
from clearing.audit.stress.paths import Given, Source, Step, bases_of
from clearing.engine import Engine, Entry
from clearing.engine.market import Market
from clearing.engine.step import NOBODY
from clearing.engine.valuation import equity_of
from clearing.events import (
    ClockTicked,
    Event,
    EventRow,
    Marked,
    MarketPrice,
    PriceObserved,
    encode,
)
from clearing.events.fields import from_microseconds
from clearing.quantities import Rounding, divide, exact_decimal

_AT_ONCE: Final = 1000
"""The most marks that one event may have."""

Where = tuple[str, str]
"""An account or market, and an asset, by name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one path came to.

    ``totals`` have the digest of the book if the path was given and not drawn;
    ``liquidated`` are the accounts whose ladders acted, with their asset; ``accounts`` and
    ``markets`` say where losses came from (exact, in units of the asset; market ``""``: no move
    explains them). ``moved`` counts the marks that forced closes moved. ``entry_hash`` chains all
    entries: equal ones are equal paths.
    """

    totals: ColumnTotals
    liquidated: frozenset[Where]
    accounts: dict[Where, Fraction]
    markets: dict[Where, Fraction]
    moved: int
    entry_hash: str


class Stage:
    """A book and what is adopted before each path. ``start`` is never moved."""

    def __init__(self, snapshot: str, adopted: Sequence[EventRow]) -> None:
        self._snapshot = snapshot
        self._adopted = adopted
        self.start = _restored(snapshot)

    def run(self, source: Source, number: int) -> Outcome:
        """Put the book through one path of a source."""
        run = _Run(self.start, _restored(self._snapshot), source.name)
        run.along(self._adopted, source.course(number), source.after)
        return run.outcome(digest=isinstance(source, Given))


class _Run:
    """An engine on its way along a path."""

    def __init__(self, start: Engine, engine: Engine, name: str) -> None:
        self._start = start
        self._engine = engine
        self._column = Column(name, engine)
        self._column.tally.begin(engine.book)
        self._began = max(engine.book.latest, engine.book.time)
        self._funds = [
            scope
            for _, scope in sorted(engine.book.scopes.items())
            if engine.book.is_fund(scope.account)
        ]
        self._accounts: dict[Where, Fraction] = {}
        self._markets: dict[Where, Fraction] = {}
        self._moved = 0

    def along(self, adopted: Sequence[EventRow], course: Iterator[Step], after: int) -> None:
        """Tell everything, and count what comes of it."""
        engine = self._engine
        for row in adopted:
            self._note(engine.apply_contested(row, NOBODY))
        self._let_ladders_act()
        # Every market is told in every step, as in the path that stands still: what a path does not
        # name keeps its mark and does not grow old.
        at, told = 0, bases_of(self._start.book)
        for at, marks in course:
            told |= marks
            for event in self._events(at, told):
                self._tell(event)
        self._tell(ClockTicked(**self._named(at + after)))

    def outcome(self, *, digest: bool) -> Outcome:
        """Return what it came to; ``digest``: with that of the book."""
        engine, tally = self._engine, self._column.tally
        registry = engine.book.registry
        liquidated = frozenset(
            (registry.account(account).name, registry.asset(asset).name)
            for account, asset in tally.steps
        )
        return Outcome(
            totals_of(self._column, digest=digest),
            liquidated,
            self._accounts,
            self._markets,
            self._moved,
            engine.entry_hash.hex(),
        )

    def _let_ladders_act(self) -> None:
        """Take every scope out of the record, where rulebooks only record what a venue does."""
        book = self._engine.book
        self._engine.override(
            key
            for key, scope in book.scopes.items()
            if scope.rules is not None and book.assets[scope.asset].mode != "derive"
        )

    def _events(self, at: int, marks: dict[int, int]) -> Iterator[Event]:
        """Yield the events of a step: observations of prices that trees read, then marks."""
        book = self._engine.book
        recorded = []
        for ordinal, mark in sorted(marks.items()):
            market = book.markets[ordinal]
            if market.feed.policy is not None:
                yield from self._observed(market, mark, at)
            if not self._tree_marks(market):
                price = exact_decimal(mark, market.spec.mark_decimals)
                recorded.append(MarketPrice(market=market.spec.name, price=price))
        for i in range(0, len(recorded), _AT_ONCE):
            yield Marked(marks=tuple(recorded[i : i + _AT_ONCE]), **self._named(at))
        if not recorded:
            yield ClockTicked(**self._named(at))

    def _tree_marks(self, market: Market) -> bool:
        """Whether the market's mark is made of observations alone, whatever is recorded."""
        policy = market.feed.policy
        derives = self._engine.book.assets[market.asset].mode == "derive"
        return policy is not None and policy.makes_mark and not policy.filters and derives

    def _observed(self, market: Market, mark: int, at: int) -> Iterator[Event]:
        """Yield what each source says now: its last word, moved as the mark moves."""
        registry = self._engine.book.registry
        before = self._start.book.markets[market.ordinal]
        base = before.quoted or before.mark
        for (source, role), (price, _) in sorted(before.feed.observed.items()):
            moved = max(1, divide(price * mark, base, Rounding.HALF_EVEN))
            document = {
                **self._named(at),
                "source": registry.source(source).name,
                "market": market.spec.name,
                "role": role,
                "price": exact_decimal(moved, market.spec.mark_decimals),
            }
            yield PriceObserved.model_validate(document)

    def _named(self, at: int) -> dict[str, Any]:
        """Return source, identity and time of an event ``at`` microseconds after the beginning."""
        return {
            "source": self._engine.book.registry.source(1).name,
            "external_id": f"stress {self._engine.position + 1}",
            "occurred_at": from_microseconds(self._began + at),
        }

    def _tell(self, event: Event) -> None:
        row = encode(event, self._engine.book.registry)
        row.position = self._engine.position + 1
        self._note(self._engine.apply(row))

    def _note(self, entries: list[Entry]) -> None:
        """Count what an event came to, and whose losses came from where."""
        engine, tally = self._engine, self._column.tally
        tally.note(engine.book, engine.position, entries)
        for scope in self._funds:
            working = engine.book.assets[scope.asset].working
            equity = exact_decimal(equity_of(engine.book, scope), working)
            tally.lows[scope.key()] = min(equity, tally.lows[scope.key()])
        for entry in entries:
            if entry[0] == "loss":
                self._blame(int(entry[1]), int(entry[2]), Fraction(str(entry[3])))
            elif entry[0] == "impact" and entry[2]:
                self._moved += 1

    def _blame(self, account: int, asset: int, loss: Fraction) -> None:
        registry = self._engine.book.registry
        unit = registry.asset(asset).name
        _add(self._accounts, (registry.account(account).name, unit), loss)
        shares = shares_of(self._start.book, self._engine.book, account, asset)
        for market, share in shares.items():
            name = "" if market == NOWHERE else registry.market(market).name
            _add(self._markets, (name, unit), loss * share)


def _add(sums: dict[Where, Fraction], key: Where, amount: Fraction) -> None:
    sums[key] = sums.get(key, Fraction(0)) + amount


def _restored(snapshot: str) -> Engine:
    return Engine.restore(snapshot, resolver=_nothing)


def _nothing(source: int, external_id: str) -> None:
    """Find no earlier event: nothing that a path tells refers to one."""
    del source, external_id
