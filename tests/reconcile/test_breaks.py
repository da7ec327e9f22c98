"""The life of a break: found, followed, closed by itself, reopened; and who may close it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from clearing.database import connect
from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed, NothingToCompare
from clearing.reconcile.breaks import BreakUnknown, bucket
from tests.reconcile.desk import START, Day


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def states(day: Day) -> list[tuple[str, str, list[str]]]:
    return [
        (view.type, view.status, [step.what for step in view.history])
        for view in day.ledger.desk("ann").breaks()
    ]


def test_a_break_closes_by_itself_when_the_other_side_arrives(day: Day) -> None:
    """A deposit is on their statement before we have it."""
    day.state(("a", 1, 100_000_000, 100_000_000), ("b", 2, 5, 100_000_005))
    day.deposit("a", "1", 1)
    (difference,) = day.reconcile().differences
    assert (difference.type, difference.amount, difference.theirs[0]["native_id"]) == (
        "missing_here",
        "0.00000005",
        "b",
    )
    assert states(day) == [("missing_here", "open", ["opened"])]
    assert day.reconcile().again
    day.deposit("b", "0.00000005", 2)
    answer = day.reconcile()
    assert answer.clean
    assert answer.recorded is not None
    assert answer.recorded.closed == 1
    assert states(day) == [("missing_here", "closed", ["opened", "closed"])]


def test_one_that_is_back_is_reopened_and_keeps_its_history(day: Day) -> None:
    """Seen from before the deposit it is missing again."""
    day.state(("a", 1, 7, 7))
    before = day.ledger.status().log_position
    day.reconcile()
    day.deposit("a", "0.00000007", 1)
    day.reconcile()
    answer = day.reconcile(at=before)
    assert (answer.again, states(day)[0][1]) == (True, "closed"), "it was recorded before"
    day.append({"kind": "AccountOpened", "account": "bea", "occurred_at": START.isoformat()})
    day.state(("a", 1, 7, 7), ("z", 2, 1, 8))
    day.reconcile(at=before)
    (view,) = [one for one in day.ledger.desk("ann").breaks() if one.amount == "0.00000007"]
    assert [step.what for step in view.history] == ["opened", "closed", "reopened"]


def test_a_reversal_that_they_do_not_have_is_missing_there(day: Day) -> None:
    day.state(("a", 1, 7, 7))
    day.deposit("a", "0.00000007", 1)
    day.append(
        {
            "kind": "Reversed",
            "occurred_at": "2024-05-01T01:00:00Z",
            "target": {"source": "venue", "external_id": "a"},
            "author": "ann",
            "approver": "bob",
            "reason": "entered twice",
        }
    )
    (one,) = day.reconcile().differences
    assert (one.type, one.amount) == ("missing_there", "0.00000007")


def test_an_amount_that_changes_is_the_same_break(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.deposit("a", "0.00000004", 1)
    day.reconcile()
    day.append(
        {
            "kind": "Adjusted",
            "external_id": "a:more",
            "occurred_at": "2024-05-01T01:00:00Z",
            "account": "ada",
            "asset": "XBT",
            "amount": "0.00000003",
            "category": "reconciliation",
            "author": "ann",
            "approver": "bob",
            "reason": "found some of it",
        }
    )
    day.reconcile()
    views = day.ledger.desk("ann").breaks(status="open")
    assert [(view.type, view.amount) for view in views] == [("amount", "0.00000003")]


def test_a_dry_run_says_the_same_and_records_nothing(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    dry = day.reconcile(dry_run=True)
    assert (dry.run, dry.recorded, states(day)) == (0, None, [])
    real = day.reconcile()
    assert dry.differences == real.differences
    assert states(day) == [("missing_here", "open", ["opened"])]


def test_an_adjustment_needs_two_people_and_makes_the_sides_agree(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.reconcile()
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    with pytest.raises(NotAllowed, match="declared source: name it"):
        ann.propose_for_break("adjustment", 1, "their deposit was never told to us")
    asked = ann.propose_for_break("adjustment", 1, "it was never told to us", source="venue")
    assert (asked.amount, asked.status) == ("0.0000001", "proposed")
    with pytest.raises(NotAllowed, match="is by ann, who cannot decide on it"):
        ann.decide(asked.number, approve=True)
    assert day.ledger.account("ada").scopes == ()
    done = bob.decide(asked.number, approve=True, reason="seen on their site")
    assert (done.status, done.approver) == ("approved", "bob")
    assert bob.decide(asked.number, approve=True).decided_at == done.decided_at
    with pytest.raises(NotAllowed, match="was approved by bob already"):
        bob.decide(asked.number, approve=False)
    answer = day.reconcile()
    assert (answer.clean, answer.rules) == (True, {"native id": 1})
    (view,) = ann.breaks()
    assert [(step.what, step.person) for step in view.history] == [
        ("opened", "reconciliation"),
        ("adjusted", "bob"),
        ("closed", "reconciliation"),
    ]
    (correction,) = day.ledger.corrections()
    assert (correction.author, correction.approver) == ("ann", "bob")


def test_limits_are_by_amount_and_the_database_holds_them(day: Day, database_url: str) -> None:
    ann, bob, eve = (day.ledger.desk(name) for name in ("ann", "bob", "eve"))
    for person, amount, by in (("eve", "1", "ida"), ("bob", "0.00000005", "eve")):
        limit = ann.propose_limit(person, "write_off", "XBT", amount, "the board's table")
        day.ledger.desk(by).decide(limit.number, approve=True)
    day.state(("a", 1, 10, 10))
    day.reconcile()
    asked = ann.propose_for_break("write_off", 1, "not worth a letter")
    with pytest.raises(NotAllowed, match=r"bob may approve up to 0\.00000005"):
        bob.decide(asked.number, approve=True)
    with pytest.raises(NotAllowed, match="ann"):
        ann.decide(asked.number, approve=True)
    with connect(database_url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(
            "INSERT INTO clearing.recon_decision (proposal, approved, approver, reason)"
            " VALUES (%s, true, 'ann', 'by the back door')",
            (asked.number,),
        )
    eve.decide(asked.number, approve=True)
    (view,) = ann.breaks()
    assert (view.status, view.history[-1].what, view.history[-1].person) == (
        "closed",
        "written_off",
        "eve",
    )
    day.reconcile()
    assert [view.status for view in ann.breaks()] == ["closed"], "what a person closed stays so"


def test_a_tolerance_is_adopted_by_two_people_and_named_in_every_answer(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.deposit("a", "0.00000008", 1)
    assert [one.type for one in day.reconcile(dry_run=True).differences] == ["amount"]
    asked = day.ledger.desk("ann").propose_tolerance(
        "amount", "0.00000002", "their rounding", venue="bitmex", what="XBT",
        residual_account="small-change",
    )  # fmt: skip
    day.ledger.desk("bob").decide(asked.number, approve=True)
    answer = day.reconcile(with_matches=True)
    assert answer.tolerances == (asked.number,)
    assert answer.residuals == {"XBT": "0.00000002"}
    desk = day.ledger.desk("ann")
    posted = desk.post_residuals(answer, "venue")
    assert len(posted) == 1
    assert desk.post_residuals(answer, "venue") == posted, "posting again changes nothing"
    (scope,) = day.ledger.account("small-change").scopes
    assert scope.equity == "-0.00000002"
    after = day.reconcile()
    assert (after.clean, after.residuals, after.rules) == (True, {}, {"native id": 1})


def test_what_is_recorded_is_never_changed(day: Day, database_url: str) -> None:
    day.state(("a", 1, 10, 10))
    day.reconcile()
    tables = (
        *("recon_import", "recon_line", "recon_cash", "recon_run", "recon_break"),
        *("recon_history", "recon_match", "recon_proposal", "recon_decision", "recon_match_step"),
    )
    for table in tables:
        for text in ("DELETE FROM clearing.{}", "TRUNCATE clearing.{} CASCADE"):
            with (
                connect(database_url) as connection,
                pytest.raises(psycopg.errors.IntegrityError, match="append-only"),
            ):
                connection.execute(text.format(table))


def test_owner_cause_and_comment_are_steps_and_ages_are_in_buckets(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.reconcile()
    ann = day.ledger.desk("ann")
    ann.note(1, "owner", "bob")
    ann.note(1, "cause", "their deposit")
    with pytest.raises(BreakUnknown, match="is open"):
        ann.note(1, "reopened", "again")
    with pytest.raises(BreakUnknown, match="no break 2"):
        ann.note(2, "owner", "bob")
    (view,) = ann.breaks()
    assert (view.owner, view.cause, view.age) == ("bob", "their deposit", "0")
    (later,) = ann.breaks(now=view.first_seen + timedelta(days=6))
    assert later.age == "4-7"
    assert [bucket(days) for days in (0, 1, 2, 3, 4, 7, 8, 30, 31)] == [
        *("0", "1", "2-3", "2-3", "4-7", "4-7", "8-30", "8-30", ">30"),
    ]


def test_overlapping_statements_count_once_and_gaps_between_them_are_seen(day: Day) -> None:
    day.state(("a", 1, 10, 10), ("b", 2, 10, 20))
    day.state(("b", 2, 10, 20), ("c", 3, 10, 30))
    day.state(("e", 30, 10, 50))
    for native, hour in (("a", 1), ("b", 2), ("c", 3), ("d", 20), ("e", 30)):
        day.deposit(native, "0.0000001", hour)
    answer = day.reconcile()
    assert answer.coverage.overlaps == ((1, 2),)
    words = [gap.words for gap in answer.coverage.gaps]
    assert words == [
        "no statement covers this time; 1 of ours in it not compared",
        "the balances move by this more than the lines between them",
    ]
    assert (answer.differences, answer.clean) == ((), False)


def test_there_must_be_something_to_compare(day: Day) -> None:
    with pytest.raises(NothingToCompare, match="no venue statement of bitmex for ada"):
        day.reconcile()
