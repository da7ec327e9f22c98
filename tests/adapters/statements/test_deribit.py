"""Deribit's transaction log: what is cash and what waits for the settlement, as CSV and as JSON."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters import OptionRefused
from clearing.adapters.statements import STATEMENT_READERS, StatementLine, sniff_statement
from tests.adapters.statements.reading import csv_file, read

DERIBIT = STATEMENT_READERS["deribit-log"]
NEWEST = [
    *("ID", "UserSeq", "Date", "Instrument", "Type", "Side", "Amount", "Base Amount", "Position"),
    *("Price", "Mark Price", "Index Price", "Cash Flow", "Funding", "Fee Rate", "Fee Charged"),
    *("Fee Balance", "Change", "Balance", "Equity", "Trade ID", "Order ID", "Info", "Note"),
]
WITHOUT_AMOUNT = [name for name in NEWEST if name != "Amount"]
WITHOUT_NOTE = [name for name in WITHOUT_AMOUNT if name != "Note"]
OLDEST = [
    {"Base Amount": "Size", "Fee Charged": "Fee Paid"}.get(name, name)
    for name in WITHOUT_NOTE
    if name != "Index Price"
]
FILE = "transaction_log-4711-BTC-2024.csv"


def row(**fields: str) -> dict[str, str]:
    """A maker's purchase of a perpetual, which moves its fee alone."""
    return {
        "ID": "9001",
        "UserSeq": "1714550000000123",
        "Date": "2024-05-01 08:00:12",
        "Instrument": "BTC-PERPETUAL",
        "Type": "trade",
        "Side": "open buy",
        "Amount": "1000",
        "Base Amount": "0.02",
        "Size": "1000",
        "Position": "1000",
        "Price": "50000",
        "Mark Price": "50001.5",
        "Index Price": "50000.1",
        "Cash Flow": "0.00001",
        "Funding": "0.00000001",
        "Fee Rate": "0.0005",
        "Fee Charged": "0.00001",
        "Fee Paid": "0.00001",
        "Fee Balance": "0",
        "Change": "-0.00001",
        "Balance": "1.99999",
        "Equity": "2",
        "Trade ID": "t1",
        "Order ID": "o1",
    } | {name.replace("_", " "): value for name, value in fields.items()}


def legs(line: StatementLine) -> list[tuple[str, str, Decimal]]:
    return [(leg.asset, leg.kind, leg.amount) for leg in line.cash]


def only(tmp_path: Path, **fields: str) -> StatementLine:
    (line,), _, refusals, _ = read(DERIBIT, csv_file(tmp_path / FILE, NEWEST, [row(**fields)]))
    assert not refusals
    return line


def test_the_trade_of_a_future_moves_its_fee_alone(tmp_path: Path) -> None:
    path = csv_file(tmp_path / FILE, NEWEST, [row()])
    assert sniff_statement(str(path)) is DERIBIT
    line = only(tmp_path)
    assert (line.account, line.native_id, line.market) == ("4711", "9001", "BTC-PERPETUAL")
    assert line.at.isoformat() == "2024-05-01T08:00:12+00:00"
    assert legs(line) == [("BTC", "fee", Decimal("-0.00001"))]
    assert line.cash[-1].balance == Decimal("1.99999")
    fill = line.fill
    assert fill is not None
    assert (fill.market, fill.size, fill.price) == ("BTC-PERPETUAL", Decimal(1000), Decimal(50000))
    assert (fill.trade_id, fill.order_id, fill.after) == ("t1", "o1", Decimal(1000))
    assert (fill.pnl, fill.fee, fill.fee_asset) == (Decimal("0.00001"), Decimal("0.00001"), "BTC")


def test_the_premium_of_an_option_is_cash(tmp_path: Path) -> None:
    option = {"Instrument": "BTC-27JUN25-60000-C", "Side": "open sell", "Amount": "0.5"}
    figures = {"Cash_Flow": "0.02", "Fee_Charged": "0.0003", "Change": "0.0197"}
    line = only(tmp_path, **option, **figures, Position="-0.5")
    assert legs(line) == [
        ("BTC", "trade", Decimal("0.02")),
        ("BTC", "fee", Decimal("-0.0003")),
    ]
    assert line.fill is not None
    assert (line.fill.size, line.fill.after, line.fill.pnl) == (
        Decimal("-0.5"),
        Decimal("-0.5"),
        None,
    )


def test_profit_that_is_cash_at_once_and_a_rebate(tmp_path: Path) -> None:
    figures = {"Cash_Flow": "5", "Fee_Charged": "-0.1", "Change": "5.1"}
    line = only(tmp_path, Instrument="ETH_USDC-PERPETUAL", Side="close sell", **figures)
    assert legs(line) == [
        ("BTC", "realised_pnl", Decimal(5)),
        ("BTC", "rebate", Decimal("0.1")),
    ]
    assert line.fill is not None
    assert (line.fill.size, line.fill.fee) == (Decimal(-1000), Decimal("-0.1"))


def test_a_fee_from_the_fee_balance_is_not_in_the_change(tmp_path: Path) -> None:
    figures = {"Cash_Flow": "0.02", "Fee_Charged": "0.0003", "Change": "0.02"}
    line = only(tmp_path, Instrument="BTC-27JUN25-60000-P", Side="close sell", **figures)
    assert legs(line) == [("BTC", "trade", Decimal("0.02"))]
    assert line.fill is not None
    assert line.fill.fee is None
    assert line.told["Fee Charged"] == "0.0003"


def test_a_settlement_pays_the_session_and_its_funding(tmp_path: Path) -> None:
    settled = {"Type": "settlement", "Side": "long", "Fee_Charged": "-"}
    figures = {"Cash_Flow": "0.003", "Funding": "-0.0002", "Change": "0.003"}
    line = only(tmp_path, **settled, **figures)
    assert legs(line) == [
        ("BTC", "settlement", Decimal("0.0032")),
        ("BTC", "funding", Decimal("-0.0002")),
    ]
    assert line.cash[-1].balance == Decimal("1.99999")
    assert line.fill is None


def test_a_delivery_closes_the_position(tmp_path: Path) -> None:
    figures = {"Cash_Flow": "-0.01", "Fee_Charged": "0.00015", "Change": "-0.01015"}
    names = {"Type": "delivery", "Instrument": "BTC-27JUN25-60000-C", "Trade_ID": "-"}
    line = only(tmp_path, **figures, **names, Side="close buy", Position="0")
    assert legs(line) == [
        ("BTC", "settlement", Decimal("-0.01")),
        ("BTC", "fee", Decimal("-0.00015")),
    ]
    assert line.fill is not None
    assert (line.fill.after, line.fill.trade_id) == (Decimal(0), "")


@pytest.mark.parametrize(
    ("venue", "kind", "change"),
    [
        ("deposit", "deposit", "2.5"),
        ("withdrawal", "withdrawal", "-1"),
        ("transfer", "transfer", "-0.5"),
        ("swap", "conversion", "0.1"),
        ("correction", "adjustment", "-0.1"),
        ("transfer from insurance", "insurance", "0.7"),
        ("socialized fund", "socialised_loss", "-0.03"),
        ("negative balance fee", "interest", "-0.001"),
        ("something new", "other", "0.25"),
    ],
)
def test_other_lines_move_their_change(tmp_path: Path, venue: str, kind: str, change: str) -> None:
    nothing = dict.fromkeys(("Instrument", "Side", "Amount", "Price", "Position", "Funding"), "-")
    line = only(tmp_path, **nothing, Type=venue, Change=change, Cash_Flow=change, Fee_Charged="0")
    assert legs(line) == [("BTC", kind, Decimal(change))]
    assert (line.market, line.fill) == ("", None)


def test_spot_changes_no_position(tmp_path: Path) -> None:
    figures = {"Cash_Flow": "0.1", "Fee_Charged": "0", "Change": "0.1"}
    line = only(tmp_path, Instrument="BTC_USDC", Side="buy", Position="-", **figures)
    assert legs(line) == [("BTC", "trade", Decimal("0.1"))]
    assert line.fill is None


@pytest.mark.parametrize(
    ("header", "size"),
    [(NEWEST, "1000"), (WITHOUT_AMOUNT, "0.02"), (WITHOUT_NOTE, "0.02"), (OLDEST, "1000")],
)
def test_every_header_that_there_was_is_read(tmp_path: Path, header: list[str], size: str) -> None:
    path = csv_file(tmp_path / FILE, header, [row()])
    assert sniff_statement(str(path)) is DERIBIT
    (line,), _, refusals, _ = read(DERIBIT, path)
    assert not refusals
    assert line.fill is not None
    assert (line.fill.size, line.fill.fee) == (Decimal(size), Decimal("0.00001"))


def test_balances_chain_in_the_venues_order(tmp_path: Path) -> None:
    """A day of a desk: a deposit, a purchase, its settlement, and the sale, newest first."""
    rows = [
        row(UserSeq="4", Side="close sell", Change="-0.00002", Fee_Charged="0.00002")
        | {"Balance": "2.00297"},
        row(UserSeq="3", Type="settlement", Side="long", Change="0.003", Balance="2.00299"),
        row(UserSeq="2", Change="-0.00001", Balance="1.99999"),
        row(UserSeq="1", Type="deposit", Side="-", Change="2", Balance="2"),
    ]
    lines, _, refusals, _ = read(DERIBIT, csv_file(tmp_path / FILE, NEWEST, rows))
    assert not refusals
    held = Decimal(0)
    for line in sorted(lines, key=lambda line: int(line.told["UserSeq"])):
        held += sum(leg.amount for leg in line.cash)
        assert line.cash[-1].balance == held
    assert held == Decimal("2.00297")


def test_a_header_without_any_fee_is_refused(tmp_path: Path) -> None:
    header = [name for name in NEWEST if name != "Fee Charged"]
    lines, _, (refusal,), _ = read(DERIBIT, csv_file(tmp_path / FILE, header, [row()]))
    assert not lines
    assert "lacks Fee Charged or Fee Paid" in refusal.reason


def test_the_currency_is_the_file_names_or_the_settings(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "log.csv", NEWEST, [row()])
    lines, _, (refusal,), _ = read(DERIBIT, path)
    assert not lines
    assert (refusal.field, refusal.line) == ("currency", 0)
    (line,), _, refusals, _ = read(DERIBIT, path, currency="ETH")
    assert not refusals
    assert (line.cash[0].asset, line.account) == ("ETH", "")


def test_the_clock_may_be_ahead_of_utc_and_a_date_may_begin_with_its_day(tmp_path: Path) -> None:
    path = csv_file(tmp_path / FILE, NEWEST, [row(Date="02/05/24 01:30:00"), row()])
    (first, second), _, refusals, _ = read(DERIBIT, path, utc_offset="+02:00")
    assert not refusals
    assert first.at.isoformat() == "2024-05-01T23:30:00+00:00"
    assert second.at.isoformat() == "2024-05-01T06:00:12+00:00"
    with pytest.raises(OptionRefused, match="utc_offset='Berlin'"):
        DERIBIT.read(str(path), {"utc_offset": "Berlin"})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("Change", "-", "not a decimal"),
        ("Balance", "lots", "not a decimal"),
        ("Amount", "-1000", "greater than zero"),
        ("Date", "yesterday", "not a time"),
        ("UserSeq", "", "not a whole number"),
        ("Type", "", "empty"),
        ("Instrument", "-", "empty"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str, reason: str
) -> None:
    path = csv_file(tmp_path / FILE, NEWEST, [row(), row(**{field: value})])
    lines, _, (refusal,), _ = read(DERIBIT, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (3, field)
    assert refusal.value in (value, "")
    assert reason in refusal.reason


def record(**fields: Any) -> dict[str, Any]:
    return {
        "id": 61312,
        "user_seq": 6009,
        "user_id": 7,
        "username": "desk",
        "currency": "ETH",
        "timestamp": 1714550412333,
        "type": "trade",
        "instrument_name": "ETH-PERPETUAL",
        "side": "close sell",
        "amount": 20,
        "position": -5,
        "price": 3000.5,
        "cashflow": 9e-8,
        "commission": 1e-06,
        "change": -1e-06,
        "balance": 3.0000001,
        "equity": 3.1,
        "trade_id": "ETH-28349",
        "order_id": "ETH-67546",
        "interest_pl": 0,
        "profit_as_cashflow": False,
        "info": "Source: api",
    } | fields


def page(path: Path, *entries: dict[str, Any], continuation: int | None = None) -> Path:
    result = {"logs": list(entries), "continuation": continuation}
    path.write_text(json.dumps({"jsonrpc": "2.0", "id": 4, "result": result}), encoding="utf-8")
    return path


def test_a_page_of_the_interface(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("instrument_name", "price", "position", "trade_id", "order_id"))
    transfer = record(type="transfer", side="-", change=-2.5, cashflow=-2.5, commission=0)
    transfer |= nothing | {"info": {"transfer_type": "subaccount"}}
    settled = record(type="settlement", side="short", change=0.00215706, cashflow=0.00215706)
    settled |= {"total_interest_pl": 0.00001243, "commission": None, "order_id": None}
    path = page(tmp_path / "log.json", transfer, settled, record())
    assert sniff_statement(str(path)) is DERIBIT
    lines, _, refusals, seen = read(DERIBIT, path)
    assert not refusals
    assert seen.accounts == ["7"]
    assert [legs(line) for line in lines] == [
        [("ETH", "transfer", Decimal("-2.5"))],
        [("ETH", "settlement", Decimal("0.00214463")), ("ETH", "funding", Decimal("0.00001243"))],
        [("ETH", "fee", Decimal("-0.000001"))],
    ]
    assert [(line.line, line.native_id) for line in lines] == [(n, "61312") for n in (1, 2, 3)]
    fill = lines[2].fill
    assert fill is not None
    assert (fill.size, fill.after, fill.pnl) == (Decimal(-20), Decimal(-5), Decimal("0.00000009"))
    assert lines[2].at.isoformat() == "2024-05-01T08:00:12.333000+00:00"
    assert json.loads(lines[0].told["info"]) == {"transfer_type": "subaccount"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("change", None), ("balance", True), ("timestamp", "soon"), ("currency", None), ("amount", 0)],
)
def test_a_field_of_a_page_that_is_wrong_is_named(tmp_path: Path, field: str, value: Any) -> None:
    path = page(tmp_path / "log.json", record(), record(**{field: value}))
    lines, _, (refusal,), _ = read(DERIBIT, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field) == (2, field)


def test_an_error_instead_of_a_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text('{"error": {"code": 10009, "message": "not_enough_funds"}}', encoding="utf-8")
    lines, _, (refusal,), _ = read(DERIBIT, path)
    assert not lines
    assert "no list of records" in refusal.reason


def test_a_page_in_one_long_line_is_no_table(tmp_path: Path) -> None:
    entries = [record(id=number, info="x" * 8_000) for number in range(150)]
    path = page(tmp_path / "log.json", *entries)
    assert path.stat().st_size > 1024**2
    lines, _, refusals, _ = read(DERIBIT, path)
    assert (len(lines), refusals) == (150, [])


def test_float_noise_is_cut_and_kept_as_told(tmp_path: Path) -> None:
    noisy = {"cashflow": 1.2345678901234568e-05, "change": -1e-06}
    (line,), _, refusals, _ = read(DERIBIT, page(tmp_path / "log.json", record(**noisy)))
    assert not refusals
    assert line.fill is not None
    assert line.fill.pnl == Decimal("0.000012345678901234")
    assert line.told["cashflow"] == "1.2345678901234568e-05"
