"""Books in the order in which facts occurred: a moment with late facts, folded anew in memory.

Declarations come first, in the order of the log: names are no facts of a time. Then the facts that
count, by (``occurred_at``, log position), numbered on from where the fold began. It begins at the
latest snapshot before which nothing happened after the earliest late fact: up to there both orders
are one.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from psycopg import sql

from clearing.audit.moments import Moment, Reordered, first_later, late_facts
from clearing.engine import Engine
from clearing.events import EventRow, upcast
from clearing.events.canonical import canonical_json
from clearing.events.fields import to_microseconds
from clearing.events.kinds import Kind
from clearing.log import Connection, position_of, read_at, read_rows
from clearing.projectors import checked, schema_of, snapshot_problem

_BATCH: Final = 10_000

Progress = Callable[[int, int], None]
"""Called with how many events were folded, of how many."""


class Order:
    """In which order events are folded, after the ``start`` events that stay where they are.

    ``positions`` are their log positions in that order; the event at ``positions[i]`` becomes
    number ``start + 1 + i``. ``punctual`` are the log positions of facts that are not late, in
    order, with their numbers beside them in ``places``.
    """

    __slots__ = ("places", "positions", "punctual", "start")

    def __init__(self, start: int, positions: list[int], late: frozenset[int], declared: int):
        self.start = start
        self.positions = positions
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


def refold(connection: Connection, moment: Moment, progress: Progress | None = None) -> Engine:
    """Return the engine at a moment whose facts stand in another order than the log's.

    Its positions are numbers in that order. Raises what a fold raises on a broken log, and
    :class:`ValueError` for a moment that is a position of the log.
    """
    asked = moment.reordered
    if asked is None:
        raise ValueError(f"log position {moment.position} needs no other order")
    schema = schema_of(moment.generation.number)
    earliest = late_facts(connection, schema, to_microseconds(asked.occurred), asked.known_at)[2]
    usable = first_later(connection, schema, earliest, asked.known_at)
    snapshot, start = _snapshot_before(connection, schema, usable)
    order = _order(connection, schema, moment.position, asked, start)
    numbers: dict[int, int] = {}

    def resolve(source: int, external_id: str) -> EventRow | None:
        position = position_of(connection, source, external_id)
        if position is None:
            return None
        number = position if position <= start else numbers.get(position)
        if number is None:
            return None  # it comes later in this order, or not at all
        return _numbered(upcast(read_at(connection, position)[0]), number)

    if snapshot is None:
        engine = Engine(resolver=resolve)
    else:
        engine = Engine.restore(snapshot, resolver=resolve)
    for pending in engine.book.scheduled:
        pending.effective = order.place_of(pending.effective)
    for row in _rows(connection, order.positions):
        position, number = row.position, engine.position + 1
        if row.kind == Kind.RulebookAdopted:
            _reschedule(row, order, number)
        engine.apply(_numbered(row, number))
        numbers[position] = number
        if progress is not None and not number % _BATCH:
            progress(number - start, len(order.positions))
    return engine


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
