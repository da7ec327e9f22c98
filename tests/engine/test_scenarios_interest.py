"""Scenarios: interest on debts and credits, settled by rate or booked by the venue."""

import json
from typing import Any

import pytest

from clearing.engine import Engine, Entry
from clearing.events import EventRefused
from tests.engine.venue import PERSON, Venue, deviations, of_kind, rulebook


class Lender(Venue):
    """ada owes 6,000 dollars, bob has 1,000; the fund has 50."""

    def __init__(self, mode: str = "derive", **rules: Any) -> None:
        super().__init__()
        self.market("BTC")
        self.account("ada", "bob")
        document = rulebook(mode=mode, ladder=(), **rules)
        document["bindings"][0]["ladder"] = None
        document["ladders"] = {}
        assert deviations(self.adopt(document)) == []
        self("Transferred", account="ada", to_account="bob", asset="USD", amount="6000")
        self("Withdrawn", account="bob", asset="USD", amount="5000")
        self("FundContributed", fund="insurance", asset="USD", amount="50")

    def settle(self, rate: str, **fields: Any) -> list[Entry]:
        return self("InterestSettled", asset="USD", rate=rate, **fields)


def test_debts_pay_and_credits_get_at_once() -> None:
    """0.1 % of 6,000 owed is 6 dollars, 0.05 % of 1,000 had is 50 cents; a fund bears none."""
    venue = Lender()
    entries = venue.settle("0.001", credit_rate="0.0005")
    assert (venue.cash("ada"), venue.cash("bob")) == ("-6006", "1000.5")
    assert venue.cash("insurance") == "50"
    assert venue.ledger("interest") == "5.5"
    assert of_kind(entries, "interest") == [
        {
            "asset": 1,
            "rate": "0.001",
            "credit_rate": "0.0005",
            "interval_seconds": 28_800,
            "moved": 1,
        }
    ]
    venue.settle("0.001")
    assert venue.cash("ada") == "-6012.01"  # on interest, too: 6,006 × 0.1 % = 6.006


def test_what_rounding_leaves_is_stated() -> None:
    venue = Lender(numerics={"interest": "down"})  # debts up, credits down
    entries = venue.settle("0.0000001", credit_rate="0.0000001")
    assert (venue.cash("ada"), venue.cash("bob")) == ("-6000.01", "1000")
    left = [(r["operation"], r["holder"], r["amount"]) for r in of_kind(entries, "remainder")]
    ada, bob = venue.ordinal("ada"), venue.ordinal("bob")
    # exact − rounded: −0.0006 − (−0.01), 0.0001 − 0
    assert left == [("interest", ada, "0.0094"), ("interest", bob, "0.0001")]


def test_interest_makes_a_debt_grow_into_a_breach() -> None:
    """10,000 of coin counts for 9,000; of 8,990 owed, 0.2 % more is too much."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD", payoff="spot", base_asset="COIN")
    venue.account("ada", "bank")
    counted = {"assets": {"COIN": {"market": "COIN-USD", "weights": {"maintenance": "0.9"}}}}
    document = rulebook(collateral={"all": counted}, mode="derive")
    document["bindings"][0]["collateral"] = "all"
    assert deviations(venue.adopt(document)) == []
    venue.deposit("bank", "100000")
    venue.deposit("ada", "5", "COIN")
    venue.mark(**{"COIN-USD": "2000.00"})
    venue("Transferred", account="ada", to_account="bank", asset="USD", amount="8990")
    assert venue.status("ada") == "healthy"
    entries = venue("InterestSettled", asset="USD", rate="0.002")
    assert venue.cash("ada") != "-8990"
    assert next(t["to_status"] for t in of_kind(entries, "transition")) == "liquidation"


def test_a_collateral_balance_bears_interest_by_the_rulebook_that_counts_it() -> None:
    """COIN has no rulebook of its own: a coin owed costs what the dollar's rulebook lets it."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD", payoff="spot", base_asset="COIN")
    venue.account("ada", "stranger", account_class="trader")
    counted = {"assets": {"COIN": {"market": "COIN-USD", "weights": {"maintenance": "0.9"}}}}
    document = rulebook(collateral={"all": counted}, mode="derive")
    document["bindings"][0]["collateral"] = "all"
    venue.adopt(document)
    venue.account("outsider", account_class="unbound")
    venue.mark(**{"COIN-USD": "2000.00"})
    venue.deposit("ada", "10000")
    venue("Transferred", account="ada", to_account="outsider", asset="COIN", amount="2")
    venue("InterestSettled", asset="COIN", rate="0.01", credit_rate="0.01")
    assert venue.cash("ada", "COIN") == "-2.02"
    assert venue.cash("outsider", "COIN") == "2"


def test_booked_interest_is_compared_in_verify_mode() -> None:
    venue = Lender("verify")
    paid = {"account": "ada", "asset": "USD"}
    assert deviations(venue("InterestPaid", amount="-6.00", **paid)) == ["interest_unannounced"]
    entries = venue.settle("0.001")
    assert [e["moved"] for e in of_kind(entries, "interest")] == [0]
    entries = venue("InterestPaid", amount="-6.01", **paid)
    assert deviations(entries) == []  # 0.1 % of 6,006
    entries = venue("InterestPaid", amount="-6.00", **paid)
    assert deviations(entries) == ["interest_mismatch"]
    (found,) = of_kind(entries, "deviation")
    assert (found["expected"], found["found"]) == ("-6.01", "-6")
    assert venue.cash("ada") == "-6018.01"


@pytest.mark.parametrize(("mode", "cash"), [("record", "-6000"), ("verify", "-6000")])
def test_booked_interest_can_be_reversed(mode: str, cash: str) -> None:
    venue = Lender(mode)
    venue("InterestPaid", id="i1", account="ada", asset="USD", amount="-6.00")
    target = {"source": "venue", "external_id": "i1"}
    assert deviations(venue("Reversed", target=target, **PERSON)) == []
    assert venue.cash("ada") == cash


def test_derive_mode_takes_no_booked_interest() -> None:
    venue = Lender()
    entries = venue("InterestPaid", id="i1", account="ada", asset="USD", amount="-6.00")
    assert deviations(entries) == ["venue_outcome"]
    assert venue.cash("ada") == "-6000"
    target = {"source": "venue", "external_id": "i1"}
    assert deviations(venue("Reversed", target=target, **PERSON)) == ["not_reversible"]


def test_interest_of_a_stranger_is_suspense() -> None:
    venue = Lender("record")
    entries = venue("InterestPaid", account="nobody", asset="USD", amount="1.00")
    assert deviations(entries) == ["unknown_account"]
    assert venue.ledger("suspense") == "1"


def test_what_was_refused_is_not_reversed_whatever_rules_hold_by_then() -> None:
    """Coin that is collateral bears interest by the dollar's rulebook, in derive mode: refused.

    Once no rulebook says so any more, the refused payment still moved nothing that could be undone.
    """
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD", payoff="spot", base_asset="COIN")
    venue.market("BTC")
    venue.account("ada")
    venue.deposit("ada", "1000", "COIN")
    venue.mark(**{"BTC": "100.00", "COIN-USD": "1.00"})
    policy = {"assets": {"COIN": {"market": "COIN-USD", "weights": {"maintenance": "1"}}}}
    document = rulebook(collateral={"some": policy})
    document["bindings"][0] |= {"collateral": "some", "markets": {"BTC": "majors"}}
    venue.adopt(document)
    paid = {"account": "ada", "asset": "COIN", "amount": "5"}
    assert deviations(venue("InterestPaid", id="paid", **paid)) == ["venue_outcome"]
    venue.adopt(rulebook())
    venue("InterestPaid", id="posted", **paid)
    venue.adopt(document)
    target = {"source": "venue", "external_id": "paid"}
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    assert deviations(venue("Reversed", target=target, **PERSON)) == ["not_reversible"]
    assert deviations(venue("Reversed", target={**target, "external_id": "posted"}, **PERSON)) == []
    assert venue.cash("ada", "COIN") == "1000"


@pytest.mark.parametrize("field", ["rate", "credit_rate"])
def test_a_rate_that_no_balance_survives_is_refused(field: str) -> None:
    """More than tenfold in one settlement is a wrong unit, not interest."""
    rates = {"rate": "0", "credit_rate": "0", field: "10.1"}
    with pytest.raises(EventRefused, match=f"{field}: .*at most 10"):
        Lender().settle(**rates)


def test_fractions_of_a_unit_are_rounded_away_or_stay_with_the_balance() -> None:
    """0.00005 % of 6,000 is 0.3 cents: nothing, each time; by index a cent once 0.6 have come.

    Then 0.3000005 of 6,000.01, twice: −0.6 + 1 − 0.6000010 cents are left.
    """
    each, by_index = Lender(), Lender(interest={"operator": "index"})
    for _ in range(4):
        each.settle("0.0000005")
        entries = by_index.settle("0.0000005")
    assert each.cash("ada") == "-6000"
    assert by_index.cash("ada") == "-6000.01"
    (left,) = of_kind(entries, "interest_left")
    assert left["amount"] == "-0.00200001"


def test_what_waits_is_not_lost_when_rules_change() -> None:
    venue = Lender(interest={"operator": "index"})
    venue.settle("0.000001")
    assert venue.engine.book.scope(venue.ordinal("ada"), 1).interest_left
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    document = json.loads(next(iter(venue.engine.book.documents.values())))
    venue.adopt(document | {"interest": {"operator": "per_account"}})
    venue.settle("0")
    assert venue.cash("ada") == "-6000.01"
