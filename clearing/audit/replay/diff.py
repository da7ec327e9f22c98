"""What differs between two runs of one log: a record and a scenario, or two scenarios.

Both are folded side by side, event by event, and their entries compared. An account *diverges* at
the first position with an entry about it that only one of them has.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from clearing.audit.losses import times_of
from clearing.audit.moments import Moment
from clearing.audit.replay.answer import ColumnTotals, Fate, fate_of, totals_of
from clearing.audit.replay.document import Scenario
from clearing.audit.replay.overlay import Overlay, make_overlay
from clearing.audit.replay.run import Column, Origin, Progress, Replay
from clearing.audit.replay.running import engine_at, log_rows
from clearing.audit.replay.sums import Exact, HouseLine, difference, house_lines
from clearing.audit.replay.tally import Key, scopes_of
from clearing.engine import ENTRY_FIELDS, Engine, Entry
from clearing.engine.valuation import measure
from clearing.events import EventRow, Kind, Registry
from clearing.events.fields import from_microseconds
from clearing.log import Connection

LOG: Final = Scenario(scenario=1, name="log")
"""The log as it is: a scenario that overrides nothing."""

Noted = list[tuple[int, Entry]]
"""Entries with the position at which they came."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first event after which two runs differ, and the first entries that only one has.

    ``log_position`` is the event's; ``kind``, ``source`` and ``external_id`` are as the log has it.
    Of an event that a scenario has of its own, ``inserted`` says the how many-th it is after that
    log position (0: it is the log's), and they are as the scenario has it. ``only_a`` and
    ``only_b`` are entries as objects (empty where one has no more than the other).
    """

    log_position: int
    occurred_at: datetime
    kind: str
    source: str
    external_id: str
    only_a: dict[str, str | int]
    only_b: dict[str, str | int]
    inserted: int = 0


@dataclass(frozen=True, slots=True)
class FateDifference:
    """An account whose status, equity, liquidations or deleveragings differ between two runs.

    ``equity`` is b − a. ``diverged`` is the first position with an entry that only one has, None
    where only prices differ. ``cause`` is the override by which they came to differ: the one that
    had changed something last by then, several where they did at once (empty where none had, and
    between generations).
    """

    account: str
    asset: str
    a: Fate
    b: Fate
    equity: str
    diverged: int | None
    diverged_at: datetime | None
    cause: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between runs ``a`` and ``b`` of the log, from ``since`` to ``upto``.

    ``first`` is None where nothing does. ``house`` says who has the difference, b − a: the lines of
    one asset sum to zero.
    """

    a: str
    b: str
    since: int
    upto: int
    first: FirstDifference | None
    columns: tuple[ColumnTotals, ColumnTotals]
    fates: tuple[FateDifference, ...]
    house: tuple[HouseLine, ...]


class _Side:
    """One of two runs: its column, its overrides, and its entries of the event at hand."""

    def __init__(self, name: str, replay: Replay, column: Column, overlay: Overlay) -> None:
        self.name = name
        self.column = column
        self.overlay = overlay
        self.entries: Noted = []
        self.origins: list[Origin] = []
        self._replay = replay
        replay.observers.append(self._observe)

    def begin(self) -> None:
        """Forget the entries of the event before."""
        self.entries, self.origins = [], []

    def _observe(self, column: Column, position: int, entries: list[Entry]) -> None:
        if column is self.column:
            self.entries += [(position, entry) for entry in entries]
            if self._replay.at_hand is None:
                raise RuntimeError("entries come of an event")
            self.origins += [self._replay.at_hand] * len(entries)

    def first_of(self, only: Noted) -> tuple[int, int, EventRow] | None:
        """Return the first event that left an entry which this side alone has.

        As log position, the how many-th inserted after it (0: the log's own), and the event.
        """
        for noted, (inserted, row) in zip(self.entries, self.origins, strict=True):
            if noted in only:
                return noted[0], inserted, row
        return None

    def causes(self, position: int) -> list[tuple[int, str]]:
        """Return the overrides that had changed something by ``position``, and where they did last.

        To be asked at that event: what an override changed long ago is not remembered.
        """
        return [
            (place, f"{self.name}: {applied.where}")
            for applied in self.overlay.applied
            for place in applied.changed
            if place <= position
        ]


class Pair:
    """Two runs of a log side by side; ``diverged`` maps scopes to where their entries first differ.

    ``causes`` maps them to the overrides that had changed something last by then.

    The log itself is folded beside a scenario anyway, so it costs nothing more.
    """

    def __init__(self, connection: Connection, a: Scenario, b: Scenario, moment: Moment) -> None:
        self._connection = connection
        overlays = [make_overlay(connection, side, moment) for side in (a, b)]
        self.upto = min(overlay.upto for overlay in overlays)
        self.since = min(*(overlay.first for overlay in overlays), self.upto + 1)
        start = engine_at(connection, moment, self.since - 1)
        self.replays: list[Replay] = []
        sides = []
        for scenario, overlay in zip((a, b), overlays, strict=True):
            if overlay.changes or not any(other.changes for other in overlays):
                engine = start
                if self.replays:
                    engine = Engine.restore(start.snapshot(), resolver=start.resolve)
                self.replays.append(Replay(scenario.name, engine, overlay))
        last = self.replays[-1]
        for scenario, overlay in zip((a, b), overlays, strict=True):
            replay = last if len(self.replays) == 1 or scenario is b else self.replays[0]
            column = replay.scenario if overlay.changes else replay.recorded
            sides.append(_Side(scenario.name, replay, column, overlay))
        self.a, self.b = sides
        self.first: FirstDifference | None = None
        self.diverged: dict[Key, int] = {}
        self.causes: dict[Key, str] = {}

    def run(self, rows: Iterable[EventRow], progress: Progress | None, *, first_only: bool) -> None:
        """Apply the events to both; with ``first_only`` no further than their first difference."""
        for row in rows:
            self._begin()
            for replay in self.replays:
                replay.step(row)
            if self.a.entries != self.b.entries:
                self._differ()
                if first_only:
                    return
            if progress is not None:
                progress(row.position)
        self._begin()
        for replay in self.replays:
            replay.finish()
        if self.a.entries != self.b.entries:
            self._differ()

    def _begin(self) -> None:
        self.a.begin()
        self.b.begin()

    def _differ(self) -> None:
        ours, theirs = Counter(self.a.entries), Counter(self.b.entries)
        only_a, only_b = list((ours - theirs).elements()), list((theirs - ours).elements())
        book = self.b.column.engine.book
        for position, entry in sorted([*only_a, *only_b], key=lambda noted: noted[0]):
            for key in scopes_of(book, entry):
                if key not in self.diverged:
                    self.diverged[key] = position
                    self.causes[key] = self._cause(position)
        if self.first is None:
            firsts = (self.a.first_of(only_a), self.b.first_of(only_b))
            position, inserted, row = min(
                (one for one in firsts if one is not None), key=lambda one: one[:2]
            )
            told = [[entry for _, entry in only] for only in (only_a, only_b)]
            first = first_of(book.registry, row, *told)
            self.first = replace(first, log_position=position, inserted=inserted)

    def _cause(self, position: int) -> str:
        told = {*self.a.causes(position), *self.b.causes(position)}
        latest = max((place for place, _ in told), default=0)
        return ", ".join(sorted(name for place, name in told if place == latest))


def first_of(
    registry: Registry, row: EventRow, only_a: list[Entry], only_b: list[Entry]
) -> FirstDifference:
    """Return the difference that an event of the log makes first."""
    return FirstDifference(
        row.position,
        from_microseconds(row.occurred_at),
        Kind(row.kind).name,
        registry.source(row.source).name if row.source else "",
        row.external_id,
        _first(only_a),
        _first(only_b),
    )


def _first(entries: list[Entry]) -> dict[str, str | int]:
    if not entries:
        return {}
    entry = entries[0]
    kind = str(entry[0])
    return {"entry": kind, **dict(zip(ENTRY_FIELDS[kind], entry[1:], strict=True))}


def diff(
    connection: Connection,
    a: Scenario,
    b: Scenario,
    moment: Moment,
    progress: Progress | None = None,
) -> Diff:
    """Return what differs between two scenarios of the log (:data:`LOG` is the log itself).

    Raises :class:`~clearing.audit.replay.ScenarioRefused`.
    """
    pair = Pair(connection, a, b, moment)
    pair.run(log_rows(connection, pair.since - 1, pair.upto), progress, first_only=False)
    times = times_of(connection, set(pair.diverged.values()))
    return Diff(
        a.name,
        b.name,
        pair.since,
        pair.upto,
        pair.first,
        (_totals(pair.a), _totals(pair.b)),
        tuple(_fates(pair, times)),
        tuple(house_lines(pair.a.column.engine.book, pair.b.column.engine.book)),
    )


def _totals(side: _Side) -> ColumnTotals:
    return replace(totals_of(side.column), column=side.name)


def bisect(
    connection: Connection,
    a: Scenario,
    b: Scenario,
    moment: Moment,
    progress: Progress | None = None,
) -> FirstDifference | None:
    """Return the first event after which two scenarios of the log differ; None if they never do."""
    pair = Pair(connection, a, b, moment)
    pair.run(log_rows(connection, pair.since - 1, pair.upto), progress, first_only=True)
    return pair.first


def _fates(pair: Pair, times: dict[int, datetime]) -> Iterable[FateDifference]:
    a, b = pair.a.column, pair.b.column
    book = b.engine.book
    for key in sorted({*a.engine.book.scopes, *book.scopes}):
        one, other = fate_of(a, key), fate_of(b, key)
        if one == other:
            continue
        at = pair.diverged.get(key)
        yield FateDifference(
            book.registry.account(key[0]).name,
            book.registry.asset(key[1]).name,
            one,
            other,
            difference(_equity(a, key), _equity(b, key)),
            at,
            None if at is None else times.get(at),
            pair.causes.get(key, ""),
        )


def _equity(column: Column, key: Key) -> Exact:
    book = column.engine.book
    scope = book.scopes.get(key)
    equity = 0 if scope is None else measure(book, scope).equity
    return equity, book.assets[key[1]].working
