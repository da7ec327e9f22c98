"""Replaying a log beside a scenario: recorded, derived without the overrides, derived with them.

The log is folded as it is; from the first override on, a copy of its engine takes the events as the
scenario has them. Where the log only records outcomes, record mode holds for a scope until the
scenario changes something of it; from then on its ladder acts by the rulebook, and what it did in
the record and could not have done is contested. A third engine lets the same ladders act from the
same events on, without the overrides: its distance from the record is the rulebook's error, what
remains is the overrides' effect.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy

from clearing.audit.replay.contests import Contests, funding_in_proportion
from clearing.audit.replay.overlay import Overlay
from clearing.audit.replay.scene import Scene, concerned
from clearing.audit.replay.tally import Key, Tally, scopes_of
from clearing.engine import Engine, Entry, Resolver, WatchName
from clearing.engine.book import Book
from clearing.engine.content import Content
from clearing.engine.scope import Scope
from clearing.engine.step import NOBODY
from clearing.events import EventRow, Kind

Progress = Callable[[int], None]
"""Called with the log position reached."""

Told = dict[tuple[int, str], EventRow | None]
"""Events by source and identity."""


class Column:
    """One of the engines of a replay, what its entries came to, and what was contested in it.

    ``diverged`` maps scopes to the position at which their entries first differ from the record's,
    ``told`` identities to the events that it has otherwise than the log (None: left out).
    """

    def __init__(
        self, name: str, engine: Engine, told: Told | None = None, tally: Tally | None = None
    ) -> None:
        self.name = name
        self.engine = engine
        self.told: Told = {} if told is None else told
        self.tally = tally or Tally()
        self.contests = Contests()
        self.diverged: dict[Key, int] = {}

    @property
    def book(self) -> Book:
        """The column's book, as it is now."""
        return self.engine.book

    @property
    def contested(self) -> int:
        """How many sides of fills were contested."""
        return len(self.contests.found)

    def digest(self) -> str:
        """Return the digest of the book."""
        return self.engine.digest()


Origin = tuple[int, EventRow]
"""An event, and the how many-th inserted after its position it is (0: the log's own)."""

Observer = Callable[[Column, int, list[Entry]], None]


class Replay:
    """A log and a scenario on their way; ``start`` is an engine just before the first override.

    ``derived`` is None while every ladder of the log acts by itself: then it is the record.
    ``observers`` are called with each column, position and its entries, in order; ``at_hand`` is
    then the event that left them.
    """

    def __init__(
        self, name: str, start: Engine, overlay: Overlay, *, watch: WatchName = "banded"
    ) -> None:
        self.overlay = overlay
        self.recorded = Column("recorded", start)
        self._watch: WatchName = watch
        self.scenario = self._beside("scenario")
        self.derived: Column | None = None
        self.observers: list[Observer] = []
        self.at_hand: Origin | None = None
        self.scene = Scene(name, start, self.scenario.engine)
        for column in (self.recorded, self.scenario):
            column.tally.begin(start.book)

    def run(self, rows: Iterable[EventRow], progress: Progress | None = None) -> None:
        """Apply the events."""
        for row in rows:
            self.step(row)
            if progress is not None:
                progress(row.position)
        self.finish()

    def finish(self) -> None:
        """Apply what the scenario has after the last event."""
        self.scene.position = self.overlay.upto + 1
        self._insert()

    def step(self, row: EventRow) -> None:
        """Apply the next event of the log, and what the scenario has before it."""
        self.scene.position = row.position
        self._insert()
        self._apply(row)

    def _beside(self, name: str, tally: Tally | None = None) -> Column:
        """Return a copy of the recorded column that finds earlier events as it has them itself."""
        told: Told = {}
        recorded = self.recorded.engine
        engine = _copy(recorded, _finding(told, recorded.resolve), self._watch)
        return Column(name, engine, told, tally)

    def _insert(self) -> None:
        """Apply what the scenario has before the next event, at the position of the last one."""
        engine = self.scenario.engine
        for inserted, row in enumerate(self.overlay.before(self.scene), start=1):
            self.at_hand = (inserted, row)
            self.scenario.told[row.source, row.external_id] = row
            self._override(scope.key() for scope in _moved(engine, row, None))
            self._note(self.scenario, row.position, engine.apply_contested(row, NOBODY), [])

    def _apply(self, row: EventRow) -> None:
        self.at_hand = (0, row)
        altered = self.overlay.alter(row, self.scene)
        if altered is None or altered != row:
            self.scenario.told[row.source, row.external_id] = altered
            engine = self.scenario.engine
            self._override(scope.key() for scope in _moved(engine, row, altered))
        told = self._told(self.scenario, altered)
        begun = self._begun_by(row)
        derived = self.derived or begun
        plain = None if derived is None else self._told(derived, row)
        recorded = self.recorded.engine.apply(row)
        self._note(self.recorded, row.position, recorded, recorded)
        self._note(self.scenario, row.position, self._advance(self.scenario, told), recorded)
        if begun is not None and self._records():
            self.derived = begun
        if self.derived is not None and plain is not None:
            self._note(self.derived, row.position, self._advance(self.derived, plain), recorded)

    def _told(self, column: Column, row: EventRow | None) -> tuple[EventRow | None, frozenset[int]]:
        """Return an event as a column takes it, and whose side of it is contested."""
        if row is None:
            return None, NOBODY
        contested = column.contests.of(self.scene, column.engine, row)
        if row.kind == Kind.FundingPaid:
            paid = funding_in_proportion(self.scene, column.engine, row)
            if paid is not row:
                # A reversal takes back what was paid here.
                column.told[row.source, row.external_id] = row = paid
        return row, contested

    def _advance(self, column: Column, told: tuple[EventRow | None, frozenset[int]]) -> list[Entry]:
        row, contested = told
        if row is None:
            column.engine.skip()
            return []
        return column.engine.apply_contested(row, contested)

    def _note(
        self, column: Column, position: int, entries: list[Entry], recorded: list[Entry]
    ) -> None:
        """Count a column's entries, and take out of the record whose entries differ from it."""
        column.tally.note(column.book, position, entries)
        for observe in self.observers:
            observe(column, position, entries)
        if entries == recorded:
            return
        ours, theirs = Counter(entries), Counter(recorded)
        changed: set[Key] = set()
        for entry in [*(ours - theirs), *(theirs - ours)]:
            changed |= scopes_of(column.engine.book, entry)
        for key in changed:
            column.diverged.setdefault(key, position)
        if column is self.scenario:
            self._override(changed)
        else:
            column.engine.override(changed)

    def _override(self, keys: Iterable[Key]) -> None:
        """Take scopes out of the record, in the scenario and beside it."""
        engine = self.scenario.engine
        new = {key for key in keys if key not in engine.book.overridden}
        if not new:
            return
        engine.override(new)
        if self.derived is not None:
            self.derived.engine.override(new)
        elif self._records():
            self.derived = self._as_recorded()

    def _records(self) -> bool:
        """Whether the record only tells the outcomes of a scope that the scenario has changed."""
        assets = self.recorded.engine.book.assets
        overridden = {asset for _, asset in self.scenario.engine.book.overridden}
        return any(
            assets[asset].rulebook is not None and assets[asset].mode != "derive"
            for asset in overridden
        )

    def _begun_by(self, row: EventRow) -> Column | None:
        """Return a column for what a rulebook may begin, of scopes that were changed without one.

        Where nothing could act until now, the record is what would have been derived.
        """
        if row.kind != Kind.RulebookAdopted or self.derived is not None:
            return None
        return self._as_recorded() if self.scenario.engine.book.overridden else None

    def _as_recorded(self) -> Column:
        """Return the record as it is, with the ladders of changed scopes about to act."""
        derived = self._beside("derived", deepcopy(self.recorded.tally))
        derived.engine.override(sorted(self.scenario.engine.book.overridden))
        return derived


def _finding(told: Told, log: Resolver) -> Resolver:
    """Return what finds earlier events as they were told, and else as the log has them."""

    def find(source: int, external_id: str) -> EventRow | None:
        if (source, external_id) in told:
            return told[source, external_id]
        return log(source, external_id)

    return find


def _copy(engine: Engine, resolver: Resolver, watch: WatchName) -> Engine:
    return Engine.restore(engine.snapshot(), resolver=resolver, watch=watch)


def _moved(engine: Engine, row: EventRow, altered: EventRow | None) -> list[Scope]:
    """Return the scopes that a changed, dropped or inserted event concerns."""
    if row.kind != Kind.Marked:
        return list(concerned(engine, row))
    before = dict(Content(row).marks())
    after = {}
    if altered is not None and altered.kind == Kind.Marked:
        after = dict(Content(altered).marks())
    markets = sorted(m for m in {*before, *after} if before.get(m) != after.get(m))
    return [scope for m in markets for scope in engine.book.markets[m].affected()]
