"""Tampering with every table and each class of content, by a superuser who repairs what he can.

Without a checkpoint outside the database a clean forgery cannot be told from the truth, and verify
says so; with one it is not sound.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from clearing.audit import CheckpointRefused
from clearing.audit.replay.running import engine_at
from clearing.database import connect
from clearing.engine import Engine
from clearing.ledger import Ledger
from clearing.log import LogWriter, Refused
from clearing.log.tiles import TileStore
from clearing.projectors import TABLES, Projector, ensure_live, fold_log, project
from tests.audit.forging import make_consistent, project_anew, unguard
from tests.audit.test_checkpoints import SIGNER, verified
from tests.log.small import declarations, deposit, deposits, trade


@pytest.fixture
def store(tmp_path: Path) -> TileStore:
    return TileStore(tmp_path / "store")


@pytest.fixture
def ledger(database_url: str, store: TileStore) -> Iterator[Ledger]:
    """Seventeen events in two batches, three refused lines and two snapshots, checkpointed."""
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        project(connection)
        Projector(connection, ensure_live(connection)).snapshot()
        writer.append([*deposits(10, 9), trade(30), deposit(31, "nobody")])
        found = Ledger(connection)
        found.quarantine(
            Refused("day.csv", line, "amount", "x", "is not a number", f"line {line}")
            for line in (3, 4, 5)
        )
        found.checkpoint(store, SIGNER)
        Projector(connection, ensure_live(connection)).snapshot()
        assert verified(found, store).verdict == "sound"
        unguard(connection)
        yield found


RENUMBER_UP = (
    "UPDATE clearing.log SET position = position + 900000 WHERE position >= {};"
    "UPDATE clearing.log SET position = position - 899999 WHERE position > 900000;"
)
COPY_OF_12 = (
    "INSERT INTO clearing.log SELECT {}, kind, version, flags, source, account, contra, market,"
    " asset, occurred_at, quantity, price, amount, fee, 'forged', trade_id, detail, leaf"
    " FROM clearing.log WHERE position = {}"
)
# What a forger changes, and then makes everything inside agree with.
CLEAN = {
    "event: account": "UPDATE clearing.log SET account = 2 WHERE position = 12",
    "event: time": "UPDATE clearing.log SET occurred_at = occurred_at + 1 WHERE position = 12",
    "event: amount": "UPDATE clearing.log SET amount = amount + 1 WHERE position = 12",
    "event: identity": "UPDATE clearing.log SET external_id = 'x' WHERE position = 12",
    "event: detail": (
        "UPDATE clearing.log SET detail = replace(detail, 'our desk', 'my desk') WHERE position = 1"
    ),
    "trade: quantity": "UPDATE clearing.log SET quantity = quantity + 1000 WHERE position = 16",
    "trade: price": "UPDATE clearing.log SET price = price + 1 WHERE position = 16",
    "trade: sides": (
        "UPDATE clearing.log SET account = contra, contra = account WHERE position = 16"
    ),
    "trade: its number": "UPDATE clearing.log SET trade_id = 'x' WHERE position = 16",
    "event: deleted": (
        "DELETE FROM clearing.log WHERE position = 12;"
        "UPDATE clearing.log SET position = position + 900000 WHERE position > 12;"
        "UPDATE clearing.log SET position = position - 900001 WHERE position > 900000"
    ),
    "event: last deleted": "DELETE FROM clearing.log WHERE position = 17",
    "event: inserted": RENUMBER_UP.format(12) + COPY_OF_12.format(12, 13),
    "event: swapped": (
        "UPDATE clearing.log SET position = 900009 WHERE position = 9;"
        "UPDATE clearing.log SET position = 9 WHERE position = 10;"
        "UPDATE clearing.log SET position = 10 WHERE position = 900009"
    ),
    "events: truncated": "DELETE FROM clearing.log WHERE position > 6",
    "receipt: time": "UPDATE clearing.log_receipt SET recorded_at = 1 WHERE batch = 1",
    "receipt: duplicates": "UPDATE clearing.log_receipt SET duplicate_count = 7 WHERE batch = 2",
    "receipt: batch's end": "UPDATE clearing.log_receipt SET last_position = 8 WHERE batch = 1",
    "receipt: deleted": "DELETE FROM clearing.log_receipt WHERE batch = 1",
    "receipt: inserted": (
        "INSERT INTO clearing.log_receipt SELECT 3, 8, 9, 0, 9, root, recorded_at, coverage, leaf"
        " FROM clearing.log_receipt WHERE batch = 1"
    ),
    "receipts: swapped counts": (
        "UPDATE clearing.log_receipt SET duplicate_count = 2 - batch WHERE batch IN (1, 2)"
    ),
    "quarantine: time": (
        "UPDATE clearing.quarantine SET recorded_at = recorded_at - interval '1 day' WHERE line = 3"
    ),
    **{
        f"quarantine: {column}": f"UPDATE clearing.quarantine SET {column} = 'y' WHERE line = 3"  # noqa: S608
        for column in ("file", "field", "value", "reason", "content")
    },
    "quarantine: line": "UPDATE clearing.quarantine SET line = 9 WHERE line = 3",
    "quarantine: deleted": "DELETE FROM clearing.quarantine WHERE line = 4",
    "quarantine: last deleted": "DELETE FROM clearing.quarantine WHERE line = 5",
    "quarantine: inserted": (
        "INSERT INTO clearing.quarantine (id, file, line, field, value, reason, content,"
        " fingerprint) OVERRIDING SYSTEM VALUE VALUES (0, 'f', 1, '', '', 'r', 'c', 'x')"
    ),
    "quarantine: swapped": (
        "UPDATE clearing.quarantine SET content = 'line ' || 7 - line WHERE line IN (3, 4)"
    ),
    "quarantine: truncated": "TRUNCATE clearing.quarantine",
}


@pytest.mark.parametrize("statements", CLEAN.values(), ids=CLEAN)
def test_a_clean_forgery_shows_by_the_checkpoint_alone(
    ledger: Ledger, store: TileStore, statements: str
) -> None:
    for statement in statements.split(";"):
        ledger.connection.execute(statement)
    make_consistent(ledger.connection)
    project_anew(ledger)
    inside = verified(ledger, None)
    assert (inside.log_findings, inside.model_findings) == ((), ()), "nothing shows from inside"
    assert inside.verdict == "could not tell"
    assert verified(ledger, store).verdict == "not sound"


NONSENSE = ("kind", "version", "flags", "source", "contra", "market", "asset", "fee")


@pytest.mark.parametrize("column", NONSENSE)
def test_what_no_event_would_say_is_never_sound(
    ledger: Ledger, store: TileStore, column: str
) -> None:
    """Columns of a deposit that cannot be something else: the fold may refuse it, or pass it."""
    ledger.connection.execute(
        sql.SQL("UPDATE clearing.log SET {0} = {0} + 1 WHERE position = 12").format(
            sql.Identifier(column)
        )
    )
    if column != "source":  # of which there is no second one to repair it with
        make_consistent(ledger.connection)
    assert verified(ledger, None).verdict != "sound"
    assert verified(ledger, store).verdict == "not sound"


# What the events and receipts give by themselves: a change of it alone shows from inside.
CRUDE = [
    "UPDATE clearing.log_head SET root = sha256('')",
    "UPDATE clearing.log_head SET frontier = ''",
    "UPDATE clearing.log_head SET position = 16",
    "UPDATE clearing.log_head SET batch = 1",
    "UPDATE clearing.log_head SET receipt_root = sha256('')",
    "UPDATE clearing.log_head SET receipt_frontier = ''",
    "UPDATE clearing.log_head SET recorded_at = recorded_at + 1",
    "UPDATE clearing.log_head SET sources = 2",
    "UPDATE clearing.log_head SET assets = 2",
    "UPDATE clearing.log_head SET markets = 0",
    "UPDATE clearing.log_head SET accounts = 0",
    "UPDATE clearing.log_head SET partition_size = 5",
    "DELETE FROM clearing.log_head",
    "TRUNCATE clearing.log_head",
    "DROP TABLE clearing.log_receipt",
    "ALTER TABLE clearing.log DETACH PARTITION clearing.log_000000",
    "UPDATE clearing.quarantine SET fingerprint = sha256('') WHERE line = 3",
    "UPDATE clearing.log_identity SET external_id = 'x' WHERE position = 12",
    "UPDATE clearing.log_identity SET position = 29 - position WHERE position IN (12, 17)",
    "DELETE FROM clearing.log_identity WHERE position = 12",
    "INSERT INTO clearing.log_identity VALUES (1, 'forged', 12)",
    "TRUNCATE clearing.log_identity",
    "UPDATE clearing.log_receipt SET leaf = sha256('') WHERE batch = 1",
    "UPDATE clearing.log_receipt SET coverage = '{}' WHERE batch = 1",
    "TRUNCATE clearing.log_receipt",
    "TRUNCATE clearing.log",
    "UPDATE clearing.projector_checkpoint SET entry_hash = sha256('')",
    "UPDATE clearing.projector_checkpoint SET position = 18",
    "UPDATE generation_1.snapshot SET document = '{}' WHERE position = 6",
    "UPDATE generation_1.snapshot SET document = replace(document, 'ada', 'eve')",
    "UPDATE generation_1.snapshot SET digest = 'x' WHERE position = 6",
    "UPDATE generation_1.snapshot SET entry_hash = sha256('') WHERE position = 6",
    (
        "UPDATE generation_1.snapshot a SET document = b.document FROM generation_1.snapshot b"
        " WHERE a.position <> b.position"
    ),
    (
        "INSERT INTO generation_1.snapshot SELECT 9, entry_hash, digest, document"
        " FROM generation_1.snapshot WHERE position = 6"
    ),
    "DROP TABLE generation_1.posting",
]


@pytest.mark.parametrize("statement", CRUDE)
def test_a_crude_change_shows_from_inside(ledger: Ledger, store: TileStore, statement: str) -> None:
    ledger.connection.execute(statement)
    assert verified(ledger, None).verdict == "not sound"
    assert verified(ledger, store).verdict == "not sound"


# What says which read models there are: setting it back is not to be seen from inside.
SET_BACK = [
    "UPDATE clearing.generation SET engine_version = '5'",
    "UPDATE clearing.generation SET status = 'retired'",
    "DELETE FROM clearing.projector_checkpoint",
    "DELETE FROM clearing.generation",
    "TRUNCATE clearing.generation CASCADE",
]


@pytest.mark.parametrize("statement", SET_BACK)
def test_read_models_set_back_show_by_the_checkpoint(
    ledger: Ledger, store: TileStore, statement: str
) -> None:
    ledger.connection.execute(statement)
    assert verified(ledger, store).verdict == "not sound"
    assert verified(ledger, None).verdict != "sound"


def test_every_column_of_every_read_model_counts(ledger: Ledger, store: TileStore) -> None:
    """Edited, deleted, inserted, swapped and truncated; each time put back as it was."""
    connection, seen = ledger.connection, 0
    for table in TABLES.values():
        name = sql.Identifier("generation_1", table.name)
        rows = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
        if rows is None or not rows[0]:
            continue
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'generation_1' AND table_name = %s",
            (table.name,),
        ).fetchall()
        first = sql.SQL("ctid = (SELECT min(ctid) FROM {})").format(name)
        spoil = [
            sql.SQL("DELETE FROM {} WHERE {}").format(name, first),
            sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE {}").format(name, name, first),
            sql.SQL("TRUNCATE {}").format(name),
            sql.SQL("UPDATE {} SET position = 18 - position").format(name),
        ]
        other = {"text": "{} || 'x'", "boolean": "NOT {}"}
        for column, kind in columns:
            changed = sql.SQL(other.get(kind, "{} + 1")).format(sql.Identifier(column))
            spoil.append(
                sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(
                    name, sql.Identifier(column), changed, first
                )
            )
        connection.execute(sql.SQL("CREATE TABLE kept AS SELECT * FROM {}").format(name))
        for statement in spoil:
            connection.execute(statement)
            assert verified(ledger, store).verdict == "not sound", statement.as_string(connection)
            connection.execute(sql.SQL("TRUNCATE {}").format(name))
            connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM kept").format(name))
            seen += 1
        connection.execute("DROP TABLE kept")
    assert seen > 30
    assert verified(ledger, store).verdict == "sound"


def test_a_snapshot_is_a_cache_that_may_go(ledger: Ledger, store: TileStore) -> None:
    """Nothing is lost by deleting them, and nothing can be made of it: the fold gives the same."""
    digest = ledger.digest()
    ledger.connection.execute("TRUNCATE generation_1.snapshot")
    assert verified(ledger, store).verdict == "sound"
    assert ledger.digest() == digest


def test_a_spoilt_snapshot_is_passed_over_for_the_one_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, begun = ledger.moment(), list[str]()

    def noted(*arguments: Any, snapshot: str | None, **more: Any) -> Engine:
        begun.append("genesis" if snapshot is None else str(json.loads(snapshot)["position"]))
        return fold_log(*arguments, snapshot=snapshot, **more)

    monkeypatch.setattr(sys.modules[engine_at.__module__], "fold_log", noted)
    spoil = "UPDATE generation_1.snapshot SET document = '{{}}' WHERE position = {}"
    found = [engine_at(ledger.connection, moment, 17).digest()]
    for position in (17, 6):
        ledger.connection.execute(sql.SQL(spoil).format(position))
        found.append(engine_at(ledger.connection, moment, 17).digest())
    assert begun == ["17", "6", "genesis"]
    assert len(set(found)) == 1


def test_every_inconsistency_is_told_and_by_its_position(ledger: Ledger, store: TileStore) -> None:
    """A hole does not make every event after it look wrong."""
    connection = ledger.connection
    connection.execute("UPDATE clearing.log SET amount = 1 WHERE position = 8")
    connection.execute("DELETE FROM clearing.log WHERE position = 10")
    connection.execute("UPDATE clearing.log SET fee = 1 WHERE position = 16")
    connection.execute("UPDATE clearing.quarantine SET value = 'y' WHERE line = 4")
    connection.execute("UPDATE generation_1.posting SET amount = 1 WHERE position = 9")
    found = verified(ledger, store)
    named = [text.split(":")[0] for text in found.log_findings if text.startswith("log position")]
    assert sorted(set(named)) == [
        "log position 10",
        "log position 16",
        "log position 8",
    ]
    assert any(text.startswith("quarantine 2:") for text in found.log_findings)
    assert any(
        text.startswith("checkpoint of 17 events: its quarantine") for text in found.log_findings
    )


def test_a_checkpoint_is_not_signed_over_other_receipts_or_quarantine(
    ledger: Ledger, store: TileStore
) -> None:
    ledger.connection.execute("UPDATE clearing.quarantine SET reason = 'y' WHERE line = 4")
    assert _refusal(ledger, store).startswith("the last checkpoint's quarantine gives")
    ledger.connection.execute("DELETE FROM clearing.quarantine")
    assert _refusal(ledger, store).startswith("the last checkpoint's quarantine counts 3")
    ledger.connection.execute("UPDATE clearing.log_receipt SET recorded_at = 1 WHERE batch = 1")
    make_consistent(ledger.connection)
    assert _refusal(ledger, store).startswith("the last checkpoint's receipts gives")


def _refusal(ledger: Ledger, store: TileStore) -> str:
    with pytest.raises(CheckpointRefused) as refused:
        ledger.checkpoint(store, SIGNER)
    return str(refused.value)


def test_what_is_refused_later_takes_another_checkpoint(ledger: Ledger, store: TileStore) -> None:
    """The log has not grown, and yet there is more to sign."""
    ledger.quarantine([Refused("late.csv", 1, "price", "x", "is not a number", "late")])
    found = verified(ledger, store)
    assert (found.verdict, found.untold) == (
        "could not tell",
        ("1 refused lines after the last checkpoint are unproven",),
    )
    made = ledger.checkpoint(store, SIGNER)
    assert made.file.endswith("17-2")
    assert "count=4" in made.note
    assert verified(ledger, store).verdict == "sound"
    assert ledger.checkpoint(store, SIGNER) == made
    ledger.append([deposit(40).model_dump()])
    assert ledger.checkpoint(store, SIGNER).size == 18
    found = verified(ledger, store)
    assert (found.verdict, found.checkpoints) == ("sound", 3)
