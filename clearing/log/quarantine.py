"""Input that could not become an event, kept with where it was and why it was refused."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from clearing.events.canonical import canonical_json
from clearing.log.head import Connection, may_assume

MAX_CONTENT = 4096
"""The most characters of a refused line that are kept."""

_LOCK: Final = 0x636C6571  # one number for "lines are being kept", within the advisory locks


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused line: file, line number, the field's path and value, the reason, the line."""

    file: str
    line: int
    field: str
    value: str
    reason: str
    content: str


@dataclass(frozen=True, slots=True)
class Quarantined(Refused):
    """A refused line as it is kept: its number and when it came."""

    id: int
    recorded_at: datetime


def keep(connection: Connection, refused: Iterable[Refused]) -> int:
    """Keep refused lines and return how many were not kept already.

    The same line of the same file refused for the same reason is kept once, however often it is
    read again.
    """
    kept = 0
    with connection.transaction():
        if may_assume(connection, "clearing_appender"):
            connection.execute("SET LOCAL ROLE clearing_appender")
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_LOCK,))
        for item in refused:
            values = (
                _storable(item.file),
                item.line,
                _storable(item.field),
                _storable(item.value),
                _storable(item.reason),
                _storable(item.content),
            )
            cursor = connection.execute(
                "INSERT INTO clearing.quarantine"
                " (file, line, field, value, reason, content, fingerprint)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (fingerprint) DO NOTHING",
                (*values, fingerprint(values)),
            )
            kept += cursor.rowcount
    return kept


def fingerprint(values: Sequence[str | int]) -> bytes:
    """Return what a line is known by: SHA-256 of file, line, field, value, reason and content."""
    return hashlib.sha256(canonical_json(list(values)).encode()).digest()


def await_keepers(connection: Connection) -> None:
    """Wait, within a transaction, until nobody is keeping lines; whoever would waits for its end.

    Then no line can appear any more under a number below those that are seen.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def quarantined(connection: Connection, limit: int = 1000) -> list[Quarantined]:
    """Return the latest kept lines, newest first."""
    with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        return cursor.execute(
            "SELECT file, line, field, value, reason, content, id, recorded_at"
            " FROM clearing.quarantine ORDER BY id DESC LIMIT %s",
            (limit,),
        ).fetchall()


def _storable(text: str) -> str:
    """Return ``text`` cut to size, with what Postgres cannot store written as an escape."""
    clean = text[:MAX_CONTENT].replace("\x00", "\\x00")
    return clean.encode("utf-8", "backslashreplace").decode("utf-8")
