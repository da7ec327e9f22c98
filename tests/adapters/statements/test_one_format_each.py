"""However a file of one format begins, no other format takes it for its own."""

import json
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from clearing.adapters.statements.sniffing import beginning

UNIFIED = (
    "Currency,Contract,Type,Direction,Quantity,Position,Filled Price,Funding,Fee Paid,Cash Flow,"
    "Change,Wallet Balance"
)
OKX = (
    "id,Order id,Time,Trade Type,{},Amount,{},Fee,{}Position Change,Position Balance,"
    "Balance Change,Balance,{}"
)
BEGINNINGS = [
    ("binance-history", "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark"),
    ("binance-history", "User ID,Time,Account,Operation,Coin,Change,Remark"),
    ("binance-income", json.dumps([{"incomeType": "TRANSFER", "income": "1", "tranId": 1}])),
    ("binance-account-update", json.dumps({"e": "ACCOUNT_UPDATE", "a": {"B": [], "P": []}})),
    ("binance-account-update", json.dumps([{"e": "ACCOUNT_UPDATE"}], indent=2)),
    ("binance-account-update", json.dumps({"stream": "x", "data": {"e": "ACCOUNT_UPDATE"}})),
    ("bybit-asset-change", f"UID: 1,Company Name: ,Country:\nUid,{UNIFIED},Action,Time(UTC)"),
    ("bybit-asset-change", f"Uid,{UNIFIED},Action,Time(UTC)"),
    ("bybit-transaction-log", f"{UNIFIED},Action,OrderId,TradeId,Time"),
    ("bybit-transaction-log", f"Time,{UNIFIED},Fee Rate,Trade ID,Order ID"),
    (
        "bybit-transaction-log",
        json.dumps(
            {"result": {"list": [{"cashFlow": "", "cashBalance": "", "transactionTime": 1}]}}
        ),
    ),
    (
        "okx-history",
        "UID:1,Account Type:Main,Time Zone:UTC+8\n"
        + OKX.format("Symbol,Action", "Trading Unit,Filled Price,PnL", "Fee Unit,", "Balance Unit"),
    ),
    ("okx-history", "\ufeff" + OKX.format("Instrument,Type", "Unit,PL", "", "Unit")),
    ("okx-bills", json.dumps({"data": [{"billId": "1", "balChg": "1", "subType": "1"}]})),
]


@pytest.mark.parametrize(("name", "text"), BEGINNINGS)
def test_a_file_is_recognised_as_one_format(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "statement"
    path.write_text(text + "\n", encoding="utf-8")
    assert sniff_statement(str(path)).name == name


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "UID:1", "a,b\n1,2", '{"e":"ORDER_TRADE_UPDATE"}', '"unclosed']
)
def test_what_is_no_statement_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "statement"
    path.write_text(text, encoding="utf-8")
    start = beginning(str(path))
    assert [name for name, reader in STATEMENT_READERS.items() if reader.sniff(start)] == []


def test_a_real_file_is_of_one_format_at_most(shared_data: Path) -> None:
    files = [path for path in (shared_data / "data/statements").rglob("*.*") if path.is_file()]
    found = {}
    for path in files:
        start = beginning(str(path))
        names = [name for name, reader in STATEMENT_READERS.items() if reader.sniff(start)]
        assert len(names) <= 1, path
        found[path.name] = names
    assert found["account_update.json"] == ["binance-account-update"]
