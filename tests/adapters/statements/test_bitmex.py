"""BitMEX wallet history: units, batches, what was cancelled, and refusals that name their place."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from tests.adapters.statements.reading import csv_file, read

BITMEX = STATEMENT_READERS["bitmex-wallet"]
HEADER = [
    *("timestamp", "transactTime", "transactType", "transactStatus", "currency", "network"),
    *("amount", "fee", "walletBalance", "transactID", "address", "marginBalance"),
]


def row(**fields: str) -> dict[str, str]:
    return {
        "timestamp": "2024-05-01T12:00:00.004Z",
        "transactTime": "2024-05-01T12:00:00.000Z",
        "transactType": "RealisedPNL",
        "transactStatus": "Completed",
        "currency": "XBt",
        "amount": "-150",
        "fee": "0",
        "walletBalance": "99850",
        "transactID": "a1",
        "address": "XBTUSD",
        **fields,
    }


def test_amounts_are_in_the_smallest_unit_of_their_currency(tmp_path: Path) -> None:
    rows = [row(), row(currency="USDt", amount="2500000", walletBalance="2500000", address="")]
    path = csv_file(tmp_path / "wallet.csv", HEADER, rows)
    assert sniff_statement(str(path)) is BITMEX
    (pnl, dollars), _, refusals, _ = read(BITMEX, path)
    assert not refusals
    assert (pnl.cash[0].asset, pnl.cash[0].amount) == ("XBT", Decimal("-0.00000150"))
    assert (pnl.cash[0].kind, pnl.market, pnl.native_id) == ("realised_pnl", "XBTUSD", "a1")
    assert dollars.cash[0][:1] + dollars.cash[0][2:] == ("USDT", Decimal("2.5"), Decimal("2.5"))
    assert pnl.told["marginBalance"] == ""


def test_an_amount_of_every_length_keeps_its_last_digit(tmp_path: Path) -> None:
    most = "9" * 29 + "1"
    path = csv_file(tmp_path / "wallet.csv", HEADER, [row(amount=most, walletBalance=f"-{most}")])
    (line,), _, _, _ = read(BITMEX, path)
    assert line.cash[0].amount == Decimal(f"{most}E-8")
    assert line.cash[0].balance == Decimal(f"-{most}E-8")


def test_what_was_cancelled_moved_nothing(tmp_path: Path) -> None:
    cancelled = row(transactType="Withdrawal", transactStatus="Canceled", amount="-5000")
    (line,), _, _, _ = read(BITMEX, csv_file(tmp_path / "wallet.csv", HEADER, [cancelled]))
    assert (line.cash[0].kind, line.cash[0].amount) == ("withdrawal", Decimal(0))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("amount", "1.5", "not a whole number"),
        ("currency", "XBT", "not one of 'XBt'"),
        ("transactType", "Gift", "not one of 'Deposit'"),
        ("timestamp", "2024-05-01 12:00:00", "offset"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    rows = [row(), row(**{field: value})]
    lines, _, (refusal,), seen = read(BITMEX, csv_file(tmp_path / "wallet.csv", HEADER, rows))
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (3, field, value)
    assert reason in refusal.reason
    assert (seen.lines, seen.refused, seen.cut) == (1, 1, True)


def test_lines_against_the_order_of_the_file_are_seen(tmp_path: Path) -> None:
    times = ["01", "02", "04", "03", "05"]
    rows = [row(timestamp=f"2024-05-{day}T12:00:00.000Z") for day in times]
    _, _, _, seen = read(BITMEX, csv_file(tmp_path / "up.csv", HEADER, rows))
    assert (seen.order, seen.misplaced) == ("ascending", [5])
    _, _, _, seen = read(BITMEX, csv_file(tmp_path / "down.csv", HEADER, rows[::-1]))
    assert (seen.order, seen.misplaced) == ("descending", [4])


def test_a_full_page_may_be_cut(tmp_path: Path) -> None:
    rows = [row(transactID=str(number)) for number in range(100)]
    _, _, _, full = read(BITMEX, csv_file(tmp_path / "full.csv", HEADER, rows))
    _, _, _, short = read(BITMEX, csv_file(tmp_path / "short.csv", HEADER, rows[:99]))
    assert (full.saturated, short.saturated) == (True, False)


def test_a_real_wallet_chains_batch_by_batch(shared_data: Path) -> None:
    path = shared_data / "data/statements/bitmex/walletHistory_2020_2022.csv.gz"
    lines, _, refusals, seen = read(BITMEX, path)
    assert (len(lines), refusals, seen.order, seen.misplaced) == (3_639, [], "ascending", [])
    held: dict[str, Decimal] = defaultdict(Decimal)
    batches: dict[tuple[str, datetime], list[Decimal]] = {}
    for line in lines:
        (leg,) = line.cash
        assert leg.balance is not None
        held[leg.asset] += leg.amount
        batches[leg.asset, line.at] = [held[leg.asset], leg.balance]
    assert all(ours == told for ours, told in batches.values())
    assert held == {
        "XBT": Decimal("3.19263308"),
        "USDT": Decimal("7700.976"),
        "BMEX": Decimal("0.12"),
    }
