"""The rulebook behind a working: which one was in force, who says so, and which of its clauses."""

import json
from dataclasses import dataclass, replace
from typing import Any

from clearing.audit.explain.nodes import Node, Source, Subject
from clearing.audit.explain.sources import Sources
from clearing.engine.book import Book
from clearing.engine.scope import Scope
from clearing.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Clause:
    """The rulebook in force: its name and version, the event that adopted it, its citations."""

    rulebook: str
    document_sha256: str
    confidence: str
    citations: tuple[str, ...]
    adopted: Source


def clause_of(sources: Sources, rulebook: Rulebook | None) -> Clause | None:
    """Return the rulebook in force with the event that adopted it; None where there is none."""
    if rulebook is None:
        return None
    found = sources.find("rule", Subject(0, 0, rulebook.asset))
    if not found:
        return None
    event = _adopted(sources, found[0].log_position)
    return Clause(
        f"{rulebook.name}@{rulebook.version}",
        rulebook.sha256,
        str(event.get("confidence", "")),
        tuple(event.get("citations", ())),
        found[0],
    )


def _adopted(sources: Sources, position: int) -> dict[str, Any]:
    row = sources.histories.connection.execute(
        "SELECT detail::json->>'confidence', detail::json->'citations' FROM clearing.log"
        " WHERE position = %s",
        (position,),
    ).fetchone()
    return {} if row is None else {"confidence": row[0], "citations": row[1] or ()}


class Paths:
    """The paths in its rulebook of what a rung of a scope's ladder and its waterfall say."""

    def __init__(self, book: Book, scope: Scope, rung: int) -> None:
        self._prefixes: dict[str, str] = {}
        rulebook = book.assets[scope.asset].rulebook
        if rulebook is None:
            return
        document = json.loads(book.documents[rulebook.sha256])
        account_class = book.registry.account(scope.account).account_class
        for binding in document["bindings"]:
            if binding["account_class"] == account_class:
                self._prefixes = {
                    "rung.": f"ladders.{binding.get('ladder')}.{rung - 1}.",
                    "waterfall.": f"waterfalls.{binding.get('waterfall')}.",
                }

    def whole(self, node: Node) -> Node:
        """Return a working whose notes name clauses by their whole path."""
        note = node.note
        for beginning, path in self._prefixes.items():
            if note.startswith(beginning):
                note = path + note.removeprefix(beginning)
        return replace(node, note=note, inputs=tuple(self.whole(child) for child in node.inputs))
