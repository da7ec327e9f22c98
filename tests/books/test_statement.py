"""Statements whose every figure is computed by hand, and what holds for all statements."""

from random import Random
from typing import Any

import pytest

from clearing.audit import NameUnknown
from clearing.books import between, calendar_of, draw, period_of
from clearing.database import connect
from clearing.log import LogWriter
from clearing.projectors import project
from tests.books.day import DAY, day
from tests.engine.stories import Story


def by_name(lines: list[dict[str, Any]], key: str) -> dict[str, str]:
    return {line[key]: line["amount"] for line in lines}


def test_the_day_of_an_account_adds_up_as_by_hand(database_url: str) -> None:
    """See tests/books/day.py. ada's realised PnL is 4 × (112 − 101) = 44; she keeps 6 at 101."""
    with day(database_url) as ledger:
        found = draw(ledger.connection, "ada", DAY)
    assert (found.figures["begins"], found.figures["ends"]) == (
        "2024-06-18T00:00:00Z",
        "2024-06-19T00:00:00Z",
    )
    (usd,) = found.figures["assets"]
    assert usd["opening"] == {
        "cash": "1000",
        "pending": "0",
        "unrealised": "0",
        "accrued_funding": "0",
        "collateral": "0",
        "equity": "1000",
    }
    assert by_name(usd["movements"], "kind") == {
        "deposits": "200",
        "withdrawals": "-50",
        "realised PnL": "44",
        "funding": "-0.5",
        "fees": "-1.4",
    }
    # 1000 + 200 − 50 + 44 − 0.5 − 1.4; 6 × (108 − 101)
    assert usd["closing"]["cash"] == "1192.1"
    assert usd["closing"]["unrealised"] == "42"
    assert usd["closing"]["equity"] == "1234.1"
    assert usd["change"] == "234.1"
    assert by_name(usd["parts"], "part") == {
        "transfers": "150",
        "price": "88",  # 10 × (110 − 100), then 6 × (108 − 110)
        "execution": "-2",  # 10 × (100 − 101) + 4 × (112 − 110)
        "funding": "-0.5",
        "fees": "-1.4",
    }
    (btc,) = usd["markets"]
    assert btc == {
        "market": "BTC",
        "opening_size": "0",
        "bought": "10",
        "sold": "4",
        "closing_size": "6",
        "average_entry": "101.00",
        "cost": "606",
        "opening_mark": "",
        "closing_mark": "108.00",
        "opening_unrealised": "0",
        "closing_unrealised": "42",
        "opening_accrued": "0",
        "closing_accrued": "0",
        "realised": "44",
        "funding": "-0.5",
        "fees": "-1.4",
    }
    drawn = found.drawn
    assert (drawn.known_at, drawn.opening_position, drawn.closing_position) == (18, 9, 17)
    assert (drawn.complete, drawn.late_facts, drawn.log_size) == (True, 0, 18)


def test_the_day_of_the_house_is_every_ledger_account(database_url: str) -> None:
    """Fees 1.40 are the house's; what ada and bob won and lost is between them and the market."""
    with day(database_url) as ledger:
        found = draw(ledger.connection, None, DAY)
    (usd,) = found.figures["assets"]
    ledgers = {line["ledger"]: line for line in usd["ledgers"]}
    assert (ledgers["fees"]["opening"], ledgers["fees"]["closing"]) == ("0", "1.4")
    assert by_name(ledgers["external"]["movements"], "kind") == {
        "deposits": "-200",
        "withdrawals": "50",
    }
    assert by_name(ledgers["clearing"]["movements"], "kind") == {"realised PnL": "0"}
    assert by_name(ledgers["accounts"]["movements"], "kind") == {
        "deposits": "200",
        "withdrawals": "-50",
        "realised PnL": "0",
        "funding": "-0.5",
        "fees": "-1.4",
    }
    assert (ledgers["fund"]["opening"], ledgers["fund"]["closing"]) == ("500", "500")
    assert usd["result"] == {"fees": "1.4", "funds": "0", "sum": "1.4"}
    owners = {line["owners"]: line for line in usd["owners"]}
    assert owners["accounts"]["opening"]["equity"] == "11000"
    # 150 came in and 1.90 went to fees and funding; whom ada traded with has the rest.
    assert owners["accounts"]["closing"]["equity"] == "11148.1"


def test_nothing_happened_in_an_hour_and_that_is_a_statement(database_url: str) -> None:
    hour = period_of(calendar_of("utc"), "2024-06-18T09")
    with day(database_url) as ledger:
        (usd,) = draw(ledger.connection, "ada", hour).figures["assets"]
        (early,) = draw(ledger.connection, "ada", DAY, 11).figures["assets"]
    assert usd["opening"] == usd["closing"]
    assert (usd["movements"], usd["parts"], usd["change"]) == ([], [], "0")
    assert early["closing"]["equity"] == "989"  # at position 11 she had bought, at 101 and a fee


def test_an_account_that_there_is_not_has_no_statement(database_url: str) -> None:
    with day(database_url) as ledger, pytest.raises(NameUnknown, match="no account 'eve'"):
        draw(ledger.connection, "eve", DAY)


@pytest.mark.parametrize("seed", range(20, 26))
def test_what_a_statement_says_of_itself_holds_for_everybody(database_url: str, seed: int) -> None:
    """Drawing asserts every identity; here for all accounts and the house, over a random story."""
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    for _ in range(200):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        project(ledger)
        facts = [e.occurred_at for e in story.venue.events]
        for _ in range(4):
            begins, ends = sorted(dice.sample(sorted(set(facts)), 2))
            period = between(begins, ends)
            names = story.venue.registry.account_ordinals
            drawn = [draw(ledger, name, period) for name in [*names, None]]
            assert len({statement.sha256 for statement in drawn}) == len(drawn)
