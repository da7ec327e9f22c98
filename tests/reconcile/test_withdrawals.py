"""A statement taken in by mistake, or replaced: it counts no more, and nothing of it is lost."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.database import connect
from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed, NothingToCompare, Proposal, Taken
from tests.reconcile.desk import Day, rows, written


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def withdrawn(day: Day, number: int, reason: str, replaced_by: int = 0) -> Proposal:
    """Let ann propose it and bob approve."""
    asked = day.ledger.desk("ann").propose_withdrawal(number, reason, replaced_by=replaced_by)
    return day.ledger.desk("bob").decide(asked.number, approve=True)


def steps(day: Day) -> list[tuple[str, str, list[str]]]:
    return [
        (view.type, view.status, [step.what for step in view.history])
        for view in day.ledger.desk("ann").breaks()
    ]


def taken_again(day: Day, name: str, *, again: bool) -> Taken:
    return day.ledger.desk("ann").take(
        STATEMENT_READERS["bitmex-wallet"], str(day.folder / name), account="ada", again=again
    )


def test_the_statement_of_another_account_is_withdrawn_and_its_breaks_close(day: Day) -> None:
    """Bea's statement was taken in as ada's: what it states is not ada's, and never was."""
    day.deposit("a", "0.0000001", 1)
    day.state(("a", 1, 10, 10))
    day.state(("x", 5, 7, 7), ("y", 6, 7, 14))
    assert not day.reconcile().clean
    assert {status for _, status, _ in steps(day)} == {"open"}
    withdrawn(day, 2, "it is bea's")
    assert {(status, tuple(what)) for _, status, what in steps(day)} == {
        ("closed", ("opened", "closed"))
    }
    (first, *_) = day.ledger.desk("ann").breaks()
    closing = first.history[-1]
    assert (closing.person, closing.words) == (
        "bob",
        "import 2 was withdrawn, and no statement covers it any more",
    )
    answer = day.reconcile()
    assert (answer.clean, answer.theirs, [one.number for one in answer.coverage.imports]) == (
        True,
        1,
        [1],
    )
    kept, gone = day.ledger.desk("ann").statements()
    assert kept.withdrawn is None
    assert gone.withdrawn is not None
    assert gone.withdrawn.words == "withdrawn (ann, bob: it is bea's)"


def test_a_corrected_statement_replaces_the_first_and_breaks_follow_it(day: Day) -> None:
    """The first states 7 instead of 10, the corrected one has a line that we do not have."""
    day.deposit("a", "0.0000001", 1)
    day.deposit("b", "0.0000001", 2)
    day.state(("a", 1, 7, 7), ("b", 2, 10, 17))
    day.reconcile()
    assert [one[:2] for one in steps(day)] == [("amount", "open")]
    day.state(("a", 1, 10, 10), ("b", 2, 10, 20), ("c", 2, 5, 25))
    withdrawn(day, 1, "the venue sent a corrected one", replaced_by=2)
    day.reconcile()
    assert steps(day) == [
        ("amount", "closed", ["opened", "closed"]),
        ("missing_here", "open", ["opened"]),
    ]
    closing = day.ledger.desk("ann").breaks()[0].history[-1]
    assert closing.words == "it is not found any more: import 1, which stated it, was withdrawn"
    first, _ = day.ledger.desk("ann").statements()
    assert first.withdrawn is not None
    assert first.withdrawn.replaced_by == 2
    assert first.withdrawn.words.startswith("replaced by 2 (ann, bob: the venue sent")


def test_withdrawing_brings_back_what_the_statement_had_settled(day: Day) -> None:
    """Two statements of the same hours; only the one that is withdrawn has our deposit."""
    day.state(("a", 1, 10, 10), ("z", 9, 10, 20))
    day.deposit("a", "0.0000001", 1)
    day.deposit("b", "0.0000005", 5)
    day.deposit("z", "0.0000001", 9)
    day.reconcile()
    assert ("missing_there", "open", ["opened"]) in steps(day)
    day.state(("b", 5, 50, 60))
    day.reconcile()
    assert ("missing_there", "closed", ["opened", "closed"]) in steps(day)
    withdrawn(day, 2, "made up")
    answer = day.reconcile()
    assert not answer.again, "the same as before it was taken in, but not the same breaks"
    assert ("missing_there", "open", ["opened", "closed", "reopened"]) in steps(day)


def test_with_its_only_statement_gone_there_is_nothing_to_compare(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    day.reconcile()
    withdrawn(day, 1, "of another year")
    assert steps(day) == [("missing_here", "closed", ["opened", "closed"])]
    with pytest.raises(NothingToCompare, match="was taken in and counts"):
        day.reconcile()


def test_the_very_same_file_is_taken_in_again_only_if_that_is_meant(day: Day) -> None:
    """Taking in a folder brings back nothing; --again does, and its break is the same one."""
    day.state(("a", 1, 10, 10))
    day.reconcile()
    withdrawn(day, 1, "a mistake")
    met = taken_again(day, "statement-1.csv", again=False)
    assert met.withdrawn is not None
    assert (met.new, met.number, met.withdrawn.reason) == (False, 1, "a mistake")
    back = taken_again(day, "statement-1.csv", again=True)
    assert (back.new, back.number, back.withdrawn) == (True, 2, None)
    assert not taken_again(day, "statement-1.csv", again=True).new, "it counts: once is enough"
    assert [one.again_after for one in day.ledger.desk("ann").statements()] == [0, 1]
    day.reconcile()
    assert steps(day) == [("missing_here", "open", ["opened", "closed", "reopened"])]
    withdrawn(day, 2, "a mistake after all")
    assert taken_again(day, "statement-1.csv", again=True).number == 3


def test_the_database_takes_a_file_in_once_for_each_withdrawal(day: Day, database_url: str) -> None:
    day.state(("a", 1, 10, 10))
    row = (
        "INSERT INTO clearing.recon_import (leg, venue, account, statement_account, format,"
        " balances, file, sha256, first_id, last_id, lines, refused, line_order, misplaced,"
        " saturated, cut, recorded_by, again_after) SELECT leg, venue, account, statement_account,"
        " format, balances, file, sha256, first_id, last_id, lines, refused, line_order, misplaced,"
        " saturated, cut, recorded_by, %s FROM clearing.recon_import WHERE id = 1"
    )
    for after in (None, 1):
        with connect(database_url) as connection, pytest.raises(psycopg.errors.IntegrityError):
            connection.execute(row, (after,))


def test_nobody_withdraws_alone_nor_what_does_not_fit(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    path = written(day.folder / "bea.csv", rows([("b", 1, 10, 10)]))
    ann, bob = day.ledger.desk("ann"), day.ledger.desk("bob")
    ann.take(STATEMENT_READERS["bitmex-wallet"], str(path), account="small-change")
    asked = ann.propose_withdrawal(1, "a mistake")
    with pytest.raises(NotAllowed, match="is by ann, who cannot decide on it"):
        ann.decide(asked.number, approve=True)
    assert ann.statements()[0].withdrawn is None
    with pytest.raises(NotAllowed, match="there is no import 9"):
        ann.propose_withdrawal(9, "a mistake")
    for other in (1, 2):
        with pytest.raises(NotAllowed, match=f"import {other} .* cannot replace import 1"):
            ann.propose_withdrawal(1, "corrected", replaced_by=other)
    twice = ann.propose_withdrawal(1, "once more")
    bob.decide(asked.number, approve=True)
    with pytest.raises(NotAllowed, match=r"import 1 counts no more: withdrawn \(ann, bob"):
        bob.decide(twice.number, approve=True)
    with pytest.raises(NotAllowed, match="counts no more"):
        ann.propose_withdrawal(1, "a mistake")


def test_the_database_withdraws_nothing_that_was_not_approved(day: Day, database_url: str) -> None:
    day.state(("a", 1, 10, 10))
    day.state(("b", 2, 10, 10))
    day.state(("c", 3, 10, 10))
    asked = day.ledger.desk("ann").propose_withdrawal(1, "corrected", replaced_by=2)

    def refused(number: int, replaced_by: int | None) -> None:
        with (
            connect(database_url) as connection,
            pytest.raises(psycopg.errors.IntegrityError, match="not approved"),
        ):
            connection.execute(
                "INSERT INTO clearing.recon_withdrawal (import, replaced_by, proposal)"
                " VALUES (%s, %s, %s)",
                (number, replaced_by, asked.number),
            )

    refused(1, 2)
    day.ledger.desk("bob").decide(asked.number, approve=True)
    for number, replaced_by in ((2, 1), (3, None), (3, 2)):
        refused(number, replaced_by)
    with (
        connect(database_url) as connection,
        pytest.raises(psycopg.errors.IntegrityError, match="append-only"),
    ):
        connection.execute("DELETE FROM clearing.recon_withdrawal")


def test_a_match_with_a_withdrawn_line_proves_nothing_of_a_leg(day: Day) -> None:
    day.deposit("a", "0.0000001", 1)
    day.state(("a", 1, 10, 10))
    day.reconcile()
    (line,) = day.ledger.desk("ann").three_way("ada")
    assert line.legs["venue"] == "matched"
    withdrawn(day, 1, "not genuine")
    (line,) = day.ledger.desk("ann").three_way("ada")
    assert line.legs["venue"] == "not covered"
