"""What the log keeps beside its events, receipts and quarantine, as trees that checkpoints sign.

Each row is a leaf, in the order of the rows' numbers. A receipt's leaf is that of
:func:`~clearing.log.receipts.receipt_leaf`; a refused line's is SHA-256(0x00 ‖ canonical JSON of
[number, time recorded in microseconds, file, line, field, value, reason, content]).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import namedtuple_row

from clearing.events.canonical import canonical_json
from clearing.log.checkpoints import Annex
from clearing.log.head import Connection
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.quarantine import await_keepers, fingerprint
from clearing.log.receipts import receipt_leaf

_BATCH: Final = 10_000

Leaves = Iterable[tuple[int, bytes]]
"""Rows' numbers, ascending, and leaves."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line in quarantine as a leaf; ``whole`` says that its content has its fingerprint."""

    number: int
    leaf: bytes
    whole: bool


def leaf_of_receipt(row: Any) -> bytes:
    """Return the leaf of a row of ``clearing.log_receipt``, from its content."""
    return receipt_leaf(
        row.batch,
        row.first_position,
        row.last_position,
        row.duplicate_count,
        row.tree_size,
        row.root,
        row.recorded_at,
        row.coverage,
    )


def receipts_upto(connection: Connection, position: int) -> Annex:
    """Return the receipts of the batches that end at or before a log position."""
    return annex_of(receipt_leaves(connection, position))


def receipt_leaves(connection: Connection, upto: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the receipts, or those of batches that end by a log position, as leaves."""
    query = (
        "SELECT * FROM clearing.log_receipt WHERE batch > %s AND last_position <= %s"
        " ORDER BY batch LIMIT %s"
    )
    after, end = -(1 << 62), (1 << 62) if upto is None else upto
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        while rows := cursor.execute(query, (after, end, _BATCH)).fetchall():
            for row in rows:
                receipt: Any = row
                after = receipt.batch
                yield after, leaf_of_receipt(receipt)


def quarantine_leaves(
    connection: Connection, last: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield what is in quarantine, or what is up to a number, as leaves."""
    for row in refused_rows(connection, last):
        yield row.number, row.leaf


def quarantine_now(connection: Connection) -> Annex:
    """Return all of the quarantine, after waiting for whoever is writing to it."""
    with connection.transaction():
        await_keepers(connection)
        row = connection.execute("SELECT coalesce(max(id), 0) FROM clearing.quarantine").fetchone()
    last = 0 if row is None else int(row[0])
    return annex_of(quarantine_leaves(connection, last))


def refused_rows(connection: Connection, last: int | None = None) -> Iterator[RefusedRow]:
    """Yield what is in quarantine, or what is up to a number, by number."""
    query = (
        "SELECT id, (extract(epoch FROM recorded_at) * 1000000)::bigint, file, line, field, value,"
        " reason, content, fingerprint FROM clearing.quarantine"
        " WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"
    )
    after, end = -(1 << 62), (1 << 62) if last is None else last
    with connection.cursor() as cursor:
        while rows := cursor.execute(query, (after, end, _BATCH)).fetchall():
            for number, recorded, *content, stored in rows:
                after = number
                leaf = leaf_hash(canonical_json([number, recorded, *content]).encode())
                yield RefusedRow(number, leaf, fingerprint(content) == stored)


def annex_of(leaves: Leaves) -> Annex:
    """Return the tree of rows."""
    tree, last = Frontier(), 0
    for number, leaf in leaves:
        tree.append(leaf)
        last = number
    return Annex(tree.size, last, tree.root())


def contradicted(leaves: Leaves, told: Mapping[str, Annex]) -> Iterator[str]:
    """Say by name which of the annexes ``told`` are not what the rows begin with."""
    tree = Frontier()
    waiting = sorted(told.items(), key=lambda item: (item[1].last, item[1].count))
    at = 0
    for number, leaf in leaves:
        while at < len(waiting) and waiting[at][1].last < number:
            yield from _compared(*waiting[at], tree)
            at += 1
        tree.append(leaf)
    for name, annex in waiting[at:]:
        yield from _compared(name, annex, tree)


def _compared(name: str, annex: Annex, tree: Frontier) -> Iterator[str]:
    if tree.size != annex.count:
        yield f"{name} counts {annex.count:,} up to number {annex.last:,}, there are {tree.size:,}"
    elif tree.root() != annex.root:
        yield (
            f"{name} gives the first {annex.count:,} the root {annex.root.hex()}, and it is"
            f" {tree.root().hex()}"
        )
