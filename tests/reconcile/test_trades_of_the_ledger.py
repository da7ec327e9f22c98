"""What of the ledger is compared with stated fills: fills, both sides of trades, nothing else."""

import csv
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.hyperliquid_node import COLUMNS
from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import Reconciliation

AT = "2024-05-01T12:00:00+00:00"
ROW = {
    "block_number": "1",
    "block_time": "2024-05-01T12:00:00.000000000",
    "coin": "BTC",
    "px": "100",
    "sz": "2",
    "time_ms": "1714564800000",
    "dir": "Open Long",
    "closed_pnl": "0",
    "fee_token": "USDC",
    "crossed": "True",
    "tid": "77",
    "liq_user": "",
    "liq_mark": "",
    "liq_method": "",
}
SIDES = (
    {"user": "ada", "side": "B", "start_position": "5", "fee": "0.2"},
    {"user": "bob", "side": "A", "start_position": "0", "fee": "0.1"},
)


def ledger_with_a_trade(url: str, *, traded: bool = True) -> Ledger:
    """ada has 5 from before and buys 2 of bob at 100, who pays half of her fee."""
    base = {"source": "venue", "occurred_at": AT if traded else "2024-05-01T00:00:00+00:00"}
    ledger = Ledger.open(url)
    events: list[dict[str, Any]] = [
        {"kind": "SourceDeclared", "name": "venue", "description": "a venue"},
        {"kind": "AssetDeclared", "name": "USDC", "decimals": 6},
        {
            "kind": "MarketDeclared",
            "name": "BTC",
            "settlement_asset": "USDC",
            "lot": "0.001",
            "price_decimals": 2,
            "mark_decimals": 4,
            "size_decimals": 3,
        },
        {"kind": "AccountOpened", "account": "ada"},
        {"kind": "AccountOpened", "account": "bob"},
        {"kind": "PositionCarried", "account": "ada", "market": "BTC", "size": "5"},
        {
            "kind": "Traded",
            "external_id": "77",
            "trade_id": "77",
            "market": "BTC",
            "buyer": "ada",
            "seller": "bob",
            "size": "2",
            "price": "100",
            "buyer_fee": "0.2",
            "seller_fee": "0.1",
            "fee_asset": "USDC",
        },
    ]
    if not traded:
        events.pop()
    ledger.append([{"external_id": f"e{i}", **base, **one} for i, one in enumerate(events)])
    ledger.project()
    return ledger


def reconciled(
    ledger: Ledger, folder: Path, account: str, **changed: str
) -> tuple[Reconciliation, list[tuple[str, str, str]]]:
    path = folder / f"{account}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(
            {**ROW, **side, **(changed if side["user"] == account else {})} for side in SIDES
        )
    desk = ledger.desk("ann")
    reader = STATEMENT_READERS["hyperliquid-node-fills"]
    desk.take(reader, str(path), account=account, settings={"user": account})
    answer = desk.reconcile("hyperliquid", account)
    return answer, [(one.type, one.side, one.amount) for one in answer.differences]


@pytest.mark.parametrize("account", ["ada", "bob"])
def test_each_side_of_a_trade_is_the_fill_of_its_account(
    database_url: str, tmp_path: Path, account: str
) -> None:
    with ledger_with_a_trade(database_url) as ledger:
        answer, different = reconciled(ledger, tmp_path, account)
        assert (answer.clean, different) == (True, [])
        assert answer.rules == {"native id": 2}  # the fill, and its fee as cash


@pytest.mark.parametrize("account", ["ada", "bob"])
def test_a_fee_of_either_side_that_differs_is_found_on_that_side(
    database_url: str, tmp_path: Path, account: str
) -> None:
    with ledger_with_a_trade(database_url) as ledger:
        _, different = reconciled(ledger, tmp_path, account, fee="0.3")
        away = {"ada": "-0.1", "bob": "-0.2"}[account]
        assert different == [("fee", "cash", away), ("fee", "fill", "0")]


def test_the_same_comparison_again_records_nothing(database_url: str, tmp_path: Path) -> None:
    with ledger_with_a_trade(database_url) as ledger:
        first, _ = reconciled(ledger, tmp_path, "ada")
        again, _ = reconciled(ledger, tmp_path, "ada")
        assert (again.run, again.again, first.again) == (first.run, True, False)


def test_a_carried_position_counts_as_held_but_is_no_fill(
    database_url: str, tmp_path: Path
) -> None:
    with ledger_with_a_trade(database_url) as ledger:
        answer, _ = reconciled(ledger, tmp_path, "ada")
        position = next(one for one in answer.totals if one.position)
        assert (position.what, position.ours_closing, position.theirs_movements) == (
            "BTC",
            "7",
            "2",
        )
