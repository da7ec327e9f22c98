"""Reading: the log in order, without holes, as fast as Postgres sends it, and as it grows."""

import time
from collections.abc import Iterator
from typing import Final

from clearing.events import EventRow
from clearing.log.append import BATCH, CHANNEL
from clearing.log.head import Connection, read_head
from clearing.log.wire import COLUMNS, read_copy

Stored = tuple[EventRow, bytes]
"""A row and its leaf."""

_POLL_SECONDS: Final = 1


class LogHole(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """A position that must exist does not: the log was tampered with or is damaged."""


def read_log(
    connection: Connection, *, after: int = 0, upto: int | None = None, batch: int = BATCH
) -> Iterator[list[Stored]]:
    """Yield the stored events after position ``after``, up to ``upto`` or the present end.

    Each list is the next up to ``batch`` events. Raises :class:`LogHole` where one is missing.
    """
    last = read_head(connection).position
    if upto is not None:
        last = min(last, upto)
    query = (
        f"COPY (SELECT {COLUMNS} FROM clearing.log"  # noqa: S608 - constant columns
        " WHERE position > %s AND position <= %s ORDER BY position) TO STDOUT (FORMAT BINARY)"
    )
    while after < last:
        end = min(after + batch, last)
        with connection.cursor() as cursor, cursor.copy(query, (after, end)) as copy:
            rows = read_copy(b"".join(copy))
        for expected, (row, _) in enumerate(rows, start=after + 1):
            if row.position != expected:
                raise LogHole(f"log position {expected} is missing; {row.position} follows")
        if len(rows) != end - after:
            raise LogHole(f"log position {after + len(rows) + 1} is missing; the head is at {last}")
        yield rows
        after = end


def read_rows(connection: Connection, positions: list[int]) -> list[Stored]:
    """Return the stored events at some positions, in order of position.

    Raises :class:`LogHole` where one is missing.
    """
    query = (
        f"COPY (SELECT {COLUMNS} FROM clearing.log WHERE position = ANY(%s)"  # noqa: S608 - constant columns
        " ORDER BY position) TO STDOUT (FORMAT BINARY)"
    )
    with connection.cursor() as cursor, cursor.copy(query, (positions,)) as copy:
        rows = read_copy(b"".join(copy))
    missing = sorted(set(positions) - {row.position for row, _ in rows})
    if missing:
        raise LogHole(f"log position {missing[0]} is missing")
    return rows


def follow_log(
    connection: Connection, *, after: int = 0, batch: int = BATCH, idle_seconds: float | None = None
) -> Iterator[list[Stored]]:
    """Yield what is stored after ``after`` and then whatever is appended, as it is committed.

    NOTIFY only wakes the reader up; it looks at the head every second anyway. Stops after
    ``idle_seconds`` without anything new, or never. The connection must be in autocommit mode.
    """
    connection.execute(f"LISTEN {CHANNEL}")
    quiet_since = time.monotonic()
    while True:
        for rows in read_log(connection, after=after, batch=batch):
            after = rows[-1][0].position
            quiet_since = time.monotonic()
            yield rows
        if idle_seconds is not None and time.monotonic() - quiet_since >= idle_seconds:
            return
        wait = _POLL_SECONDS if idle_seconds is None else min(_POLL_SECONDS, idle_seconds)
        for _ in connection.notifies(timeout=wait, stop_after=1):
            pass


def position_recorded_by(connection: Connection, recorded_at: int) -> int:
    """Return the last position recorded at or before a time in microseconds (0: none)."""
    row = connection.execute(
        "SELECT coalesce(max(last_position), 0) FROM clearing.log_receipt WHERE recorded_at <= %s",
        (recorded_at,),
    ).fetchone()
    return int(row[0]) if row else 0
