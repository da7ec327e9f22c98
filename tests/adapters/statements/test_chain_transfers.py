"""Transfers on a chain: our addresses decide the sign, and a fee is paid once."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.base import OptionRefused
from clearing.adapters.statements import sniff_statement
from clearing.adapters.statements.chain_transfers import CHAIN_TRANSFERS
from tests.adapters.statements.reading import csv_file, read

HEADER = [
    *("time", "chain", "tx_hash", "log_index", "from", "to", "asset", "amount", "fee"),
    *("fee_asset", "block", "status"),
]
HOT, COLD, OTHER = "0xAAaa01", "0xbbbb02", "0xcccc03"
OURS = f"{HOT}, {COLD.upper().replace('0X', '0x')}"


def row(**fields: str) -> dict[str, str]:
    return {
        "time": "2024-05-01T12:00:00Z",
        "chain": "ethereum",
        "tx_hash": "0xf1",
        "log_index": "7",
        "from": HOT.lower(),
        "to": OTHER,
        "asset": "USDC",
        "amount": "12.5",
        "fee": "0.001",
        "fee_asset": "ETH",
        "block": "19771558",
        "status": "success",
        **fields,
    }


def test_our_addresses_decide_the_sign(tmp_path: Path) -> None:
    rows = [
        row(),
        row(**{"from": OTHER, "to": COLD, "tx_hash": "0xf2", "log_index": ""}),
        row(to=COLD, tx_hash="0xf3"),
        row(tx_hash="0xf4", status="failed"),
        row(tx_hash="0xf5", status="pending"),
    ]
    path = csv_file(tmp_path / "chain.csv", HEADER, rows)
    assert sniff_statement(str(path)) is CHAIN_TRANSFERS
    lines, _, refusals, seen = read(CHAIN_TRANSFERS, path, addresses=OURS)
    assert not refusals
    fee = ("ETH", "fee", Decimal("-0.001"), None)
    assert [line.cash for line in lines] == [
        (("USDC", "withdrawal", Decimal("-12.5"), None), fee),
        # Who sent it paid for it.
        (("USDC", "deposit", Decimal("12.5"), None),),
        (("USDC", "transfer", Decimal(0), None), fee),
        # What failed cost its fee all the same.
        (fee,),
        (),
    ]
    assert [line.native_id for line in lines[:2]] == ["0xf1:7", "0xf2"]
    assert lines[0].at == datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert seen.accounts == [HOT.lower(), COLD]


def test_a_transaction_of_several_transfers_pays_one_fee(tmp_path: Path) -> None:
    rows = [row(), row(log_index="8", fee=""), row(log_index="9")]
    path = csv_file(tmp_path / "chain.csv", HEADER, rows)
    lines, _, (refusal,), _ = read(CHAIN_TRANSFERS, path, addresses=OURS)
    assert [len(line.cash) for line in lines] == [2, 1]
    assert (refusal.line, refusal.field) == (4, "fee")
    assert "stands on an earlier row" in refusal.reason


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("from", OTHER, "none of our addresses"),
        ("amount", "-1", "must not be negative"),
        ("amount", "1e3", "not a decimal"),
        ("fee_asset", "", "must say the asset of the fee"),
        ("status", "ok", "not one of 'success'"),
        ("tx_hash", "", "is empty"),
        ("log_index", "x", "not a whole number"),
        ("time", "2024-05-01 12:00:00", "offset"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    path = csv_file(tmp_path / "chain.csv", HEADER, [row(**{field: value})])
    lines, _, (refusal,), _ = read(CHAIN_TRANSFERS, path, addresses=OURS)
    assert not lines
    assert (refusal.line, refusal.field, refusal.value) == (2, field, value)
    assert reason in refusal.reason


def test_addresses_come_from_a_file_too(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "chain.csv", HEADER, [row()])
    ours = tmp_path / "ours.txt"
    ours.write_text(f"{HOT}\n\n{COLD}\n", encoding="utf-8")
    (line,), _, _, _ = read(CHAIN_TRANSFERS, path, addresses=f"@{ours}")
    assert line.cash[0].amount == Decimal("-12.5")


@pytest.mark.parametrize("addresses", ["", "0xa,,0xb", "0xa b", "@absent.txt"])
def test_without_our_addresses_nothing_is_read(addresses: str) -> None:
    with pytest.raises(OptionRefused, match="chain-transfers: addresses"):
        CHAIN_TRANSFERS.read("unread.csv", {"addresses": addresses})


def test_base58_addresses_keep_their_case(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "chain.csv", HEADER, [row(**{"from": "1BoatSLRHt"})])
    lines, _, refusals, _ = read(CHAIN_TRANSFERS, path, addresses="1boatslrht")
    assert (len(lines), len(refusals)) == (0, 1)
