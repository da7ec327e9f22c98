"""Who lost what when an account was taken over: the same day under three waterfalls, by hand.

ada puts in 60 and buys 10 from bob at 100; the mark falls to 93. She has 60 − 70 = −10, and is
bankrupt at 940 for her 10, which are worth 930: whoever bears her loss bears 10.
"""

from typing import Any

import pytest

from clearing.books import between
from tests.audit.stories import stored
from tests.engine.venue import START, Venue, rulebook

Parts = dict[str, dict[str, str]]


def parts_of(url: str, layers: list[dict[str, Any]]) -> dict[str, Parts]:
    """Everybody's parts, with what each is made of."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.deposit("insurance", "500")
    venue.deposit("ada", "60")
    venue.deposit("bob", "1000")
    venue.adopt(rulebook(layers=layers))
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    venue.mark(BTC="93.00")
    ends = venue.now
    venue("ClockTicked")
    with stored(venue, url) as ledger:
        found = {}
        for name in ("ada", "bob", "insurance"):
            (usd,) = ledger.attribution(name, between(START, ends.replace(microsecond=1)))
            found[name] = {
                part.part: {line.item: line.amount for line in part.lines} for part in usd.parts
            }
        house = ledger.statement(None, between(START, ends.replace(microsecond=1)))
        (asset,) = house.figures["assets"]
        found["house"] = {"result": asset["result"]}
    return found


ADA = {
    "transfers": {"deposits": "60"},
    "price": {"positions held": "-70"},
    "liquidation": {"forced closes": "10"},
}
BOB = {"transfers": {"deposits": "1000"}, "price": {"positions held": "70"}}
FUND = {"transfers": {"deposits": "500"}}


def test_a_fund_takes_the_position_for_more_than_it_is_worth(database_url: str) -> None:
    found = parts_of(database_url, [{"layer": "fund"}, {"layer": "deficit"}])
    assert found["ada"] == ADA
    assert found["bob"] == BOB
    assert found["insurance"] == FUND | {"liquidation": {"takeovers": "-10"}}
    assert found["house"]["result"] == {"funds": "-10", "sum": "-10"}


def test_a_counterparty_is_closed_at_a_worse_price_than_the_mark(database_url: str) -> None:
    found = parts_of(database_url, [{"layer": "adl"}, {"layer": "deficit"}])
    assert found["ada"] == ADA
    assert found["bob"] == BOB | {"ADL": {"closes as counterparty": "-10"}}
    assert found["insurance"] == FUND
    assert found["house"]["result"] == {"funds": "0", "sum": "0"}


def test_winners_pay_and_the_fund_has_the_position_at_the_mark(database_url: str) -> None:
    found = parts_of(database_url, [{"layer": "haircut"}, {"layer": "deficit"}])
    assert found["ada"] == ADA
    assert found["bob"] == BOB | {"socialised loss": {"haircuts": "-10"}}
    assert found["insurance"] == FUND
    assert found["house"]["result"] == {"funds": "0", "sum": "0"}


def test_what_nobody_bears_is_the_houses(database_url: str) -> None:
    found = parts_of(database_url, [{"layer": "deficit"}])
    assert (found["ada"], found["bob"], found["insurance"]) == (ADA, BOB, FUND)
    assert found["house"]["result"] == {"deficit": "-10", "funds": "0", "sum": "-10"}


def test_every_unit_of_open_interest_pays_and_it_is_no_funding(database_url: str) -> None:
    """The fund takes 10 at the mark, bob is short 10: each of the 20 pays 0.50, not in cash yet."""
    found = parts_of(database_url, [{"layer": "per_unit"}, {"layer": "deficit"}])
    assert found["ada"] == ADA
    assert found["bob"] == BOB | {"socialised loss": {"charges per unit": "-5"}}
    assert found["insurance"] == FUND | {"socialised loss": {"charges per unit": "-5"}}


@pytest.mark.parametrize("kind", ["liquidation", "adl"])
def test_what_a_venue_told_is_attributed_as_it_told_it(database_url: str, kind: str) -> None:
    """In record mode the venue closes ada's 10 at 92 against bob while the mark is 93."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.deposit("ada", "60")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    venue.mark(BTC="93.00")
    told = {"size": "10", "price": "92.00", "seller_cause": kind}
    venue("Traded", market="BTC", buyer="bob", seller="ada", **told)
    with stored(venue, database_url) as ledger:
        period = between(START, venue.now.replace(microsecond=1))
        ada, bob = (
            {part.part: part.amount for part in ledger.attribution(name, period)[0].parts}
            for name in ("ada", "bob")
        )
    part = {"liquidation": "liquidation", "adl": "ADL"}[kind]
    assert ada == {"transfers": "60", "price": "-70", part: "-10"}
    assert bob == {"price": "70", "execution": "10"}


def test_what_was_carried_in_is_no_profit_of_the_day(database_url: str) -> None:
    """A position of 2 from 90, when the mark is 100, brings 20 with it; at 103 it has gained 6."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada")
    venue.mark(BTC="100.00")
    venue("PositionCarried", account="ada", market="BTC", size="2", entry_price="90.00")
    venue.mark(BTC="103.00")
    with stored(venue, database_url) as ledger:
        period = between(START, venue.now.replace(microsecond=1))
        (usd,) = ledger.attribution("ada", period)
    assert {part.part: part.amount for part in usd.parts} == {"transfers": "20", "price": "6"}
    assert usd.change == "26"
