"""Market states and circuit breakers: what each state permits, and prices that go too far."""

from typing import Any

import pytest

from clearing.engine import Engine
from clearing.rulebook.prices import over_time
from tests.engine.venue import PERSON, Venue, deviations, of_kind, rulebook

STATES = [
    # state, what a fill that opens leaves, whether the ladder closes
    ("normal", [], True),
    ("reduce_only", ["reduce_only"] * 2, True),
    ("liquidations_paused", [], False),
    ("halted", ["no_trading"] * 2, False),
    ("auction", ["no_trading"] * 2, False),
    ("final_settlement", ["reduce_only"] * 2, True),
]

AN_HOUR_AGO = {"op": "delayed", "price": {"op": "recorded"}, "seconds": 3600}


def prices(*breakers: dict[str, Any]) -> dict[str, Any]:
    return {"BTC": {"roles": {"index": AN_HOUR_AGO}, "breakers": list(breakers)}}


@pytest.fixture
def venue() -> Venue:
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.account("maker", account_class="maker")
    return venue


def leveraged(venue: Venue, *breakers: dict[str, Any]) -> None:
    """Ada is long 1 BTC at 1,000 with 100: liquidated from below 909.09 on."""
    venue.adopt(rulebook(prices=prices(*breakers) if breakers else {}))
    venue.deposit("ada", "100.00")
    venue.deposit("insurance", "1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    venue.mark(BTC="1000.00")


@pytest.mark.parametrize(("state", "found", "closes"), STATES)
def test_what_each_state_permits(venue: Venue, state: str, found: list[str], closes: bool) -> None:
    """Ada, who cannot be kept at 905, is closed where the state lets it; another buys."""
    leveraged(venue)
    venue("MarketStateChanged", market="BTC", state=state, **PERSON)
    entries = venue.mark(BTC="905.00")
    assert bool(of_kind(entries, "closed")) is closes
    assert bool(of_kind(entries, "withheld")) is not closes
    venue.deposit("bob", "500.00")
    assert deviations(venue.trade("bob", "maker", "BTC", "0.1", "905.00")) == found
    resumed = venue("MarketStateChanged", market="BTC", state="normal", **PERSON)
    assert bool(of_kind(resumed, "closed")) is not closes


@pytest.mark.parametrize("state", ["halted", "auction"])
def test_where_nothing_trades_a_smaller_position_is_a_contradiction_too(
    venue: Venue, state: str
) -> None:
    leveraged(venue)
    venue("MarketStateChanged", market="BTC", state=state, **PERSON)
    assert deviations(venue.trade("maker", "ada", "BTC", "1", "1000.00")) == ["no_trading"] * 2


@pytest.mark.parametrize("state", ["auction", "liquidations_paused", "halted", "reduce_only"])
def test_a_breaker_trips_on_the_mark_that_goes_too_far(venue: Venue, state: str) -> None:
    """More than 10 % down from an hour ago; where its state withholds that, Ada stands at 899."""
    leveraged(venue, {"down": "0.1", "state": state, "seconds": 600})
    venue("ClockTicked", after=3600)
    assert of_kind(venue.mark(BTC="910.00"), "breaker") == []
    entries = venue.mark(BTC="899.00")
    (trip,) = of_kind(entries, "breaker")
    assert (trip["number"], trip["mark"], trip["reference"]) == (1, 89900, 100000)
    assert [e["state"] for e in of_kind(entries, "market_state")] == [state]
    assert bool(of_kind(entries, "closed")) is (state == "reduce_only")


def test_a_breaker_goes_on_while_the_mark_is_too_far_and_ends_when_it_is_not(
    venue: Venue,
) -> None:
    """Ten minutes at 5 % and more above; prolonged once; then back within, and normal."""
    leveraged(venue, {"up": "0.05", "state": "auction", "seconds": 600})
    venue("ClockTicked", after=3600)
    assert of_kind(venue.mark(BTC="1050.00"), "breaker") == []  # exactly 5 % is not more
    assert len(of_kind(venue.mark(BTC="1051.00"), "breaker")) == 1
    assert of_kind(venue("ClockTicked", after=599), "breaker") == []
    again = venue("ClockTicked", after=1)
    assert len(of_kind(again, "breaker")) == 1
    assert of_kind(again, "market_state") == []
    assert of_kind(venue.mark(BTC="1040.00"), "market_state") == []
    ended = venue("ClockTicked", after=600)
    assert [e["state"] for e in of_kind(ended, "market_state")] == ["normal"]


def test_the_mark_that_resumes_closes_what_was_withheld(venue: Venue) -> None:
    leveraged(venue, {"down": "0.09", "state": "liquidations_paused", "seconds": 600})
    venue("ClockTicked", after=3600)
    assert len(of_kind(venue.mark(BTC="905.00"), "withheld")) == 1
    venue("ClockTicked", after=600)  # an hour ago it was 1,000 still: prolonged
    ended = venue("ClockTicked", after=3600)  # an hour ago it was 905
    assert [e["state"] for e in of_kind(ended, "market_state")] == ["normal"]
    assert len(of_kind(ended, "closed")) == 1


def test_people_have_the_last_word(venue: Venue) -> None:
    """A state that an event brought stands; one that a breaker brought ends by an event, too."""
    leveraged(venue, {"down": "0.1", "state": "halted", "seconds": 600})
    venue("MarketStateChanged", market="BTC", state="reduce_only", **PERSON)
    venue("ClockTicked", after=3600)
    assert of_kind(venue.mark(BTC="880.00"), "breaker") == []
    venue("MarketStateChanged", market="BTC", state="normal", **PERSON)
    # The mark is still too far: the breaker speaks again at once.
    assert venue.engine.book.markets[1].state == "halted"
    venue("MarketStateChanged", market="BTC", state="liquidations_paused", **PERSON)
    assert of_kind(venue("ClockTicked", after=3600), "market_state") == []


def test_rules_without_breakers_end_what_a_breaker_began(venue: Venue) -> None:
    leveraged(venue, {"down": "0.05", "state": "halted", "seconds": 600})
    venue("ClockTicked", after=3600)
    assert len(of_kind(venue.mark(BTC="940.00"), "breaker")) == 1
    adopted = venue.adopt(rulebook())
    assert [e["state"] for e in of_kind(adopted, "market_state")] == ["normal"]


def test_a_breaker_looks_at_its_own_market_only_in_derive_mode(venue: Venue) -> None:
    """In record mode the venue says what state its markets are in."""
    document = rulebook(
        mode="record", prices=prices({"down": "0.05", "state": "halted", "seconds": 600})
    )
    venue.adopt(document)
    venue.mark(BTC="1000.00")
    venue("ClockTicked", after=3600)
    assert of_kind(venue.mark(BTC="900.00"), "breaker") == []


def test_a_tripped_market_is_the_same_from_a_snapshot(venue: Venue) -> None:
    leveraged(venue, {"down": "0.05", "state": "halted", "seconds": 600})
    venue("ClockTicked", after=3600)
    venue.mark(BTC="940.00")
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    ended = venue("ClockTicked", after=3600)  # and as the one that went on says, beside it
    assert [e["state"] for e in of_kind(ended, "market_state")] == ["normal"]


def test_a_stricter_breaker_takes_the_place_of_a_milder_one(venue: Venue) -> None:
    """6 % down: reduce only; 31 % down in the same hour: halted, before anything is closed."""
    halts = {"down": "0.2", "state": "halted", "seconds": 900}
    reduces = {"down": "0.05", "state": "reduce_only", "seconds": 3600}
    leveraged(venue, halts, reduces)
    venue("ClockTicked", after=3600)
    (mild,) = of_kind(venue.mark(BTC="940.00"), "breaker")
    assert (mild["number"], of_kind(venue.mark(BTC="935.00"), "breaker")) == (2, [])
    entries = venue.mark(BTC="690.00")
    (strict,) = of_kind(entries, "breaker")
    assert (strict["number"], of_kind(entries, "closed")) == (1, [])
    assert venue.engine.book.markets[1].state == "halted"
    assert of_kind(venue.mark(BTC="940.00"), "breaker") == []  # the milder one does not replace it


def test_another_limit_leaves_what_trees_remember(venue: Venue) -> None:
    """Halted at 10 % down; with a new limit of 6 % the hour before is still known."""
    leveraged(venue, {"down": "0.05", "state": "halted", "seconds": 600})
    venue("ClockTicked", after=3600)
    venue.mark(BTC="899.00")
    rules = prices({"down": "0.06", "state": "halted", "seconds": 600})
    venue.adopt(rulebook(prices=rules))
    later = venue("ClockTicked", after=600)
    assert len(of_kind(later, "breaker")) == 1
    assert of_kind(later, "closed") == []


@pytest.mark.parametrize("mode", ["record", "verify"])
def test_a_mode_that_is_told_states_ends_what_a_breaker_began(venue: Venue, mode: str) -> None:
    breaker = {"down": "0.05", "state": "halted", "seconds": 600}
    leveraged(venue, breaker)
    venue("ClockTicked", after=3600)
    venue.mark(BTC="940.00")
    adopted = venue.adopt(rulebook(mode=mode, prices=prices(breaker)))
    assert [e["state"] for e in of_kind(adopted, "market_state")] == ["normal"]


def test_beyond_what_it_remembers_a_delayed_price_is_one_that_there_was(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for two prices, of 1,000, 1,100 and 1,300 the oldest stands longer; no average."""
    monkeypatch.setattr(over_time, "MAX_STRETCHES", 2)
    venue.mark(BTC="1000.00")
    venue.adopt(rulebook(prices=prices()))
    venue.mark(BTC="1100.00")
    venue.mark(BTC="1300.00")
    venue("ClockTicked", after=3599)
    assert venue.engine.book.markets[1].feed.values["index"] == 100000
