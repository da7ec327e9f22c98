"""Whatever a superuser writes into the log's tables is a finding, and never an error of our own."""

from collections.abc import Iterator

import pytest

from clearing.audit import verify
from clearing.database import connect
from clearing.log import Connection, LogWriter, protections, verify_log
from clearing.log.merkle import Frontier
from clearing.log.receipts import receipt_leaf
from clearing.projectors import project
from tests.log.small import declarations, deposit, deposits, event, trade

ROWS = {1: "a source", 2: "an asset", 3: "a market", 4: "an account", 9: "a deposit", 16: "a trade"}
NUMBERS = ("kind", "version", "flags", "source", "account", "contra", "market", "asset")
WIDE = ("occurred_at", "quantity", "price", "amount", "fee")
TEXTS = ("external_id", "trade_id", "detail")


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    """A projected log of seventeen events in two batches, with nothing to guard it."""
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        writer.append([*deposits(10, 9), trade(30), deposit(31, "nobody")])
        project(connection)
        relations = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'clearing'::regnamespace AND relname LIKE 'log%'"
        ).fetchall()
        for (relation,) in relations:
            connection.execute(f"ALTER TABLE {relation} DISABLE TRIGGER USER")
        yield connection


def changes() -> Iterator[tuple[str, str]]:
    """Columns and what is written into them instead."""
    for column in NUMBERS:
        yield from ((column, f"{column} + 1"), (column, "99"), (column, "-1"))
    for column in WIDE:
        yield from ((column, f"{column} + 1"), (column, "-9223372036854775808"))
    for column in TEXTS:
        yield from ((column, f"{column} || ' '"), (column, "''"), (column, "'{\"name\":1}'"))
        yield (column, "'not json'")
    yield from (("leaf", "''"), ("leaf", "sha256('')"))


@pytest.mark.parametrize("position", ROWS, ids=ROWS.values())
def test_any_column_of_any_event_changed_is_found(ledger: Connection, position: int) -> None:
    """By the log's verification each time, and the read models' does not break over it."""
    before = ledger.execute(
        "SELECT * FROM clearing.log WHERE position = %s", (position,)
    ).fetchone()
    assert before is not None
    assert verify(ledger).sound
    for column, value in changes():
        statement = f"UPDATE clearing.log SET {column} = {value} WHERE position = {position}"  # noqa: S608
        ledger.execute(statement)
        after = ledger.execute(
            "SELECT * FROM clearing.log WHERE position = %s", (position,)
        ).fetchone()
        if after != before:
            found = verify_log(ledger)
            assert any(f"position {position}:" in text for text in found.shown), (column, value)
            if value in {"99", "'not json'"}:  # the whole verification takes longer
                assert not verify(ledger).sound
        ledger.execute("DELETE FROM clearing.log WHERE position = %s", (position,))
        columns = ", ".join(["%s"] * 18)
        ledger.execute(f"INSERT INTO clearing.log VALUES ({columns})", before)  # noqa: S608
    assert verify(ledger).sound


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO clearing.log_identity VALUES (0, 'forged 1', 1)",
        "INSERT INTO clearing.log_identity VALUES (1, 'forged', 9)",
        "INSERT INTO clearing.log_identity VALUES (2, '10', 7)",
        "UPDATE clearing.log_identity SET position = 23 - position WHERE position IN (10, 13)",
        "UPDATE clearing.log_identity SET source = 2 WHERE position = 9",
        "DELETE FROM clearing.log_identity WHERE position = 1",
    ],
)
def test_identities_are_exactly_those_of_the_events(ledger: Connection, statement: str) -> None:
    """A forged one would have an event that was never stored taken for a duplicate."""
    ledger.execute(statement)
    found = verify_log(ledger)
    assert any("identity" in text for text in found.shown), found.shown


@pytest.mark.parametrize(
    "change", ["tree_size = 99", "coverage = '{}'", "coverage = replace(coverage, '176', '175')"]
)
def test_a_receipt_made_up_with_all_its_hashes_must_still_speak_of_this_log(
    ledger: Connection, change: str
) -> None:
    ledger.execute(f"UPDATE clearing.log_receipt SET {change} WHERE batch = 1")  # noqa: S608
    tree = Frontier()
    rows = ledger.execute(
        "SELECT batch, first_position, last_position, duplicate_count, tree_size, root,"
        " recorded_at, coverage FROM clearing.log_receipt ORDER BY batch"
    ).fetchall()
    for row in rows:
        leaf = receipt_leaf(*row)
        ledger.execute("UPDATE clearing.log_receipt SET leaf = %s WHERE batch = %s", (leaf, row[0]))
        tree.append(leaf)
    ledger.execute(
        "UPDATE clearing.log_head SET receipt_root = %s, receipt_frontier = %s",
        (tree.root(), tree.to_bytes()),
    )
    found = verify_log(ledger)
    assert any("receipt 1" in text for text in found.shown), found.shown


def test_a_head_that_may_go_back_is_no_protection(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        assert protections(connection)["append_only_triggers"] is True
        connection.execute("ALTER TABLE clearing.log_head DISABLE TRIGGER forward_only")
        assert protections(connection)["append_only_triggers"] is False


def test_an_event_put_in_with_all_its_hashes_is_found_by_its_receipts(ledger: Connection) -> None:
    """Who rewrites the last event and its leaf must also rewrite receipts and head."""
    LogWriter(ledger).append([event(40, "ClockTicked")])
    ledger.execute("UPDATE clearing.log SET occurred_at = 5 WHERE position = 18")
    found = verify_log(ledger)
    assert [text.split(":")[0] for text in found.shown] == [
        "log position 18",
        "receipt 3",
        "receipt 3",
        "head",
        "head",
    ]
