"""Matches follow the last reconciliation: what it no longer makes is ended, never erased."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clearing.database import connect
from clearing.ledger import Ledger
from tests.reconcile.desk import START, Day


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def recorded(url: str) -> list[tuple[str, list[bool]]]:
    """Matches in order of record: the rule, and the steps since."""
    with connect(url) as connection:
        return connection.execute(
            "SELECT m.rule, coalesce(array_agg(s.in_force ORDER BY s.id)"
            " FILTER (WHERE s.id IS NOT NULL), '{}') FROM clearing.recon_match m"
            " LEFT JOIN clearing.recon_match_step s ON s.match = m.key"
            " GROUP BY m.key, m.rule, m.run ORDER BY m.run, m.rule"
        ).fetchall()


def venue_says(day: Day) -> list[tuple[str, str, str]]:
    """What three-way says of the venue's leg: the movement, its state, the rule."""
    return [
        (one.external_id, one.legs["venue"], one.rules.get("venue", ""))
        for one in day.ledger.desk("ann").three_way("ada")
    ]


def test_a_match_that_is_no_longer_made_is_ended_and_three_way_says_missing(
    day: Day, database_url: str
) -> None:
    """Two deposits are alike; theirs is matched with the wrong one until ours with its id comes."""
    day.deposit("ours-1", "0.00000005", 1)
    day.state(("b", 1, 5, 5), ("z", 3, 1, 6))
    day.reconcile()
    assert venue_says(day) == [("ours-1", "matched", "composite")]
    day.deposit("b", "0.00000005", 2)
    day.reconcile()
    assert recorded(database_url) == [("composite", [False]), ("native id", [])]
    assert venue_says(day) == [("ours-1", "missing", ""), ("b", "matched", "native id")]
    assert day.reconcile().again
    assert recorded(database_url) == [("composite", [False]), ("native id", [])]


def test_one_that_is_made_again_is_in_force_again(day: Day, database_url: str) -> None:
    """As of before the other deposit came, the first is all there is."""
    day.deposit("ours-1", "0.00000005", 1)
    day.state(("b", 1, 5, 5), ("z", 3, 1, 6))
    before = day.ledger.status().log_position
    day.reconcile()
    day.deposit("b", "0.00000005", 2)
    day.reconcile()
    day.state(("y", 4, 1, 7))
    day.reconcile(at=before)
    assert recorded(database_url) == [("composite", [False, True]), ("native id", [False])]
    assert venue_says(day)[0] == ("ours-1", "matched", "composite")


def test_a_match_by_another_rule_is_another_match(day: Day, database_url: str) -> None:
    """A wider tolerance takes the place of the one that was needed first."""
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    day.deposit("a", "0.00000010", 1)
    day.state(("a", 1, 11, 11))
    day.reconcile()
    assert recorded(database_url) == []
    asked = ann.propose_tolerance(
        "amount", "0.00000001", "they round", residual_account="small-change"
    )
    bob.decide(asked.number, approve=True)
    day.reconcile()
    wider = ann.propose_tolerance(
        "amount", "0.00000002", "they round more", residual_account="small-change"
    )
    bob.decide(wider.number, approve=True)
    day.reconcile()
    assert recorded(database_url) == [("native id", [False]), ("native id", [])]


def test_what_lies_outside_of_what_is_compared_stays(day: Day, database_url: str) -> None:
    """Cut off before the second deposit, a reconciliation says nothing of its match."""
    day.deposit("a", "0.00000005", 1)
    day.deposit("b", "0.00000005", 5)
    day.state(("a", 1, 5, 5), ("b", 5, 5, 10))
    day.reconcile()
    day.state(("a", 1, 5, 5), ("z", 2, 1, 6))
    day.reconcile(until=START + timedelta(hours=3))
    assert recorded(database_url) == [("native id", []), ("native id", [])]
