"""Moments: which books a question is about.

Three ways to name one: a log position, the last position that was recorded by a time, or what had
happened by a time as far as it was known at a position. Only the last can ask for an order other
than the log's: where late facts are among what had happened, the books are those that the same
facts would have made in the order in which they occurred (:mod:`clearing.audit.refold`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import sql

from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection, position_recorded_by
from clearing.projectors import Generation, ensure_live, generations, schema_of


class MomentUnclear(ValueError):  # noqa: N818 - reads as the statement that it is
    """A moment has no plain answer; the message says why and what to ask instead."""


@dataclass(frozen=True, slots=True)
class Reordered:
    """Says that an answer is a scenario: facts stand in the order in which they occurred.

    ``occurred`` is the time up to which, ``known_at`` the log position up to which facts count;
    ``late_facts`` of them were appended after one that occurred later.
    """

    occurred: datetime
    known_at: int
    late_facts: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A log position in a generation that has been projected at least that far.

    ``reordered`` is None where the books are those of the log at ``position``. Else ``position`` is
    that of the last event that counts, and the books have to be folded anew.
    """

    generation: Generation
    position: int
    reordered: Reordered | None = None

    def plain(self) -> int:
        """Return the log position whose books are meant; :class:`MomentUnclear` if none's are."""
        if self.reordered is not None:
            raise MomentUnclear(
                f"{self.reordered.late_facts} late facts are among what had happened by then, so"
                " there is no such position in the log; this question has an answer --at a position"
                " or as --recorded by a time"
            )
        return self.position

    def of_log(self) -> int:
        """Return the log position whose books are meant, for what reads the log itself.

        Raises :class:`MomentUnclear` where :meth:`plain` does, and for a scenario's generation.
        """
        if self.generation.scenario:
            raise MomentUnclear(
                f"generation {self.generation.number} is a scenario's, and this question is"
                " answered from the events of the log; ask it of the log, or of a replay"
            )
        return self.plain()


def resolve_moment(
    connection: Connection,
    *,
    generation: int | None = None,
    at: int | None = None,
    occurred: datetime | None = None,
    recorded: datetime | None = None,
    known_at: int | None = None,
) -> Moment:
    """Return the moment meant: one of ``at``, ``occurred`` and ``recorded``; without any, now.

    ``at`` is a log position. ``recorded`` is our time: the last position recorded by then.
    ``occurred`` is the sources' time: everything that happened by then and was appended by position
    ``known_at`` (the last one that is projected, if it is not named). Raises :class:`MomentUnclear`
    for a contradiction among these, and for a position that is not projected yet. ``generation``
    asks other read models than the live ones: a scenario's, or earlier ones that are still there.
    """
    live = ensure_live(connection) if generation is None else _generation(connection, generation)
    if sum(value is not None for value in (at, occurred, recorded)) > 1:
        raise MomentUnclear("name one moment: a position, an occurred time or a recorded time")
    if known_at is not None and occurred is None:
        raise MomentUnclear("a position that facts were known at goes with an occurred time")
    if at is not None:
        return Moment(live, _projected(live, at))
    if recorded is not None:
        position = position_recorded_by(connection, to_microseconds(recorded))
        return Moment(live, _projected(live, position))
    if occurred is None:
        return Moment(live, live.position)
    if live.scenario:
        raise MomentUnclear(
            f"generation {live.number} is a scenario's: it has positions, and what was recorded by"
            " a time; ask it --at or --recorded"
        )
    if known_at is None:
        known_at = _last_by(connection, live, to_microseconds(occurred))
    return _occurred_by(connection, live, to_microseconds(occurred), _projected(live, known_at))


def _generation(connection: Connection, number: int) -> Generation:
    """Return a generation that is whole; :class:`MomentUnclear` for any other number."""
    known = {g.number: g for g in generations(connection) if g.status not in _UNFINISHED}
    if number not in known:
        have = ", ".join(map(str, sorted(known))) or "none"
        raise MomentUnclear(f"there is no generation {number} to ask; there are: {have}")
    return known[number]


_UNFINISHED: Final = ("building", "checking", "staging")


def _projected(live: Generation, position: int) -> int:
    """Return a position that the generation has; :class:`MomentUnclear` for any other."""
    if live.status != "live" and not 0 <= position <= live.position:
        raise MomentUnclear(
            f"log position {position} is beyond generation {live.number}, which ends at"
            f" {live.position}"
        )
    if not 0 <= position <= live.position:
        raise MomentUnclear(
            f"log position {position} is not one from 0 to {live.position}, the last one projected"
            " (`clearing project` brings it up to the end of the log)"
        )
    return position


def _last_by(connection: Connection, live: Generation, moment: int) -> int:
    """Return the last projected position, or what is beyond it and happened by ``moment``."""
    row = connection.execute(
        "SELECT min(position) FROM clearing.log WHERE position > %s AND occurred_at <= %s",
        (live.position, moment),
    ).fetchone()
    return live.position if row is None or row[0] is None else int(row[0])


def _occurred_by(connection: Connection, live: Generation, moment: int, known_at: int) -> Moment:
    """Return what had happened by ``moment`` (microseconds) of what is up to ``known_at``.

    That is a log position, unless a late fact is among it.
    """
    schema = schema_of(live.number)
    following = first_later(connection, schema, moment, known_at)
    # Declarations are nobody's late facts; those that came next count if they happened by then.
    row = connection.execute(
        "SELECT max(position) FROM clearing.log WHERE position >= %(first)s AND occurred_at"
        " <= %(moment)s AND position < coalesce((SELECT min(position) FROM clearing.log"
        " WHERE position >= %(first)s AND position <= %(last)s AND kind > 4), %(last)s + 1)",
        {"first": following, "moment": moment, "last": known_at},
    ).fetchone()
    position = following - 1 if row is None or row[0] is None else int(row[0])
    count, last = late_facts(connection, schema, moment, known_at)[:2]
    if not count:
        return Moment(live, position)
    reordered = Reordered(from_microseconds(moment), known_at, count)
    return Moment(live, max(position, last), reordered)


def late_facts(
    connection: Connection, schema: str, moment: int, known_at: int
) -> tuple[int, int, int]:
    """Return how many late facts up to ``known_at`` occurred by ``moment``, and two bounds.

    These are the last one's position and the earliest one's time (microseconds; 0 without any).
    """
    query = sql.SQL(
        "SELECT count(*), coalesce(max(position), 0), coalesce(min(l.occurred_at), 0)"
        " FROM {late} JOIN clearing.log l USING (position)"
        " WHERE position <= %s AND l.occurred_at <= %s"
    ).format(late=sql.Identifier(schema, "late"))
    row = connection.execute(query, (known_at, moment)).fetchone()
    return (0, 0, 0) if row is None else (int(row[0]), int(row[1]), int(row[2]))


def first_later(connection: Connection, schema: str, moment: int, upto: int) -> int:
    """Return the position after the last one by which no fact occurred after ``moment``.

    Found by halving, since the greatest time so far never decreases along the log: a fact's own
    time, and for a late one as much later as it was late. Declarations do not count.
    """
    query = sql.SQL(
        "SELECT position, occurred_at + coalesce(microseconds, 0) FROM ("
        " SELECT position, occurred_at FROM clearing.log WHERE position >= %s AND position <= %s"
        " AND kind > 4 ORDER BY position LIMIT 1) f LEFT JOIN {late} USING (position)"
    ).format(late=sql.Identifier(schema, "late"))
    low, high = 1, upto + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(query, (middle, upto)).fetchone()
        if row is None or row[1] > moment:
            high = middle
        else:
            low = int(row[0]) + 1
    return low
