"""Nobody marks their own homework: not under another spelling, nor by what changed meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clearing.database import connect
from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed
from tests.reconcile.desk import Day


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        made = Day(ledger, tmp_path)
        made.state(("a", 1, 10, 10))
        made.reconcile()
        yield made


def test_another_spelling_of_a_name_is_no_second_person(day: Day) -> None:
    asked = day.ledger.desk("ann").propose_for_break("write_off", 1, "small")
    for name in ("Ann", "ANN", "a nn"):
        with pytest.raises(NotAllowed, match="cannot decide on it"):
            day.ledger.desk(name).decide(asked.number, approve=True)
    for name in ("", " ", "ann ", "\tann"):
        with pytest.raises(ValueError, match="name"):
            day.ledger.desk(name)


def test_nobody_approves_their_own_limit(day: Day) -> None:
    asked = day.ledger.desk("ann").propose_limit("bob", "*", "*", "1000", "he asked for it")
    with pytest.raises(NotAllowed, match="is of bob"):
        day.ledger.desk("Bob").decide(asked.number, approve=True)
    day.ledger.desk("eve").decide(asked.number, approve=True)


def test_what_grew_since_it_was_proposed_is_not_written_off(day: Day) -> None:
    """Part of their deposit was booked here: what is left is another amount."""
    day.deposit("a", "0.00000004", 1)
    day.reconcile()
    (view,) = day.ledger.desk("ann").breaks(status="open")
    asked = day.ledger.desk("ann").propose_for_break("write_off", view.number, "small")
    day.append(
        {
            "kind": "Adjusted",
            "external_id": "a:more",
            "account": "ada",
            "asset": "XBT",
            "occurred_at": "2024-05-01T01:00:00Z",
            "amount": "-0.00000003",
            "category": "reconciliation",
            "author": "ann",
            "approver": "bob",
            "reason": "wrong way round",
        }
    )
    day.reconcile()
    with pytest.raises(NotAllowed, match=r"0\.00000006 .* 0\.00000009"):
        day.ledger.desk("bob").decide(asked.number, approve=True)
    (same,) = day.ledger.desk("ann").breaks(status="open")
    assert same.number == view.number


def test_what_closed_meanwhile_is_not_written_off(day: Day) -> None:
    asked = day.ledger.desk("ann").propose_for_break("write_off", 1, "small")
    day.deposit("a", "0.0000001", 1)
    day.reconcile()
    with pytest.raises(NotAllowed, match="break 1 is closed"):
        day.ledger.desk("bob").decide(asked.number, approve=True)
    day.ledger.desk("bob").decide(asked.number, approve=False)
    (view,) = day.ledger.desk("ann").breaks()
    assert [step.what for step in view.history] == ["opened", "closed"]


def test_a_break_is_adjusted_once(day: Day) -> None:
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    first = ann.propose_for_break("adjustment", 1, "never told to us", source="venue")
    second = ann.propose_for_break("adjustment", 1, "told late", source="venue")
    bob.decide(first.number, approve=True)
    with pytest.raises(NotAllowed, match=f"adjusted by proposal {first.number} already"):
        bob.decide(second.number, approve=True)
    with pytest.raises(NotAllowed, match="reconcile first"):
        ann.propose_for_break("adjustment", 1, "once more", source="venue")
    (scope,) = day.ledger.account("ada").scopes
    assert scope.equity == "0.0000001"


def test_a_tolerance_of_everything_is_held_against_limits_of_anything(day: Day) -> None:
    ann, bob, eve = (day.ledger.desk(name) for name in ("ann", "bob", "eve"))
    limit = ann.propose_limit("bob", "tolerance", "XBT", "0.00000001", "the board's table")
    eve.decide(limit.number, approve=True)
    asked = ann.propose_tolerance("amount", "1000", "all of it", residual_account="small-change")
    share = ann.propose_tolerance(
        "amount", "0", "all of it", what="XBT", millionths=10**6, residual_account="small-change"
    )
    for one in (asked, share):
        with pytest.raises(NotAllowed, match="may approve up to 0"):
            bob.decide(one.number, approve=True)


def test_the_database_carries_out_nothing_that_was_not_approved(
    day: Day, database_url: str
) -> None:
    ann = day.ledger.desk("ann")
    tolerance = ann.propose_tolerance("amount", "1", "big", residual_account="small-change")
    limit = ann.propose_limit("ann", "*", "*", "5", "for myself")
    write_off = ann.propose_for_break("write_off", 1, "small")
    limits = "recon_limit (version, person, kind, asset, amount) VALUES (%s, %s, %s, %s, %s)"
    tolerances = (
        "recon_tolerance (version, venue, what, field, absolute, millionths, residual_account)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    steps = "recon_history (break, what, words, proposal, person) VALUES (%s, %s, %s, %s, %s)"

    def refused(into: str, *values: object) -> None:
        with (
            connect(database_url) as connection,
            pytest.raises(psycopg.errors.IntegrityError, match="not approved"),
        ):
            connection.execute(f"INSERT INTO clearing.{into}", values)

    refused(tolerances, tolerance.number, "*", "*", "amount", 1, 0, "small-change")
    refused(limits, limit.number, "ann", "*", "*", 5)
    refused(steps, 1, "written_off", "", write_off.number, "bob")
    refused(steps, 1, "overridden", "", None, "bob")
    day.ledger.desk("bob").decide(limit.number, approve=True)
    refused(limits, limit.number, "ann", "*", "*", 500)


def test_an_adjustment_that_the_log_refuses_can_be_proposed_anew(day: Day) -> None:
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    wrong = ann.propose_for_break("adjustment", 1, "never told to us", source="nobody")
    with pytest.raises(ValueError, match="nobody"):
        bob.decide(wrong.number, approve=True)
    right = ann.propose_for_break("adjustment", 1, "never told to us", source="venue")
    bob.decide(right.number, approve=True)
    assert day.reconcile().clean
