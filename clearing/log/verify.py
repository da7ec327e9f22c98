"""Verifying what is stored: content against hashes, positions against density, roots against all.

Every inconsistency is reported, not only the first. What a superuser changed with triggers off
shows here as long as the roots it must match are kept somewhere it could not reach.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.rows import namedtuple_row

from clearing.events import EventRow, Registry, pack
from clearing.events.canonical import canonical_json
from clearing.log.annexes import contradicted, leaf_of_receipt, refused_rows
from clearing.log.checkpoints import Annex
from clearing.log.head import (
    Connection,
    Head,
    HeadMissing,
    load_registry,
    may_assume,
    read_head,
)
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.read import Stored
from clearing.log.wire import COLUMNS, read_copy

_BATCH: Final = 10_000
_SHOWN: Final = 100


@dataclass(slots=True)
class Findings:
    """What verification found: how many inconsistencies, and the first hundred.

    ``events`` were read, and so many lines in quarantine ``refused``.
    """

    events: int = 0
    refused: int = 0
    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Note an inconsistency."""
        self.count += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(text)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0


@dataclass(frozen=True, slots=True)
class Witness:
    """What is known of the log outside the database: ``roots`` by size, and leaves.

    ``leaves(first, last)`` gives those of the first ``size`` from one index up to another (from 0);
    ``receipts`` and ``quarantine`` what is known of these, by the name of whoever says it.
    """

    roots: Mapping[int, bytes]
    size: int
    leaves: Callable[[int, int], list[bytes]]
    receipts: Mapping[str, Annex] = field(default_factory=dict)
    quarantine: Mapping[str, Annex] = field(default_factory=dict)


_NOTHING: Final = Witness({}, 0, lambda *_: [])


def verify_log(
    connection: Connection,
    progress: Callable[[int], None] | None = None,
    witness: Witness | None = None,
) -> Findings:
    """Check every stored event, identity and receipt, and the head, against each other.

    With a ``witness`` also against what it knows. One consistent state is read, however long it
    takes and whatever is appended meanwhile.
    """
    findings = Findings()
    witness = witness or _NOTHING
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        head = _head(connection, findings)
        receipts = _receipts(connection)
        registry = _registry(connection, findings)
        events = _Events(registry, receipts, findings, witness)
        frontier = events.verify(connection, progress)
        if head is not None:
            counts = None if registry is None else registry.counts()
            _verify_head(head, events.last, frontier, receipts, counts, findings)
        _verify_receipts(receipts, witness, findings)
        _verify_identities(connection, findings)
        _verify_partitions(connection, head, findings)
        _verify_quarantine(connection, witness, findings)
    return findings


def _head(connection: Connection, findings: Findings) -> Head | None:
    try:
        return read_head(connection)
    except HeadMissing as missing:
        findings.add(f"head: {missing}")
        return None


def _receipts(connection: Connection) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute("SELECT * FROM clearing.log_receipt ORDER BY batch").fetchall()


def _registry(connection: Connection, findings: Findings) -> Registry | None:
    try:
        return load_registry(connection)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        findings.add(f"declarations: cannot be read: {error!r}")
        return None


class _Events:
    """Re-hashes every row in order, and compares the tree and the times with each receipt."""

    def __init__(
        self,
        registry: Registry | None,
        receipts: list[Any],
        findings: Findings,
        witness: Witness,
    ) -> None:
        self.last = 0
        self._registry = registry
        self._witness = witness
        self._receipts = {receipt.last_position: receipt for receipt in receipts}
        self._findings = findings
        self._frontier = Frontier()
        self._first, self._leaves = 0, list[bytes]()
        # By source ordinal, or by the identity of a source that declares itself.
        self._times: dict[int | str, list[int]] = {}

    def verify(self, connection: Connection, progress: Callable[[int], None] | None) -> Frontier:
        """Look at all events, note the position of the last, and return the tree over them."""
        findings, expected = self._findings, 1
        for rows in _all_rows(connection):
            for row, leaf in rows:
                if row.position != expected:
                    findings.add(f"log position {expected}: missing; {row.position} follows")
                    expected = row.position
                expected += 1
                self._event(row, leaf)
                self._root()
                receipt = self._receipts.get(self._frontier.size)
                if receipt is not None:
                    self._receipt(receipt)
            if progress is not None:
                progress(findings.events)
        self.last = expected - 1
        for size in sorted(self._witness.roots):
            if size > self._frontier.size:
                findings.add(f"checkpoint of {size:,} events: the log has {self._frontier.size:,}")
        return self._frontier

    def _root(self) -> None:
        """Compare the root, where a checkpoint of this size is kept."""
        size = self._frontier.size
        root = self._witness.roots.get(size)
        if root is not None and root != self._frontier.root():
            self._findings.add(
                f"checkpoint of {size:,} events: root is {root.hex()}, the events give"
                f" {self._frontier.root().hex()}"
            )

    def _event(self, row: EventRow, leaf: bytes) -> None:
        self._findings.events += 1
        content = packed_leaf(row)
        if content != leaf:
            self._findings.add(f"log position {row.position}: content and leaf differ")
        kept = self._kept(row.position - 1)
        if kept is not None and kept != content:
            self._findings.add(
                f"log position {row.position}: is not the event that the checkpoints have there"
            )
        self._frontier.append(leaf if content is None else content)
        source: int | str = row.source or row.detail
        self._times.setdefault(source, []).append(row.occurred_at)

    def _kept(self, index: int) -> bytes | None:
        """Return the leaf of that index, from 0, that is kept outside the database, if any."""
        if not 0 <= index < self._witness.size:
            return None
        if not self._first <= index < self._first + len(self._leaves):
            self._first = index
            self._leaves = self._witness.leaves(index, min(index + _BATCH, self._witness.size))
        return self._leaves[index - self._first]

    def _receipt(self, receipt: Any) -> None:
        size, root = self._frontier.size, self._frontier.root()
        name = f"receipt {receipt.batch}"
        if receipt.root != root:
            self._findings.add(
                f"{name}: root is {receipt.root.hex()}, the events up to position {size} give"
                f" {root.hex()}"
            )
        try:
            coverage = self._coverage()
        except (LookupError, TypeError, ValueError):  # a source that is not declared: said already
            coverage = receipt.coverage
        if coverage != receipt.coverage:
            self._findings.add(
                f"{name}: covers {receipt.coverage}, the times of its events are {coverage}"
            )
        self._times = {}

    def _coverage(self) -> str:
        """Return the coverage of the events since the last receipt, as it is stored."""
        spans: dict[str, list[int]] = {}
        for source, times in self._times.items():
            if isinstance(source, str):
                name = str(json.loads(source)["name"])
            elif self._registry is None:
                raise KeyError(source)
            else:
                name = self._registry.source(source).name
            known = [*spans.get(name, []), *times]
            spans[name] = [min(known), max(known)]
        return canonical_json(spans)


def packed_leaf(row: EventRow) -> bytes | None:
    """Return the leaf of a row's content, or None if no event has such numbers."""
    try:
        return leaf_hash(pack(row))
    except struct.error:
        return None


def _all_rows(connection: Connection) -> Any:
    """Yield every stored row by position, holes or not, a batch at a time."""
    query = (
        f"COPY (SELECT {COLUMNS} FROM clearing.log"  # noqa: S608 - constant columns
        " WHERE position > %s ORDER BY position LIMIT %s) TO STDOUT (FORMAT BINARY)"
    )
    after = -(1 << 62)
    while True:
        with connection.cursor() as cursor, cursor.copy(query, (after, _BATCH)) as copy:
            rows: list[Stored] = read_copy(b"".join(copy))
        if not rows:
            return
        yield rows
        after = rows[-1][0].position


def _verify_head(
    head: Head,
    last: int,
    frontier: Frontier,
    receipts: list[Any],
    counts: tuple[int, int, int, int] | None,
    findings: Findings,
) -> None:
    """Compare the head with the events, the last of them at ``last``, and with the receipts."""
    if last != head.position:
        findings.add(f"head: position is {head.position}, the last event is at {last}")
    if frontier.root() != head.root:
        findings.add(f"head: root is {head.root.hex()}, the events give {frontier.root().hex()}")
    if frontier.to_bytes() != head.frontier:
        findings.add("head: the frontier is not that of the events")
    tree = Frontier()
    for receipt in receipts:
        tree.append(leaf_of_receipt(receipt))
    ends = receipts[-1].last_position if receipts else 0
    if ends != head.position:
        findings.add(f"head: position is {head.position}, receipts end at {ends}")
    if tree.size != head.batch:
        findings.add(f"head: counts {head.batch} receipts, there are {tree.size}")
    if tree.root() != head.receipt_root or tree.to_bytes() != head.receipt_frontier:
        findings.add("head: the receipts' root is not that of the receipts")
    if receipts and receipts[-1].recorded_at != head.recorded_at:
        findings.add("head: recorded_at is not that of the last receipt")
    if counts is not None and counts != head.counts:
        findings.add(f"head: declares {head.counts} names, the events declare {counts}")


def _verify_receipts(receipts: list[Any], witness: Witness, findings: Findings) -> None:
    last_position, last_time = 0, 0
    leaves: list[tuple[int, bytes]] = []
    for number, receipt in enumerate(receipts, start=1):
        name = f"receipt {receipt.batch}"
        if receipt.batch != number:
            findings.add(f"receipt {number}: missing; {receipt.batch} follows")
        leaf = leaf_of_receipt(receipt)
        if leaf != receipt.leaf:
            findings.add(f"{name}: content and leaf differ")
        if receipt.tree_size != receipt.last_position:
            findings.add(f"{name}: tree of {receipt.tree_size}, ends at {receipt.last_position}")
        if receipt.first_position != last_position + 1:
            findings.add(f"{name}: begins at {receipt.first_position}, not {last_position + 1}")
        if receipt.recorded_at < last_time:
            findings.add(f"{name}: recorded before the receipt before it")
        leaves.append((receipt.batch, leaf))
        last_position, last_time = receipt.last_position, receipt.recorded_at
    for problem in contradicted(leaves, witness.receipts):
        findings.add(problem)


def _verify_quarantine(connection: Connection, witness: Witness, findings: Findings) -> None:
    leaves: list[tuple[int, bytes]] = []
    for row in refused_rows(connection):
        if not row.whole:
            findings.add(f"quarantine {row.number}: content and fingerprint differ")
        leaves.append((row.number, row.leaf))
    findings.refused = len(leaves)
    for problem in contradicted(leaves, witness.quarantine):
        findings.add(problem)


def _verify_partitions(connection: Connection, head: Head | None, findings: Findings) -> None:
    """Each partition holds the positions that its number and the head's partition size say."""
    query = (
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'clearing.log'::regclass"
        " ORDER BY c.relname"
    )
    if head is None:
        return
    size = head.partition_size
    for name, bounds in connection.execute(query).fetchall():
        number = name.removeprefix("log_")
        first = int(number) * size + 1 if number.isdecimal() else 0
        expected = f"FOR VALUES FROM ('{first}') TO ('{first + size}')"
        if bounds != expected:
            findings.add(
                f"partition {name}: is {bounds}, and with the head's partition size of {size:,} it"
                f" would be {expected}"
            )


def _verify_identities(connection: Connection, findings: Findings) -> None:
    """Every event has exactly one identity, and every identity its event."""
    # A source that declared itself has its declaration under the ordinal that it got by it.
    query = (
        "WITH sources AS (SELECT position, row_number() OVER (ORDER BY position) AS ordinal"
        " FROM clearing.log WHERE kind = 1), events AS (SELECT l.position, l.external_id,"
        " CASE l.source WHEN 0 THEN s.ordinal ELSE l.source END AS source"
        " FROM clearing.log l LEFT JOIN sources s ON l.source = 0 AND s.position = l.position)"
        " SELECT coalesce(e.position, i.position), e.position IS NULL, i.position IS NULL"
        " FROM events e FULL JOIN clearing.log_identity i"
        " ON i.position = e.position AND i.source = e.source AND i.external_id = e.external_id"
        " WHERE e.position IS NULL OR i.position IS NULL ORDER BY 1, 2"
    )
    with connection.cursor() as cursor:
        for position, no_event, no_identity in cursor.execute(query):
            if no_event:
                findings.add(f"identity of log position {position}: no such event")
            elif no_identity:
                findings.add(f"log position {position}: its identity is missing or another's")


def protections(connection: Connection) -> dict[str, bool]:
    """Return which protections are active: triggers, roles, and whether this user could evade them.

    ``append_only_triggers``: every table and partition of the log, the
    quarantine and issued statements have their triggers, enabled always.
    ``separate_roles``: appends and projections run as roles that may do no more.
    ``not_superuser``: the connecting user is no superuser, who could switch triggers off.
    """
    query = (
        "SELECT count(*) = 0 FROM pg_class c WHERE c.relnamespace = 'clearing'::regnamespace"
        " AND c.relkind IN ('r', 'p')"
        " AND (c.relname ~ '^log(_[0-9]+|_identity|_receipt|_head)?$'"
        " OR c.relname IN ('quarantine', 'statement'))"
        " AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A'"
        " AND t.tgname IN ('append_only', 'forward_only'))"
        " < CASE c.relname WHEN 'log_head' THEN 2 ELSE 1 END"
    )
    user = "SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user"
    found = {}
    for name, statement in (
        ("append_only_triggers", query),
        ("not_superuser", user),
    ):
        row = connection.execute(statement).fetchone()
        found[name] = bool(row and row[0])
    found["separate_roles"] = may_assume(connection, "clearing_appender")
    return found
