"""What one connection has read of the log and need not read again.

Declarations and rulebooks never change once they are in the log, and reading them is most of the
work of a small question. They are kept for as long as the connection lives.
"""

from typing import Any
from weakref import WeakKeyDictionary

from clearing.audit.rulebooks import document_of
from clearing.events import Registry
from clearing.log import Connection, load_registry
from clearing.rulebook import Rulebook, compile_rulebook

_Key = tuple[str, str, str, int]


class Known:
    """Declarations as of the last position asked about, and compiled rulebooks.

    Whoever gets a registry or a rulebook from here must not change it.
    """

    def __init__(self) -> None:
        self._declared = -1
        self._registry = Registry()
        self._rulebooks: dict[_Key, Rulebook] = {}
        self._documents: dict[str, dict[str, Any]] = {}

    def registry(self, connection: Connection, position: int) -> Registry:
        """Return what was declared by ``position``."""
        declared = _last_declaration(connection, position)
        if declared != self._declared:
            self._registry = load_registry(connection, declared)
            self._declared = declared
        return self._registry

    def rulebook(
        self,
        connection: Connection,
        registry: Registry,
        position: int,
        name: str,
        version: str,
        sha256: str,
        scenario: str = "",
    ) -> Rulebook:
        """Return an adopted rulebook, compiled against ``registry``.

        ``scenario`` is the schema of a scenario's generation, if it may be one of that's own.
        """
        # Names are only ever added, so a registry is known by how many it has.
        key = (name, version, sha256, sum(registry.counts()))
        found = self._rulebooks.get(key)
        if found is None:
            document = self._documents.get(sha256)
            if document is None:
                document = document_of(connection, sha256, position, scenario)
                self._documents[sha256] = document
            found = compile_rulebook(document, registry, name=name, version=version, sha256=sha256)
            self._rulebooks[key] = found
        return found


_known: "WeakKeyDictionary[Connection, Known]" = WeakKeyDictionary()


def known(connection: Connection) -> Known:
    """Return what this connection has read already."""
    return _known.setdefault(connection, Known())


def _last_declaration(connection: Connection, position: int) -> int:
    row = connection.execute(
        "SELECT max(position) FROM clearing.log WHERE kind <= 4 AND position <= %s", (position,)
    ).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])
