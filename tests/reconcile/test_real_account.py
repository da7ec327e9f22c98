"""A real account of three years, to the satoshi; and one row wrong, in every way that there is."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters import IMPORTERS, ImportOptions, Located
from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import Desk, DifferenceView, Reconciliation

FILE = "data/statements/bitmex/walletHistory_2020_2022.csv.gz"
READER = STATEMENT_READERS["bitmex-wallet"]
END = datetime(2023, 1, 1, tzinfo=UTC)
ROW = 1_000
"""The row that is made wrong: realised PnL of 2021, alone in its batch but for a few."""

Rows = list[dict[str, str]]


@pytest.fixture
def statement(shared_data: Path) -> Path:
    path = shared_data / FILE
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


@pytest.fixture
def desk(database_url: str, statement: Path) -> Iterator[Desk]:
    """A ledger into which the account's statement was imported as events."""
    with Ledger.open(database_url) as ledger:
        options = ImportOptions({"account": "fund-one"}, ledger.writer.registry)
        events = []
        for item in IMPORTERS["bitmex-wallet"].read([str(statement)], options):
            assert isinstance(item, Located), item
            events.append(item.event)
        ledger.append(events)
        ledger.project()
        yield ledger.desk("ann")


def rows_of(path: Path) -> Rows:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(rows: Rows, path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def compared(desk: Desk, path: Path, venue: str) -> Reconciliation:
    """Take the statement in as one of ``venue`` and compare."""
    taken = desk.take(
        READER,
        str(path),
        account="fund-one",
        venue=venue,
        asked_from=datetime(2020, 5, 1, tzinfo=UTC),
        asked_until=END,
    )
    assert taken.new, taken.refusals
    return desk.reconcile(venue, "fund-one")


def test_the_account_agrees_to_the_satoshi_and_again_changes_nothing(
    desk: Desk, statement: Path, shared_data: Path
) -> None:
    answer = compared(desk, statement, "bitmex")
    assert answer.differences == ()
    assert answer.coverage.gaps == ()
    # One of the 3,639 rows is a cancelled withdrawal: a line that moved nothing.
    assert (answer.ours, answer.theirs) == (3_638, 3_638)
    assert answer.rules == {"native id": 3_638}
    told = json.loads((shared_data / FILE).with_name("expected_balances.json").read_text())
    units = {"XBT": ("XBt", 8), "USDT": ("USDt", 6), "BMEX": ("BMEx", 6)}
    assert len(answer.totals) == 3
    for total in answer.totals:
        currency, decimals = units[total.what]
        expected = Decimal(told["balance_at_2022-12-31"][currency]).scaleb(-decimals)
        assert Decimal(total.ours_closing) == Decimal(total.theirs_closing) == expected
        assert (total.ours_opening, total.theirs_opening) == ("0", "0")
    assert desk.breaks() == []
    again = desk.reconcile("bitmex", "fund-one")
    assert (again.again, again.run) == (True, answer.run)
    assert not desk.take(READER, str(statement), account="fund-one").new


def edit(**fields: str) -> Any:
    def corrupt(rows: Rows) -> Rows:
        rows[ROW] |= fields
        return rows

    return corrupt


def amount(change: int) -> Any:
    def corrupt(rows: Rows) -> Rows:
        rows[ROW]["amount"] = str(int(rows[ROW]["amount"]) + change)
        return rows

    return corrupt


def sign(rows: Rows) -> Rows:
    rows[ROW]["amount"] = str(-int(rows[ROW]["amount"]))
    return rows


def duplicate(rows: Rows) -> Rows:
    return [*rows[: ROW + 1], dict(rows[ROW]), *rows[ROW + 1 :]]


def missing_page(rows: Rows) -> Rows:
    return rows[:ROW] + rows[ROW + 100 :]


def wrong_account(rows: Rows) -> Rows:
    for row in rows:
        row["account"] = "111"
    rows[ROW]["account"] = "222"
    return rows


def shifted(rows: Rows) -> Rows:
    at = datetime.fromisoformat(rows[ROW]["timestamp"])
    moved = at.replace(hour=at.hour - 8)
    rows[ROW]["timestamp"] = moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["timestamp"], i))
    return [rows[i] for i in order]


def swapped(rows: Rows) -> Rows:
    times = [row["timestamp"] for row in rows]
    first = next(i for i in range(ROW, len(rows)) if times[i] < times[i + 1])
    rows[first], rows[first + 1] = rows[first + 1], rows[first]
    return rows


def truncated(rows: Rows) -> Rows:
    return rows[:-50]


def foreign(rows: Rows) -> Rows:
    row = rows[ROW] | {"transactID": "ffffffffffffffff", "amount": "123456"}
    return [*rows[: ROW + 1], row, *rows[ROW + 1 :]]


def edited_balance(rows: Rows) -> Rows:
    rows[ROW]["walletBalance"] = str(int(rows[ROW]["walletBalance"]) + 700)
    return rows


WAYS = {
    "amount": (amount(5_000), "amount"),
    "sign": (sign, "sign"),
    "duplicate": (duplicate, "duplicate"),
    "missing page": (missing_page, "missing_there"),
    "wrong account": (wrong_account, "static_data"),
    "wrong asset": (edit(currency="USDt"), "static_data"),
    "shifted time zone": (shifted, "timing"),
    "swapped rows": (swapped, "timing"),
    "truncated file": (truncated, "missing_there"),
    "rounding": (amount(1), "rounding"),
    "foreign row": (foreign, "missing_here"),
    "edited balance": (edited_balance, "unexplained_balance"),
}


def test_one_row_wrong_is_one_break_of_its_type_and_nothing_else(
    desk: Desk, statement: Path, tmp_path: Path
) -> None:
    for way, (corrupt, type_) in WAYS.items():
        path = written(corrupt(rows_of(statement)), tmp_path / f"{way}.csv")
        answer = compared(desk, path, way.replace(" ", "-"))
        found = [(one.type, one.what, one.amount, one.words) for one in answer.differences]
        assert [one.type for one in answer.differences] == [type_], (way, found)
        views = desk.breaks(of=("venue", way.replace(" ", "-"), "fund-one"))
        assert [(view.type, view.status) for view in views] == [(type_, "open")]
    assert len(desk.breaks()) == len(WAYS) == 12


def test_quarter_by_quarter_the_same_is_found_as_all_at_once(
    desk: Desk, statement: Path, tmp_path: Path
) -> None:
    quarters = [datetime(year, month, 1, tzinfo=UTC) for year in (2020, 2021, 2022)
                for month in (1, 4, 7, 10)]  # fmt: skip
    for way, (corrupt, _) in WAYS.items():
        path = written(corrupt(rows_of(statement)), tmp_path / f"{way}.csv")
        whole = compared(desk, path, way.replace(" ", "-"))
        found: list[DifferenceView] = []
        ours = 0
        for since, until in pairwise([*quarters[1:], END]):
            answer = desk.reconcile(whole.venue, "fund-one", since=since, until=until, dry_run=True)
            found += answer.differences
            ours += answer.ours
        assert found == list(whole.differences), way
        assert ours == whole.ours
