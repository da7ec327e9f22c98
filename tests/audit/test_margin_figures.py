"""An account as of a position: its levels, ratios, collateral and liquidation prices."""

import json
from datetime import timedelta

from clearing.audit.accounts import account
from clearing.audit.moments import resolve_moment
from clearing.database import connect
from clearing.log import LogWriter
from clearing.projectors import project
from tests.engine.test_scenarios_alerts import Watched
from tests.engine.venue import TAKEOVER, Venue, rulebook

SCHEDULE = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.05"},
    "release": {"op": "ratio", "level": "initial", "factor": "1.5"},
}


def story() -> Venue:
    """ada: 500 dollars and 1 coin of 2,000 at 80 %, long 100 BTC from 100; bob is not bound."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.account("bob", account_class="guest")
    venue.deposit("maker", "1000000")
    venue.mark(**{"COIN-USD": "2000.00", "BTC": "100.00"})
    coin = {"market": "COIN-USD", "weights": {"maintenance": "0.8"}}
    document = rulebook(
        mode="record",
        schedule=SCHEDULE,
        ladder=[TAKEOVER],
        collateral={"coin": {"assets": {"COIN": coin}}},
    )
    document["bindings"][0]["collateral"] = "coin"
    venue.adopt(document)
    venue.deposit("ada", "500")
    venue.deposit("ada", "1", "COIN")
    venue.trade("ada", "maker", "BTC", "100", "100.00")
    venue("OrdersObserved", account="ada", market="BTC", buy_size="5", sell_size="0")
    venue("LeverageSet", account="ada", market="BTC", leverage="10")
    venue("OpenInterestObserved", market="BTC", size="100")
    venue.trade("bob", "maker", "BTC", "1", "100.00")
    return venue


def test_what_an_account_shows(database_url: str) -> None:
    """Equity 2,500, of which 2,100 count; 1,000, 500 and 1,500 are asked."""
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story().events)
        project(ledger)
        ada, bob = (account(ledger, name, resolve_moment(ledger)) for name in ("ada", "bob"))
    scope = next(scope for scope in ada.scopes if scope.asset == "USD")
    assert (scope.cash, scope.collateral, scope.equity) == ("500.00", "2000", "2500")
    assert scope.levels == {"initial": "1000", "maintenance": "500", "release": "1500"}
    assert scope.counted == dict.fromkeys(scope.levels, "2100")
    assert (scope.free_margin, scope.withdrawable) == ("1100", "500.00")
    assert (scope.margin_level, scope.effective_leverage) == ("250.00", "4.000000")
    assert (scope.margin_ratio, scope.health_factor) == ("0.238095", "4.200000")
    assert scope.collateralisation == ""
    (position,) = scope.positions
    assert position.liquidation_price == "83.16"  # 7,900 / 95
    coin = next(scope for scope in ada.scopes if scope.asset == "COIN")
    assert (coin.cash, coin.withdrawable) == ("1.00000000", "0.68750000")  # 1,100 / 1,600
    (unbound,) = bob.scopes
    assert (unbound.levels, unbound.positions[0].liquidation_price) == ({}, "")


def test_an_open_auction_of_a_position_is_shown_until_it_ends(database_url: str) -> None:
    """Ten seconds of fold time after the mark at which it opens; at the next clock it is over."""
    method = {"op": "linear", "start": "1", "end": "0.9", "duration_seconds": 10}
    auction = {"action": "auction", "when": {"level": "maintenance"}, "method": method}
    late = {**TAKEOVER, "when": {"level": "zero"}}
    venue = Venue()
    for name in ("BTC", "ETH"):
        venue.market(name)
    venue.account("ada", "maker")
    venue.deposit("maker", "1000000")
    venue.deposit("ada", "10")
    venue.adopt(rulebook(schedule=SCHEDULE, ladder=[auction, late]))
    venue.mark(BTC="100.00", ETH="10.00")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    venue.mark(BTC="94.00")
    opened = venue.now
    venue("ClockTicked", after=20)
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        project(ledger)
        last = len(venue.log)
        shown = [
            position.auction_ends_at
            for at in (last - 2, last - 1, last)
            for scope in account(ledger, "ada", resolve_moment(ledger, at=at)).scopes
            for position in scope.positions
        ]
    assert shown == [None, opened + timedelta(seconds=10), None]


def test_collateral_at_its_own_price_as_of_any_position(database_url: str) -> None:
    """One coin of 2,000 counts at 1,900 once that is what its source says; a doubt is stated."""
    venue = story()
    before = len(venue.log)
    (adopted,) = venue.engine.book.documents.values()
    document = json.loads(adopted)
    told = {"op": "source", "source": "venue"}
    document["prices"] = {"COIN-USD": {"roles": {"collateral": told}}}
    venue.adopt(document)
    venue("PriceObserved", market="COIN-USD", price="1900.00")
    after = len(venue.log)
    venue("PriceObserved", market="COIN-USD", price="1800.00")
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        project(ledger)
        found = [
            next(
                scope.collateral
                for scope in account(ledger, "ada", resolve_moment(ledger, at=position)).scopes
                if scope.asset == "USD"
            )
            for position in (before, after, None)
        ]
    assert found == ["2000", "1900", "1800"]


def test_what_is_pending_or_owed_without_a_position_is_shown(database_url: str) -> None:
    """A deposit that is not final counts for nothing; a debt beyond its collateral is a status."""
    venue = story()
    venue.account("cyd")
    venue.deposit("cyd", "0.5", "COIN")
    venue("Deposited", account="cyd", asset="USD", amount="7", finality="pending")
    venue("Withdrawn", account="cyd", asset="USD", amount="900")
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        project(ledger)
        cyd = account(ledger, "cyd", resolve_moment(ledger))
    scope = next(scope for scope in cyd.scopes if scope.asset == "USD")
    assert (scope.pending, scope.cash, scope.equity) == ("7.00", "-900.00", "100")
    assert (scope.counted["maintenance"], scope.status) == ("-100", "liquidation")


def test_ratios_to_an_equity_that_is_gone_are_said_to_be_none(database_url: str) -> None:
    venue = story()
    venue.mark(BTC="70.00")
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        project(ledger)
        ada = account(ledger, "ada", resolve_moment(ledger))
    scope = next(scope for scope in ada.scopes if scope.asset == "USD")
    assert scope.equity == "-500"
    assert (scope.margin_ratio, scope.effective_leverage) == ("none", "none")
    assert scope.margin_level == "-71.43"  # -500 / 700


def test_how_far_a_position_is_from_liquidation_in_deviations(database_url: str) -> None:
    """At 100 the move to 90 is ten deviations of four minutes; 1 / 101, and 24,000 seconds."""
    venue = Watched({"figure": "distance", "threshold": "5"})
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        project(ledger)
        found = account(ledger, "ada", resolve_moment(ledger))
    (position,) = found.scopes[0].positions
    assert (position.liquidation_price, position.distance) == ("90.00", "10.000000")
    assert (position.risk_score, position.time_to_breach) == ("0.009900", "24000")
