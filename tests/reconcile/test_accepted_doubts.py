"""Doubts about statements that were looked into: two people accept them, one may doubt again."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.close import ClosePlan, close_day
from clearing.database import connect
from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed
from tests.reconcile.desk import START, Day, rows, written


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def full_page(day: Day, *, take: bool = True) -> None:
    """A hundred deposits, which is just as many as a page of the venue has."""
    day.append(
        *(
            {
                "kind": "Deposited",
                "external_id": f"n{place}",
                "occurred_at": START.replace(minute=place // 60, second=place % 60).isoformat(),
                "account": "ada",
                "asset": "XBT",
                "amount": "0.00000001",
            }
            for place in range(100)
        )
    )
    lines = rows([(f"n{place}", 0, 1, place + 1) for place in range(100)])
    for place, line in enumerate(lines):
        line["timestamp"] = f"2024-05-01T00:{place // 60:02}:{place % 60:02}Z"
    path = written(day.folder / "page.csv", lines)
    reader = STATEMENT_READERS["bitmex-wallet"]
    if not take:
        return
    assert day.ledger.desk("ann").take(reader, str(path), account="ada").new


def accepted(day: Day, doubt: str, reason: str) -> int:
    """Let ann propose it and bob approve; return the proposal's number."""
    asked = day.ledger.desk("ann").propose_acceptance("bitmex", "ada", doubt, reason)
    return day.ledger.desk("bob").decide(asked.number, approve=True).number


def test_a_page_that_was_full_by_chance_is_clean_once_two_people_say_so(day: Day) -> None:
    full_page(day)
    answer = day.reconcile()
    assert (answer.differences, answer.clean) == ((), False)
    ((doubt,),) = [view.doubts for view in answer.coverage.imports]
    assert (doubt.words.split(":")[0], doubt.accepted) == ("exactly 100 lines, a full page", None)
    asked = day.ledger.desk("ann").propose_acceptance(
        "bitmex", "ada", doubt.id, "full by chance; checked with the venue"
    )
    assert asked.document["words"].startswith("import 1: exactly 100 lines")
    assert not day.reconcile().clean, "a proposal alone changes nothing"
    with pytest.raises(NotAllowed, match="cannot decide on it"):
        day.ledger.desk("ann").decide(asked.number, approve=True)
    day.ledger.desk("bob").decide(asked.number, approve=True)
    answer = day.reconcile()
    assert answer.clean
    ((doubt,),) = [view.doubts for view in answer.coverage.imports]
    assert doubt.accepted is not None
    assert (doubt.accepted.author, doubt.accepted.approver, doubt.accepted.reason) == (
        "ann",
        "bob",
        "full by chance; checked with the venue",
    )


def test_what_was_accepted_is_doubted_again_by_one_and_may_be_accepted_again(day: Day) -> None:
    full_page(day)
    (view,) = day.ledger.desk("ann").statements()
    number = accepted(day, view.doubts[0].id, "full by chance")
    with pytest.raises(NotAllowed, match=f"by proposal {number} .bob. already"):
        day.ledger.desk("ann").propose_acceptance("bitmex", "ada", view.doubts[0].id, "again")
    done = day.ledger.desk("eve").revoke(number, "the venue found a second page")
    assert (done.status, done.revoked_by) == ("approved", "eve")
    assert not day.reconcile().clean
    with pytest.raises(NotAllowed, match="revoked already"):
        day.ledger.desk("eve").revoke(number, "once more")
    with pytest.raises(NotAllowed, match="no doubt was accepted"):
        day.ledger.desk("eve").revoke(number + 1, "there is none")
    with pytest.raises(NotAllowed, match="has a reason"):
        day.ledger.desk("eve").revoke(number, " ")
    accepted(day, view.doubts[0].id, "the second page was of another account")
    assert day.reconcile().clean


def test_a_day_with_a_full_page_closes_clean_once_it_is_accepted(day: Day) -> None:
    """What the close remembers of taking it in says nothing against it."""
    full_page(day, take=False)
    day.append({"kind": "ClockTicked", "occurred_at": "2024-05-02T00:00:00Z"})
    plan = ClosePlan.model_validate(
        {
            "format": 1,
            "name": "morning",
            "verify": False,
            "checkpoint": False,
            "accounts": [{"account": "ada", "statements": [{"files": ["page.csv"]}]}],
        }
    )

    def verdict() -> str:
        return close_day(day.ledger, plan, "2024-05-01", person="ann", folder=day.folder).verdict

    assert verdict() == "breaks"
    (view,) = day.ledger.desk("ann").statements()
    accepted(day, view.doubts[0].id, "full by chance")
    assert verdict() == "clean"


def test_time_without_a_statement_is_accepted_as_it_is_and_no_more(day: Day) -> None:
    """The venue was shut; then a deposit of ours turns up in just that time."""
    day.state(("a", 1, 10, 10))
    day.state(("b", 30, 10, 20))
    day.deposit("a", "0.0000001", 1)
    day.deposit("b", "0.0000001", 30)
    (gap,) = day.reconcile().coverage.gaps
    accepted(day, gap.id, "the venue was shut that day")
    answer = day.reconcile()
    assert (answer.clean, answer.coverage.gaps[0].accepted is not None) == (True, True)
    day.deposit("c", "0.0000001", 20)
    answer = day.reconcile()
    assert not answer.clean
    assert answer.coverage.gaps[0].accepted is None


def test_a_lost_page_is_two_doubts_its_time_and_what_moved_on_it(day: Day) -> None:
    """The page of hour 20 is lost for good; the balances around it show what was on it."""
    day.state(("a", 1, 10, 10))
    day.state(("d", 30, 10, 30))
    for native, hour in (("a", 1), ("c", 20), ("d", 30)):
        day.deposit(native, "0.0000001", hour)
    time, leap = day.reconcile().coverage.gaps
    accepted(day, time.id, "the page is lost")
    assert not day.reconcile().clean
    accepted(day, leap.id, "it is the deposit of 20:00, seen on the chain")
    assert day.reconcile().clean


def test_a_doubt_that_is_not_there_cannot_be_accepted(day: Day) -> None:
    day.state(("a", 1, 10, 10))
    with pytest.raises(NotAllowed, match="there is no doubt '012345678901'"):
        day.ledger.desk("ann").propose_acceptance("bitmex", "ada", "012345678901", "trust me")


def test_a_doubt_about_a_withdrawn_statement_is_nobodys(day: Day) -> None:
    full_page(day)
    day.state(("z", 1, 10, 110))
    (doubt,) = day.ledger.desk("ann").statements()[0].doubts
    asked = day.ledger.desk("ann").propose_withdrawal(1, "cut after all")
    day.ledger.desk("bob").decide(asked.number, approve=True)
    with pytest.raises(NotAllowed, match="there is no doubt"):
        day.ledger.desk("ann").propose_acceptance("bitmex", "ada", doubt.id, "full by chance")


def test_the_database_accepts_and_revokes_nothing_by_itself(day: Day, database_url: str) -> None:
    full_page(day)
    (doubt,) = day.ledger.desk("ann").statements()[0].doubts
    asked = day.ledger.desk("ann").propose_acceptance("bitmex", "ada", doubt.id, "by chance")

    def refused(account: str, name: str) -> None:
        with (
            connect(database_url) as connection,
            pytest.raises(psycopg.errors.IntegrityError, match="not approved"),
        ):
            connection.execute(
                "INSERT INTO clearing.recon_acceptance (proposal, leg, venue, account, doubt)"
                " VALUES (%s, 'venue', 'bitmex', %s, %s)",
                (asked.number, account, name),
            )

    refused("ada", doubt.id)
    day.ledger.desk("bob").decide(asked.number, approve=False)
    refused("ada", doubt.id)
    again = accepted(day, doubt.id, "by chance")
    refused("ada", "0" * 12)
    day.ledger.desk("eve").revoke(again, "not so sure")
    with (
        connect(database_url) as connection,
        pytest.raises(psycopg.errors.IntegrityError, match="append-only"),
    ):
        connection.execute("UPDATE clearing.recon_revocation SET reason = 'none'")
