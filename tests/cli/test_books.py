"""`clearing books`: statements, versions, restatements and attribution at a terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.books.day import at, cash, day
from tests.cli.conftest import Run

DAY = ("--day", "2024-06-18")
LATE = cash(40, "Deposited", "ada", "25.00", **at(18, 3, 30))


@pytest.fixture
def books(clearing: Run, database_url: str) -> Run:
    with day(database_url):
        return lambda *arguments: clearing("books", *arguments)


def test_a_statement_is_shown_issued_and_listed(
    books: Run, answer: Callable[..., Any], database_url: str
) -> None:
    code, shown, _ = books("statement", "ada", *DAY)
    assert code == 0
    assert "not issued" in shown
    assert "1,234.1" in shown
    made = answer("books", "statement", "ada", *DAY, "--issue")
    assert (made["version"], made["figures"]["assets"][0]["closing"]["cash"]) == (1, "1192.1")
    with day(database_url, LATE):
        pass
    assert books("statement", "ada", *DAY, "--issue")[0] == 0
    listed = answer("books", "statements", "ada")
    assert [(each["version"], each["restates"]) for each in listed] == [
        (1, ""),
        (2, made["sha256"]),
    ]
    assert answer("books", "statement", "ada", *DAY, "--version", "1") == made
    code, shown, _ = books("restatement", "ada", *DAY)
    assert code == 0
    assert "assets / USD / closing / cash" in shown
    assert "25" in shown
    assert "late" in shown
    code, shown, _ = books("statements", "--house")
    assert (code, "ada" in shown) == (0, False)


def test_an_attribution_adds_up_on_the_screen(books: Run, answer: Callable[..., Any]) -> None:
    code, shown, _ = books("attribution", "ada", *DAY)
    assert code == 0
    assert "change of equity" in shown
    (usd,) = answer("books", "attribution", "ada", *DAY)
    assert {part["part"]: part["amount"] for part in usd["parts"]} == {
        "transfers": "150",
        "price": "88",
        "execution": "-2",
        "funding": "-0.5",
        "fees": "-1.4",
    }


def test_from_and_to_and_a_calendar_of_ones_own(
    books: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    assert books("statement", "--house", *DAY)[0] == 0
    told = ("--from", "2024-06-18T10:00:00+08:00", "--to", "2024-06-18T11:00:00+08:00")
    made = answer("books", "statement", "ada", *told)
    assert made["figures"]["begins"] == "2024-06-18T02:00:00Z"
    assert made["figures"]["assets"][0]["closing"]["equity"] == "989"
    file = tmp_path / "desk.yaml"
    file.write_text("name: desk\noffset: '+00:00'\nends: '02:30'\n", encoding="utf-8")
    made = answer("books", "statement", "ada", *DAY, "--calendar", str(file))
    assert (made["figures"]["calendar"], made["figures"]["ends"]) == (
        "desk",
        "2024-06-18T02:30:00Z",
    )
    assert "16:00 at UTC+08:00" in books("calendars")[1]


@pytest.mark.parametrize("form", ["csv", "parquet", "html", "pdf"])
def test_a_statement_is_written_to_a_file_once(books: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"ada.{form}"
    command = ("statement", "ada", *DAY, "--format", form, "--out", str(path))
    code, shown, told = books(*command)
    assert (code, shown) == (0, "")
    assert f"wrote {path}" in told.replace("\n", "")
    assert path.stat().st_size > 500
    assert books(*command)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("statement", "ada"), "name a period"),
        (("statement", *DAY), "name one subject"),
        (("statement", "ada", "--house", *DAY), "name one subject"),
        (("statement", "eve", *DAY), "no account 'eve'"),
        (("statement", "ada", "--day", "18 June"), "is no 2024"),
        (("statement", "ada", *DAY, "--calendar", "nyse"), "there is no calendar"),
        (("statement", "ada", *DAY, "--calendar", "none.yaml"), "none.yaml: cannot be read"),
        (("statement", "ada", *DAY, "--from", "2024-06-18T00:00:00Z"), "name one period"),
        (("statement", "ada", *DAY, "--known-at", "99"), "is not one from 0 to"),
        (("statement", "ada", *DAY, "--version", "1"), "no version 1 of the statement"),
        (("statement", "ada", *DAY, "--version", "1", "--issue"), "draw anew"),
        (("statement", "ada", *DAY, "--format", "pdf"), "--out FILE"),
        (("statement", "ada", "--day", "2024-06-19", "--issue"), "may come in time"),
        (("restatement", "ada", *DAY), "was issued"),
        (("attribution", "eve", *DAY), "no account 'eve'"),
    ],
)
def test_what_makes_no_sense_is_said(books: Run, arguments: tuple[str, ...], reason: str) -> None:
    code, _, told = books(*arguments)
    assert code == 2
    assert reason in " ".join(told.split())


def test_an_empty_ledger_has_a_house_without_anything(clearing: Run) -> None:
    code, shown, told = clearing("books", "statement", "--house", *DAY)
    assert code == 0, told
    assert "the period is not over" in shown
