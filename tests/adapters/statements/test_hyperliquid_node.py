"""Node fills as a statement: both sides of every trade, each of its own account."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import IMPORTERS, ImportOptions, Located, OptionRefused
from clearing.adapters.hyperliquid_node import COLUMNS
from clearing.adapters.statements import STATEMENT_READERS, StatementLine, sniff_statement
from clearing.events import Filled
from tests.adapters.statements.reading import read

READER = STATEMENT_READERS["hyperliquid-node-fills"]
REAL = "data/trades/hyperliquid_node_fills_20251027_a.csv.gz"


def row(**changed: str) -> dict[str, str]:
    told = {
        "block_number": "881000001",
        "block_time": "2025-03-02T10:00:01.500000250",
        "user": "0xAaaa01",
        "coin": "ETH",
        "side": "A",
        "px": "2200.5",
        "sz": "1.5",
        "time_ms": "1740909601500",
        "start_position": "4.0",
        "dir": "Close Long",
        "closed_pnl": "-7.25",
        "fee": "1.155",
        "fee_token": "USDC",
        "crossed": "True",
        "tid": "5001",
        "liq_user": "",
        "liq_mark": "",
        "liq_method": "",
    }
    return told | changed


def made(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "fills.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def moved(line: StatementLine) -> list[tuple[str, str, str]]:
    return [(leg.asset, leg.kind, str(leg.amount)) for leg in line.cash]


def test_a_sale_at_a_loss_lowers_the_balance_by_loss_and_fee(tmp_path: Path) -> None:
    (line,), _, refusals, seen = read(READER, made(tmp_path, row()))
    assert not refusals
    assert (line.account, line.native_id, line.market) == ("0xAaaa01", "5001", "ETH")
    assert line.at.isoformat() == "2025-03-02T10:00:01.500000+00:00"
    assert moved(line) == [("USDC", "realised_pnl", "-7.25"), ("USDC", "fee", "-1.155")]
    fill = line.fill
    assert fill is not None
    assert (fill.size, fill.price, fill.before) == (Decimal("-1.5"), Decimal("2200.5"), Decimal(4))
    assert (fill.trade_id, fill.pnl, fill.fee) == ("5001", Decimal("-7.25"), Decimal("1.155"))
    assert fill.fee_asset == "USDC"
    assert (seen.accounts, seen.saturated) == (["0xAaaa01"], False)
    assert set(line.told) == set(COLUMNS) == set(READER.columns)


def test_a_maker_that_opens_gets_its_rebate_alone(tmp_path: Path) -> None:
    made_by = made(tmp_path, row(side="B", closed_pnl="0.0", fee="-0.05"))
    (line,), _, _, _ = read(READER, made_by)
    assert moved(line) == [("USDC", "rebate", "0.05")]
    assert line.fill is not None
    assert (line.fill.size, line.fill.fee) == (Decimal("1.5"), Decimal("-0.05"))


def test_of_spot_the_fee_alone_is_cash(tmp_path: Path) -> None:
    path = made(tmp_path, row(coin="@107", fee="0.002") | {"fee_token": "HYPE"})
    (line,), _, _, _ = read(READER, path)
    assert (line.market, moved(line)) == ("spot:@107", [("HYPE", "fee", "-0.002")])


def test_one_user_may_be_asked_for_in_either_case(tmp_path: Path) -> None:
    path = made(tmp_path, row(), row(user="0xBBbb02", side="B"), row(user="0xbbbb02", px="no"))
    lines, _, refusals, _ = read(READER, path, user="0xAAAA01")
    assert [line.account for line in lines] == ["0xAaaa01"]
    assert not refusals
    both, _, wrong, _ = read(READER, path)
    assert [line.account for line in both] == ["0xAaaa01", "0xBBbb02"]
    assert [(one.line, one.field) for one in wrong] == [(4, "px")]
    with pytest.raises(OptionRefused, match="hyperliquid-node-fills: user='a b'"):
        READER.read("unread.csv", {"user": "a b"})


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("sz", "0", "greater than zero"),
        ("px", "1e3", "not a decimal"),
        ("fee", "0." + "1" * 41, "at most 40 decimals"),
        ("side", "S", "not one of 'B', 'A'"),
        ("block_time", "2025-03-02 10:00", "not a time"),
        ("tid", "x", "not a whole number"),
        ("user", "", "not a name"),
        ("coin", "", "not a name"),
    ],
)
def test_what_is_not_a_fill_is_refused_by_its_field(
    tmp_path: Path, column: str, value: str, reason: str
) -> None:
    lines, _, (refusal,), _ = read(READER, made(tmp_path, row(**{column: value})))
    assert not lines
    assert (refusal.line, refusal.field) == (2, column)
    assert reason in refusal.reason


@given(st.integers(-(10**70) + 1, 10**70 - 1))
def test_a_fee_of_forty_decimals_keeps_its_last_one(
    tmp_path_factory: pytest.TempPathFactory, units: int
) -> None:
    fee = Decimal(f"{units}E-40")
    path = made(tmp_path_factory.mktemp("fee"), row(closed_pnl="0", fee=f"{fee:f}"))
    (line,), _, _, _ = read(READER, path)
    (leg,) = line.cash or (None,)
    assert (Decimal(0) if leg is None else leg.amount) == Decimal(f"{-units}E-40")


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    return shared_data / REAL


def test_the_real_file_is_recognised_and_says_what_its_import_says(real: Path) -> None:
    assert sniff_statement(str(real)) is READER
    lines, _, refusals, _ = read(READER, real)
    assert (len(lines), refusals) == (3556, [])
    told = list(IMPORTERS["hyperliquid-fills"].read([str(real)], ImportOptions()))
    events = [item.event for item in told if isinstance(item, Located)]
    fills = [event for event in events if isinstance(event, Filled)]
    assert [summary(line) for line in lines] == [
        (
            fill.occurred_at,
            fill.account,
            fill.market,
            fill.size if fill.side == "buy" else -fill.size,
            fill.price,
            fill.trade_id,
            fill.reported_size_before,
            fill.reported_pnl,
            fill.fee,
            fill.fee_asset,
        )
        for fill in fills
    ]


def summary(line: StatementLine) -> tuple[Any, ...]:
    fill = line.fill
    assert fill is not None
    around = (fill.trade_id, fill.before, fill.pnl, fill.fee, fill.fee_asset)
    return (line.at, line.account, fill.market, fill.size, fill.price, *around)


def test_each_side_of_a_real_trade_has_its_other_side(real: Path) -> None:
    lines, _, _, _ = read(READER, real)
    trades: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        assert line.fill is not None
        trades[line.native_id] += line.fill.size
    assert len(trades) == 1778
    assert not any(trades.values())
