"""Bybit's log in its layouts: signs, the sum of every line, positions, and what is refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters.statements import STATEMENT_READERS, StatementLine, sniff_statement
from clearing.adapters.statements.values import total
from tests.adapters.statements.reading import csv_file, read

CHANGES = STATEMENT_READERS["bybit-asset-change"]
LOG = STATEMENT_READERS["bybit-transaction-log"]
COMMON = [
    *("Currency", "Contract", "Type", "Direction", "Quantity", "Position", "Filled Price"),
    *("Funding", "Fee Paid", "Cash Flow", "Change", "Wallet Balance"),
]
UNIFIED = ["Uid", *COMMON, "Action", "Time(UTC)"]
EXPORT = [*COMMON, "Action", "OrderId", "TradeId", "Time"]
OLDER = ["Time", *COMMON, "Fee Rate", "Trade ID", "Order ID"]
TITLES = "UID: 4711,Company Name: ,Country:\n"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def row(**fields: str) -> dict[str, str]:
    """A line of an export: ten of ADA sold, winning 9.43 and costing 0.15."""
    named = {name.replace("_", " "): value for name, value in fields.items()}
    return {
        "Uid": "4711",
        "Currency": "USDT",
        "Contract": "ADAUSDT",
        "Type": "TRADE",
        "Direction": "SELL",
        "Quantity": "10",
        "Position": "0.00",
        "Filled Price": "0.80",
        "Funding": "0",
        "Fee Paid": "-0.15",
        "Cash Flow": "9.43",
        "Change": "9.28",
        "Wallet Balance": "109.28",
        "Action": "CLOSE",
        "OrderId": "o1",
        "TradeId": "t1",
        "Time": "2024-05-01 12:00:00.000",
        "Time(UTC)": "2024-05-01 12:00:00",
        **named,
    }


def record(**fields: Any) -> dict[str, Any]:
    """The same as a record, where the fee is positive because it was paid."""
    return {
        "id": "4711_ADAUSDT_1",
        "symbol": "ADAUSDT",
        "category": "linear",
        "side": "Sell",
        "transactionTime": "1714564800000",
        "type": "TRADE",
        "qty": "10",
        "size": "0",
        "currency": "USDT",
        "tradePrice": "0.80",
        "funding": "",
        "fee": "0.15",
        "cashFlow": "9.43",
        "change": "9.28",
        "cashBalance": "109.28",
        "feeRate": "0.0001",
        "bonusChange": "",
        "tradeId": "t1",
        "orderId": "o1",
        "orderLinkId": "",
        **fields,
    }


def page(path: Path, rows: list[dict[str, Any]], **answer: Any) -> Path:
    whole = {"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "time": 1, **answer}
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    return path


def export(path: Path, header: list[str], rows: list[dict[str, str]], titles: str = "") -> Path:
    csv_file(path, header, rows)
    path.write_text(titles + path.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def of(line: StatementLine) -> list[tuple[str, Decimal]]:
    return [(leg.kind, leg.amount) for leg in line.cash]


def test_every_layout_says_the_same_of_one_fill(tmp_path: Path) -> None:
    older = row(Direction="Close Long", Fee_Paid="0.15") | {"Trade ID": "t1", "Order ID": "o1"}
    files = [
        (CHANGES, export(tmp_path / "changes.csv", UNIFIED, [row()], TITLES), "4711"),
        (CHANGES, export(tmp_path / "bare.csv", UNIFIED, [row()]), "4711"),
        (LOG, export(tmp_path / "log.csv", EXPORT, [row()]), ""),
        (LOG, export(tmp_path / "titled.csv", EXPORT, [row()], TITLES), "4711"),
        (LOG, export(tmp_path / "older.csv", OLDER, [older]), ""),
        (LOG, page(tmp_path / "log.json", [record()]), ""),
    ]
    for reader, path, account in files:
        assert sniff_statement(str(path)) is reader
        (line,), _, refusals, _ = read(reader, path)
        assert not refusals
        assert (line.at, line.account, line.market) == (NOON, account, "ADAUSDT")
        assert of(line) == [("realised_pnl", Decimal("9.43")), ("fee", Decimal("-0.15"))]
        assert [leg.balance for leg in line.cash] == [None, Decimal("109.28")]
        assert line.fill is not None
        assert (line.fill.size, line.fill.price) == (Decimal(-10), Decimal("0.80"))
        assert (line.fill.after, line.fill.before) == (Decimal(0), None)
        assert (line.fill.pnl, line.fill.fee) == (Decimal("9.43"), Decimal("0.15"))
        ids = ("", "") if reader is CHANGES else ("t1", "o1")
        assert (line.fill.trade_id, line.fill.order_id) == ids


def test_funding_received_raises_the_balance_in_every_layout(tmp_path: Path) -> None:
    settled = row(Type="SETTLEMENT", Action="SETTLEMENT", Quantity="--", Filled_Price="--")
    got = settled | {"Funding": "0.5", "Fee Paid": "0", "Cash Flow": "0", "Change": "0.5"}
    told = record(type="SETTLEMENT", funding="0.5", fee="0", cashFlow="0", change="0.5")
    files = [
        (CHANGES, export(tmp_path / "a.csv", UNIFIED, [got]), {}),
        (LOG, export(tmp_path / "b.csv", EXPORT, [got]), {}),
        (
            LOG,
            export(tmp_path / "c.csv", OLDER, [{**got, "Type": "funding", "Funding": "-0.5"}]),
            {},
        ),
        (LOG, page(tmp_path / "d.json", [told]), {}),
        (LOG, page(tmp_path / "e.json", [told | {"funding": "-0.5"}]), {"account_kind": "classic"}),
    ]
    for reader, path, settings in files:
        (line,), _, refusals, _ = read(reader, path, **settings)
        assert not refusals
        assert (of(line), line.fill) == ([("funding", Decimal("0.5"))], None)


def test_a_page_of_the_other_kind_of_account_is_refused_not_turned_round(tmp_path: Path) -> None:
    told = record(type="SETTLEMENT", funding="-0.5", fee="", cashFlow="0", change="0.5")
    _, _, (refusal,), _ = read(LOG, page(tmp_path / "classic.json", [told]))
    assert (refusal.line, refusal.field, refusal.value) == (1, "change", "0.5")
    assert "cashFlow − fee + funding" in refusal.reason


def test_a_usdc_settlement_is_funding_and_the_session_s_profit(tmp_path: Path) -> None:
    both = record(type="SETTLEMENT", currency="USDC", funding="-0.2", fee="0", cashFlow="7")
    (line,), _, _, _ = read(LOG, page(tmp_path / "usdc.json", [both | {"change": "6.8"}]))
    assert of(line) == [("settlement", Decimal(7)), ("funding", Decimal("-0.2"))]
    assert line.fill is None


@pytest.mark.parametrize(
    ("kind", "leg", "fills"),
    [
        ("TRANSFER_IN", "transfer", False),
        ("TRANSFER_OUT", "transfer", False),
        ("DELIVERY", "settlement", False),
        ("LIQUIDATION", "liquidation", True),
        ("ADL", "adl", True),
        ("INTEREST", "interest", False),
        ("FEE_REFUND", "rebate", False),
        ("CURRENCY_BUY", "conversion", False),
        ("AIRDROP", "other", False),
        ("--", "other", False),
    ],
)
def test_a_line_s_type_says_what_its_cash_flow_is(
    tmp_path: Path, kind: str, leg: str, fills: bool
) -> None:
    flow = {"Type": kind, "Action": "--", "Fee Paid": "0", "Cash Flow": "-3", "Change": "-3"}
    path = export(tmp_path / "log.csv", EXPORT, [row() | flow])
    (line,), _, refusals, _ = read(LOG, path)
    assert not refusals
    assert of(line) == [(leg, Decimal(-3))]
    assert (line.fill is not None) == fills


def test_a_line_that_moved_nothing_still_states_its_balance(tmp_path: Path) -> None:
    still = row(Fee_Paid="0", Cash_Flow="0", Change="0")
    (line,), _, _, _ = read(CHANGES, export(tmp_path / "a.csv", UNIFIED, [still]))
    assert line.cash == (("USDT", "realised_pnl", Decimal(0), Decimal("109.28")),)


def test_spot_is_cash_in_two_assets_and_no_position(tmp_path: Path) -> None:
    sold = row(Currency="BTC", Contract="BTCEUR", Quantity="-0.03", Action="--", Fee_Paid="0")
    got = row(Currency="EUR", Contract="BTCEUR", Quantity="1600", Action="--", Fee_Paid="-4")
    rows = [
        sold | {"Cash Flow": "-0.03", "Change": "-0.03"},
        got | {"Cash Flow": "1600", "Change": "1596"},
    ]
    (btc, eur), _, refusals, _ = read(CHANGES, export(tmp_path / "spot.csv", UNIFIED, rows))
    assert not refusals
    assert (of(btc), btc.fill) == ([("trade", Decimal("-0.03"))], None)
    assert (of(eur), eur.fill) == ([("trade", Decimal(1600)), ("fee", Decimal(-4))], None)
    (line,), _, _, _ = read(LOG, page(tmp_path / "spot.json", [record(category="spot")]))
    assert (line.cash[0].kind, line.fill) == ("trade", None)


@pytest.mark.parametrize("layout", ["csv", "json"])
def test_an_option_s_cash_flow_is_its_premium_and_no_profit(tmp_path: Path, layout: str) -> None:
    name = "BTC-27MAR26-120000-C-USDT"
    bought = {"fee": "0.03", "cashFlow": "-5", "change": "-5.03", "side": "Buy", "size": "10"}
    if layout == "json":
        option = record(symbol=name, category="option", **bought)
        path = page(tmp_path / "option.json", [option])
    else:
        premium = row(Contract=name, Direction="BUY", Action="OPEN", Position="10")
        premium |= {"Fee Paid": "-0.03", "Cash Flow": "-5", "Change": "-5.03"}
        path = export(tmp_path / "option.csv", EXPORT, [premium])
    (line,), _, _, _ = read(LOG, path)
    assert of(line) == [("trade", Decimal(-5)), ("fee", Decimal("-0.03"))]
    assert line.fill is not None
    assert (line.fill.size, line.fill.after, line.fill.pnl) == (Decimal(10), Decimal(10), None)


@pytest.mark.parametrize(
    ("direction", "action", "written", "after"),
    [
        ("BUY", "OPEN", "3", 3),
        ("SELL", "OPEN", "3", -3),
        ("SELL", "OPEN", "-3", -3),
        ("SELL", "CLOSE", "3", 3),
        ("BUY", "CLOSE", "3", -3),
        ("BUY", "CLOSE", "-3", -3),
        ("Open Short", "", "3", -3),
        ("Close Short", "", "3", -3),
        ("Open Long", "", "3", 3),
    ],
)
def test_a_short_position_is_negative_however_it_is_written(
    tmp_path: Path, direction: str, action: str, written: str, after: int
) -> None:
    header = EXPORT if action else OLDER
    fee = "-0.15" if action else "0.15"
    held = row(Direction=direction, Action=action, Position=written, Fee_Paid=fee)
    (line,), _, _, _ = read(LOG, export(tmp_path / "log.csv", header, [held]))
    assert line.fill is not None
    assert line.fill.after == after
    assert (line.fill.size > 0) == (direction in ("BUY", "Open Long", "Close Short"))


def test_a_rebate_is_a_fee_that_was_got_back(tmp_path: Path) -> None:
    maker = record(fee="-0.02", cashFlow="0", change="0.02")
    (line,), _, _, _ = read(LOG, page(tmp_path / "log.json", [maker]))
    assert of(line) == [("rebate", Decimal("0.02"))]
    assert line.fill is not None
    assert line.fill.fee == Decimal("-0.02")


UNITS = st.integers(-(10**42), 10**42)


def exact(units: int) -> Decimal:
    return Decimal(f"{units}E-18")


@given(UNITS, UNITS, UNITS)
def test_the_legs_of_a_line_are_its_change_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, flow: int, fee: int, funding: int
) -> None:
    change = exact(flow + fee + funding)
    told = row(Cash_Flow=f"{exact(flow):f}", Fee_Paid=f"{exact(fee):f}", Change=f"{change:f}")
    path = tmp_path_factory.mktemp("log") / "log.csv"
    told |= {"Funding": f"{exact(funding):f}"}
    (line,), _, refusals, _ = read(LOG, export(path, EXPORT, [told]))
    assert not refusals
    assert total(*(leg.amount for leg in line.cash)) == change
    wrong = told | {"Change": f"{exact(flow + fee + funding + 1):f}"}
    lines, _, (refusal,), _ = read(LOG, export(path, EXPORT, [wrong]))
    assert (lines, refusal.field) == ([], "Change")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("Currency", "", "is empty"),
        ("Direction", "HOLD", "is not one of BUY"),
        ("Direction", "BUY", "is negative"),
        ("Quantity", "ten", "not a decimal"),
        ("Filled Price", "1,5", "not a decimal"),
        ("Change", "9.29", "is not Cash Flow + Fee Paid + Funding, which is 9.28"),
        ("Change", "--", "not a decimal"),
        ("Fee Paid", "free", "not a decimal"),
        ("Wallet Balance", "n/a", "not a decimal"),
        ("Time(UTC)", "01/05/2024", "not a time"),
    ],
)
def test_a_cell_that_is_wrong_is_named(tmp_path: Path, field: str, value: str, reason: str) -> None:
    wrong = row(Quantity="-10") | {field: value.replace("1,5", '"1,5"')}
    path = export(tmp_path / "changes.csv", UNIFIED, [row(), wrong], TITLES)
    lines, _, (refusal,), _ = read(CHANGES, path)
    assert len(lines) == 1
    named = "Quantity" if reason == "is negative" else field
    assert (refusal.line, refusal.field) == (4, named)
    assert refusal.value == ("-10" if named != field else value)
    assert reason in refusal.reason


def test_a_column_that_is_not_known_refuses_the_file(tmp_path: Path) -> None:
    path = export(tmp_path / "changes.csv", [*UNIFIED, "Bonus"], [row()], TITLES)
    lines, _, (refusal,), _ = read(CHANGES, path)
    assert (lines, refusal.line, refusal.field) == ([], 2, "Bonus")


def test_an_error_s_answer_is_no_page(tmp_path: Path) -> None:
    path = page(tmp_path / "log.json", [], retCode=10002, retMsg="invalid request time")
    _, _, (refusal,), _ = read(LOG, path)
    assert (refusal.field, refusal.value) == ("retCode", "10002")
    assert "invalid request time" in refusal.reason


@pytest.mark.parametrize("size", [20, 50])
def test_a_page_of_the_default_or_the_most_may_be_cut(tmp_path: Path, size: int) -> None:
    rows = [record(id=str(number)) for number in range(size)]
    lines, _, _, full = read(LOG, page(tmp_path / "full.json", rows))
    _, _, _, short = read(LOG, page(tmp_path / "short.json", rows[1:]))
    assert (full.saturated, short.saturated) == (True, False)
    assert [line.native_id for line in lines] == [str(number) for number in range(size)]


def test_times_of_the_log_s_export_are_of_the_clock_that_the_setting_says(tmp_path: Path) -> None:
    path = export(tmp_path / "log.csv", EXPORT, [row(Time="2024-05-01 20:00:00.000")])
    (line,), _, _, _ = read(LOG, path, utc_offset="+08:00")
    assert line.at == NOON


def test_a_real_export_chains_its_balances(shared_data: Path) -> None:
    path = shared_data / "data/statements/bybit/uta_asset_change_details_excerpt.csv"
    assert sniff_statement(str(path)) is CHANGES
    (sold, settled, bought), _, refusals, seen = read(CHANGES, path)
    assert not refusals
    assert seen.accounts == ["000000000"]
    assert of(sold) == [("realised_pnl", Decimal("1.0375")), ("fee", Decimal("-0.08712"))]
    assert of(settled) == [("funding", Decimal("-0.0043613"))]
    before, after = sold.cash[-1].balance, settled.cash[-1].balance
    assert before is not None
    assert before + settled.cash[0].amount == after
    assert sold.fill is not None
    assert bought.fill is not None
    assert (sold.fill.size, sold.fill.after) == (Decimal("-0.02"), Decimal("0.02"))
    assert (bought.fill.size, bought.fill.after) == (Decimal("0.05"), Decimal("0.05"))
