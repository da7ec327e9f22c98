"""Stated balances: what a break among the lines explains is no second break."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from tests.reconcile.desk import Day, rows, written


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def found(day: Day) -> list[tuple[str, str, str]]:
    return [(one.type, one.what, one.amount) for one in day.reconcile().differences]


@pytest.mark.parametrize("late", ["ours", "theirs"])
def test_balances_between_two_moments_of_one_deposit_are_explained_by_it(
    day: Day, late: str
) -> None:
    """They book b three hours later (or earlier) than we do, and their balances say so."""
    day.deposit("a", "0.0000001", 1)
    day.deposit("b", "0.00000005", 2 if late == "theirs" else 5)
    day.deposit("c", "0.00000007", 4)
    day.deposit("d", "0.00000001", 6)
    if late == "theirs":
        day.state(("a", 1, 10, 10), ("c", 4, 7, 17), ("b", 5, 5, 22), ("d", 6, 1, 23))
    else:
        day.state(("a", 1, 10, 10), ("b", 2, 5, 15), ("c", 4, 7, 22), ("d", 6, 1, 23))
    assert found(day) == [("timing", "XBT", "0")]


def test_a_balance_that_is_off_between_the_moments_by_something_else_is_a_break(day: Day) -> None:
    day.deposit("a", "0.0000001", 1)
    day.deposit("b", "0.00000005", 2)
    day.deposit("c", "0.00000007", 4)
    day.deposit("d", "0.00000001", 6)
    day.state(("a", 1, 10, 10), ("c", 4, 7, 18), ("b", 5, 5, 22), ("d", 6, 1, 23))
    types = [type_ for type_, _, _ in found(day)]
    assert sorted(types) == ["timing", "unexplained_balance"]


def test_what_they_call_by_another_asset_explains_the_balances_of_both(day: Day) -> None:
    """They state b in another asset: ours is short of it in one, and has none of the other."""
    for native, hour in (("a", 1), ("b", 2), ("c", 3)):
        day.deposit(native, "0.000001", hour)
    lines = rows([("a", 1, 100, 100), ("b", 2, 1, 1), ("c", 3, 100, 200)])
    lines[1]["currency"] = "USDt"
    path = written(day.folder / "other-asset.csv", lines)
    assert (
        day.ledger.desk("ann")
        .take(STATEMENT_READERS["bitmex-wallet"], str(path), account="ada")
        .new
    )
    assert found(day) == [("static_data", "USDT", "0.000001")]
