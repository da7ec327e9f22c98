"""Which day a statement is of: an empty one, one that is missing, one of another day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.close import ClosePlan, close_day
from clearing.ledger import Ledger
from clearing.reconcile import StatementRefused, Taken
from clearing.reconcile import taking as taking_module
from tests.reconcile.desk import START, Day, rows, written


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    (tmp_path / "statements").mkdir()
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path / "statements")


def taken(day: Day, name: str, *lines: tuple[str, int, int, int], asked: int) -> Taken:
    """Take in what was asked for a day, counted from the first of May."""
    path = written(day.folder / name, rows(lines))
    return day.ledger.desk("ann").take(
        STATEMENT_READERS["bitmex-wallet"],
        str(path),
        account="ada",
        asked_from=START + timedelta(days=asked),
        asked_until=START + timedelta(days=asked + 1),
    )


def test_an_empty_statement_of_each_day_is_a_statement_of_its_own(day: Day) -> None:
    """On both days they state nothing, in files that are alike; on the second we have a deposit."""
    assert taken(day, "one.csv", asked=0).new
    assert taken(day, "two.csv", asked=1).new
    assert not taken(day, "two.csv", asked=1).new
    day.deposit("a", "1", 30)
    assert [one.type for one in day.reconcile().differences] == ["missing_there"]


def test_a_statement_of_another_day_than_it_was_asked_for_is_not_taken_in(day: Day) -> None:
    with pytest.raises(StatementRefused, match="outside of the time that it was asked for"):
        taken(day, "one.csv", ("a", 1, 10, 10), asked=1)
    assert day.ledger.desk("ann").statements() == []


def test_a_file_that_changes_while_it_is_read_is_not_taken_in(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = taking_module.look

    def looked(reader: object, path: str, *more: object) -> Taken:
        found = look(reader, path, *more)  # type: ignore[arg-type] # passed on as given
        Path(path).write_text(Path(path).read_text().replace("10", "99"))
        return found

    monkeypatch.setattr(taking_module, "look", looked)
    with pytest.raises(StatementRefused, match="changed while it was read"):
        taken(day, "one.csv", ("a", 1, 10, 10), asked=0)
    assert day.ledger.desk("ann").statements() == []


def test_a_day_without_its_statement_is_not_clean(day: Day) -> None:
    """The folder still has only yesterday's page."""
    plan = ClosePlan.model_validate(
        {
            "format": 1,
            "name": "morning",
            "verify": False,
            "checkpoint": False,
            "accounts": [{"account": "ada", "statements": [{"files": ["statements"]}]}],
        }
    )
    day.deposit("a", "0.0000001", 1)
    day.append({"kind": "ClockTicked", "occurred_at": "2024-05-03T00:00:00Z"})
    written(day.folder / "page-1.csv", rows([("a", 1, 10, 10)]))

    def verdict(name: str) -> str:
        return close_day(day.ledger, plan, name, person="ann", folder=day.folder.parent).verdict

    assert verdict("2024-05-01") == "clean"
    answer = close_day(day.ledger, plan, "2024-05-02", person="ann", folder=day.folder.parent)
    assert answer.verdict == "breaks"
    (step,) = [one for one in answer.steps if one.step.startswith("reconcile")]
    assert "covers only until 2024-05-02T00:00:00" in step.words


def test_a_day_between_two_that_have_statements_is_not_clean(day: Day) -> None:
    """For the second of May the folder has the first's page again; the third's is there already."""
    plan = ClosePlan.model_validate(
        {
            "format": 1,
            "name": "morning",
            "verify": False,
            "checkpoint": False,
            "accounts": [{"account": "ada", "statements": [{"files": ["statements/{day}"]}]}],
        }
    )
    day.deposit("a", "0.0000001", 1)
    day.append({"kind": "ClockTicked", "occurred_at": "2024-05-04T00:00:00Z"})
    assert taken(day, "one.csv", ("a", 1, 10, 10), asked=0).new
    assert taken(day, "three.csv", asked=2).new
    (day.folder / "2024-05-02").mkdir()
    written(day.folder / "2024-05-02" / "one.csv", rows([("a", 1, 10, 10)]))
    answer = close_day(day.ledger, plan, "2024-05-02", person="ann", folder=day.folder.parent)
    (step,) = [one for one in answer.steps if one.step.startswith("reconcile")]
    assert (step.good, "covers only until 2024-05-02T00:00:00" in step.words) == (False, True)
    until = day.reconcile(until=START + timedelta(days=2)).until
    assert until == START + timedelta(days=1) - timedelta(microseconds=1)
