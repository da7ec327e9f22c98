"""Tables for other programs: all of the histories, in names, ISO times and exact decimals."""

import csv
import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from psycopg import sql

from clearing.audit.entry_texts import entry_fields
from clearing.audit.tables import tables
from clearing.books.exports import TablesWritten
from clearing.ledger import Ledger
from clearing.log import load_registry
from clearing.projectors import TABLES
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.books.tools import trial_balance
from tests.projectors.ledgers import eventful_ledger


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def in_full(name: str, value: Any) -> Any:
    """A time to the microsecond, whatever it is; other fields as they are."""
    if name in ("due_at", "stamp", "ends_at", "resumes_at") and value:
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("seed", [1, 5])
def test_csv_and_parquet_hold_every_row_of_every_history(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    with eventful_ledger(database_url, seed, 150) as connection:
        ledger = Ledger(connection)
        ledger.project()
        last = ledger.status().log_position
        at = last - 20
        written = ledger.export("csv", tmp_path / "csv", at)
        ledger.export("parquet", tmp_path / "parquet", at)
        registry = load_registry(connection, at)
        rows = 0
        for kind, table in TABLES.items():
            found = read_csv(tmp_path / "csv" / f"{table.name}.csv")
            by_arrow = pq.read_table(tmp_path / "parquet" / f"{table.name}.parquet").to_pylist()
            assert [{n: as_text(v) for n, v in row.items()} for row in by_arrow] == found
            name = sql.Identifier(f"generation_{ledger.moment().generation.number}", table.name)
            order = sql.SQL("position, line, side" if kind == "posting" else "position, line")
            query = sql.SQL("SELECT * FROM {} WHERE position <= %s ORDER BY {}")
            stored_rows = connection.execute(query.format(name, order), (at,)).fetchall()
            expected = [
                entry_fields(registry, kind, dict(zip(table.names, row, strict=True)))
                for row in stored_rows
            ]
            assert [
                {n: row[n] for n in fields} for row, fields in zip(found, expected, strict=True)
            ] == [{n: as_text(in_full(n, v)) for n, v in fields.items()} for fields in expected]
            rows += len(found)
        assert rows > 300
        assert isinstance(written, TablesWritten)
        balances: dict[tuple[str, str], Decimal] = {}
        classes = {
            row["name"]: row["account_class"] for row in read_csv(tmp_path / "csv/account.csv")
        }
        for row in read_csv(tmp_path / "csv" / "posting.csv"):
            kind = row["ledger"]
            if kind == "account":
                kind = "fund" if classes[row["ordinal"]] == "fund" else "accounts"
            key = kind, row["asset"]
            balances[key] = balances.get(key, Decimal(0)) - Decimal(row["amount"])
        assert {key: each for key, each in balances.items() if each} == trial_balance(ledger, at)


def test_the_manifest_has_every_file_with_its_hash(database_url: str, tmp_path: Path) -> None:
    with stored(wick(), database_url) as ledger:
        written = ledger.export("csv", tmp_path / "out")
    assert isinstance(written, TablesWritten)
    folder = tmp_path / "out"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["format"], manifest["log_position"]) == ("clearing/tables@1", 12)
    told = {each["name"]: each for each in manifest["files"]}
    assert {*told, "manifest.json"} == {file.name for file in folder.iterdir()}
    for name, each in told.items():
        content = (folder / name).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["bytes"] == len(content)
        assert each["rows"] == len(read_csv(folder / name))
    events = read_csv(folder / "event.csv")
    assert [row["position"] for row in events] == [str(n) for n in range(1, 13)]
    assert events[0]["source"] == "venue", "a source's own declaration is its first event"
    assert json.loads(events[-1]["content"])["buyer"] == "ada"


def test_times_are_iso_and_numbers_are_exact_in_parquet(database_url: str, tmp_path: Path) -> None:
    with stored(wick(), database_url) as ledger:
        ledger.export("parquet", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "posting.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["position"], types["occurred_at"]) == ("int64", "timestamp[us, tz=UTC]")
    assert (types["amount"], types["balance"]) == ("string", "string")
    first = table.to_pylist()[1]
    assert (first["ordinal"], first["amount"], first["balance_before"]) == (
        "insurance",
        "1000.00",
        "0.00",
    )
    assert first["occurred_at"].tzinfo is not None


def test_what_is_declared_has_tables_that_no_history_is_called_like(database_url: str) -> None:
    with stored(wick(), database_url) as ledger:
        names = [table.name for table in tables(ledger.connection, ledger.moment())]
    assert len(set(names)) == len(names) == len(TABLES) + 4
    assert {"event", "asset", "market", "account"} <= set(names)
