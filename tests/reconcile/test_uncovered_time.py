"""What no statement covers is not compared: ours lying there is missing in none."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile.coverage import merged, within
from tests.reconcile.desk import START, Day


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def test_ours_between_two_statements_is_not_covered_rather_than_missing_there(day: Day) -> None:
    """Their balances say that they had the deposit of 20:00, on a page that we were not given."""
    day.state(("a", 1, 10, 10), ("b", 2, 10, 20))
    day.state(("d", 30, 10, 40))
    for native, hour in (("a", 1), ("b", 2), ("c", 20), ("d", 30)):
        day.deposit(native, "0.0000001", hour)
    answer = day.reconcile()
    time, leap = answer.coverage.gaps
    assert (time.since, time.until, time.ours) == (
        START + timedelta(hours=2),
        START + timedelta(hours=30),
        1,
    )
    assert (leap.what, leap.amount) == ("XBT", "0.0000001")
    assert (answer.differences, answer.clean) == ((), False)
    (line,) = [one for one in day.ledger.desk("ann").three_way("ada") if one.external_id == "c"]
    assert line.legs["venue"] == "not covered"


def test_what_they_never_had_there_shows_in_the_next_balance(day: Day) -> None:
    """Their next balance does not have it: that is compared, whatever covers the time before."""
    day.state(("a", 1, 10, 10))
    day.state(("d", 30, 10, 20))
    for native, hour in (("a", 1), ("c", 20), ("d", 30)):
        day.deposit(native, "0.0000001", hour)
    answer = day.reconcile()
    assert [(one.type, one.amount) for one in answer.differences] == [
        ("unexplained_balance", "-0.0000001")
    ]


def test_at_a_statements_own_ends_ours_is_missing_there(day: Day) -> None:
    day.state(("a", 1, 10, 10), ("b", 2, 10, 20))
    day.state(("d", 30, 10, 40))
    for native, hour in (("a", 1), ("b", 2), ("x", 2), ("y", 30), ("d", 30)):
        day.deposit(native, "0.0000001", hour)
    missing = [one.at for one in day.reconcile().differences if one.type == "missing_there"]
    assert missing == [START + timedelta(hours=2), START + timedelta(hours=30)]


def test_what_two_clocks_tell_apart_is_still_matched_across_the_end(day: Day) -> None:
    """Ours has it half a minute before their second statement begins; it is one deposit."""
    day.state(("a", 1, 10, 10))
    day.state(("d", 30, 10, 20))
    day.deposit("a", "0.0000001", 1)
    day.append(
        {
            "kind": "Deposited",
            "external_id": "d",
            "occurred_at": (START + timedelta(hours=30, seconds=-30)).isoformat(),
            "account": "ada",
            "asset": "XBT",
            "amount": "0.0000001",
        }
    )
    answer = day.reconcile()
    assert [one.type for one in answer.differences] == ["timing"]
    assert [gap.ours for gap in answer.coverage.gaps] == [0]


def test_a_fill_between_two_statements_is_not_covered_either(day: Day) -> None:
    """Of three trades the second lies between their statements, the fourth within the last."""
    day.append(
        {
            "kind": "MarketDeclared",
            "occurred_at": START.isoformat(),
            "name": "BTC",
            "settlement_asset": "XBT",
            "lot": "1",
            "price_decimals": 2,
            "mark_decimals": 2,
            "size_decimals": 0,
        },
        *(
            {
                "kind": "Traded",
                "external_id": native,
                "occurred_at": (START + timedelta(hours=hour)).isoformat(),
                "market": "BTC",
                "buyer": "ada",
                "seller": "small-change",
                "size": "1",
                "price": "5.00",
            }
            for native, hour in (("a", 1), ("b", 20), ("c", 30), ("d", 31), ("e", 32))
        ),
    )
    mapping = day.folder / "fills.yaml"
    mapping.write_text(
        "mapping: 1\nvenue: somewhere\ntime: {column: time, format: iso}\n"
        "market: {constant: BTC}\n"
        "fill: {size: size, positive: bought, price: price, trade_id: id}\n",
        encoding="utf-8",
    )
    desk = day.ledger.desk("ann")
    for name, lines in (("one", [("a", 1)]), ("two", [("c", 30), ("e", 32)])):
        path = day.folder / f"{name}.csv"
        told = [
            f"{(START + timedelta(hours=hour)).isoformat()},{native},1,5.00"
            for native, hour in lines
        ]
        path.write_text("\n".join(["time,id,size,price", *told]) + "\n", encoding="utf-8")
        reader = STATEMENT_READERS["generic-csv"]
        settings = {"mapping": str(mapping)}
        assert desk.take(reader, str(path), account="ada", settings=settings).new
    answer = desk.reconcile("somewhere", "ada")
    assert [(one.type, one.side, one.at) for one in answer.differences] == [
        ("missing_there", "fill", START + timedelta(hours=31))
    ]
    assert [gap.ours for gap in answer.coverage.gaps] == [1]


def test_pieces_of_time_that_meet_are_one() -> None:
    second = 1_000_000
    assert merged([(20, 30), (0, 10), (5, 25)]) == [(0, 30)]
    assert merged([(0, 10), (10 + second, 20 + second)]) == [(0, 20 + second)], "whole seconds"
    apart = merged([(0, 10), (11 + second, 20 + second)])
    assert apart == [(0, 10), (11 + second, 20 + second)]
    held = [within(apart, at) for at in (-1, 0, 10, 11, 10 + second, 11 + second, 21 + second)]
    assert held == [False, True, True, False, False, True, False]
