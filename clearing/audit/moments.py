"""Moments: which log position a question is about."""

from dataclasses import dataclass
from datetime import datetime

from clearing.events.fields import to_microseconds
from clearing.log import Connection, position_recorded_by
from clearing.projectors import Generation, ensure_live


class MomentUnclear(ValueError):  # noqa: N818 - reads as the statement that it is
    """A moment has no plain answer; the message says why and what to ask instead."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A log position in a generation that has been projected at least that far."""

    generation: Generation
    position: int


def resolve_moment(
    connection: Connection,
    *,
    at: int | None = None,
    occurred: datetime | None = None,
    recorded: datetime | None = None,
) -> Moment:
    """Return the moment meant: a log position, or the last one by a time; by default the present.

    ``occurred`` is the sources' time: it has a plain answer only if no event that happened later
    was appended before one that happened by then. ``recorded`` is ours. Raises
    :class:`MomentUnclear` otherwise, and for a position that is not projected yet.
    """
    live = ensure_live(connection)
    if sum(value is not None for value in (at, occurred, recorded)) > 1:
        raise MomentUnclear("name one moment: a position, an occurred time or a recorded time")
    position = live.position
    if at is not None:
        position = at
    elif recorded is not None:
        position = position_recorded_by(connection, to_microseconds(recorded))
    elif occurred is not None:
        position = _occurred_by(connection, to_microseconds(occurred))
    if not 0 <= position <= live.position:
        raise MomentUnclear(
            f"log position {position} is not projected; the live generation is at {live.position}"
            " (`clearing project` brings it up to the log)"
        )
    return Moment(live, position)


def _occurred_by(connection: Connection, moment: int) -> int:
    """Return the last position whose event happened by ``moment``, if the order is plain there."""
    row = connection.execute(
        "SELECT coalesce(max(position), 0) FROM clearing.log WHERE occurred_at <= %s",
        (moment,),
    ).fetchone()
    position = int(row[0]) if row else 0
    late = connection.execute(
        "SELECT min(position) FROM clearing.log"
        " WHERE occurred_at > %s AND position < %s AND kind > 4",
        (moment, position),
    ).fetchone()
    if late is not None and late[0] is not None:
        raise MomentUnclear(
            f"the event at log position {late[0]} happened after that time but was appended before"
            f" position {position}, which happened by then; ask for a log position instead"
        )
    return position
