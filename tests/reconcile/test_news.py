"""Reconciling what is new, beside statements that were withdrawn and time that none covers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearing.ledger import Ledger
from clearing.reconcile import NothingToCompare
from tests.reconcile.desk import START, Day

LATER = START + timedelta(hours=80)


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        made = Day(ledger, tmp_path)
        made.deposit("a", "0.00000010", 1)
        made.deposit("b", "0.00000020", 81)
        yield made


def matched(day: Day) -> list[str]:
    """What three-way says of each deposit on the venue's leg."""
    return [one.legs["venue"] for one in day.ledger.desk("ann").three_way("ada")]


def test_what_a_withdrawn_statement_had_settled_is_compared_again(day: Day) -> None:
    """Both say the deposit of the first hour; it was matched with the first one's line."""
    day.state(("a", 1, 10, 10))
    day.state(("a", 1, 10, 10), ("b", 81, 20, 30))
    assert day.reconcile(since=LATER, news=True).clean
    assert day.reconcile(since=LATER, news=True).since == LATER, "nothing before it is news"
    asked = day.ledger.desk("ann").propose_withdrawal(1, "the second one says it all")
    day.ledger.desk("bob").decide(asked.number, approve=True)
    assert "matched" not in matched(day)[:1]
    answer = day.reconcile(since=LATER, news=True)
    assert (answer.since, answer.clean) == (START + timedelta(hours=1), True)
    assert matched(day) == ["matched", "matched"]
    assert day.reconcile(since=LATER, news=True).since == LATER, "and it is no news any more"


def test_a_day_between_two_statements_is_reached_by_neither(day: Day) -> None:
    """A deposit of the fortieth hour is in no statement's time: not compared, and counted."""
    day.deposit("g", "0.00000005", 40)
    day.state(("a", 1, 10, 10))
    day.state(("b", 81, 20, 35))
    second = {"since": START + timedelta(hours=24), "until": START + timedelta(hours=48)}
    with pytest.raises(NothingToCompare, match="covers anything from 2024-05-02"):
        day.reconcile(**second)
    answer = day.reconcile(**second, news=True)
    assert answer.until == START + timedelta(hours=1), "the close sees that it does not reach"
    assert answer.differences == ()
    day.reconcile()
    answer = day.reconcile(**second, news=True)
    assert answer.until == START + timedelta(hours=1)
    uncovered = [gap.ours for gap in answer.coverage.gaps if not gap.what]
    assert (uncovered, answer.differences, answer.clean) == ([1], (), False)


def test_a_gap_that_was_accepted_is_the_same_one_in_a_period(day: Day) -> None:
    """What of ours lies in it is counted whole, however little of it the period touches."""
    day.deposit("g", "0.00000005", 4)
    day.state(("a", 1, 10, 10))
    day.state(("b", 81, 20, 35))
    gaps = day.reconcile().coverage.gaps
    assert sorted((gap.what, gap.ours) for gap in gaps) == [("", 1), ("XBT", 0)]
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    for gap in gaps:
        asked = ann.propose_acceptance("bitmex", "ada", gap.id, "they were closed that day")
        bob.decide(asked.number, approve=True)
    assert day.reconcile().clean
    touching = day.reconcile(since=START + timedelta(hours=79))
    assert {gap.id for gap in touching.coverage.gaps} == {gap.id for gap in gaps}
    assert touching.clean
