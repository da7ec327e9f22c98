"""MT940: dates without a clock, four signs, pages of a statement, and what is cut."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clearing.adapters.statements import sniff_statement
from clearing.adapters.statements.mt940 import MT940
from tests.adapters.statements.reading import read

STATEMENT = """\
{1:F01HOUSEDEFFXXX0000000000}{2:O9401200240502HOUSEDEFFXXX00000000002405021200N}{4:
:20:STMT240502
:25:10020030/1234567
:28C:85/1
:60F:C240430EUR1000,00
:61:2405020502C250,50NTRFMARGIN//B-1
second line of details
:86:wire from a customer
in two lines
:61:2405010502DR10,NCHGNONREF
:61:2405020502RC250,50NTRFMARGIN//B-3
:61:2405020502RDR10,NCHGNONREF//NONREF
:61:240502C1,25NINTNONREF//B-5
:62F:C240502EUR1001,25
:64:C240502EUR900,00
:86:about the statement
-}{5:{CHK:123456789ABC}}
"""

PAGES = """\
940
:20:P1
:25:ACC
:28C:1/1
:60F:C231229USD100,
:61:2401021230C5,NTRFNONREF//A
:61:2312310102D1,NTRFNONREF//B
:62M:C240102USD104,
-
:20:P2
:25:ACC
:28C:1/2
:60M:C240102USD104,
:61:240102D4,NTRFNONREF//C
:62F:C240102USD100,
-
:20:P3
:25:OTHER
:28C:1
:60F:D240102EUR7,00
:62F:D240102EUR7,00
"""


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def written(folder: Path, text: str) -> Path:
    path = folder / "statement.sta"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_statement_chains_from_its_opening_to_its_closing_balance(tmp_path: Path) -> None:
    path = written(tmp_path, STATEMENT)
    assert sniff_statement(str(path)) is MT940
    lines, (opening, closing), refusals, seen = read(MT940, path)
    assert not refusals
    assert [(line.cash[0].kind, line.cash[0].amount) for line in lines] == [
        ("deposit", Decimal("250.50")),
        ("fee", Decimal(-10)),
        # A credit taken back lowers the balance, a debit taken back raises it.
        ("adjustment", Decimal("-250.50")),
        ("adjustment", Decimal(10)),
        ("interest", Decimal("1.25")),
    ]
    assert opening.amount + sum(line.cash[0].amount for line in lines) == closing.amount
    assert (opening.what, opening.at, opening.when) == ("EUR", day("2024-04-30"), "after")
    assert (closing.at, closing.when, closing.position) == (day("2024-05-02"), "after", False)
    assert seen.accounts == ["10020030/1234567"]
    assert [line.native_id for line in lines] == ["B-1", "", "B-3", "", "B-5"]


def test_nothing_of_a_line_is_lost(tmp_path: Path) -> None:
    lines, (_, closing), _, _ = read(MT940, written(tmp_path, STATEMENT))
    wire, charge, *_ = lines
    assert wire.told[":86:"] == "wire from a customer\nin two lines"
    assert wire.told[":61:"].endswith("\nsecond line of details")
    assert (wire.told[":20:"], wire.told[":28C:"], wire.line) == ("STMT240502", "85/1", 6)
    assert (charge.told["funds_code"], charge.told[":86:"]) == ("R", "")
    # Value dates are kept; the day is that of the entry.
    assert (charge.told["value_date"], charge.at) == ("2024-05-01", day("2024-05-02"))
    assert closing.told[":64:"] == "C240502EUR900,00"
    assert closing.told[":86:"] == "about the statement"


def test_pages_of_a_statement_and_dates_across_the_years_end(tmp_path: Path) -> None:
    lines, balances, refusals, seen = read(MT940, written(tmp_path, PAGES))
    assert not refusals
    assert [line.at for line in lines] == [day("2023-12-30"), day("2024-01-02"), day("2024-01-02")]
    # An intermediate balance holds within a day, at no moment that has a name.
    assert (lines[1].told[":62M:"], lines[2].told[":60M:"]) == 2 * ("C240102USD104,",)
    assert {leg.balance for line in lines for leg in line.cash} == {None}
    assert [(one.account, one.what, one.amount, one.when) for one in balances] == [
        ("ACC", "USD", Decimal(100), "after"),
        ("ACC", "USD", Decimal(100), "after"),
        ("OTHER", "EUR", Decimal(-7), "before"),
        ("OTHER", "EUR", Decimal(-7), "after"),
    ]
    assert seen.accounts == ["ACC", "OTHER"]


def test_an_opening_balance_of_the_day_of_its_lines_is_before_them(tmp_path: Path) -> None:
    text = PAGES.replace(":60F:C231229USD100,", ":60F:C231230USD100,")
    _, (opening, *_), _, _ = read(MT940, written(tmp_path, text))
    assert (opening.at, opening.when) == (day("2023-12-30"), "before")


@pytest.mark.parametrize(
    ("entry", "value", "booked"),
    [
        ("0229", "240301", "2024-02-29"),
        ("0101", "231231", "2024-01-01"),
        ("1231", "240101", "2023-12-31"),
        ("", "991231", "1999-12-31"),
    ],
)
def test_the_year_of_an_entry_date_is_the_nearest(
    tmp_path: Path, entry: str, value: str, booked: str
) -> None:
    text = STATEMENT.replace("2405020502C250,50", f"{value}{entry}C250,50")
    (line, *_), _, refusals, _ = read(MT940, written(tmp_path, text))
    assert (line.at, refusals) == (day(booked), [])


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "reason"),
    [
        ("C250,50NTRF", "C250.50NTRF", 6, "61", "not a statement line"),
        ("C250,50NTRF", "X250,50NTRF", 6, "61", "one of C D RC RD"),
        ("2405020502C250", "2405320502C250", 6, "61", "not a date YYMMDD"),
        ("2405020502C250", "2405020230C250", 6, "61", "not an entry date MMDD"),
        (":60F:C240430EUR1000,00", ":60F:C240430EUR1.000,00", 5, "60F", "not a balance"),
        (":62F:C240502EUR", ":62F:C240502USD", 14, "62F", "opening balance is in EUR"),
        (":64:C", ":67:C", 15, "67", "is not a field of a statement"),
        (":25:10020030/1234567\n", "", 2, "25", "has no :25:"),
        (":62F:C240502EUR1001,25\n", "", 15, "62F", "is it cut?"),
        ("{2:O940", "{2:O942", 1, "2", "statements are MT940"),
        (":20:STMT240502\n", "", 2, "", "stands outside of a message"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, old: str, new: str, line: int, field: str, reason: str
) -> None:
    assert old in STATEMENT
    _, _, refusals, _ = read(MT940, written(tmp_path, STATEMENT.replace(old, new)))
    refusal = refusals[0]
    assert (refusal.line, refusal.field) == (line, field)
    assert reason in refusal.reason


def test_a_file_that_ends_within_a_message_is_cut(tmp_path: Path) -> None:
    text = STATEMENT[: STATEMENT.index(":62F:")]
    lines, _, _, seen = read(MT940, written(tmp_path, text))
    assert (len(lines), seen.cut) == (5, True)


def test_a_line_that_is_refused_leaves_the_others(tmp_path: Path) -> None:
    text = STATEMENT.replace("2405010502DR10,", "2405010502DR10")
    lines, balances, refusals, _ = read(MT940, written(tmp_path, text))
    assert (len(lines), len(balances), len(refusals)) == (4, 2, 1)


@pytest.mark.parametrize("divided", [True, False])
def test_messages_of_another_type_are_refused_once_and_passed_over(
    tmp_path: Path, divided: bool
) -> None:
    other = STATEMENT.replace("{2:O940", "{2:O942").replace("STMT", "INTERIM")
    if divided:
        other = other.replace("}{", "}\n{").replace("}\n{5", "}{5")
    lines, balances, (refusal,), _ = read(MT940, written(tmp_path, other + STATEMENT))
    assert (len(lines), len(balances)) == (5, 2)
    assert (refusal.line, refusal.value) == (2 if divided else 1, "942")


@pytest.mark.parametrize(
    ("old", "field", "reason"),
    [
        (":60F:C240430EUR1000,00\n", "60F", "a second opening balance"),
        (":62F:C240502EUR1001,25\n", "62F", "a second closing balance"),
    ],
)
def test_a_balance_that_stands_twice_is_refused(
    tmp_path: Path, old: str, field: str, reason: str
) -> None:
    lines, balances, (refusal,), _ = read(
        MT940, written(tmp_path, STATEMENT.replace(old, old + old))
    )
    assert (len(lines), len(balances)) == (5, 2)
    assert (refusal.field, reason in refusal.reason) == (field, True)


def test_lines_before_the_currency_is_known_are_refused(tmp_path: Path) -> None:
    text = STATEMENT.replace(":60F:C240430EUR1000,00\n", "")
    lines, (closing,), refusals, _ = read(MT940, written(tmp_path, text))
    assert (lines, closing.when) == ([], "after")
    assert {refusal.field for refusal in refusals} == {"60F", "61"}
