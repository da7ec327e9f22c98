"""Rulebooks as the log has them: what was adopted, by whom and why, and from when to when it held.

A rulebook holds from the position at which it took effect to the position before the next one of
its settlement asset did.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from clearing.audit.moments import Moment
from clearing.events.fields import from_microseconds
from clearing.log import Connection, load_registry
from clearing.projectors import schema_of


class RulebookUnknown(ValueError):  # noqa: N818 - reads as the statement that it is
    """The log has no such rulebook; the message says which ones it has."""


@dataclass(frozen=True, slots=True)
class RulebookView:
    """One adoption.

    ``status``: ``in_force``, ``scheduled`` (adopted for a later position), ``replaced``, or
    ``refused`` (it never took effect: the deviations say why). ``since`` and ``until`` are the
    first and last position at which it held, None where there is none (yet).
    """

    name: str
    version: str
    settlement_asset: str
    document_sha256: str
    status: str
    adopted: int
    occurred_at: datetime
    since: int | None
    until: int | None
    author: str
    approver: str
    reason: str
    confidence: str
    citations: tuple[str, ...]


def rulebooks(connection: Connection, moment: Moment) -> list[RulebookView]:
    """Return every adoption up to a moment, in order of the log."""
    return [view for view, _ in _adoptions(connection, moment)]


def rulebook(
    connection: Connection, name: str, version: str | None, moment: Moment
) -> tuple[RulebookView, dict[str, Any]]:
    """Return the latest adoption of a rulebook, and its document.

    Raises :class:`RulebookUnknown` where there is none of that name (and version).
    """
    known = _adoptions(connection, moment)
    for view, document in reversed(known):
        if view.name == name and version in (None, view.version):
            return view, document
    names = sorted({f"{view.name}@{view.version}" for view, _ in known})
    wanted = name if version is None else f"{name}@{version}"
    have = f"it has {', '.join(names)}" if names else "it has none"
    raise RulebookUnknown(f"the log has no rulebook {wanted!r} at {moment.position}; {have}")


def document_of(
    connection: Connection, sha256: str, position: int, scenario: str = ""
) -> dict[str, Any]:
    """Return the document of that hash, adopted by ``position``; else :class:`RulebookUnknown`.

    ``scenario`` is the schema of a scenario's generation, which may have documents of its own.
    """
    if scenario:
        query = sql.SQL("SELECT document FROM {} WHERE sha256 = %s")
        name = sql.Identifier(scenario, "document")
        own = connection.execute(query.format(name), (sha256,)).fetchone()
        if own is not None:
            changed: dict[str, Any] = json.loads(own[0])
            return changed
    rows = connection.execute(
        "SELECT detail FROM clearing.log WHERE kind = 5 AND position <= %s ORDER BY position",
        (position,),
    )
    for (detail,) in rows:
        told = json.loads(detail)
        if told["document_sha256"] == sha256:
            document: dict[str, Any] = told["document"]
            return document
    raise RulebookUnknown(f"the log has no rulebook with hash {sha256} at {position}")


def _adoptions(connection: Connection, moment: Moment) -> list[tuple[RulebookView, dict[str, Any]]]:
    entries = sql.Identifier(schema_of(moment.generation.number), "rulebook")
    query = sql.SQL(
        "SELECT asset, name, version, document_sha256, status, position FROM {}"
        " WHERE position <= %s ORDER BY position, line"
    )
    stated = connection.execute(query.format(entries), (moment.of_log(),)).fetchall()
    registry = load_registry(connection)
    found = []
    rows = connection.execute(
        "SELECT position, occurred_at, detail FROM clearing.log"
        " WHERE kind = 5 AND position <= %s ORDER BY position",
        (moment.position,),
    )
    for position, occurred_at, detail in rows.fetchall():
        told = json.loads(detail)
        key = (told["name"], told["version"], told["document_sha256"])
        asset = told["document"].get("settlement_asset", "")
        ordinal = registry.asset_ordinals.get(str(asset), 0)
        status, since, until = _course(stated, ordinal, key, position)
        view = RulebookView(
            *key[:2],
            str(asset),
            key[2],
            status,
            position,
            from_microseconds(occurred_at),
            since,
            until,
            told["author"],
            told["approver"],
            told["reason"],
            told["confidence"],
            tuple(told.get("citations", ())),
        )
        found.append((view, told["document"]))
    return found


def _course(
    stated: list[Any], asset: int, key: tuple[str, str, str], adopted: int
) -> tuple[str, int | None, int | None]:
    """Return status, first and last position of what was adopted at ``adopted``."""
    mine = [row for row in stated if tuple(row[1:4]) == key and row[5] >= adopted]
    since = next((row[5] for row in mine if row[4] == "in_force"), None)
    if since is None:
        scheduled = any(row[4] == "scheduled" for row in mine)
        return ("scheduled" if scheduled else "refused"), None, None
    later = (row[5] for row in stated if row[0] == asset and row[4] == "in_force")
    after = next((position for position in later if position > since), None)
    if after is None:
        return "in_force", since, None
    return "replaced", since, after - 1
