"""Append-only in the database itself, and what verification finds when somebody goes around it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors

from clearing.database import connect
from clearing.log import (
    Connection,
    LogHole,
    LogWriter,
    Refused,
    follow_log,
    keep,
    protections,
    quarantined,
    read_head,
    read_log,
    verify_log,
)
from tests.log.small import declarations, deposits, stored_ids, trade, writer_on


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    """A log of sixteen events in two batches, in partitions of five."""
    with connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE clearing.log_head SET partition_size = 5")
        writer = LogWriter(connection)
        writer.append(declarations())
        writer.append([*deposits(10, 9), trade(30)])
        yield connection


def test_a_batch_may_cross_partitions(ledger: Connection) -> None:
    rows = ledger.execute(
        "SELECT tableoid::regclass::text, count(*) FROM clearing.log GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [count for _, count in rows] == [5, 5, 5, 1]
    assert sum(len(batch) for batch in read_log(ledger, batch=4)) == 16


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clearing.log SET price = 1",
        "DELETE FROM clearing.log",
        "TRUNCATE clearing.log",
        "UPDATE clearing.log_000001 SET price = 1",
        "DELETE FROM clearing.log_000000",
        "TRUNCATE clearing.log_000002",
        "UPDATE clearing.log_identity SET position = 1",
        "DELETE FROM clearing.log_receipt",
        "TRUNCATE clearing.quarantine",
        "DELETE FROM clearing.log_head",
        "UPDATE clearing.log_head SET position = 3",
        "UPDATE clearing.log_head SET partition_size = 9",
    ],
)
def test_nothing_in_the_log_can_be_changed(ledger: Connection, statement: str) -> None:
    with pytest.raises(errors.IntegrityConstraintViolation):
        ledger.execute(statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("clearing_appender", "UPDATE clearing.log SET price = 1"),
        ("clearing_appender", "ALTER TABLE clearing.log DISABLE TRIGGER ALL"),
        ("clearing_projector", "INSERT INTO clearing.quarantine (file) VALUES ('x')"),
        ("clearing_reader", "UPDATE clearing.log_head SET position = 99"),
        ("clearing_reader", "SELECT clearing.ensure_partition(999)"),
    ],
)
def test_roles_may_do_no_more_than_their_work(
    ledger: Connection, role: str, statement: str
) -> None:
    ledger.execute(f"SET ROLE {role}")
    with pytest.raises(errors.InsufficientPrivilege):
        ledger.execute(statement)


def test_protections_are_told_as_they_are(ledger: Connection) -> None:
    assert protections(ledger)["append_only_triggers"] is True
    ledger.execute("ALTER TABLE clearing.log_000001 DISABLE TRIGGER append_only")
    assert protections(ledger)["append_only_triggers"] is False


Tamper = Callable[[Connection], object]

_TAMPERED: dict[str, tuple[str, str]] = {
    "price": ("UPDATE clearing.log SET price = 1 WHERE position = 16", "position 16: content"),
    "amount": ("UPDATE clearing.log SET amount = 9 WHERE position = 8", "position 8: content"),
    "detail": (
        "UPDATE clearing.log SET detail = replace(detail, 'USD', 'EUR') WHERE position = 2",
        "position 2: content",
    ),
    "time": ("UPDATE clearing.log SET occurred_at = 1 WHERE position = 9", "position 9: content"),
    "leaf": ("UPDATE clearing.log SET leaf = sha256('x') WHERE position = 9", "position 9"),
    "deleted": ("DELETE FROM clearing.log WHERE position = 10", "position 10: missing"),
    "deleted last": ("DELETE FROM clearing.log WHERE position = 16", "the last event is at 15"),
    "truncated": ("TRUNCATE clearing.log_000002", "missing"),
    "swapped": (
        """CREATE TEMP TABLE two AS SELECT * FROM clearing.log WHERE position IN (12, 13);
        DELETE FROM clearing.log WHERE position IN (12, 13);
        UPDATE two SET position = 25 - position;
        INSERT INTO clearing.log SELECT * FROM two""",
        "root",
    ),
    "inserted": (
        """INSERT INTO clearing.log SELECT 17, kind, version, flags, source, account, contra,
        market, asset, occurred_at, quantity, price, amount, fee, 'forged', trade_id, detail, leaf
        FROM clearing.log WHERE position = 8""",
        "position 17",
    ),
    "identity deleted": (
        "DELETE FROM clearing.log_identity WHERE position = 9",
        "position 9: its identity",
    ),
    "identity invented": (
        "INSERT INTO clearing.log_identity VALUES (1, 'forged', 99)",
        "identity of log position 99",
    ),
    "identity renamed": (
        "UPDATE clearing.log_identity SET external_id = 'x' WHERE position = 1",
        "position 1: its identity",
    ),
    "receipt": ("UPDATE clearing.log_receipt SET recorded_at = 5 WHERE batch = 2", "receipt 2"),
    "receipt root": ("UPDATE clearing.log_receipt SET root = sha256('')", "receipt 1: root"),
    "receipt deleted": ("DELETE FROM clearing.log_receipt WHERE batch = 1", "receipt 1: missing"),
    "head root": ("UPDATE clearing.log_head SET root = sha256('')", "head: root"),
    "head position": ("UPDATE clearing.log_head SET position = 15", "the last event is at 16"),
    "head counts": ("UPDATE clearing.log_head SET accounts = 1", "head: declares"),
    "head receipts": (
        "UPDATE clearing.log_head SET receipt_root = sha256('')",
        "head: the receipts",
    ),
}


@pytest.mark.parametrize("name", _TAMPERED)
def test_what_a_superuser_changes_with_triggers_off_is_found(ledger: Connection, name: str) -> None:
    assert verify_log(ledger).sound
    statement, finding = _TAMPERED[name]
    relations = ledger.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'clearing'::regnamespace"
        " AND relkind IN ('r', 'p') AND (relname LIKE 'log%' OR relname = 'quarantine')"
    ).fetchall()
    for (relation,) in relations:
        ledger.execute(f"ALTER TABLE {relation} DISABLE TRIGGER USER")
    for part in statement.split(";"):
        ledger.execute(part)
    found = verify_log(ledger)
    assert not found.sound
    assert any(finding in text for text in found.shown), found.shown


def test_a_hole_stops_a_reader(ledger: Connection) -> None:
    ledger.execute("ALTER TABLE clearing.log DISABLE TRIGGER USER")
    ledger.execute("DELETE FROM clearing.log WHERE position = 10")
    with pytest.raises(LogHole, match="10 is missing"):
        list(read_log(ledger))


def test_a_tailing_reader_sees_what_is_appended(ledger: Connection, database_url: str) -> None:
    tail = follow_log(ledger, after=14, batch=10, idle_seconds=5)
    assert [row.position for row, _ in next(tail)] == [15, 16]
    with writer_on(database_url) as writer:
        writer.append(deposits(50, 2))
    assert [row.position for row, _ in next(tail)] == [17, 18]
    assert read_head(ledger).position == 18
    assert stored_ids(ledger)[-2:] == ["50", "51"]


def test_a_refused_line_is_kept_once_with_odd_characters_shown(ledger: Connection) -> None:
    odd = Refused("a.jsonl", 3, "amount", "\x00", "is not a number", "\ud800 tail")
    assert keep(ledger, [odd, odd]) == 1
    assert keep(ledger, [odd]) == 0
    (kept,) = quarantined(ledger)
    assert (kept.file, kept.line, kept.value, kept.content) == (
        "a.jsonl",
        3,
        "\\x00",
        "\\ud800 tail",
    )


def test_a_writer_needs_a_connection_that_it_can_open_transactions_on(database_url: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(ValueError, match="autocommit"),
    ):
        LogWriter(connection)
