"""Closes that depend on how long a liquidation lasts, and what it may cost.

ada is long 10 BTC from 1,000 with 500 beside it; 5 % is asked. bob is short against her.
"""

from typing import Any

import pytest

from clearing.rulebook import check_document
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook

WHEN = {"level": "maintenance"}
END = {**TAKEOVER, "when": {"level": "zero", "comparator": "<="}}
FIVE = {"initial": {"op": "rate", "rate": "0.1"}, "maintenance": {"op": "rate", "rate": "0.05"}}
SECOND = {"pause_seconds": 1}


def venue(rung: dict[str, Any], *, end: dict[str, Any] = END, **sections: Any) -> Venue:
    v = Venue()
    v.market("BTC")
    v.account("ada", "bob")
    v("FundContributed", fund="insurance", asset="USD", amount="1000")
    reduce = {"action": "reduce", "when": WHEN, **rung}
    found = v.adopt(rulebook(ladder=[reduce, end], schedule=FIVE, **sections))
    assert deviations(found) == []
    v.deposit("ada", "500")
    v.deposit("bob", "100000")
    v.mark(BTC="1000")
    v.trade("ada", "bob", "BTC", "10", "1000")
    return v


def sizes(entries: list[Any]) -> list[str]:
    return [f"{int(c['size']) / 1000:g}" for c in of_kind(entries, "closed")]


def test_a_ramp_closes_more_as_time_passes() -> None:
    """At 990 ada has 400 of 495: 95 short. A fifth may be made up for at once, half after 3 s.

    1.92 BTC would free all of it; 0.384 of them free 19. After 3 s half of 95, less that, is 28.50
    of the 76 that are left: 37.5 % of 1.536 BTC. After 8 s nothing holds it back.
    """
    ramp = {"initial": "0.2", "seconds": 10}
    v = venue({"quantity": {"op": "restore"}, "ramp": ramp, **SECOND})
    assert sizes(v.mark(BTC="990")) == ["0.384"]
    assert sizes(v("ClockTicked", after=3)) == ["0.576"]
    assert sizes(v("ClockTicked", after=5)) == ["0.96"]
    assert v.status("ada") == "restricted"


def test_while_a_ramp_lets_nothing_the_rung_rests_without_a_word() -> None:
    ramp = {"initial": "0", "seconds": 100}
    v = venue({"quantity": {"op": "restore"}, "ramp": ramp, **SECOND})
    entries = v.mark(BTC="990")
    assert v.status("ada") == "liquidation"
    assert of_kind(entries, "liquidation") == of_kind(entries, "withheld") == []
    assert sizes(v("ClockTicked", after=50)) == ["0.96"]


def test_below_an_amount_the_whole_shortage_and_a_small_position_go_at_once() -> None:
    ramp = {"initial": "0", "seconds": 100, "whole_below": "100"}
    v = venue({"quantity": {"op": "restore"}, "ramp": ramp, **SECOND})
    assert sizes(v.mark(BTC="990")) == ["1.92"]
    v = venue({"quantity": {"op": "restore"}, "whole_up_to": "9900"})
    assert sizes(v.mark(BTC="990")) == ["10"]


def test_a_spread_rises_while_the_liquidation_lasts() -> None:
    """1 % at first; from 10 seconds on 0.1 % more for every second that passed, 3 % at most.

    1 BTC, 0.9, 0.81, 0.729 and 0.657 (rounded up to a lot) at 965, for 1, 1, 2.2, 2.8 and 3 %.
    """
    rising = {"after_seconds": 10, "per_second": "0.001", "most": "0.03"}
    price = {"op": "mark", "spread": "0.01", "rising": rising}
    v = venue({"quantity": {"op": "share", "share": "0.1"}, "price": price, "pause_seconds": 6})
    found = [v.mark(BTC="965"), *(v("ClockTicked", after=6) for _ in range(4))]
    losses = [of_kind(entries, "closed")[0]["loss"] for entries in found]
    assert losses == ["-9.65", "-8.69", "-17.2", "-19.705", "-19.025"]


def test_headroom_keeps_a_penalty_from_making_it_worse() -> None:
    """At 990 ada lacks 9.50 a BTC, 0.9596 %; of the 5 % that a close frees 4.0404 % are hers.

    95 % of that are 38 a BTC, less than the 4.5 % of the penalty. At 951 a BTC has 1 left to lose.
    """
    penalty = {
        "rate": "0.045",
        "headroom": {"share": "0.95"},
        "recipients": [{"account": "insurance", "share": "1"}],
    }
    part = {"op": "share", "share": "0.1"}
    for mark, charged in (("990", 3800), ("951", 95)):
        v = venue({"quantity": part, "penalty": penalty, "pause_seconds": 60})
        postings = of_kind(v.mark(BTC=mark), "posting")
        assert [p["amount"] for p in postings if p["purpose"] == "penalty"] == [charged]


def test_a_net_cost_realises_nothing_before_the_position_is_flat() -> None:
    v = venue({"quantity": {"op": "all"}}, instruments={"cost_basis": "net"})
    entries = v.trade("bob", "ada", "BTC", "4", "1010")
    assert [p for p in of_kind(entries, "posting") if p["purpose"] == "realised_pnl"] == []
    assert (v.cash("ada"), v.equity("ada")) == ("500", "540")
    v.mark(BTC="1010")
    assert v.equity("ada") == "600"
    v.trade("bob", "ada", "BTC", "6", "1010")
    assert (v.cash("ada"), v.cash("bob")) == ("600", "99900")


def debts(*layers: dict[str, Any]) -> Venue:
    """ada is closed below nothing at 940, 1 % below the mark, and owes 194; bob has his gain."""
    price = {"op": "mark", "spread": "0.01", "floor": "none"}
    end = {**TAKEOVER, "when": {"level": "zero"}, "only_debts": True}
    return venue(
        {"quantity": {"op": "all"}, "price": price},
        end=end,
        layers=[*layers, {"layer": "deficit"}],
        collateral={"plain": {"unrealised": {"maintenance": {}}}},
        bindings=[
            {
                "account_class": "trader",
                "markets": {"*": "majors"},
                "ladder": "standard",
                "waterfall": "standard",
                "collateral": "plain",
            }
        ],
    )


def test_a_debt_waits_until_no_position_is_left_and_is_borne_by_the_layers_that_pay() -> None:
    v = debts({"layer": "fund", "by": "paying"})
    (loss,) = of_kind(v.mark(BTC="940"), "loss")
    assert (loss["loss"], loss["fund"]) == ("194", "194")
    assert v.cash("ada") == "0"


def test_a_fund_bears_no_more_of_one_market_than_its_claim() -> None:
    v = debts({"layer": "fund", "by": "paying", "claim": "150"})
    (loss,) = of_kind(v.mark(BTC="940"), "loss")
    assert (loss["fund"], loss["deficit"]) == ("150", "44")
    v.deposit("ada", "500")
    v.mark(BTC="1000")
    v.trade("ada", "bob", "BTC", "10", "1000")
    (loss,) = of_kind(v.mark(BTC="940"), "loss")
    assert (loss["fund"], loss["deficit"]) == ("0", "194")


def test_what_a_unit_pays_is_rounded_up_where_the_rulebook_says() -> None:
    """194 over 20 BTC, bob's and the fund's, are 9.7 a BTC: 10 without decimals, 6 too much."""
    v = debts({"layer": "per_unit", "decimals": 0})
    entries = v.mark(BTC="940")
    (each,) = of_kind(entries, "per_unit")
    assert (each["open_interest"], each["each"]) == (20000, "10")
    left = [p["amount"] for p in of_kind(entries, "posting") if p["purpose"] == "funding_residual"]
    assert left == [600]


@pytest.mark.parametrize(
    ("rung", "problem"),
    [
        ({"ramp": {"initial": "0.1", "seconds": 9}}, "ramp: needs pause_seconds"),
        ({"ramp": {"initial": "0.1", "seconds": 9, "level": "zero"}, **SECOND}, "name a level"),
        ({"quantity": {"op": "cover", "level": "zero"}}, "name a level"),
        (
            {
                "price": {
                    "op": "mark",
                    "spread": "0.1",
                    "rising": {"per_second": "0.1", "most": "0.05"},
                }
            },
            "rising.most: 0.05 is below spread",
        ),
        ({"price": {"op": "recorded"}, "whole_up_to": "5"}, "recorded fills close what they close"),
    ],
)
def test_what_could_not_be_meant_is_refused(rung: dict[str, Any], problem: str) -> None:
    reduce = {"action": "reduce", "when": WHEN, "quantity": {"op": "all"}, **rung}
    problems = check_document(rulebook(ladder=[reduce, END]))[1]
    assert any(problem in found for found in problems), problems
