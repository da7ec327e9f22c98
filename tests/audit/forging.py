"""A superuser who goes around the triggers, and repairs whatever can be repaired inside."""

import json

from clearing.events import EventRow
from clearing.events.canonical import canonical_json
from clearing.ledger import Ledger
from clearing.log import Connection, load_registry, packed_leaf
from clearing.log.merkle import Frontier
from clearing.log.quarantine import fingerprint
from clearing.log.receipts import receipt_leaf
from clearing.log.wire import COLUMNS, read_copy
from clearing.projectors import drop_generation, generations


def unguard(connection: Connection) -> None:
    """Switch off every trigger, as a superuser can."""
    relations = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'clearing'::regnamespace"
    ).fetchall()
    for (relation,) in relations:
        connection.execute(f"ALTER TABLE {relation} DISABLE TRIGGER USER")


def make_consistent(connection: Connection) -> None:
    """Let leaves, identities, receipts, head and fingerprints be those of what now stands there."""
    rows = _rows(connection)
    for row in rows:
        leaf = packed_leaf(row)
        assert leaf is not None
        connection.execute(
            "UPDATE clearing.log SET leaf = %s WHERE position = %s", (leaf, row.position)
        )
    _identities(connection, rows)
    tree, receipts, recorded_at = _receipts(connection, rows)
    counts = [sum(row.kind == kind for row in rows) for kind in (1, 2, 3, 4)]
    connection.execute(
        "UPDATE clearing.log_head SET position = %s, root = %s, frontier = %s, batch = %s,"
        " receipt_root = %s, receipt_frontier = %s, recorded_at = %s, sources = %s, assets = %s,"
        " markets = %s, accounts = %s",
        (
            tree.size,
            tree.root(),
            tree.to_bytes(),
            receipts.size,
            receipts.root(),
            receipts.to_bytes(),
            recorded_at,
            *counts,
        ),
    )
    query = "SELECT id, file, line, field, value, reason, content FROM clearing.quarantine"
    for number, *content in connection.execute(query).fetchall():
        connection.execute(
            "UPDATE clearing.quarantine SET fingerprint = %s WHERE id = %s",
            (fingerprint(content), number),
        )


def _rows(connection: Connection) -> list[EventRow]:
    query = f"COPY (SELECT {COLUMNS} FROM clearing.log ORDER BY position) TO STDOUT (FORMAT BINARY)"  # noqa: S608
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        return [row for row, _ in read_copy(b"".join(copy))]


def _identities(connection: Connection, rows: list[EventRow]) -> None:
    connection.execute("TRUNCATE clearing.log_identity")
    declared = 0
    for row in rows:
        declared += row.kind == 1
        connection.execute(
            "INSERT INTO clearing.log_identity VALUES (%s, %s, %s)",
            (row.source or declared, row.external_id, row.position),
        )


def _receipts(connection: Connection, rows: list[EventRow]) -> tuple[Frontier, Frontier, int]:
    """Let the receipts be those of batches that end where they say, and return both trees."""
    connection.execute("DELETE FROM clearing.log_receipt WHERE first_position > %s", (len(rows),))
    stored = connection.execute(
        "SELECT last_position, duplicate_count, recorded_at FROM clearing.log_receipt"
        " ORDER BY last_position"
    ).fetchall()
    connection.execute("TRUNCATE clearing.log_receipt")
    ordinals = load_registry(connection).source_ordinals
    names = {ordinal: name for name, ordinal in ordinals.items()}
    tree, receipts, first, time = Frontier(), Frontier(), 1, 0
    for batch, (last, duplicates, recorded_at) in enumerate(stored, start=1):
        end = len(rows) if batch == len(stored) else last
        spans: dict[str, list[int]] = {}
        for row in rows[first - 1 : end]:
            tree.append(packed_leaf(row) or b"")
            name = names[row.source] if row.source else str(json.loads(row.detail)["name"])
            times = [*spans.get(name, []), row.occurred_at]
            spans[name] = [min(times), max(times)]
        time = max(time, recorded_at)
        coverage = canonical_json(spans)
        values = (batch, first, end, duplicates, end, tree.root(), time, coverage)
        leaf = receipt_leaf(*values)
        receipts.append(leaf)
        connection.execute(
            "INSERT INTO clearing.log_receipt VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*values, leaf),
        )
        first = end + 1
    return tree, receipts, time


def project_anew(ledger: Ledger) -> None:
    """Throw the read models away and make them from the log as it is."""
    connection = ledger.connection
    connection.execute("UPDATE clearing.generation SET status = 'retired'")
    for generation in generations(connection):
        drop_generation(connection, generation.number)
    ledger.project()
