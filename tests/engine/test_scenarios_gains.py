"""Scenarios: gains sold on the way of a reduction, and cover of what an account lacks.

ada is long 20 BTC; half of a notional is asked, and a gain beyond that counts for half. Prices are
1, so that sizes, costs and money are of one kind. What is asked beside the position she owes.
"""

from typing import Any

import pytest

from clearing.rulebook import check_document
from tests.engine.test_scenarios_waterfall import COIN, DEFICIT
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook

HALF = {"op": "rate", "rate": "0.5"}
RESTORE = {"op": "restore"}
LATER = {**TAKEOVER, "when": {"level": "zero", "grace_seconds": 100_000}}
POLICY = {"assets": {"COIN": COIN}, "unrealised": {"maintenance": {"gain": "0.5"}}, "nested": True}


class Unwound(Venue):
    """ada paid ``cost`` for her 20 BTC and has ``cash``, which may be a debt."""

    def __init__(self, cost: str, cash: str, **rung: Any) -> None:
        super().__init__()
        self("AssetDeclared", name="COIN", decimals=2)
        self.market("COIN-USD")
        self.market("BTC", lot="1", size_decimals=0)
        self.account("ada", "bob")
        self.mark(**{"BTC": "1.00", "COIN-USD": "1.00"})
        self.deposit("bob", "1000")
        kind = "Withdrawn" if cash.startswith("-") else "Deposited"
        self(kind, account="ada", asset="USD", amount=cash.removeprefix("-"))
        told = {"side": "buy", "size": "20", "price": "1.00", "reported_cost": cost}
        self("Filled", account="ada", market="BTC", **told)
        reduce = {
            "action": "reduce",
            "when": {"level": "maintenance"},
            "quantity": RESTORE,
            "price": {"op": "mark", "floor": "none"},
            "gains": {},
            **rung,
        }
        document = rulebook(
            instruments={"cost_basis": "net"},
            schedule={"initial": HALF, "maintenance": HALF},
            collateral={"half": POLICY},
            ladder=[reduce, LATER],
            layers=[DEFICIT],
        )
        document["bindings"][0]["collateral"] = "half"
        self.entries = self.adopt(document)
        assert deviations(self.entries) == []

    def stands(self) -> tuple[str, str, str]:
        """ada's size, cash and unrealised PnL."""
        unrealised = float(self.equity("ada")) - float(self.cash("ada"))
        return self.size("ada", "BTC"), self.cash("ada"), f"{unrealised:g}"


def test_a_loss_is_closed_as_far_as_it_has_to_be() -> None:
    """20 asked 10 of her 5: each BTC that goes frees half a dollar, so ten go. Nothing is sold."""
    v = Unwound(cost="20", cash="5")
    assert v.stands() == ("10", "5", "0")


def test_a_gain_is_sold_before_anything_is_closed() -> None:
    """The gain of 30 less 10 asked counts for 10, and she owes 19: a dollar sold gains half."""
    v = Unwound(cost="-10", cash="-19")
    assert of_kind(v.entries, "closed") == []
    assert v.stands() == ("20", "-1", "12")


def test_the_inequality_that_a_rung_states_is_of_the_equity_that_counts() -> None:
    """Of her equity of 11 the 9 are missing that she is short of what is asked: 1 < 10."""
    v = Unwound(cost="-10", cash="-19")
    (acted,) = of_kind(v.entries, "liquidation")
    assert (acted["equity"], acted["comparator"], acted["threshold"]) == ("1", "<", "10")


def test_once_the_gain_is_sold_more_is_closed_to_sell_what_that_frees() -> None:
    """She owes 23: 20 are sold, six BTC free three more, and these are sold."""
    v = Unwound(cost="-10", cash="-23")
    assert v.stands() == ("14", "0", "7")


def test_what_may_not_be_sold_is_closed_for_twice_as_much() -> None:
    """One dollar of the three may be sold, which two BTC free. Eight more gain the rest."""
    v = Unwound(cost="-10", cash="-23", gains={"at_most": "21"}, pause_seconds=60)
    assert v.stands() == ("10", "-2", "9")


def test_a_close_is_measured_with_the_cost_that_it_will_release() -> None:
    """20 BTC worth 2.00 cost 1.50 each, by the venue's rounding 1.00: a BTC closed realises 1.00.

    A tenth is asked. She owes 6 and her gain of 10 less 4 counts for 3; each BTC closed turns 1 of
    it into cash and frees 0.20, so counts for 0.60 more: five are enough. At the average cost
    a BTC would be good for 0.35, and nine would go.
    """
    v = Venue()
    v("AssetDeclared", name="COIN", decimals=2)
    v.market("COIN-USD")
    v.market("BTC", lot="1", size_decimals=0, price_decimals=0)
    v.account("ada")
    v.mark(BTC="2.00")
    v("Withdrawn", account="ada", asset="USD", amount="6")
    told = {"side": "buy", "size": "20", "price": "2", "reported_cost": "30"}
    v("Filled", account="ada", market="BTC", **told)
    tenth = {"op": "rate", "rate": "0.1"}
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": RESTORE,
        "gains": {"at_most": "0"},
        "pause_seconds": 60,
    }
    document = rulebook(
        instruments={"cost_basis": "rounded_entry"},
        schedule={"initial": tenth, "maintenance": tenth},
        collateral={"half": POLICY},
        ladder=[reduce, LATER],
        layers=[DEFICIT],
    )
    document["bindings"][0]["collateral"] = "half"
    entries = v.adopt(document)
    assert deviations(entries) == []
    assert v.size("ada", "BTC") == "15"
    assert v.cash("ada") == "-1"


def test_funding_that_is_settled_alone_leaves_the_position_as_it_then_is() -> None:
    """She owes 9 and her gain counts for 10. Funding of 4 counts for 2 more, till she takes 4 out.

    Settled it is cash, and enough. Whoever reads entries alone must not find it accrued as well.
    """
    v = Unwound(cost="-10", cash="-9")
    v("FundingSettled", market="BTC", rate="-0.2", price="1.00")
    entries = v("Withdrawn", account="ada", asset="USD", amount="4")
    assert v.stands() == ("20", "-9", "30")
    (left,) = of_kind(entries, "position")
    assert (left["holder"], left["funding_index"], left["accrued"]) == (
        v.ordinal("ada"),
        "-0.2",
        "0",
    )


def test_a_step_closes_no_more_than_its_limit_and_goes_on_after_the_pause() -> None:
    v = Unwound(cost="20", cash="5", at_most={"notional": "4"}, pause_seconds=60)
    assert v.stands()[0] == "16"
    v("ClockTicked", after=30)
    assert v.stands()[0] == "16"
    v("ClockTicked", after=40)
    assert v.stands()[0] == "12"


def test_a_limit_below_a_lot_lets_one_lot_go_and_not_nothing_for_ever() -> None:
    v = Unwound(cost="20", cash="5", at_most={"notional": "0.50"}, pause_seconds=60)
    assert v.stands()[0] == "19"
    v("ClockTicked", after=70)
    assert v.stands()[0] == "18"


def test_what_is_sold_costs_its_penalty() -> None:
    """A quarter is the fund's, so a dollar sold gains a quarter, and 2 are missing.

    7.98 cost 1.99, rounded down, and are enough.
    """
    penalty = {"rate": "0.25", "recipients": [{"account": "insurance", "share": "1"}]}
    v = Unwound(cost="-10", cash="-12", gains={"penalty": penalty})
    assert v.stands() == ("20", "-6.01", "22.02")
    assert v.cash("insurance") == "1.99"


def test_a_penalty_is_never_more_than_the_equity_that_is_left() -> None:
    """She owes 29.50 and gains 30: of the fee of a quarter she can pay 0.50."""
    penalty = {"rate": "0.25", "recipients": [{"account": "insurance", "share": "1"}]}
    v = Unwound(cost="-10", cash="-29.50", gains={"penalty": penalty})
    assert v.cash("insurance") == "0.5"
    assert v.equity("ada") == "0"


def test_a_sale_that_would_not_help_is_not_made() -> None:
    """At a fee of half, selling gains nothing: eight BTC are closed for the 2 that are missing."""
    penalty = {"rate": "0.5", "recipients": [{"account": "insurance", "share": "1"}]}
    v = Unwound(cost="-10", cash="-12", gains={"penalty": penalty})
    assert v.cash("insurance") == "0"
    assert v.stands() == ("12", "-12", "30")


def test_funding_may_be_all_that_a_ramp_lets_be_made_up_for() -> None:
    """ada is long 20 BTC without a gain: 10 are short, and a tenth, 2 BTC, goes at once.

    Then 7.92 of funding count for half: 5.04 are short. Settled, all of it counts and 1.08 are
    short, less than the ramp lets be made up for by then: nothing else goes.
    """
    v = Venue()
    v.market("BTC", lot="1", size_decimals=0)
    v.account("ada", "bob")
    v.mark(BTC="1.00")
    v.deposit("bob", "1000")
    v.trade("ada", "bob", "BTC", "20", "1.00")
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "1"},
        "price": {"op": "mark", "floor": "none"},
        "ramp": {"initial": "0.1", "seconds": 1000},
        "pause_seconds": 60,
    }
    document = rulebook(
        schedule={"initial": HALF, "maintenance": HALF},
        collateral={"half": {"unrealised": {"maintenance": {"gain": "0.5"}}}},
        ladder=[reduce, LATER],
        layers=[DEFICIT],
    )
    document["bindings"][0]["collateral"] = "half"
    assert deviations(v.adopt(document)) == []
    assert v.size("ada", "BTC") == "18"
    v("FundingSettled", market="BTC", rate="-0.44", price="1.00", after=30)
    entries = v("ClockTicked", after=320)
    assert of_kind(entries, "closed") == []
    assert (v.size("ada", "BTC"), v.cash("ada")) == ("18", "7.92")
    (left,) = of_kind(entries, "position")
    assert (left["funding_index"], left["accrued"]) == ("-0.44", "0")


class Covered(Venue):
    """ada owes 40 dollars and has no position; the fund has 25."""

    def __init__(self, *, coins: str = "", fund_pays: bool = True, **rung: Any) -> None:
        super().__init__()
        self("AssetDeclared", name="COIN", decimals=2)
        self.market("COIN-USD")
        self.market("BTC", lot="1", size_decimals=0)
        self.account("ada")
        self.mark(**{"BTC": "1.00", "COIN-USD": "1.00"})
        self("FundContributed", fund="insurance", asset="USD", amount="25")
        self("Withdrawn", account="ada", asset="USD", amount="40")
        if coins:
            kind = "Withdrawn" if coins.startswith("-") else "Deposited"
            self(kind, account="ada", asset="COIN", amount=coins.removeprefix("-"))
        layers = [{"layer": "fund", "by": "paying", "capacity": "cash"}, DEFICIT][not fund_pays :]
        cover = {"action": "cover", "when": {"level": "maintenance"}, **rung}
        document = rulebook(
            schedule={"initial": HALF, "maintenance": HALF},
            collateral={"half": POLICY},
            ladder=[cover, LATER],
            layers=layers,
        )
        document["bindings"][0]["collateral"] = "half"
        self.entries = self.adopt(document)
        assert deviations(self.entries) == []

    def borne(self) -> list[tuple[str, str, str]]:
        """Losses, and what the fund and the house had of them."""
        losses = of_kind(self.entries, "loss")
        return [(str(x["loss"]), str(x["fund"]), str(x["deficit"])) for x in losses]


def test_cover_gives_what_restores_the_level_and_no_more() -> None:
    """30 coins count for 24 of what she owes: 16 are missing."""
    v = Covered(coins="30")
    assert v.borne() == [("16", "16", "0")]
    assert (v.cash("ada"), v.cash("insurance")) == ("-24", "9")
    assert v.status("ada") == "healthy"


def test_cover_goes_down_the_layers_that_pay() -> None:
    v = Covered()
    assert v.borne() == [("40", "25", "15")]
    assert (v.cash("ada"), v.cash("insurance")) == ("0", "0")


def test_a_fund_that_bears_nothing_of_a_cover_says_how_it_stood() -> None:
    v = Covered(fund_pays=False)
    assert v.borne() == [("40", "0", "40")]
    (fund,) = of_kind(v.entries, "fund")
    assert (fund["account"], fund["equity"]) == (v.ordinal("insurance"), "25")


def test_cover_counts_debts_of_all_kinds() -> None:
    v = Covered(coins="-10")
    assert v.borne() == [("50", "25", "25")]
    assert v.cash("ada") == "10"


@pytest.mark.parametrize(
    ("rung", "problem"),
    [
        ({"quantity": {"op": "all"}}, "gains: are sold to restore a level, so quantity must be"),
        ({"at_least": {"share": "0.5"}}, "at_least: with gains a step closes what restores"),
        ({"whole_up_to": "5"}, "whole_up_to: with gains a step closes what restores"),
        ({"gains": {"at_most": "5"}}, "gains.at_most: needs pause_seconds"),
        ({"price": {"op": "recorded"}}, "gains: recorded fills close what they close"),
        (
            {"gains": {"penalty": {"rate": "0.1", "limit": "surplus"}}},
            "penalty.limit: settling fetches what it is worth",
        ),
    ],
)
def test_gains_that_are_refused(rung: dict[str, Any], problem: str) -> None:
    recipients = [{"account": "insurance", "share": "1"}]
    written: dict[str, Any] = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": RESTORE,
        "gains": {},
        **rung,
    }
    if "penalty" in written["gains"]:
        written["gains"]["penalty"]["recipients"] = recipients
    problems = check_document(rulebook(ladder=[written, TAKEOVER]))[1]
    assert any(problem in found for found in problems), problems


def test_gains_need_nested_weights() -> None:
    rung = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": RESTORE,
        "gains": {},
    }
    document = rulebook(ladder=[rung, TAKEOVER], collateral={"half": {**POLICY, "nested": False}})
    document["bindings"][0]["collateral"] = "half"
    (problem,) = check_document(document)[1]
    assert "sells gains because they count for less than cash" in problem
