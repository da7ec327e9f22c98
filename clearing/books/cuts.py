"""Cuts: where a period begins and ends in the log, by the clock and as far as it was known.

A period holds what occurred in it, by its sources' clocks, of what the log had up to a position
(``known_at``). What is appended later and occurred in it is a late fact: it changes what a
statement drawn later says, which is a restatement, and never one that was drawn before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clearing.audit import Moment, resolve_moment
from clearing.audit.load import Histories
from clearing.books.calendar import Period
from clearing.events.fields import from_microseconds
from clearing.log import Connection

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Drawn:
    """On what a statement was drawn; none of it is among its figures.

    Facts count up to log position ``known_at``. ``opening_position`` and ``closing_position`` are
    the last positions that count at either end; with ``late_facts`` among what had happened by the
    end, facts are folded where they occurred and not where they stand. ``complete`` says that by
    ``known_at`` something had occurred at or after the end (``last_fact`` at the latest), so that
    whatever belongs to the period and comes later is a late fact. ``log_root`` is the Merkle root
    of the first ``log_size`` events, the smallest recorded tree that has ``known_at`` in it.
    """

    known_at: int
    opening_position: int
    closing_position: int
    late_facts: int
    complete: bool
    last_fact: datetime
    log_size: int
    log_root: str
    engine_version: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The two moments of a period, and on what they were found."""

    period: Period
    opening: Moment
    closing: Moment
    drawn: Drawn


def cut(connection: Connection, period: Period, known_at: int | None = None) -> Cut:
    """Return where ``period`` begins and ends of what was known at a position (now, if None).

    Raises :class:`~clearing.audit.MomentUnclear` for a position that is not projected.
    """
    now = resolve_moment(connection, at=known_at)
    moments = [
        resolve_moment(
            connection,
            generation=now.generation.number,
            occurred=moment - _TICK,
            known_at=now.position,
        )
        for moment in (period.begins, period.ends)
    ]
    latest = from_microseconds(Histories(connection, now).latest_time())
    receipt = connection.execute(
        "SELECT tree_size, encode(root, 'hex') FROM clearing.log_receipt"
        " WHERE last_position >= %s ORDER BY last_position, batch LIMIT 1",
        (now.position,),
    ).fetchone()
    opening, closing = moments
    drawn = Drawn(
        now.position,
        opening.position,
        closing.position,
        0 if closing.reordered is None else closing.reordered.late_facts,
        latest >= period.ends,
        latest,
        0 if receipt is None else int(receipt[0]),
        "" if receipt is None else str(receipt[1]),
        now.generation.engine_version,
    )
    return Cut(period, opening, closing, drawn)
