"""Binance transaction history: wallets of a user, kinds of operations, and both headers."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from tests.adapters.statements.reading import csv_file, read

HISTORY = STATEMENT_READERS["binance-history"]
HEADER = ["User_ID", "UTC_Time", "Account", "Operation", "Coin", "Change", "Remark"]
NEWER = ["User ID", "Time", "Account", "Operation", "Coin", "Change", "Remark"]


def row(**fields: str) -> dict[str, str]:
    return {
        "User_ID": "7",
        "UTC_Time": "2024-05-01 12:00:00",
        "Account": "USD-M Futures",
        "Operation": "Funding Fee",
        "Coin": "USDT",
        "Change": "-0.25",
        **fields,
    }


def test_every_operation_of_a_futures_day_is_of_its_kind(tmp_path: Path) -> None:
    rows = [
        row(Operation="Transfer Between Spot Account and UM Futures Account", Change="100"),
        row(Operation="Realized Profit and Loss", Change="1.29642000"),
        row(Operation="Realize profit and loss", Change="-0.05576000"),
        row(Operation="Fee", Coin="BNB", Change="-3.605E-05"),
        row(Operation="Fee", Change="0.01"),
        row(),
        row(Operation="Insurance Fund Compensation", Change="-2"),
        row(Operation="Asset Conversion Transfer", Coin="BUSD", Change="5"),
        row(Operation="Referee rebates", Change="0.1"),
        row(Operation="Isolated Margin Liquidation - Fee", Account="Isolated Margin", Change="-1"),
        row(Operation="Something New", Change="3"),
    ]
    path = csv_file(tmp_path / "history.csv", HEADER, rows)
    assert sniff_statement(str(path)) is HISTORY
    lines, _, refusals, _ = read(HISTORY, path)
    assert not refusals
    assert [(line.cash[0].kind, line.cash[0].asset, line.cash[0].amount) for line in lines] == [
        ("transfer", "USDT", Decimal(100)),
        ("realised_pnl", "USDT", Decimal("1.29642")),
        ("realised_pnl", "USDT", Decimal("-0.05576")),
        ("fee", "BNB", Decimal("-0.00003605")),
        ("rebate", "USDT", Decimal("0.01")),
        ("funding", "USDT", Decimal("-0.25")),
        ("insurance", "USDT", Decimal(-2)),
        ("conversion", "BUSD", Decimal(5)),
        ("rebate", "USDT", Decimal("0.1")),
        ("liquidation", "USDT", Decimal(-1)),
        ("other", "USDT", Decimal(3)),
    ]
    assert lines[-1].told["Operation"] == "Something New"
    assert {(line.market, line.fill, line.native_id) for line in lines} == {("", None, "")}


def test_a_transfer_is_a_line_of_each_wallet_and_its_old_names_are_one(tmp_path: Path) -> None:
    operation = "Transfer Between Spot Account and UM Futures Account"
    rows = [
        row(Account=account, Operation=operation, Change=change)
        for account, change in [
            ("Spot", "-40"),
            ("USDT-Futures", "40"),
            ("USD-MFutures", "1"),
            ("USD-M Futures", "1"),
            ("Coin-M Futures", "1"),
            ("CrossMargin", "1"),
        ]
    ]
    lines, _, _, seen = read(HISTORY, csv_file(tmp_path / "history.csv", HEADER, rows))
    assert len(lines) == 6
    assert seen.accounts == ["7/Spot", "7/USD-M Futures", "7/Coin-M Futures", "7/Cross Margin"]
    assert lines[1].told["Account"] == "USDT-Futures"


def test_the_newer_header_has_times_of_a_clock_that_the_setting_says(tmp_path: Path) -> None:
    rows = [row() | {"User ID": "7", "Time": "24-05-01 15:00:00"}]
    path = csv_file(tmp_path / "history.csv", NEWER, rows)
    assert sniff_statement(str(path)) is HISTORY
    (line,), _, _, _ = read(HISTORY, path, utc_offset="+03:00")
    assert (line.at, line.account) == (datetime(2024, 5, 1, 12, tzinfo=UTC), "7/USD-M Futures")
    (line,), _, _, _ = read(HISTORY, csv_file(path, HEADER, [row()]), utc_offset="+03:00")
    assert line.at == datetime(2024, 5, 1, 12, tzinfo=UTC)  # UTC_Time says its clock itself


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("User_ID", "", "is empty"),
        ("UTC_Time", "", "not a time"),
        ("UTC_Time", "2024-05-01T12:00:00Z", "not a time"),
        ("Account", "Vault", "not a wallet"),
        ("Operation", "", "is empty"),
        ("Coin", "", "is empty"),
        ("Change", "1 USDT", "not a decimal"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    rows = [row(), row(**{field: value})]
    path = csv_file(tmp_path / "history.csv", HEADER, rows)
    lines, _, (refusal,), _ = read(HISTORY, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (3, field, value)
    assert reason in refusal.reason


def test_a_file_with_both_or_none_of_two_names_of_a_column_is_refused(tmp_path: Path) -> None:
    both = csv_file(tmp_path / "both.csv", [*HEADER, "Time"], [row()])
    _, _, (refusal,), _ = read(HISTORY, both)
    assert (refusal.field, refusal.line) == ("UTC_Time", 2)


def test_a_real_export_is_read_but_for_the_lines_that_lack_something(shared_data: Path) -> None:
    path = shared_data / "data/statements/binance/transaction_history_sample_rotki.csv"
    assert sniff_statement(str(path)) is HISTORY
    lines, _, refusals, seen = read(HISTORY, path)
    rows = len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert len(lines) + len(refusals) == rows
    assert [(refusal.line, refusal.field) for refusal in refusals] == [
        (5, "UTC_Time"),
        (6, "Coin"),
        (65, ""),  # its last column is missing, as in a line that was cut
        (66, ""),
        (67, ""),
    ]
    kinds = Counter(line.cash[0].kind for line in lines)
    assert kinds["other"] == 16
    assert (kinds["funding"], kinds["realised_pnl"], kinds["transfer"]) == (1, 2, 8)
    assert seen.accounts == ["1/Spot", "1/Funding", "1/USD-M Futures", "1/Coin-M Futures"]
