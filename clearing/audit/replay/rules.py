"""Overridden rulebooks: as they were adopted but for some paths, or another one in their place."""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from clearing.audit.replay.document import RulebookOverride, ScenarioRefused
from clearing.audit.replay.scene import AUTHOR, Change, Scene, Window
from clearing.events import EventRow, Kind
from clearing.events.canonical import normalise_document
from clearing.rulebook import RulebookRefused, compile_rulebook
from clearing.rulebook.paths import PathUnknown, put, remove

_MARK = "+scenario"
_LONGEST = 64


class Rules(Change):
    """One override of an asset's rulebook at work."""

    kinds = frozenset({int(Kind.RulebookAdopted)})

    def __init__(self, override: RulebookOverride, where: str, window: Window) -> None:
        super().__init__(where, window, (window[0],))
        self._override = override

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return the adoption of the rulebook in force, and of scheduled ones, changed."""
        book, name = scene.scenario.book, self._override.asset
        ordinal = scene.registry.asset_ordinals.get(name, 0)
        if not ordinal:
            problem = f"{self.where}.asset: {name!r} is not declared at {self.window[0]}"
            raise ScenarioRefused(scene.name, [problem])
        rulebook = book.assets[ordinal].rulebook
        rows = []
        if self._override.document is not None:
            rows.append(self._adopted(scene, self._override.document, "scenario", "1"))
            book.scheduled = [p for p in book.scheduled if p.rulebook.asset != ordinal]
            return rows
        if rulebook is not None:
            document = json.loads(book.documents[rulebook.sha256])
            rows.append(self._adopted(scene, document, rulebook.name, rulebook.version))
        scheduled = [p for p in book.scheduled if p.rulebook.asset == ordinal]
        book.scheduled = [p for p in book.scheduled if p.rulebook.asset != ordinal]
        for pending in scheduled:
            document = json.loads(book.documents[pending.rulebook.sha256])
            names = (pending.rulebook.name, pending.rulebook.version)
            rows.append(self._adopted(scene, document, *names, effective=pending.effective))
        return rows

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return a later adoption, changed in the same way."""
        document = json.loads(row.detail)["document"]
        if document.get("settlement_asset") != self._override.asset:
            return row
        if self._override.document is not None:
            return None

        def change(event: dict[str, Any]) -> dict[str, Any]:
            changed = self._changed(scene, event["document"])
            version = (event["version"] + _MARK)[-_LONGEST:]
            return {**event, "document": changed, "document_sha256": "", "version": version}

        return scene.changed(row, change)

    def _adopted(
        self,
        scene: Scene,
        document: dict[str, Any],
        name: str,
        version: str,
        effective: int | None = None,
    ) -> EventRow:
        event: dict[str, Any] = {
            "kind": "RulebookAdopted",
            "external_id": f"scenario {self.where} {effective or ''}".strip(),
            "name": name,
            "version": (version + _MARK)[-_LONGEST:],
            "document": self._changed(scene, document),
            "author": AUTHOR,
            "approver": AUTHOR,
            "reason": self.where,
        }
        if effective is not None:
            event["effective_position"] = effective
        return scene.row(self.where, event)

    def _changed(self, scene: Scene, document: dict[str, Any]) -> dict[str, Any]:
        """Return a document with the paths changed, having seen that it can be adopted."""
        changed = deepcopy(document)
        try:
            for path, value in self._override.set.items():
                put(changed, path, normalise_document(value, f"set.{path}"))
            for path in self._override.remove:
                remove(changed, path)
            compile_rulebook(changed, scene.registry, name="scenario", version="1", sha256="")
        except RulebookRefused as refused:
            problems = [f"{self.where}: {problem}" for problem in refused.problems]
            raise ScenarioRefused(scene.name, problems) from refused
        except (PathUnknown, ValueError) as wrong:
            problem = f"{self.where}: at log position {scene.position}: {wrong}"
            raise ScenarioRefused(scene.name, [problem]) from wrong
        return changed
