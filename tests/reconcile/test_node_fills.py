"""Node fills of Hyperliquid, imported and stated: the statement of an account finds its fills."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.adapters import IMPORTERS, ImportOptions, Located
from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import DifferenceView
from tests.adapters.statements.test_hyperliquid_node import made, row

ADA, BOB = "0xAaaa01", "0xbbbb02"
ROWS = [
    row(user=ADA, side="A", closed_pnl="0", tid="1"),
    row(user=BOB, side="B", start_position="0", closed_pnl="0", fee="1.155", tid="1"),
    row(user=BOB, side="A", px="2210.5", start_position="1.5", closed_pnl="15", tid="2"),
]
"""Ada sells some of what she had before the file; Bob buys, and sells ten higher."""


@pytest.fixture
def books(database_url: str, tmp_path: Path) -> Iterator[Ledger]:
    items = IMPORTERS["hyperliquid-fills"].read([str(made(tmp_path, *ROWS))], ImportOptions())
    with Ledger.open(database_url) as ledger:
        ledger.append([item.event for item in items if isinstance(item, Located)])
        ledger.project()
        yield ledger


def differences(
    books: Ledger, folder: Path, user: str, *rows: dict[str, str]
) -> tuple[DifferenceView, ...]:
    desk = books.desk("ann")
    reader = STATEMENT_READERS["hyperliquid-node-fills"]
    path = made(folder, *rows)
    taken = desk.take(reader, str(path), account=user, settings={"user": user})
    assert (taken.new, taken.refusals) == (True, [])
    return desk.reconcile("hyperliquid", user).differences


def test_what_was_imported_is_what_is_stated(books: Ledger, tmp_path: Path) -> None:
    assert differences(books, tmp_path, BOB, *ROWS) == ()


def test_a_position_carried_in_is_no_fill_that_the_statement_lacks(
    books: Ledger, tmp_path: Path
) -> None:
    assert [one for one in differences(books, tmp_path, ADA, *ROWS) if one.side == "fill"] == []


def test_a_fill_that_is_not_stated_is_missing_there(books: Ledger, tmp_path: Path) -> None:
    found = differences(books, tmp_path, BOB, ROWS[2])
    assert {(one.side, one.type, one.amount) for one in found} == {
        ("fill", "missing_there", "-1.5"),
        ("cash", "missing_there", "1.155"),
    }


@pytest.mark.parametrize(("user", "side"), [(BOB, "B"), (ADA, "A")])
def test_a_trade_of_both_sides_is_a_fill_of_each(
    books: Ledger, tmp_path: Path, user: str, side: str
) -> None:
    trade = {
        "kind": "Traded",
        "source": "hyperliquid",
        "external_id": "9:trade",
        "occurred_at": "2025-03-02T11:00:00Z",
        "market": "ETH",
        "buyer": BOB,
        "seller": ADA,
        "size": "0.5",
        "price": "2200",
        "buyer_fee": "0.25",
        "seller_fee": "0.125",
        "trade_id": "9",
    }
    books.append([trade])
    books.project()
    paid = {"B": "0.25", "A": "0.125"}[side]
    before = {"B": "0", "A": "2.5"}[side]
    stated = row(user=user, side=side, sz="0.5", px="2200", tid="9", fee=paid, closed_pnl="0") | {
        "block_time": "2025-03-02T11:00:00.000000000",
        "start_position": before,
    }
    found = differences(books, tmp_path, user, *ROWS, stated)
    assert [one for one in found if one.side == "fill"] == []
