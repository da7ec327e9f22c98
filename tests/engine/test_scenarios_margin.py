"""Scenarios: levels, status, margin calls, timers, adoption, market states."""

import pytest

from clearing.engine import Engine
from tests.engine.venue import (
    PERSON,
    TAKEOVER,
    Venue,
    deviations,
    of_kind,
    rulebook,
    transitions,
)

CALL = {
    "action": "margin_call",
    "when": {"level": "maintenance", "factor": "2"},
    "grace_seconds": 60,
    "restore": "initial",
}


@pytest.fixture
def venue() -> Venue:
    """ada is long 1 BTC from 1,000 with 100 cash; 5 % initial, 1 % maintenance once adopted."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("ada", "100")
    venue.deposit("maker", "100000")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    return venue


def test_status_follows_equity_with_an_entry_at_each_transition(venue: Venue) -> None:
    """Equity 100 at 1,000; initial 5 % and maintenance 1 % of the notional."""
    ada = venue.ordinal("ada")
    assert venue.status("ada") == "unmargined"
    entries = venue.adopt(rulebook(mode="record"))
    assert (ada, "unmargined", "healthy") in transitions(entries)
    assert transitions(venue.mark(BTC="940.00")) == [(ada, "healthy", "restricted")]
    assert transitions(venue.mark(BTC="945.00")) == []
    assert transitions(venue.mark(BTC="909.09")) == [(ada, "restricted", "liquidation")]
    assert transitions(venue.mark(BTC="1000.00")) == [(ada, "liquidation", "healthy")]


@pytest.mark.parametrize(("comparator", "due"), [("<", False), ("<=", True)])
def test_the_comparator_is_data(venue: Venue, comparator: str, due: bool) -> None:
    """At 909.00 equity is 9.00; a factor chosen so that the threshold is 9.09 × … = exactly 9."""
    schedule = {
        "initial": {"op": "rate", "rate": "0.05"},
        "maintenance": {"op": "tiers", "tiers": [{"floor": "0", "rate": "0.01"}]},
    }
    takeover = {**TAKEOVER, "when": {"level": "zero", "comparator": comparator}}
    venue.adopt(rulebook(schedule=schedule, ladder=[takeover]))
    entries = venue.mark(BTC="900.00")
    assert venue.equity("ada") == "0"
    assert (of_kind(entries, "liquidation") != []) is due


def test_marginal_tiers_add_up_part_by_part(venue: Venue) -> None:
    """600 at 1 %, the next 300 at 2 %, the last 100 at 5 %: 6 + 6 + 5."""
    rows = [("0", "0.01"), ("600", "0.02"), ("900", "0.05")]
    tiers = [{"floor": floor, "rate": rate} for floor, rate in rows]
    schedule = {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "tiers", "tiers": tiers},
    }
    venue.adopt(rulebook(mode="record", schedule=schedule))
    assert venue.margin("ada") == ("100", "100", "17")


def test_a_margin_call_states_amount_level_and_time_and_is_met(venue: Venue) -> None:
    """At 915: equity 15 < 2 × 9.15; initial 45.75, so 30.75 are due within a minute."""
    venue.adopt(rulebook(ladder=[CALL, TAKEOVER]))
    entries = venue.mark(BTC="915.00")
    (call,) = of_kind(entries, "margin_call")
    assert (call["outcome"], call["amount_due"], call["level"]) == ("opened", 3075, "initial")
    assert call["due_at"] == venue.engine.book.time + 60_000_000
    assert venue.status("ada") == "margin_call"
    assert of_kind(venue.mark(BTC="916.00"), "margin_call") == [], "one call at a time"
    entries = venue.deposit("ada", "30.75")
    assert [c["outcome"] for c in of_kind(entries, "margin_call")] == ["met"]
    assert venue.status("ada") == "healthy"


def test_a_missed_call_notifies_or_liquidates_as_the_rulebook_says(venue: Venue) -> None:
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "0.5"},
    }
    venue.adopt(rulebook(ladder=[{**CALL, "on_missed": "liquidate"}, reduce, TAKEOVER]))
    venue.mark(BTC="915.00")
    assert of_kind(venue("ClockTicked", after=30), "margin_call") == []
    entries = venue("ClockTicked", after=60)
    assert [c["outcome"] for c in of_kind(entries, "margin_call")] == ["missed", "met"]
    assert {c["layer"] for c in of_kind(entries, "closed")} == {"reduce"}
    equity, initial, _ = venue.margin("ada")
    assert float(equity) >= float(initial)


def test_a_missed_call_that_only_notifies_closes_nothing(venue: Venue) -> None:
    venue.adopt(rulebook(ladder=[CALL, TAKEOVER]))
    venue.mark(BTC="915.00")
    entries = venue("ClockTicked", after=90)
    assert [c["outcome"] for c in of_kind(entries, "margin_call")] == ["missed"]
    assert of_kind(entries, "liquidation") == []
    assert venue.size("ada", "BTC") == "1"


def test_the_largest_requirement_is_reduced_first(venue: Venue) -> None:
    venue.market("ETH")
    venue.mark(ETH="100.00")
    venue.trade("ada", "maker", "ETH", "1", "100.00")
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "0.1"},
    }
    venue.adopt(rulebook(ladder=[reduce, {**TAKEOVER, "when": {"level": "zero"}}]))
    entries = venue.mark(BTC="910.00")
    assert {c["market"] for c in of_kind(entries, "closed")} == {1}


def test_a_rulebook_holds_from_its_own_position_or_from_a_later_one(venue: Venue) -> None:
    position = venue.engine.position
    entries = venue.adopt(rulebook(mode="record"), effective_position=position + 3)
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["scheduled"]
    assert venue.status("ada") == "unmargined"
    venue.mark(BTC="1000.00")
    entries = venue.deposit("maker", "1")
    assert [r["status"] for r in of_kind(entries, "rulebook")] == ["in_force"]
    assert venue.status("ada") == "healthy"
    entries = venue.adopt(rulebook(mode="record"), effective_position=1)
    assert deviations(entries) == ["effective_position_passed"]


def test_a_rulebook_that_names_what_is_not_declared_changes_nothing(venue: Venue) -> None:
    entries = venue.adopt(rulebook(fund="nobody", asset="USD"))
    assert deviations(entries) == ["rulebook_refused"]
    assert "waterfalls.standard.fund" in str(of_kind(entries, "deviation")[0]["detail"])
    entries = venue.adopt({"format": 1, "settlement_asset": "USD", "mode": "guess"})
    assert deviations(entries) == ["rulebook_refused"]
    assert venue.status("ada") == "unmargined"


def test_raising_margins_by_adoption_tests_everybody(venue: Venue) -> None:
    venue.adopt(rulebook())
    schedule = {
        "initial": {"op": "rate", "rate": "0.5"},
        "maintenance": {"op": "rate", "rate": "0.2"},
    }
    entries = venue.adopt(rulebook(schedule=schedule))
    assert [e["account"] for e in of_kind(entries, "liquidation")] == [venue.ordinal("ada")]


def test_a_fill_that_grows_a_position_in_reduce_only_is_a_deviation(venue: Venue) -> None:
    venue("MarketStateChanged", market="BTC", state="reduce_only", **PERSON)
    assert deviations(venue.trade("maker", "ada", "BTC", "0.5", "1000.00")) == []
    assert deviations(venue.trade("ada", "maker", "BTC", "0.1", "1000.00")) == ["reduce_only"] * 2


def test_a_market_without_a_schedule_asks_nothing_and_says_so(venue: Venue) -> None:
    venue.market("ETH")
    document = rulebook()
    document["bindings"][0]["markets"] = {"BTC": "majors"}
    venue.adopt(document)
    entries = venue.trade("ada", "maker", "ETH", "1", "10.00")
    assert deviations(entries) == ["no_schedule", "no_schedule"]


def test_a_bound_scope_that_goes_flat_with_negative_cash_is_reported(venue: Venue) -> None:
    venue.adopt(rulebook(mode="record"))
    entries = venue.trade("maker", "ada", "BTC", "1", "850.00")
    assert deviations(entries) == ["negative_balance"]
    assert venue.status("ada") == "flat"


def test_a_call_opened_again_for_the_same_moment_is_missed_once(venue: Venue) -> None:
    venue.adopt(rulebook(ladder=[CALL, TAKEOVER]))
    venue.mark(BTC="915.00")
    venue.deposit("ada", "30.75")
    venue("Withdrawn", account="ada", asset="USD", amount="30.75")
    entries = venue("ClockTicked", after=90)
    assert [c["outcome"] for c in of_kind(entries, "margin_call")] == ["missed"]


def test_two_rulebooks_that_take_effect_together_survive_a_snapshot(venue: Venue) -> None:
    position = venue.engine.position + 4
    for factor in ("1", "2"):
        takeover = {**TAKEOVER, "when": {"level": "maintenance", "factor": factor}}
        venue.adopt(rulebook(ladder=[takeover]), effective_position=position)
    venue.mark(BTC="1000.00")
    assert len(of_kind(venue.mark(BTC="1000.00"), "rulebook")) == 2
    restored = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    assert restored.digest() == venue.engine.digest()


def test_a_finer_market_declared_meanwhile_does_not_hide_a_breach() -> None:
    """What bands remember is at a working scale; a market of eight decimals makes that finer."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("ada", "100")
    venue.deposit("maker", "100000")
    venue.mark(BTC="1000.00")
    venue.trade("maker", "ada", "BTC", "1", "1000.00")
    venue.adopt(rulebook(mode="record"))
    venue.market("DUST", price_decimals=8, mark_decimals=8, size_decimals=8, lot="0.00000001")
    venue.trade("maker", "ada", "BTC", "1.5", "1000.00")
    assert venue.status("ada") == "restricted"
