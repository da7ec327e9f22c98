"""Other people's names in a pack: taken out, so that the fold still is the same.

The fold knows accounts by ordinal. Names of others stand in their declarations, and in texts and
identifiers of events that only concern them; these become ordinals and positions. What rulebooks
name (funds, keepers) keeps its name, since rules are found by it.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from clearing.events import EventRow, Kind
from clearing.events.canonical import canonical_json

_TEXTS: Final = ("author", "approver", "reason", "description", "owner", "category")
_REFERENCES: Final = ("amends", "deposit", "reference", "target")
_WITHHELD: Final = "withheld"


class Pseudonyms:
    """Whose names stand: those in ``kept`` (ordinals). Everybody else is ``account-<ordinal>``."""

    def __init__(self, names: dict[str, int], documents: Iterable[str], subject: str) -> None:
        said: set[str] = set()
        for document in documents:
            _gather(json.loads(document), said)
        self.kept = {ordinal for name, ordinal in names.items() if name in said or name == subject}

    def snapshot(self, text: str) -> str:
        """Return a snapshot with other people's names taken out of its registry."""
        document = json.loads(text)
        ordinal = 0
        for declared in document["book"]["registry"]:
            if declared[0] == Kind.AccountOpened:
                ordinal += 1
                if ordinal not in self.kept:
                    declared[3] = _declaration(declared[3], ordinal)
        return canonical_json(document)

    def hides(self, row: EventRow, opened: int) -> bool:
        """Whether an event concerns others alone; ``opened`` is an account's ordinal, else 0."""
        if row.kind == Kind.AccountOpened:
            return opened not in self.kept
        named = {ordinal for ordinal in (row.account, row.contra) if ordinal}
        if row.kind in (Kind.MarketDeclared, Kind.AssetDeclared, Kind.SourceDeclared):
            return False
        unknown = '"unknown"' in row.detail
        return unknown or (bool(named) and not named & self.kept)

    def row(self, row: EventRow, opened: int) -> EventRow:
        """Return an event without what tells whose it is."""
        other = row.copy()
        other.external_id = pseudonym(row.source, row.external_id)
        other.trade_id = row.trade_id and _short(row.trade_id)
        if row.kind == Kind.AccountOpened:
            other.detail = canonical_json(_declaration(json.loads(row.detail), opened))
        elif row.detail:
            other.detail = canonical_json(_withheld(json.loads(row.detail)))
        return other


def _declaration(told: dict[str, Any], ordinal: int) -> dict[str, Any]:
    """Return what opens an account, without its name and owner."""
    kept = {field: value for field, value in told.items() if field != "owner"}
    return {**kept, "name": f"account-{ordinal}"}


def pseudonym(source: int, external_id: str) -> str:
    """Return what stands for an identity, the same wherever it is named."""
    return _short(f"{source}/{external_id}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _withheld(detail: dict[str, Any]) -> dict[str, Any]:
    """Return an event's rarer content without texts and names; references stay references."""
    found: dict[str, Any] = {}
    for name, value in detail.items():
        if name in _TEXTS:
            found[name] = _WITHHELD
        elif name in _REFERENCES:
            source, external_id = value
            found[name] = [source, pseudonym(source, external_id)]
        elif name == "unknown":
            found[name] = {field: _short(str(told)) for field, told in value.items()}
        else:
            found[name] = value
    return found


def _gather(value: Any, into: set[str]) -> None:
    if isinstance(value, str):
        into.add(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            into.add(key)
            _gather(inner, into)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, into)
