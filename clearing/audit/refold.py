"""Books in the order in which facts occurred: a moment with late facts, folded anew in memory.

Declarations come first, in the order of the log: names are no facts of a time. Then the facts that
count, by (``occurred_at``, log position), numbered on from where the fold began. It begins at the
latest snapshot before which nothing happened after the earliest late fact: up to there both orders
are one. Where both have folded the same events again and the log's snapshot there is the very same
book, they are one again, and what follows is skipped up to the last snapshot before they part.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from psycopg import sql

from clearing.audit.moments import Moment, Reordered, first_later, late_facts
from clearing.engine import ENGINE_VERSION, Engine, Entry
from clearing.events import EventRow, upcast
from clearing.events.canonical import canonical_json
from clearing.events.fields import to_microseconds
from clearing.events.kinds import Kind
from clearing.log import Connection, position_of, read_at, read_rows
from clearing.projectors import checked, schema_of, snapshot_problem

_BATCH: Final = 10_000

Progress = Callable[[int, int], None]
"""Called with how many events were folded, of how many."""

Observer = Callable[[EventRow, list[Entry]], None]
"""Called with each event of a fold and its entries; the row's position is its log position."""


class Order:
    """In which order events are folded, after the ``start`` events that stay where they are.

    ``positions`` are their log positions in that order; the event at ``positions[i]`` becomes
    number ``start + 1 + i``; the first ``declared`` of them are declarations. ``punctual`` are the
    log positions of facts that are not late, in order, with their numbers beside them in
    ``places``.
    """

    __slots__ = ("declared", "places", "positions", "punctual", "start")

    def __init__(self, start: int, positions: list[int], late: frozenset[int], declared: int):
        self.start = start
        self.positions = positions
        self.declared = declared
        facts = enumerate(positions[declared:], start + 1 + declared)
        pairs = [(position, number) for number, position in facts if position not in late]
        self.punctual = [position for position, _ in pairs]
        self.places = [number for _, number in pairs]

    def place_of(self, position: int) -> int:
        """Return the number at which log position ``position`` stands for what waits for it.

        That is where the first fact at or after it stands that is not late; the number after the
        last one where there is none. Up to ``start`` numbers are log positions.
        """
        if position <= self.start:
            return position
        found = bisect_left(self.punctual, position)
        if found == len(self.punctual):
            return self.start + len(self.positions) + 1
        return self.places[found]

    def same_events(self) -> set[int]:
        """Return the log positions up to which this order and the log's have the same events."""
        greatest, found = self.start, set[int]()
        for number, position in enumerate(self.positions, self.start + 1):
            greatest = max(greatest, position)
            if greatest == number:
                found.add(number)
        return found

    def parting(self, done: int) -> int:
        """Return the number after ``done`` events at which the log has another event, or none."""
        for number, position in enumerate(self.positions[done:], self.start + 1 + done):
            if number != position:
                return number
        return self.start + len(self.positions) + 1


def refold(connection: Connection, moment: Moment, progress: Progress | None = None) -> Engine:
    """Return the engine at a moment whose facts stand in another order than the log's.

    Its positions are numbers in that order. Raises what a fold raises on a broken log, and
    :class:`ValueError` for a moment that is a position of the log.
    """
    fold = _begun(connection, moment)
    fold.run(progress, skips=moment.generation.engine_version == ENGINE_VERSION)
    return fold.engine


def refold_period(
    connection: Connection,
    moment: Moment,
    begin: Moment,
    opened: Callable[[Engine], None],
    observer: Observer,
    progress: Progress | None = None,
) -> None:
    """Fold up to a moment as :func:`refold`, telling ``observer`` what follows ``begin``.

    ``begin`` is an earlier moment of what was known at the same position; ``opened`` is called with
    the engine as it was then.
    """
    usable = None if begin.reordered is not None else begin.position + 1
    fold = _begun(connection, moment, usable)
    until = fold.events_of(begin)
    fold.run(progress, skips=moment.generation.engine_version == ENGINE_VERSION, upto=until)
    opened(fold.engine)
    fold.run(progress, skips=False, observer=observer)


def _begun(connection: Connection, moment: Moment, before: int | None = None) -> "_Fold":
    """Return a fold in the order of a moment, from a snapshot that both orders have.

    ``before`` is a log position that the snapshot has to lie before.
    """
    asked = moment.reordered
    if asked is None:
        raise ValueError(f"log position {moment.position} needs no other order")
    schema = schema_of(moment.generation.number)
    earliest = late_facts(connection, schema, to_microseconds(asked.occurred), asked.known_at)[2]
    usable = first_later(connection, schema, earliest, asked.known_at)
    if before is not None:
        usable = min(usable, before)
    if moment.generation.engine_version == ENGINE_VERSION:
        snapshot, start = _snapshot_before(connection, schema, usable)
    else:  # nothing that another engine wrote can be gone on from
        snapshot, start = None, 0
    order = _order(connection, schema, moment.position, asked, start)
    fold = _Fold(connection, schema, order)
    fold.restore(snapshot, start)
    return fold


class _Fold:
    """A fold of events in another order than the log's, as far as it has come.

    Up to ``since`` events have their log positions, later ones their numbers.
    """

    def __init__(self, connection: Connection, schema: str, order: Order) -> None:
        self._connection = connection
        self._schema = schema
        self._order = order
        self._since = 0
        self._numbers: dict[int, int] = {}
        self._done = 0
        self.engine = Engine(resolver=self._resolve)

    def restore(self, snapshot: str | None, position: int) -> None:
        """Go on from a snapshot at a log position up to which both orders have the same events."""
        if snapshot is not None:
            self.engine = Engine.restore(snapshot, resolver=self._resolve)
        for pending in self.engine.book.scheduled:
            pending.effective = self._order.place_of(pending.effective)
        self._since = position
        self._numbers = {}

    def events_of(self, begin: Moment) -> int:
        """Return how many events of this order, from its start on, an earlier moment has.

        Declarations come first, so all of them are among these.
        """
        order = self._order
        facts = order.positions[order.declared :]
        if begin.reordered is None:
            return order.declared + sum(position <= begin.position for position in facts)
        row = self._connection.execute(
            "SELECT count(*) FROM clearing.log WHERE position > %s AND position <= %s"
            " AND kind > 4 AND occurred_at <= %s",
            (order.start, max(facts, default=0), to_microseconds(begin.reordered.occurred)),
        ).fetchone()
        return order.declared + (0 if row is None else int(row[0]))

    def run(
        self,
        progress: Progress | None,
        *,
        skips: bool,
        upto: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Fold what is left, or the first ``upto`` events of the order.

        With ``skips``, leave out what the log's own books say already.
        """
        order, total = self._order, len(self._order.positions)
        target = total if upto is None else upto
        digests = _digests(self._connection, self._schema, order) if skips else {}
        while self._done < target:
            done = self._done
            ends = [at - order.start for at in digests if at > order.start + done]
            end = min([*ends, done + _BATCH, target])
            for row in _rows(self._connection, order.positions[done:end]):
                self._apply(row, observer)
            self._done = end
            if progress is not None:
                progress(end, total)
            digest = digests.get(order.start + end)
            if digest is not None and self.engine.digest() == digest:
                self._done = self._skip(end, target)

    def _apply(self, row: EventRow, observer: Observer | None) -> None:
        position, number = row.position, self.engine.position + 1
        if row.kind == Kind.RulebookAdopted:
            _reschedule(row, self._order, number)
        entries = self.engine.apply(_numbered(row, number))
        self._numbers[position] = number
        if observer is not None:
            observer(_numbered(row, position), entries)

    def _skip(self, done: int, target: int) -> int:
        """Go on from the last snapshot before the orders part again; return how much is done.

        Both have folded the same events and came to the same book, so they stay one for as long as
        the same events follow.
        """
        order = self._order
        following = min(order.parting(done), order.start + target + 1)
        snapshot, position = _snapshot_before(self._connection, self._schema, following)
        if position <= order.start + done:
            return done
        self.restore(snapshot, position)
        return position - order.start

    def _resolve(self, source: int, external_id: str) -> EventRow | None:
        position = position_of(self._connection, source, external_id)
        if position is None:
            return None
        number = position if position <= self._since else self._numbers.get(position)
        if number is None:
            return None  # it comes later in this order, or not at all
        return _numbered(upcast(read_at(self._connection, position)[0]), number)


def _digests(connection: Connection, schema: str, order: Order) -> dict[int, str]:
    """Return the digests of snapshots up to which both orders have the same events."""
    query = sql.SQL("SELECT position, digest FROM {} WHERE position > %s ORDER BY position").format(
        sql.Identifier(schema, "snapshot")
    )
    same = order.same_events()
    rows = connection.execute(query, (order.start,)).fetchall()
    return {int(position): str(digest) for position, digest in rows if position in same}


def _snapshot_before(connection: Connection, schema: str, end: int) -> tuple[str | None, int]:
    """Return the latest sound snapshot before position ``end`` and its position (0: genesis).

    A snapshot that is not what it was stored as is passed over, as the cache that it is.
    """
    query = sql.SQL(
        "SELECT position, entry_hash, digest, document FROM {snapshot} WHERE position < %s"
        " ORDER BY position DESC"
    ).format(snapshot=sql.Identifier(schema, "snapshot"))
    with connection.cursor() as cursor:
        for row in cursor.stream(query, (end,)):
            if not snapshot_problem(*row):
                return str(row[3]), int(row[0])
    return None, 0


def _order(connection: Connection, schema: str, last: int, asked: Reordered, start: int) -> Order:
    moment = to_microseconds(asked.occurred)
    declared = connection.execute(
        "SELECT position FROM clearing.log WHERE position > %s AND position <= %s AND kind <= 4"
        " ORDER BY position",
        (start, last),
    ).fetchall()
    facts = connection.execute(
        "SELECT position FROM clearing.log WHERE position > %s AND position <= %s AND kind > 4"
        " AND occurred_at <= %s ORDER BY occurred_at, position",
        (start, last, moment),
    ).fetchall()
    query = sql.SQL("SELECT position FROM {late} WHERE position > %s AND position <= %s").format(
        late=sql.Identifier(schema, "late")
    )
    late = frozenset(int(row[0]) for row in connection.execute(query, (start, last)))
    positions = [int(row[0]) for row in (*declared, *facts)]
    return Order(start, positions, late, len(declared))


def _rows(connection: Connection, positions: list[int]) -> Iterator[EventRow]:
    """Yield the events at ``positions`` in that order, each hashed again."""
    for first in range(0, len(positions), _BATCH):
        wanted = positions[first : first + _BATCH]
        rows = {row.position: row for row in checked(read_rows(connection, wanted))}
        yield from (rows[position] for position in wanted)


def _reschedule(row: EventRow, order: Order, number: int) -> None:
    """Let a rulebook that is adopted for a later position wait for where that stands now."""
    content = json.loads(row.detail)
    effective = content.get("effective_position")
    if effective is not None and effective > row.position:
        content["effective_position"] = max(order.place_of(effective), number)
        row.detail = canonical_json(content)


def _numbered(row: EventRow, number: int) -> EventRow:
    row.position = number
    return row
