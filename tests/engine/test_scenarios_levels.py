"""Scenarios: margin levels, each operator with numbers that can be checked by head."""

from typing import Any

import pytest

from clearing.engine import Trace
from clearing.engine.valuation import measure
from tests.engine.venue import TAKEOVER, Venue, rulebook, transitions

STRICT = {**TAKEOVER, "when": {"level": "maintenance", "comparator": "<"}}


def trader(price: str = "100.00", size: str = "100", cash: str = "1000") -> Venue:
    """ada is long ``size`` from ``price`` with ``cash``; one market, lot 0.001, in dollars."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("ada", cash)
    venue.deposit("maker", "10000000")
    venue.mark(BTC=price)
    venue.trade("ada", "maker", "BTC", size, price)
    return venue


def adopt(venue: Venue, maintenance: dict[str, Any], mode: str = "record", **levels: Any) -> None:
    """Adopt a schedule whose initial margin, unless named, is twice the maintenance margin."""
    twice = {"op": "ratio", "level": "maintenance", "factor": "2"}
    schedule = {"initial": twice, "maintenance": maintenance, **levels}
    venue.adopt(rulebook(mode=mode, schedule=schedule, ladder=[STRICT]))


def test_half_a_percent_of_fifty_thousand_is_two_hundred_and_fifty() -> None:
    venue = trader(price="50000.00", size="1")
    adopt(venue, {"op": "rate", "rate": "0.005"})
    assert venue.asked("ada", "maintenance") == "250"
    assert venue.asked("ada", "initial") == "500"


def test_ten_thousand_at_ten_times_with_maintenance_on_entry_breaches_at_five_hundred() -> None:
    """Equity is 1,000 − loss; 5 % of the entry notional stays 500: at 95.00 it is met, exactly."""
    venue = trader()
    adopt(venue, {"op": "rate", "rate": "0.05", "on": "entry"})
    venue.mark(BTC="95.00")
    assert (venue.equity("ada"), venue.asked("ada", "maintenance")) == ("500", "500")
    assert venue.status("ada") != "liquidation"
    venue.mark(BTC="94.99")
    assert venue.status("ada") == "liquidation"


def test_with_maintenance_on_the_mark_notional_it_breaches_at_473_68() -> None:
    """10,000 × x − 9,000 = 5 % × 10,000 × x at x = 0.947368…: equity 473.68."""
    venue = trader()
    adopt(venue, {"op": "rate", "rate": "0.05"})
    venue.mark(BTC="94.74")
    assert (venue.equity("ada"), venue.asked("ada", "maintenance")) == ("474", "473.7")
    assert venue.status("ada") == "restricted"
    venue.mark(BTC="94.73")
    assert (venue.equity("ada"), venue.asked("ada", "maintenance")) == ("473", "473.65")
    assert venue.status("ada") == "liquidation"


def test_a_loan_of_six_thousand_on_ten_thousand_is_no_breach_at_8500() -> None:
    """10 % maintenance: 3,000 against 900 at 9,000; 2,500 against 850 at 8,500, no breach.

    It breaches below 6,666.67, whatever a published text says.
    """
    venue = trader(cash="4000")
    adopt(venue, {"op": "rate", "rate": "0.1"})
    for price, equity, asked in (("90.00", "3000", "900"), ("85.00", "2500", "850")):
        venue.mark(BTC=price)
        assert (venue.equity("ada"), venue.asked("ada", "maintenance")) == (equity, asked)
        assert venue.status("ada") == "healthy"
    venue.mark(BTC="66.67")
    assert venue.status("ada") != "liquidation"
    venue.mark(BTC="66.66")
    assert venue.status("ada") == "liquidation"


MARGINAL = [
    {"floor": "0", "rate": "0.004", "amount": "0"},
    {"floor": "5000", "rate": "0.005", "amount": "5"},
    {"floor": "60000", "rate": "0.0065", "amount": "95"},
]


@pytest.mark.parametrize(
    ("price", "asked"),
    [("40.00", "16"), ("50.00", "20"), ("100.00", "45"), ("600.00", "295"), ("700.00", "360")],
)
def test_marginal_tiers_ask_notional_times_rate_less_the_amount(price: str, asked: str) -> None:
    """At 10,000: 0.5 % less 5. The tiers meet: 5,000 asks 20 by either, 60,000 asks 295."""
    venue = trader()
    adopt(venue, {"op": "tiers", "tiers": MARGINAL})
    venue.mark(BTC=price)
    assert venue.asked("ada", "maintenance") == asked


def test_whole_tiers_ask_the_tiers_rate_for_everything() -> None:
    """5,000 is 1 % up to the floor and 2 % of all of it from there."""
    venue = trader()
    tiers = [{"floor": "0", "rate": "0.01"}, {"floor": "5000", "rate": "0.02"}]
    adopt(venue, {"op": "tiers", "mode": "whole", "tiers": tiers})
    venue.mark(BTC="49.99")
    assert venue.asked("ada", "maintenance") == "49.99"
    venue.mark(BTC="50.00")
    assert venue.asked("ada", "maintenance") == "100"


def test_a_ratio_of_a_rounded_level_rounds_twice() -> None:
    """dYdX: initial is 5 % rounded up; maintenance is 60 % of that, rounded up again."""
    venue = trader(price="100.01", size="1.001")  # 100.11001
    schedule = {
        "initial": {"op": "rounded", "of": {"op": "rate", "rate": "0.05"}},
        "maintenance": {
            "op": "rounded",
            "of": {"op": "ratio", "level": "initial", "factor": "0.6"},
        },
    }
    venue.adopt(rulebook(mode="record", schedule=schedule, ladder=[STRICT]))
    assert venue.asked("ada", "initial") == "5.01"  # 5.0055005
    assert venue.asked("ada", "maintenance") == "3.01"  # 3.006


def test_sum_max_min_and_a_minimum_amount() -> None:
    """5 % of 10,000 and a closing fee of 0.06 %; a position asks 25 at least, however small."""
    venue = trader()
    fee, rate = {"op": "rate", "rate": "0.0006"}, {"op": "rate", "rate": "0.05"}
    floor = {"op": "amount", "amount": "25"}
    adopt(venue, {"op": "max", "of": [{"op": "sum", "of": [rate, fee]}, floor]})
    assert venue.asked("ada", "maintenance") == "506"
    venue.trade("maker", "ada", "BTC", "99.999", "100.00")
    assert venue.asked("ada", "maintenance") == "25"
    adopt(venue, {"op": "min", "of": [rate, floor]})
    assert venue.asked("ada", "maintenance") == "0.005"


def test_the_size_premium_grows_with_the_square_root_of_size() -> None:
    """max(2 %, 80 % of 2 % + 0.001 × √100): 1.6 % + 1 % of 10,000; √1 is too little to count."""
    venue = trader()
    adopt(venue, {"op": "size_premium", "rate": "0.02", "share": "0.8", "coefficient": "0.001"})
    assert venue.asked("ada", "maintenance") == "260"
    venue.trade("maker", "ada", "BTC", "99", "100.00")
    assert venue.asked("ada", "maintenance") == "2"


def test_open_interest_scales_the_rate_between_two_bounds() -> None:
    """5 % below 20,000 open, 100 % from 40,000 on; at 25,000 a quarter of the way: 28.75 %."""
    venue = trader()
    scaled = {"op": "open_interest", "rate": "0.05", "lower": "20000", "upper": "40000"}
    adopt(venue, {"op": "rate", "rate": "0.03"}, initial=scaled)
    assert venue.asked("ada", "initial") == "500"
    for size, asked in (("200", "500"), ("250", "2875"), ("400", "10000"), ("900", "10000")):
        venue("OpenInterestObserved", market="BTC", size=size)
        assert venue.asked("ada", "initial") == asked
    assert venue.asked("ada", "maintenance") == "300"


def test_margin_by_the_leverage_that_the_account_chose() -> None:
    """10,000 at 20 by default, at 50 once chosen; the venue caps it at 25 through ``max``."""
    venue = trader()
    chosen = {"op": "user_leverage", "default": "20"}
    cap = {"op": "rate", "rate": "0.04"}
    adopt(venue, {"op": "rate", "rate": "0.01"}, initial={"op": "max", "of": [chosen, cap]})
    assert venue.asked("ada", "initial") == "500"
    venue("LeverageSet", account="ada", market="BTC", leverage="50")
    assert venue.asked("ada", "initial") == "400"
    venue("LeverageSet", account="ada", market="BTC", leverage="8")
    assert venue.asked("ada", "initial") == "1250"


def test_open_orders_are_asked_for_on_their_worst_side() -> None:
    """Long 100, buys 50 and sells 180: bought out it is 150, sold out −80: 5 % of 15,000."""
    venue = trader()
    orders = {"op": "with_orders", "of": {"op": "rate", "rate": "0.05"}}
    adopt(venue, {"op": "rate", "rate": "0.01"}, initial=orders)
    venue("OrdersObserved", account="ada", market="BTC", buy_size="50", sell_size="180")
    assert venue.asked("ada", "initial") == "750"
    venue("OrdersObserved", account="ada", market="BTC", buy_size="0", sell_size="280")
    assert venue.asked("ada", "initial") == "900"
    venue("OrdersObserved", account="ada", market="BTC", buy_size="0", sell_size="0")
    assert venue.asked("ada", "initial") == "500"


def test_each_side_may_have_its_own_rate_for_position_and_orders() -> None:
    """Vega: long 100 at 10 % + 25 %, buys 20 at 10 %; short side: sells 300 at 20 %."""
    venue = trader(cash="10000")

    def side(held: str, ordered: str) -> dict[str, Any]:
        parts = [{"op": "rate", "rate": held}, {"op": "orders", "rate": ordered}]
        return {"op": "sum", "of": parts}

    worst = {"op": "worst_side", "long": side("0.35", "0.1"), "short": side("0.45", "0.2")}
    adopt(venue, worst)
    venue("OrdersObserved", account="ada", market="BTC", buy_size="20", sell_size="0")
    assert venue.asked("ada", "maintenance") == "3700"
    venue("OrdersObserved", account="ada", market="BTC", buy_size="20", sell_size="300")
    assert venue.asked("ada", "maintenance") == "6000"


def test_an_account_with_nothing_but_orders_is_asked_for_them() -> None:
    """cyd has 400 and buys of 100 at 5 %: 500 is more than she has."""
    venue = trader()
    venue.account("cyd")
    venue.deposit("cyd", "400")
    orders = {"op": "with_orders", "of": {"op": "rate", "rate": "0.05"}}
    adopt(venue, {"op": "rate", "rate": "0.01"}, initial=orders)
    cyd = venue.ordinal("cyd")
    fields = {"account": "cyd", "market": "BTC", "sell_size": "0"}
    entries = venue("OrdersObserved", buy_size="100", **fields)
    assert transitions(entries) == [(cyd, "flat", "restricted")]
    assert (cyd, "restricted", "healthy") in transitions(venue.mark(BTC="79.00"))
    assert transitions(venue("OrdersObserved", buy_size="0", **fields)) == [
        (cyd, "healthy", "flat")
    ]


def test_a_third_level_can_warn_before_maintenance() -> None:
    """A call at 120 % of maintenance that restores ``release``, 150 % of initial."""
    venue = trader(cash="2000")
    call = {
        "action": "margin_call",
        "when": {"level": "warning"},
        "grace_seconds": 60,
        "restore": "release",
    }
    schedule = {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "rate", "rate": "0.05"},
        "warning": {"op": "ratio", "level": "maintenance", "factor": "1.2"},
        "release": {"op": "ratio", "level": "initial", "factor": "1.5"},
    }
    venue.adopt(rulebook(mode="record", schedule=schedule, ladder=[call]))
    venue.mark(BTC="85.00")  # equity 500 against 510
    scope = venue.engine.book.scope(venue.ordinal("ada"), 1)
    assert venue.status("ada") == "margin_call"
    assert scope.call is not None
    assert (scope.call.amount, scope.call.level) == (77500, "release")  # 1,275 − 500
    venue.deposit("ada", "774.99")
    assert venue.status("ada") == "margin_call"
    venue.deposit("ada", "0.01")
    assert venue.status("ada") != "margin_call"


def test_the_least_asked_of_a_scope_with_positions() -> None:
    """2,000 for the account, however little it holds; nothing once it is flat."""
    venue = trader(size="1")
    document = rulebook(mode="record", ladder=[STRICT])
    document["bindings"][0]["minimum"] = {"initial": "2000", "maintenance": "2000"}
    venue.adopt(document)
    assert (venue.asked("ada", "maintenance"), venue.status("ada")) == ("2000", "liquidation")
    venue.trade("maker", "ada", "BTC", "1", "100.00")
    assert venue.status("ada") == "flat"


def test_the_working_names_each_operator() -> None:
    venue = trader()
    tiers = {"op": "tiers", "tiers": MARGINAL}
    adopt(venue, {"op": "sum", "of": [tiers, {"op": "rate", "rate": "0.0006"}]})
    book = venue.engine.book
    trace = Trace("margin of ada")
    scope = book.scope(venue.ordinal("ada"), 1)
    assert measure(book, scope, trace).maintenance == measure(book, scope).maintenance
    maintenance = trace.document()["inputs"][2]
    assert (maintenance["name"], maintenance["result"]) == ("maintenance", "51")
    (positions,) = maintenance["inputs"]
    (sum_,) = positions["inputs"][0]["inputs"]
    assert [(part["name"], part["result"]) for part in sum_["inputs"]] == [
        ("tiers", "45"),
        ("tiers", "6"),
    ]
    row = {line["name"]: line["result"] for line in sum_["inputs"][0]["inputs"]}
    assert row == {
        "notional": "10000",
        "rate": "0.005",
        "amount": "5",
        "floor": "5000",
        "next floor": "60000",
    }
    assert sum_["inputs"][0]["formula"] == (
        "(notional * rate - amount) * at_most(floor, notional) * below(notional, next_floor)"
    )
