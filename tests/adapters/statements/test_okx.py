"""OKX's bills as CSV and JSON: pockets of cash, contracts, signs, clocks, and what is refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.statements import STATEMENT_READERS, StatementLine, sniff_statement
from clearing.adapters.statements.okx_bills import SUBTYPES, kind_of
from tests.adapters.statements.reading import csv_file, read

HISTORY = STATEMENT_READERS["okx-history"]
BILLS = STATEMENT_READERS["okx-bills"]
HEADER = [
    *("id", "Order id", "Time", "Trade Type", "Symbol", "Action", "Amount", "Trading Unit"),
    *("Filled Price", "PnL", "Fee", "Fee Unit", "Position Change", "Position Balance"),
    *("Balance Change", "Balance", "Balance Unit"),
]
OLDER = [
    *("id", "Order id", "Time", "Trade Type", "Instrument", "Type", "Amount", "Unit", "PL", "Fee"),
    *("Position Change", "Position Balance", "Balance Change", "Balance", "Unit"),
]
VALUED = ["Filled_price-USD", "Pnl-USD", "Fee-USD", "Balance-USD", "Balance_change-USD"]
TITLES = "\ufeffUID:4711,\ufeffAccount Type:Main,\ufeffTime Zone:UTC+8"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def row(**fields: str) -> dict[str, str]:
    """A line of the export: a long of ten contracts closed, winning 2.5 and costing 0.5."""
    named = {name.replace("_", " "): value for name, value in fields.items()}
    return {
        "id": "901",
        "Order id": "77",
        "Time": "2024-05-01 20:00:00",
        "Trade Type": "Swap",
        "Symbol": "TAO-USDT-SWAP",
        "Action": "Close long",
        "Amount": "10",
        "Trading Unit": "cont",
        "Filled Price": "205.1",
        "PnL": "2.5",
        "Fee": "-0.5",
        "Fee Unit": "USDT",
        "Position Change": "0.00000000",
        "Position Balance": "0.00000000",
        "Balance Change": "2",
        "Balance": "102",
        "Balance Unit": "USDT",
        **named,
    }


def bill(**fields: Any) -> dict[str, Any]:
    """The same as a record."""
    return {
        "billId": "901",
        "ts": "1714564800000",
        "type": "2",
        "subType": "5",
        "instType": "SWAP",
        "instId": "TAO-USDT-SWAP",
        "ccy": "USDT",
        "mgnMode": "cross",
        "sz": "10",
        "px": "205.1",
        "pnl": "2.5",
        "fee": "-0.5",
        "interest": "0",
        "balChg": "2",
        "bal": "102",
        "posBalChg": "0",
        "posBal": "0",
        "tradeId": "586",
        "ordId": "77",
        "execType": "T",
        "fillTime": "1714564799999",
        **fields,
    }


def export(
    path: Path,
    rows: list[dict[str, str]],
    titles: str = TITLES,
    header: list[str] | None = None,
) -> Path:
    csv_file(path, header or HEADER, rows)
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = [f"\ufeff{line}" for line in lines]
    path.write_text("\n".join([titles, *marked] if titles else marked) + "\n", encoding="utf-8")
    return path


def page(path: Path, rows: list[dict[str, Any]], **answer: Any) -> Path:
    whole = {"code": "0", "msg": "", "data": rows, **answer}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def of(line: StatementLine) -> list[tuple[str, Decimal]]:
    return [(leg.kind, leg.amount) for leg in line.cash]


def test_both_layouts_say_the_same_of_one_fill(tmp_path: Path) -> None:
    files = [
        (HISTORY, export(tmp_path / "history.csv", [row()]), ("4711/Main", "")),
        (BILLS, page(tmp_path / "bills.json", [bill()]), ("", "586")),
    ]
    for reader, path, (account, trade) in files:
        assert sniff_statement(str(path)) is reader
        (line,), _, refusals, _ = read(reader, path)
        assert not refusals
        assert (line.at, line.account, line.native_id) == (NOON, account, "901")
        assert line.market == "TAO-USDT-SWAP"
        assert of(line) == [("realised_pnl", Decimal("2.5")), ("fee", Decimal("-0.5"))]
        assert [leg.balance for leg in line.cash] == [None, Decimal(102)]
        assert line.fill is not None
        assert (line.fill.size, line.fill.price) == (Decimal(-10), Decimal("205.1"))
        assert (line.fill.trade_id, line.fill.order_id) == (trade, "77")
        assert (line.fill.pnl, line.fill.fee) == (Decimal("2.5"), Decimal("0.5"))
        assert line.fill.fee_asset == "USDT"


@pytest.mark.parametrize(
    ("action", "subtype", "size"),
    [
        ("Buy", "1", 10),
        ("Sell", "2", -10),
        ("Open long", "3", 10),
        ("Open short", "4", -10),
        ("Close long", "5", -10),
        ("Close short", "6", 10),
        ("Partial liquidation close short", "101", 10),
        ("Liquidation long", "104", -10),
        ("Liquidation short", "105", 10),
        ("ADL close long", "125", -10),
        ("ADL buy", "127", 10),
        ("Delivery long", "112", -10),
        ("Block trade open short", "207", -10),
    ],
)
def test_what_was_bought_is_positive_whatever_it_is_called(
    tmp_path: Path, action: str, subtype: str, size: int
) -> None:
    files = [
        (HISTORY, export(tmp_path / "history.csv", [row(Action=action)])),
        (BILLS, page(tmp_path / "bills.json", [bill(subType=subtype)])),
    ]
    for reader, path in files:
        (line,), _, _, _ = read(reader, path)
        assert line.fill is not None
        assert line.fill.size == size


@pytest.mark.parametrize(
    ("action", "kind", "subtype", "leg"),
    [
        ("Transfer in", "1", "11", "transfer"),
        ("Funding fee expense", "8", "173", "funding"),
        ("Funding fee income", "8", "174", "funding"),
        ("Interest deduction for market loans", "7", "9", "interest"),
        ("Liquidation transfer out", "5", "111", "liquidation"),
        ("Clawback", "10", "108", "socialised_loss"),
        ("Expired OTM", "3", "172", "settlement"),
        ("Manual margin increase", "6", "160", "transfer"),
        ("System token conversion transfer in", "11", "118", "conversion"),
        ("Something new", "99", "999", "other"),
    ],
)
def test_what_is_no_trade_is_cash_of_its_kind(
    tmp_path: Path, action: str, kind: str, subtype: str, leg: str
) -> None:
    paid = {"PnL": "-3", "Fee": "0", "Balance Change": "-3"}
    told = bill(type=kind, subType=subtype, pnl="-3", fee="", balChg="-3")
    files = [
        (HISTORY, export(tmp_path / "history.csv", [row(Action=action) | paid])),
        (BILLS, page(tmp_path / "bills.json", [told])),
    ]
    for reader, path in files:
        (line,), _, refusals, _ = read(reader, path)
        assert not refusals
        assert (of(line), line.fill) == ([(leg, Decimal(-3))], None)


def test_liquidation_and_deleveraging_keep_their_kind_beside_their_fee(tmp_path: Path) -> None:
    rows = [bill(type="5", subType="104"), bill(type="9", subType="125", fee="0", balChg="2.5")]
    (liquidated, deleveraged), _, _, _ = read(BILLS, page(tmp_path / "bills.json", rows))
    assert of(liquidated) == [("liquidation", Decimal("2.5")), ("fee", Decimal("-0.5"))]
    assert of(deleveraged) == [("adl", Decimal("2.5"))]


def test_a_type_speaks_where_a_subtype_is_not_known(tmp_path: Path) -> None:
    told = bill(type="8", subType="998", pnl="-3", fee="0", balChg="-3")
    (line,), _, _, _ = read(BILLS, page(tmp_path / "bills.json", [told]))
    assert of(line) == [("funding", Decimal(-3))]


def test_every_known_subtype_has_a_kind_and_its_side(tmp_path: Path) -> None:
    assert [number for number, words in SUBTYPES.items() if kind_of(words) is None] == []
    rows = [bill(subType=number) for number in SUBTYPES]
    lines, _, refusals, _ = read(BILLS, page(tmp_path / "bills.json", rows))
    assert not refusals
    sides: dict[bool, set[str]] = {True: set(), False: set()}
    for line in lines:
        if line.fill is not None:
            sides[line.fill.size > 0].add(line.told["subType"])
    spreads = {"270", "272", "275"}, {"271", "273", "274"}
    moved = {"324", "326", "329"}, {"325", "327", "328"}
    blocks = {"204", "206", "209"}, {"205", "207", "208"}
    forced = {"101", "102", "105", "106", "126", "127"}, {"100", "103", "104", "107", "125", "128"}
    plain = {"1", "3", "6", "113", "131"}, {"2", "4", "5", "112", "132"}
    for side, bought in enumerate((True, False)):
        expected = (part[side] for part in (spreads, moved, blocks, forced, plain))
        assert sides[bought] == set().union(*expected)


def test_spot_is_a_line_of_each_coin_with_its_fee_apart(tmp_path: Path) -> None:
    spot = {"Trade_Type": "Spot", "Symbol": "BTC-USDT", "PnL": "0", "Filled_Price": "80904.4"}
    got = row(**spot, Action="Buy", Amount="0.048691", Fee="-0.0000487", Fee_Unit="BTC")
    got |= {"Balance Change": "0.0486423", "Balance Unit": "BTC"}
    gave = row(**spot, Action="Sell", Amount="3939.288", Fee="0")
    gave |= {"Balance Change": "-3939.288"}
    rounded = got | {"Amount": "0.048690"}
    path = export(tmp_path / "history.csv", [got, gave, rounded])
    (btc, usdt, other), _, refusals, _ = read(HISTORY, path)
    assert not refusals
    assert of(btc) == [("trade", Decimal("0.048691")), ("fee", Decimal("-0.0000487"))]
    assert of(usdt) == [("trade", Decimal("-3939.288"))]
    assert of(other) == [("trade", Decimal("0.0486423"))]  # parts that do not add up stay one
    assert {line.fill for line in (btc, usdt, other)} == {None}


def test_a_conversion_has_no_action_and_is_one_by_its_market(tmp_path: Path) -> None:
    told = row(Trade_Type="Spot", Symbol="USDC-USDT-CONVERT", Action="", Fee="0", PnL="0")
    (line,), _, _, _ = read(HISTORY, export(tmp_path / "history.csv", [told]))
    assert of(line) == [("conversion", Decimal(2))]


def test_a_fee_in_another_coin_is_none_of_this_balance(tmp_path: Path) -> None:
    told = row(Fee_Unit="OKB", Balance_Change="2.5")
    (line,), _, _, _ = read(HISTORY, export(tmp_path / "history.csv", [told]))
    assert of(line) == [("realised_pnl", Decimal("2.5"))]
    assert line.fill is not None
    assert (line.fill.fee, line.fill.fee_asset) == (Decimal("0.5"), "OKB")


def test_margin_of_a_position_of_its_own_is_a_pocket_of_its_own(tmp_path: Path) -> None:
    opened = bill(subType="3", pnl="0", balChg="-20.5", bal="79.5", posBalChg="20", posBal="20")
    funded = bill(type="8", subType="173", pnl="-1", fee="0", balChg="0", bal="79.5")
    funded |= {"posBalChg": "-1", "posBal": "19", "billId": "902"}
    path = page(tmp_path / "bills.json", [opened, funded])
    lines, _, refusals, _ = read(BILLS, path)
    assert not refusals
    pocket = "isolated/TAO-USDT-SWAP"
    assert [(line.account, line.native_id, *of(line), line.cash[-1].balance) for line in lines] == [
        ("", "901", ("trade", Decimal("-20.5")), Decimal("79.5")),
        (pocket, "901/position", ("trade", Decimal(20)), Decimal(20)),
        ("", "902", ("funding", Decimal(0)), Decimal("79.5")),
        (pocket, "902/position", ("funding", Decimal(-1)), Decimal(19)),
    ]
    assert [line.fill is not None for line in lines] == [True, False, False, False]
    opened_row = row(Action="Open long", PnL="0", Balance_Change="-20.5", Position_Change="20")
    lines, _, _, _ = read(HISTORY, export(tmp_path / "history.csv", [opened_row]))
    assert [line.account for line in lines] == ["4711/Main", f"4711/Main/{pocket}"]


def test_the_older_export_and_the_one_with_valuations_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "older.csv"
    cells = "901,77,2024-05-01 20:00:00,Spot,BTC-USDT,Buy,2.5,BTC,0,-0.5,0,0,2,102,BTC"
    path.write_text(f"{TITLES}\n\ufeff{','.join(OLDER)}\n{cells}\n", encoding="utf-8")
    assert sniff_statement(str(path)) is HISTORY
    (line,), _, refusals, _ = read(HISTORY, path)
    assert not refusals
    assert of(line) == [("trade", Decimal("2.5")), ("fee", Decimal("-0.5"))]
    assert (line.cash[0].asset, line.cash[-1].balance, line.market) == (
        "BTC",
        Decimal(102),
        "BTC-USDT",
    )
    valued = export(tmp_path / "valued.csv", [row()], header=[*HEADER, *VALUED])
    (line,), _, refusals, _ = read(HISTORY, valued)
    assert (of(line)[0][0], refusals) == ("realised_pnl", [])


def test_the_titles_say_the_clock_and_the_setting_speaks_where_they_do_not(tmp_path: Path) -> None:
    path = export(tmp_path / "bare.csv", [row()], titles="")
    (line,), _, _, _ = read(HISTORY, path)
    assert (line.at.hour, line.account) == (20, "")
    (line,), _, _, _ = read(HISTORY, path, utc_offset="+08:00")
    assert line.at == NOON
    titled = export(tmp_path / "titled.csv", [row()])
    (line,), _, _, _ = read(HISTORY, titled, utc_offset="+08:00")
    assert line.at == NOON
    lines, _, (refusal,), _ = read(HISTORY, titled, utc_offset="+03:00")
    assert (lines, refusal.line, refusal.field, refusal.value) == ([], 1, "Time Zone", "UTC+8")
    odd = export(tmp_path / "odd.csv", [row()], titles="UID:1,Time Zone:Shanghai")
    lines, _, (refusal,), _ = read(HISTORY, odd)
    assert (lines, refusal.field, refusal.value) == ([], "Time Zone", "Shanghai")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("Time", "05/01/2024", "not a time"),
        ("Amount", "ten", "not a decimal"),
        ("Fee", "free", "not a decimal"),
        ("Balance Change", "", "not a decimal"),
        ("Balance", "much", "not a decimal"),
        ("Balance Unit", "", "is empty"),
    ],
)
def test_a_cell_that_is_wrong_is_named(tmp_path: Path, field: str, value: str, reason: str) -> None:
    path = export(tmp_path / "history.csv", [row(), row() | {field: value}])
    lines, _, (refusal,), _ = read(HISTORY, path)
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (4, field, value)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("field", "value", "shown", "reason"),
    [
        ("billId", None, "", "missing"),
        ("ts", "today", "today", "milliseconds"),
        ("type", "", "", "missing"),
        ("ccy", None, "", "missing"),
        ("balChg", None, "", "not a decimal"),
        ("px", "market", "market", "not a decimal"),
        ("subType", "998", "998", "whether the position was bought or sold is not told"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    tmp_path: Path, field: str, value: str | None, shown: str, reason: str
) -> None:
    rows = [bill(), {**bill(), field: value}]
    lines, _, (refusal,), _ = read(BILLS, page(tmp_path / "bills.json", rows))
    assert len(lines) == 1
    assert (refusal.line, refusal.field, refusal.value) == (2, field, shown)
    assert reason in refusal.reason


def test_an_export_without_a_column_for_the_market_says_which(tmp_path: Path) -> None:
    header = [name for name in HEADER if name != "Symbol"]
    path = export(tmp_path / "history.csv", [row()], header=header)
    _, _, (refusal,), _ = read(HISTORY, path)
    assert refusal.field == "Symbol"
    assert "Instrument" in refusal.reason


def test_an_error_s_answer_is_no_page(tmp_path: Path) -> None:
    path = page(tmp_path / "bills.json", [], code="50011", msg="Too Many Requests")
    _, _, (refusal,), _ = read(BILLS, path)
    assert (refusal.field, refusal.value) == ("code", "50011")


def test_a_full_page_may_be_cut(tmp_path: Path) -> None:
    rows = [bill(billId=str(number)) for number in range(100)]
    _, _, _, full = read(BILLS, page(tmp_path / "full.json", rows))
    _, _, _, short = read(BILLS, page(tmp_path / "short.json", rows[1:]))
    assert (full.saturated, short.saturated) == (True, False)


def test_a_page_is_as_long_as_its_records_whatever_lines_they_make(tmp_path: Path) -> None:
    rows = [bill(billId=str(number), posBalChg="1") for number in range(99)]
    rows.append(bill(balChg="much"))
    lines, _, refusals, full = read(BILLS, page(tmp_path / "full.json", rows))
    assert (len(lines), len(refusals)) == (198, 1)
    assert full.saturated
    rows = [bill(billId=str(number), posBalChg="1") for number in range(50)]
    lines, _, _, short = read(BILLS, page(tmp_path / "short.json", rows))
    assert (len(lines), short.saturated) == (100, False)
