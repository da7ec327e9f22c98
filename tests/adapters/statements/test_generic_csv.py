"""CSV by a mapping: nothing is guessed, and a mapping that does not fit says why."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters.base import OptionRefused
from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements import STATEMENT_READERS, settled_reader
from clearing.adapters.statements.generic_csv import GENERIC_CSV
from clearing.adapters.statements.values import DecimalMark, ThousandsMark, written_field
from clearing.events.documents import read_text
from clearing.quantities import exact_decimal
from tests.adapters.statements.reading import read

Write = Callable[..., str]

BANK = """\
mapping: 1
venue: house bank
file: {delimiter: semicolon, header_row: 3, decimal: comma, thousands: point}
time: {column: Buchung, format: pattern, pattern: "%d.%m.%Y", utc_offset: +01:00}
account: {constant: "4711"}
native_id: Beleg
asset: {constant: EUR}
kind:
  column: Art
  words: {Eingang: deposit, Ausgang: withdrawal}
amount: {debit: Soll, credit: Haben}
balance: {column: Saldo, of: line}
ignore: [Text]
"""
BANK_CSV = """\
Konto 4711
Stand 2024
Buchung;Beleg;Art;Text;Soll;Haben;Saldo
02.05.2024;B1;Eingang;Margin;;1.250.000,50;1.250.000,50
03.05.2024;B2;Ausgang;"a;b";250,25;;1.249.750,25
"""

VENUE = """\
mapping: 1
venue: somewhere
time: {column: ts, format: epoch_milliseconds}
account: {column: user}
native_id: id
market: {column: symbol}
asset: {column: coin, words: {XBt: XBT, USDt: USDT}}
kind: {column: type, words: {Trade: trade, Charge: fee}}
amount:
  column: qty
  direction: {column: way, raises: [IN], lowers: [OUT, BURN]}
  decimals: {XBT: 8, USDT: 6}
  empty: nothing
balance: {column: left, of: batch}
fee: {column: fee, positive: paid, asset: {column: fee_coin}, charged: beside_amount}
fill:
  size: contracts
  side: {column: side, bought: [Buy], sold: [Sell]}
  price: px
  trade_id: trade
  order_id: order
  empty: nothing
status: {column: state, counts: [done], nothing: [cancelled]}
page_limits: [2]
"""
VENUE_HEADER = (
    "ts,user,id,symbol,coin,type,qty,way,left,fee,fee_coin,contracts,side,px,trade,order,state"
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def changed(mapping: str, **parts: Any) -> str:
    """A mapping with other parts; a part that is None is left out."""
    document = {**read_text(mapping), **parts}
    return json.dumps({name: part for name, part in document.items() if part is not None})


def test_a_bank_with_decimal_commas_and_two_columns_of_amounts(write: Write) -> None:
    mapping, path = write("m.yaml", BANK), write("bank.csv", BANK_CSV)
    (paid_in, paid_out), _, refusals, seen = read(GENERIC_CSV, path, mapping=mapping)
    assert not refusals
    assert paid_in.at == datetime(2024, 5, 1, 23, tzinfo=UTC)
    assert paid_in.cash[0] == ("EUR", "deposit", Decimal("1250000.50"), Decimal("1250000.50"))
    assert paid_out.cash[0] == ("EUR", "withdrawal", Decimal("-250.25"), Decimal("1249750.25"))
    assert (paid_out.line, paid_out.native_id, paid_out.told["Text"]) == (5, "B2", "a;b")
    assert seen.accounts == ["4711"]


def test_fills_fees_units_and_what_was_cancelled(write: Write) -> None:
    rows = [
        "1714564800123,u1,a,PERP,XBt,Trade,150,OUT,99850,0.5,USDT,3,Sell,64000.5,t1,o1,done",
        "1714564800123,u1,b,,USDt,Charge,2500000,IN,2500000,-0.1,USDT,,,,,,done",
        "1714564800124,u1,c,PERP,,,,,,,,2,Buy,,t2,,done",
        "1714564800125,u1,d,,XBt,Charge,99,BURN,1,,,,,,,,cancelled",
    ]
    path = write("v.csv", "\n".join([VENUE_HEADER, *rows]))
    mapping = write("m.yaml", VENUE)
    (sold, rebated, bought, cancelled), _, refusals, _ = read(GENERIC_CSV, path, mapping=mapping)
    assert not refusals
    assert sold.at == datetime(2024, 5, 1, 12, 0, 0, 123_000, UTC)
    assert sold.cash == (
        ("XBT", "trade", Decimal("-0.00000150"), Decimal("0.00099850")),
        ("USDT", "fee", Decimal("-0.5"), None),
    )
    fill = sold.fill
    assert fill is not None
    assert fill[:5] == ("PERP", Decimal(-3), Decimal("64000.5"), "t1", "o1")
    assert (fill.fee, fill.fee_asset) == (Decimal("0.5"), "USDT")
    # Of two legs in one asset the last has the balance.
    assert rebated.cash == (
        ("USDT", "fee", Decimal("2.5"), None),
        ("USDT", "rebate", Decimal("0.1"), Decimal("2.5")),
    )
    assert (rebated.fill, bought.cash) == (None, ())
    assert bought.fill is not None
    assert (bought.fill.size, bought.fill.price) == (Decimal(2), None)
    assert (cancelled.cash, cancelled.fill) == ((), None)


def test_the_mapping_says_venue_columns_balances_and_pages(write: Write) -> None:
    reader = settled_reader(GENERIC_CSV, {"mapping": write("m.yaml", VENUE)})
    assert (reader.venue, reader.balances) == ("somewhere", "batch")
    assert reader.page_limits == {2}
    assert reader.columns["way"] == "amount.direction"
    bank = GENERIC_CSV.mapped({"mapping": write("b.yaml", BANK)})
    assert bank.columns["Text"].startswith("ignored")
    assert set(bank.columns) == set(BANK_CSV.splitlines()[2].split(";"))
    other = STATEMENT_READERS["mt940"]
    assert settled_reader(other, {}) is other


@pytest.mark.parametrize("positive", ["raises", "lowers"])
def test_the_mapping_says_the_sign(write: Write, positive: str) -> None:
    amount = {"column": "x", "positive": positive}
    simple = changed(
        BANK,
        file={"delimiter": "tab"},
        time={"column": "t", "format": "iso"},
        native_id=None,
        kind={"raises": "deposit", "lowers": "withdrawal"},
        amount=amount,
        balance=None,
        ignore=None,
    )
    path = write("x.tsv", "t\tx\n2024-05-01T00:00:00+02:00\t-5\n")
    (line,), _, _, _ = read(GENERIC_CSV, path, mapping=write("m.yaml", simple))
    paid_out = ("EUR", "withdrawal", Decimal(-5), None)
    paid_in = ("EUR", "deposit", Decimal(5), None)
    assert line.cash[0] == (paid_out if positive == "raises" else paid_in)
    assert line.at == datetime(2024, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "told", "moment"),
    [
        ({"format": "epoch_seconds"}, "1714564800.000001", "2024-05-01T12:00:00.000001"),
        ({"format": "epoch_microseconds"}, "1714564800000001", "2024-05-01T12:00:00.000001"),
        ({"format": "iso", "utc_offset": "-01:30"}, "2024-05-01 12:00:00", "2024-05-01T13:30:00"),
        ({"format": "iso", "utc_offset": "+8"}, "2024-05-01 12:00:00", "2024-05-01T04:00:00"),
        ({"format": "pattern", "pattern": "%m/%d/%y %I:%M %p %z"}, "05/01/24 01:00 PM +0100",
         "2024-05-01T12:00:00"),
    ],
)  # fmt: skip
def test_times_by_their_named_format(
    write: Write, time: dict[str, str], told: str, moment: str
) -> None:
    mapping = changed(BANK, file={}, time={"column": "Buchung", **time})
    header = "Buchung,Beleg,Art,Text,Soll,Haben,Saldo"
    path = write("t.csv", f"{header}\n{told},B1,Eingang,,,1,1\n")
    (line,), _, refusals, _ = read(GENERIC_CSV, path, mapping=write("m.yaml", mapping))
    assert not refusals
    assert line.at == datetime.fromisoformat(f"{moment}+00:00")


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("2.5.24;B;Eingang;;;1;1", "Buchung", "pattern '%d.%m.%Y'"),
        ("٠٢.05.2024;B;Eingang;;;1;1", "Buchung", "pattern '%d.%m.%Y'"),
        ("02.05.2024;B;Gift;;;1;1", "Art", "not one of 'Eingang'"),
        ("02.05.2024;B;Eingang;;;1.5;1", "Haben", "not a number such as '1234,5'"),
        ("02.05.2024;B;Eingang;;;12.34.567,00;1", "Haben", "thousands point"),
        ("02.05.2024;B;Eingang;;-1;;1", "Soll", "must not be negative"),
        ("02.05.2024;B;Eingang;;2;1;1", "Haben", "one of the two is empty or zero"),
        ("02.05.2024;B;Eingang;;;;1", "Soll", "one of the two has a number"),
        ("02.05.2024;B;Eingang;;;1;1e3", "Saldo", "not a number"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(write: Write, row: str, field: str, reason: str) -> None:
    path = write("bank.csv", f"{BANK_CSV}{row}\n")
    lines, _, (refusal,), _ = read(GENERIC_CSV, path, mapping=write("m.yaml", BANK))
    assert len(lines) == 2
    assert (refusal.line, refusal.field) == (6, field)
    assert reason in refusal.reason


def test_smallest_units_are_whole_and_of_known_assets(write: Write) -> None:
    row = "1714564800123,u1,a,,{coin},Charge,{qty},IN,,,,,,,,,done"
    rows = [row.format(coin="XBt", qty="1.5"), row.format(coin="USDt", qty="1")]
    mapping = VENUE.replace("{XBT: 8, USDT: 6}", "{XBT: 8}")
    path = write("v.csv", "\n".join([VENUE_HEADER, *rows]))
    _, _, (half, unknown), _ = read(GENERIC_CSV, path, mapping=write("m.yaml", mapping))
    assert (half.field, unknown.field) == ("qty", "qty")
    assert "not a whole number of units of 10^-8 XBT" in half.reason
    assert "'USDT', for which the mapping has no decimals" in unknown.reason


@pytest.mark.parametrize(
    ("header", "field", "reason"),
    [
        ("Buchung;Beleg;Art;Text;Soll;Haben", "Saldo", "lacks column 'Saldo'"),
        ("Buchung;Beleg;Art;Text;Soll;Haben;Saldo;Gebühr", "Gebühr", "unknown column 'Gebühr'"),
        ("Buchung,Beleg,Art,Text,Soll,Haben,Saldo", "Buchung", "lacks column 'Buchung'"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file(
    write: Write, header: str, field: str, reason: str
) -> None:
    path = write("bank.csv", f"\n\n{header}\n02.05.2024;B;Eingang;;;1;1\n")
    lines, _, (refusal,), _ = read(GENERIC_CSV, path, mapping=write("m.yaml", BANK))
    assert not lines
    assert (refusal.line, refusal.field) == (3, field)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"colour": "red"}, "colour: is not a field here"),
        ({"venue": None}, "venue: is missing"),
        ({"amount": {"column": "Soll"}}, "amount: names column and positive"),
        ({"amount": {"column": "Soll", "positive": "in"}}, "amount.positive: must be 'raises'"),
        ({"kind": {"column": "Art"}}, "kind: names a constant, or column and words"),
        ({"kind": {"constant": "gift"}}, "kind.constant: must be 'deposit'"),
        ({"asset": None}, "asset: belongs to an amount"),
        ({"amount": {"debit": "a", "credit": "b", "decimals": 19}},
         "amount.decimals: must be at most 18"),
        ({"ignore": ["Saldo"]}, "ignore: 'Saldo' is balance"),
        ({"file": {"decimal": "comma", "thousands": "comma"}}, "file.thousands: comma is the dec"),
        ({"fill": {"size": "Soll", "positive": "bought"}}, "market: is missing"),
        ({"status": {"column": "Text", "counts": ["x"], "nothing": ["x"]}}, "both sides"),
        ({"time": {"column": "Buchung", "format": "pattern", "pattern": "%d.%m.%Y"}},
         "time.utc_offset: is needed"),
        ({"time": {"column": "Buchung", "format": "pattern", "pattern": "%d.%m",
                   "utc_offset": "+00:00"}}, "time.pattern: has no year"),
        ({"time": {"column": "Buchung", "format": "pattern", "pattern": "%c",
                   "utc_offset": "+00:00"}}, "time.pattern: %c is not one of"),
        ({"time": {"column": "Buchung", "format": "iso", "utc_offset": "CET"}},
         "time.utc_offset: 'CET' is not an offset"),
        ({"time": {"column": "Buchung", "format": "epoch_seconds", "utc_offset": "+01:00"}},
         "an epoch is one number"),
    ],
)  # fmt: skip
def test_a_mapping_that_is_wrong_says_where(
    write: Write, parts: dict[str, Any], reason: str
) -> None:
    mapping = write("m.json", changed(BANK, **parts))
    with pytest.raises(OptionRefused, match="generic-csv: mapping=") as refused:
        GENERIC_CSV.read("unread.csv", {"mapping": mapping})
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mapping: 1\nmapping: 1\n", "told twice"),
        ("- 1\n", "must be an object"),
        ("a: *b\n", "aliases are not read"),
    ],
)
def test_a_mapping_is_read_strictly(write: Write, text: str, reason: str) -> None:
    with pytest.raises(OptionRefused, match=reason):
        GENERIC_CSV.read("unread.csv", {"mapping": write("m.yaml", text)})


def test_without_a_mapping_nothing_is_read() -> None:
    assert STATEMENT_READERS["generic-csv"] is GENERIC_CSV
    with pytest.raises(OptionRefused, match="needs the option mapping"):
        GENERIC_CSV.read("unread.csv", {})
    with pytest.raises(OptionRefused, match="No such file"):
        GENERIC_CSV.read("unread.csv", {"mapping": "absent.yaml"})


MARKS: list[tuple[DecimalMark, ThousandsMark]] = [
    ("point", "comma"),
    ("comma", "point"),
    ("point", "space"),
]


@given(
    st.decimals(places=12, min_value=-(10**15), max_value=10**15),
    st.sampled_from(MARKS),
)
def test_numbers_keep_every_digit(
    number: Decimal, marks: tuple[DecimalMark, ThousandsMark]
) -> None:
    signs = {"point": ".", "comma": ",", "space": "\u00a0"}
    text = f"{number:,f}".translate({ord(","): signs[marks[1]], ord("."): signs[marks[0]]})
    assert str(written_field("x", text, *marks)) == str(number)


def test_units_are_never_rounded() -> None:
    number = "-123456789012345678901234567890"
    assert f"{exact_decimal(int(number), 8):f}" == "-1234567890123456789012.34567890"
    most = "0." + "1" * 40
    assert str(written_field("x", most)) == most
    with pytest.raises(FieldRefused, match="at most 40 decimals"):
        written_field("x", most + "1")


def test_smallest_units_keep_every_digit(write: Write) -> None:
    most = "9" * 29 + "1"
    row = f"1714564800123,u1,a,,XBt,Charge,{most},OUT,,,,,,,,,done"
    path = write("v.csv", f"{VENUE_HEADER}\n{row}\n")
    (line,), _, _, _ = read(GENERIC_CSV, path, mapping=write("m.yaml", VENUE))
    assert line.cash[0].amount == Decimal(f"-{most}E-8")


TRADES = """\
mapping: 1
venue: desk
time: {column: day, time_column: clock, format: iso, utc_offset: +00:00}
market: {column: market}
fill: {size: size, positive: sold, price: price}
fee: {column: fee, positive: received, asset: {constant: USD}, charged: in_amount}
"""
TRADES_HEADER = "day,clock,market,size,price,fee"


def test_fills_alone_with_a_signed_size_and_a_clock_of_its_own(write: Write) -> None:
    rows = ["2024-05-01,12:00:00,PERP,3,1.5,-0.2", "2024-05-01,12:00:01,PERP,-4,,0"]
    path = write("trades.csv", "\n".join([TRADES_HEADER, *rows]))
    lines, _, refusals, _ = read(GENERIC_CSV, path, mapping=write("m.yaml", TRADES))
    assert not refusals
    fills = [line.fill for line in lines if line.fill is not None]
    assert [(fill.size, fill.price, fill.fee) for fill in fills] == [
        (Decimal(-3), Decimal("1.5"), Decimal("0.2")),
        (Decimal(4), None, Decimal(0)),
    ]
    # The fee is part of an amount that these files do not have.
    assert [line.cash for line in lines] == [(), ()]
    assert lines[0].at == datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("2024-05-01,12:00:00Z,PERP,3,1.5,0", "day", "without an offset (the mapping says +00:00)"),
        ("1950-05-01,12:00:00,PERP,3,1.5,0", "day", "without an offset"),
        ("2024-05-01,12:00:00,,3,1.5,0", "market", "it must say the market of the fill"),
        ("2024-05-01,12:00:00,PERP,,1.5,0", "size", "not a number"),
        ("2024-05-01,12:00:00,PERP,3,x,0", "price", "not a number"),
    ],
)
def test_a_fill_that_does_not_fit_is_named(write: Write, row: str, field: str, reason: str) -> None:
    path = write("trades.csv", f"{TRADES_HEADER}\n{row}\n")
    lines, _, (refusal,), _ = read(GENERIC_CSV, path, mapping=write("m.yaml", TRADES))
    assert not lines
    assert (refusal.line, refusal.field) == (2, field)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("1714564800123.0001,u,a,,XBt,Charge,1,IN,,,,,,,,,done", "ts", "milliseconds since 1970"),
        ("-1,u,a,,XBt,Charge,1,IN,,,,,,,,,done", "ts", "milliseconds since 1970"),
        ("9000000000000,u,a,,XBt,Charge,1,IN,,,,,,,,,done", "ts", "outside the years 1970 to 2199"),
        ("1,u,a,,XBT,Charge,1,IN,,,,,,,,,done", "coin", "not one of 'XBt'"),
        ("1,u,a,,XBt,Charge,-1,IN,,,,,,,,,done", "qty", "its direction is in 'way'"),
        ("1,u,a,,XBt,Charge,1,UP,,,,,,,,,done", "way", "not one of 'IN', 'OUT', 'BURN'"),
        ("1,u,a,P,XBt,Charge,1,IN,,2,,,,,,,done", "fee_coin", "the asset of the fee"),
        ("1,u,a,P,XBt,Charge,1,IN,,,,-2,Buy,,,,done", "contracts", "its side is in 'side'"),
        ("1,u,a,P,XBt,Charge,1,IN,,,,2,Long,,,,done", "side", "not one of 'Buy', 'Sell'"),
        ("1,u,a,,XBt,Charge,1,IN,,,,,,,,,open", "state", "not one of 'done', 'cancelled'"),
    ],
)
def test_a_line_that_does_not_fit_is_named(write: Write, row: str, field: str, reason: str) -> None:
    path = write("v.csv", f"{VENUE_HEADER}\n{row}\n")
    lines, _, (refusal,), _ = read(GENERIC_CSV, path, mapping=write("m.yaml", VENUE))
    assert not lines
    assert (refusal.line, refusal.field) == (2, field)
    assert reason in refusal.reason


def test_empty_amounts_are_nothing_where_the_mapping_says_so(write: Write) -> None:
    amount = {"debit": "Soll", "credit": "Haben", "empty": "nothing"}
    path = write("bank.csv", f"{BANK_CSV}04.05.2024;B3;Eingang;a remark;;;1\n")
    lines, _, refusals, _ = read(
        GENERIC_CSV, path, mapping=write("m.json", changed(BANK, amount=amount))
    )
    assert not refusals
    assert lines[2].cash == ()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"account": {}}, "account: names either a column or a constant"),
        ({"asset": {"constant": "EUR", "words": {"a": "b"}}}, "asset.words: a constant has none"),
        ({"amount": None, "balance": None, "kind": None, "asset": None}, "amount: is missing"),
        ({"amount": None, "kind": None, "asset": None, "fill": {"size": "Soll", "positive": "sold"},
          "market": {"constant": "M"}}, "balance: belongs to an amount"),
        ({"fill": {"size": "Soll"}, "market": {"constant": "M"}}, "fill: names either side"),
        ({"time": {"column": "Buchung", "format": "iso", "pattern": "%Y"}},
         "time.pattern: belongs to the format 'pattern'"),
        ({"time": {"column": "Buchung", "format": "pattern", "pattern": "%Y-%m-%d %M",
                   "utc_offset": "+00:00"}}, "time.pattern: hours are %H"),
    ],
)  # fmt: skip
def test_a_mapping_whose_parts_contradict_each_other_says_where(
    write: Write, parts: dict[str, Any], reason: str
) -> None:
    mapping = write("m.json", changed(BANK, **parts))
    with pytest.raises(OptionRefused) as refused:
        GENERIC_CSV.read("unread.csv", {"mapping": mapping})
    assert reason in str(refused.value)


def test_a_mapping_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(OptionRefused, match="is not UTF-8"):
        GENERIC_CSV.read("unread.csv", {"mapping": str(path)})
