"""Evidence in one archive: the events, the state before them, proofs, rules, figures, a report.

A pack is a ZIP file of texts. ``manifest.json`` has the SHA-256 of every other file, and says what
the pack is about. Nothing in it needs a network or a database to be checked.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clearing.audit.checkpointing import CheckpointRefused
from clearing.audit.evidence.pseudonyms import Pseudonyms
from clearing.audit.evidence.reading import rows_of
from clearing.audit.evidence.report import report_html
from clearing.audit.evidence.running import Figures, figures_of
from clearing.audit.load import Histories
from clearing.audit.losses import declared
from clearing.audit.moments import Moment
from clearing.audit.replay.running import engine_at
from clearing.engine import ENGINE_VERSION, Engine
from clearing.engine.content import Content
from clearing.events import EventRow, Kind, pack
from clearing.log import Connection, Stored, read_log
from clearing.log.notes import Verifier, encoded
from clearing.log.proving import consistency_path, inclusion_path
from clearing.log.tiles import TileStore
from clearing.projectors import checked, log_resolver

FORMAT: Final = 1
"""The number of the archive's form."""

_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_REFERRING: Final = {
    Kind.Reversed: "target",
    Kind.DepositConfirmed: "deposit",
    Kind.Marked: "amends",
}


@dataclass(frozen=True, slots=True)
class PackMade:
    """A pack that was written: its file, the account, the events from one position to another.

    ``proven`` says whether a checkpoint and proofs are in it; ``named`` whether other accounts
    stand under their names; ``sha256`` is the archive's own.
    """

    file: str
    account: str
    since: int
    upto: int
    events: int
    proven: bool
    named: bool
    sha256: str


def make_pack(
    connection: Connection,
    account: str,
    moment: Moment,
    path: Path,
    *,
    since: int | None = None,
    store: TileStore | None = None,
    verifier: Verifier | None = None,
    names: bool = False,
) -> PackMade:
    """Write the evidence about an account up to ``moment``, from position ``since`` on.

    By default from the first event that touched it. With a ``store`` whose latest checkpoint covers
    the moment it has the proofs that these are the log's events. Raises
    :class:`~clearing.audit.NameUnknown`, :class:`FileExistsError`, and
    :class:`~clearing.audit.CheckpointRefused` if the store's leaves are not the log's.
    """
    histories = Histories(connection, moment)
    ordinal = declared(histories.registry, account, moment)
    if since is not None and not 1 <= since <= moment.position:
        raise ValueError(
            f"since is {since}; the events are those of log positions 1 to {moment.position}"
        )
    first = since or _first(histories, ordinal)
    start = engine_at(connection, moment, first - 1)
    gathered = _Gathered(connection, start, moment.position, account, names=names)
    files = gathered.files()
    proofs = None if store is None else _proofs(store, gathered)
    if proofs is not None:
        files["log.json"] = _json(proofs)
        if verifier is not None:
            files["verifier"] = verifier.text() + "\n"
    figures = gathered.figures
    files["figures.json"] = _json(figures)
    files["report.html"] = report_html(figures, proven=proofs is not None)
    about = {
        "format": FORMAT,
        "question": "what happened to an account, on what, and by which rules",
        "account": account,
        "since": first,
        "upto": moment.position,
        "engine_version": ENGINE_VERSION,
        "generation": moment.generation.number,
        "names": "as they are" if names else "pseudonyms, but for the account and whom rules name",
    }
    _write(path, about, files)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    count = moment.position - first + 1
    return PackMade(
        str(path), account, first, moment.position, count, proofs is not None, names, digest
    )


def _first(histories: Histories, ordinal: int) -> int:
    """Return the first position with a posting or a position of the account."""
    found = histories.rows(
        "SELECT least((SELECT min(position) FROM {posting} WHERE ledger = 'account'"
        " AND ordinal = %(account)s AND position <= %(position)s),"
        " (SELECT min(position) FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = %(account)s AND position <= %(position)s))",
        ["posting", "position_history"],
        account=ordinal,
    )
    return histories.moment.position if found[0][0] is None else int(found[0][0])


class _Gathered:
    """What a pack is made of, gathered in one pass over its events."""

    def __init__(
        self, connection: Connection, start: Engine, upto: int, account: str, *, names: bool
    ) -> None:
        self._connection = connection
        self.since, self.upto = start.position, upto
        self.leaves: list[bytes] = []
        self._documents = dict(start.book.documents)
        self._rows = list(self._read(upto))
        self._pseudonyms = None if names else self._masks(start, account)
        self._hidden: set[int] = set()
        self._opened = start.book.registry.counts()[3]
        self._state = start.snapshot()
        self._referred: dict[int, EventRow] = {}
        self._lines = [self._line(row) for row in self._rows]
        self._earlier = [self._line(row, earlier=True) for _, row in sorted(self._referred.items())]
        self._masked = start.snapshot() if self._pseudonyms is None else self._hide(self._state)
        rows, resolver = rows_of(self._lines, self._earlier)
        engine = Engine.restore(self._masked, resolver=resolver)
        self.figures: Figures = figures_of(engine, rows, account)

    def _read(self, upto: int) -> Iterator[EventRow]:
        for stored in read_log(self._connection, after=self.since, upto=upto):
            yield from self._noted(stored)

    def _noted(self, stored: list[Stored]) -> Iterator[EventRow]:
        self.leaves += [leaf for _, leaf in stored]
        for row in checked(stored):
            if row.kind == Kind.RulebookAdopted:
                told = json.loads(row.detail)
                self._documents[told["document_sha256"]] = json.dumps(told["document"])
            yield row

    def _masks(self, start: Engine, account: str) -> Pseudonyms:
        names = dict(start.book.registry.account_ordinals)
        for row in self._rows:
            if row.kind == Kind.AccountOpened:
                names[json.loads(row.detail)["name"]] = len(names) + 1
        return Pseudonyms(names, self._documents.values(), account)

    def _hide(self, state: str) -> str:
        return state if self._pseudonyms is None else self._pseudonyms.snapshot(state)

    def _line(self, row: EventRow, *, earlier: bool = False) -> dict[str, Any]:
        """Return an event as the pack has it: its content, or its row without names."""
        opened = 0
        if row.kind == Kind.AccountOpened and not earlier:
            self._opened += 1
            opened = self._opened
        hidden = self._pseudonyms is not None and self._pseudonyms.hides(row, opened)
        hidden = self._refer(row) or hidden
        line: dict[str, Any] = {"position": row.position}
        if not earlier:
            line["leaf"] = self.leaves[row.position - self.since - 1].hex()
        if hidden and self._pseudonyms is not None:
            self._hidden.add(row.position)
            line["row"] = list(self._pseudonyms.row(row, opened).values())
        else:
            line["content"] = encoded(pack(row))
        return line

    def _refer(self, row: EventRow) -> bool:
        """Keep the event that this one refers to; whether it is one that is hidden."""
        field = _REFERRING.get(Kind(row.kind))
        if field is None:
            return False
        source, external_id = Content(row).reference(field)
        target = log_resolver(self._connection)(source, external_id) if source else None
        if target is None or target.position >= row.position:
            return False
        if target.position <= self.since:
            self._referred[target.position] = target
            return self._pseudonyms is not None and self._pseudonyms.hides(target, 0)
        return target.position in self._hidden

    @property
    def earlier(self) -> list[int]:
        """The positions of the earlier events that are in the pack."""
        return sorted(self._referred)

    def files(self) -> dict[str, str]:
        """Return the pack's files but for proofs, figures and report."""
        rules = {
            f"rulebooks/{sha256}.json": document + "\n"
            for sha256, document in sorted(self._documents.items())
        }
        return {
            "state.json": self._masked,
            "events.jsonl": "".join(_json(line) for line in self._lines),
            "earlier.jsonl": "".join(_json(line) for line in self._earlier),
            **rules,
        }


def _proofs(store: TileStore, gathered: _Gathered) -> dict[str, Any] | None:
    """Return what proves the events to be the log's, if the latest checkpoint covers them."""
    sizes = [size for size in store.sizes() if size >= gathered.upto]
    if not sizes:
        return None
    if store.leaves(gathered.since, gathered.upto) != gathered.leaves:
        raise CheckpointRefused(
            f"the events from log position {gathered.since + 1:,} are not those of the checkpoints"
        )
    size, peaks, begin = sizes[-1], [], 0
    for level in range(gathered.since.bit_length() - 1, -1, -1):
        if gathered.since >> level & 1:
            peaks.append(encoded(store.subtree(level, begin >> level)))
            begin += 1 << level
    path = [encoded(one) for one in consistency_path(store.subtree, gathered.upto, size)]
    return {
        "since": gathered.since,
        "peaks": peaks,
        "growth": path,
        "earlier": {
            str(position): {
                "leaf": store.leaf(position - 1).hex(),
                "path": [encoded(one) for one in inclusion_path(store.subtree, position - 1, size)],
            }
            for position in gathered.earlier
        },
        "checkpoint": store.checkpoint(size),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _write(path: Path, about: dict[str, Any], files: dict[str, str]) -> None:
    """Write the archive: the same contents give the same bytes."""
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    manifest = json.dumps({**about, "files": hashes}, indent=2, ensure_ascii=False) + "\n"
    with path.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("manifest.json", manifest), *sorted(files.items())):
            entry = zipfile.ZipInfo(name, _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
