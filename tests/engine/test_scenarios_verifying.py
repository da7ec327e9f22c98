"""Scenarios: a venue's liquidations, deleveragings, fees and funding against its rulebook.

In all of them ada is long 10 BTC from 100 with 145, and asked 5 % of maintenance: at 90 she has 45
of 45, below that she is due.
"""

from typing import Any

import pytest

from clearing.engine import Engine, Entry
from clearing.rulebook import check_document
from tests.engine.venue import Venue, deviations, of_kind, rulebook

FIVE = {"initial": {"op": "rate", "rate": "0.1"}, "maintenance": {"op": "rate", "rate": "0.05"}}

HALF = {
    "action": "reduce",
    "when": {"level": "maintenance"},
    "quantity": {"op": "share", "share": "0.5"},
    "price": {"op": "mark", "spread": "0.01"},
}
AT_ZERO = {"action": "takeover", "when": {"level": "zero", "comparator": "<="}}

EVERYTHING = {
    "price_tolerance": "0",
    "quantity": "exact",
    "adl_rank": True,
    "funding_seconds": 60,
}
FEES = {"trader": {"maker": "-0.0001", "taker": "0.0005", "liquidation": "0.01", "adl": "0"}}


def venue(*, mode: str = "verify", checks: dict[str, Any] | None = None, **more: Any) -> Venue:
    v = Venue()
    v.market("BTC")
    v.account("ada", "bob", "cyd", "dan")
    v.deposit("ada", "145")
    for name in ("bob", "cyd", "dan"):
        v.deposit(name, "1000")
    book = rulebook(mode=mode, schedule=FIVE, **more)
    v.adopt(book | {"verification": EVERYTHING if checks is None else checks})
    v.mark(BTC="100")
    v.trade("ada", "bob", "BTC", "10", "100")
    return v


def sold(v: Venue, size: str, price: str, buyer: str = "bob", **fields: Any) -> list[Entry]:
    """The venue tells that it liquidated some of ada's position."""
    told = {"seller_cause": "liquidation", **fields}
    return v("Traded", market="BTC", buyer=buyer, seller="ada", size=size, price=price, **told)


def the(entries: list[Entry], code: str) -> tuple[str, str, str]:
    """Expected, found and detail of the only deviation, which has that code."""
    (said,) = of_kind(entries, "deviation")
    assert said["code"] == code
    return str(said["expected"]), str(said["found"]), str(said["detail"])


# --- a liquidation: time, price, size ---------------------------------------------------------


def test_a_takeover_at_the_bankruptcy_price_follows_the_rulebook() -> None:
    """At 89 she has 35 left, 3.50 for each BTC: it is handed over at 85.50."""
    v = venue()
    v.mark(BTC="89")
    assert deviations(sold(v, "10", "85.50")) == []


def test_a_position_handed_over_by_and_by_keeps_its_bankruptcy_price() -> None:
    v = venue(checks={"price_tolerance": "0", "quantity": "at_most"})
    v.mark(BTC="89")
    for size in ("2", "5", "3"):
        assert deviations(sold(v, size, "85.50")) == []


def test_an_inverse_position_has_a_bankruptcy_price_too() -> None:
    """Long 1,000 dollars' worth from 100 with 1.45 BTC: at p she has 1.45 + 10 − 1,000 / p."""
    v = Venue()
    v("AssetDeclared", name="BTC", decimals=8)
    contract: dict[str, Any] = {
        "payoff": "inverse",
        "multiplier": "100",
        "lot": "1",
        "size_decimals": 0,
    }
    v.market("INV", settlement_asset="BTC", **contract)
    v.account("ada", "bob")
    v.deposit("ada", "1.45", "BTC")
    v.deposit("bob", "100", "BTC")
    book = rulebook(mode="verify", asset="BTC", schedule=FIVE)
    v.adopt(book | {"verification": {"price_tolerance": "0", "quantity": "exact"}})
    v.mark(INV="100")
    v.trade("ada", "bob", "INV", "10", "100")
    v.mark(INV="89")
    told = {"market": "INV", "buyer": "bob", "seller": "ada", "seller_cause": "liquidation"}
    # She has nothing left at 1,000 / 11.45 = 87.336.
    entries = v("Traded", size="10", price="87.40", **told)
    assert [d["expected"] for d in of_kind(entries, "deviation")] == ["87.34"]


def test_too_early_is_unexpected_and_nothing_else_is_said_of_it() -> None:
    v = venue()
    v.mark(BTC="91")
    assert the(sold(v, "1", "50"), "liquidation_unexpected") == ("", "restricted", "")


def test_too_late_is_missing() -> None:
    v = venue()
    v.mark(BTC="89")
    assert the(v.mark(BTC="95"), "liquidation_missing") == ("", "", "")


def test_too_late_is_also_longer_after_the_account_fell_due_than_allowed() -> None:
    """She fell due 61 seconds ago; the second fill of the same liquidation is not late again."""
    v = venue(checks={"liquidation_seconds": 60})
    v.mark(BTC="89")
    v("ClockTicked", after=60)
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert the(sold(v, "1", "85"), "liquidation_late") == ("60", "61", "")
    assert deviations(sold(v, "1", "85", after=100)) == []
    v = venue(checks={"liquidation_seconds": 60})
    v.mark(BTC="89")
    assert deviations(sold(v, "1", "85", after=60)) == []


def test_a_takeover_at_another_price_has_the_wrong_price() -> None:
    v = venue()
    v.mark(BTC="89")
    assert the(sold(v, "10", "85.60"), "liquidation_price") == ("85.5", "85.6", "1")


def test_a_price_within_the_tolerance_is_right() -> None:
    v = venue(checks={"price_tolerance": "0.01"})
    v.mark(BTC="89")
    assert deviations(sold(v, "5", "84.65")) == []
    assert the(sold(v, "5", "88.50"), "liquidation_price")[1] == "88.5"


def test_a_reduction_gives_the_mark_less_its_spread_and_half_of_the_size() -> None:
    v = venue(ladder=[HALF, AT_ZERO])
    v.mark(BTC="89")
    assert deviations(sold(v, "5", "88.11")) == []


@pytest.mark.parametrize(
    ("size", "price", "code", "expected"),
    [
        ("5", "88.30", "liquidation_price", ("88.11", "88.3", "1")),
        ("4", "88.11", "liquidation_quantity", ("-5", "-4", "1")),
        ("6", "88.11", "liquidation_quantity", ("-5", "-6", "1")),
    ],
)
def test_a_reduction_with_another_price_or_size(
    size: str, price: str, code: str, expected: tuple[str, str, str]
) -> None:
    v = venue(ladder=[HALF, AT_ZERO])
    v.mark(BTC="89")
    assert the(sold(v, size, price), code) == expected


def test_at_most_lets_a_reduction_come_in_parts_and_none_be_larger() -> None:
    v = venue(ladder=[HALF, AT_ZERO], checks={"quantity": "at_most"})
    v.mark(BTC="89")
    assert deviations(sold(v, "1", "88.11")) == []
    assert the(sold(v, "8", "88.11"), "liquidation_quantity") == ("-4.5", "-8", "1")


def test_the_other_position_was_to_be_reduced_first() -> None:
    v = venue(ladder=[HALF, AT_ZERO])
    v.market("ETH")
    v.mark(ETH="10")
    v.trade("ada", "bob", "ETH", "2", "10")
    v.mark(BTC="89")
    entries = v(
        "Traded",
        market="ETH",
        buyer="bob",
        seller="ada",
        size="1",
        price="9.90",
        seller_cause="liquidation",
    )
    assert the(entries, "liquidation_quantity") == ("0", "-1", "1")


def test_what_another_due_rung_gives_is_no_deviation() -> None:
    """Below half of maintenance either rung may act: half at the mark, or all in a takeover."""
    whole = {"action": "takeover", "when": {"level": "maintenance", "factor": "0.5"}}
    for size, price in (("5", "86.13"), ("10", "85.50")):
        v = venue(ladder=[HALF, whole])
        v.mark(BTC="87")
        assert deviations(sold(v, size, price)) == []
    assert the(sold(venue_at("87", [HALF, whole]), "5", "85.50"), "liquidation_quantity")


def venue_at(mark: str, ladder: list[dict[str, Any]]) -> Venue:
    v = venue(ladder=ladder)
    v.mark(BTC=mark)
    return v


def test_a_rung_that_takes_recorded_fills_leaves_price_and_size_open() -> None:
    told = {**HALF, "price": {"op": "recorded"}, "quantity": {"op": "all"}}
    assert deviations(sold(venue_at("89", [told, AT_ZERO]), "3", "70")) == []


def test_nothing_more_is_checked_without_the_section_and_in_record_mode() -> None:
    for v in (venue(checks={}), venue(mode="record")):
        v.mark(BTC="89")
        assert deviations(sold(v, "4", "50", buyer_cause="adl", seller_fee="7")) == []


# --- deleveraging -------------------------------------------------------------------------------


def crowd(**more: Any) -> Venue:
    """Three shorts: bob from 100, cyd from 120 (the first to go), dan from 105. Ada owes at 80."""
    v = venue(**more)
    v.account("eve")
    v.deposit("eve", "100000")
    v.mark(BTC="120")
    v.trade("eve", "cyd", "BTC", "10", "120")
    v.mark(BTC="105")
    v.trade("eve", "dan", "BTC", "10", "105")
    v.mark(BTC="80")
    return v


def test_whoever_is_first_by_the_ranking_is_deleveraged_by_the_rulebook() -> None:
    """Equity −55: she is handed over at 85.50, to the short that gained most on its leverage."""
    v = crowd()
    assert deviations(sold(v, "10", "85.50", "cyd", buyer_cause="adl")) == []


def test_a_wrong_rank_names_the_rank_and_who_came_first() -> None:
    v = crowd()
    entries = sold(v, "10", "85.50", "dan", buyer_cause="adl")
    assert the(entries, "adl_rank") == ("1", "2", str(v.ordinal("cyd")))


def test_a_fill_alone_is_ranked_by_the_waterfall_of_its_own_class() -> None:
    """Who is closed out is not told: whoever holds the same side is compared."""
    v = crowd()
    told = {"market": "BTC", "side": "buy", "size": "1", "price": "85.50", "cause": "adl"}
    assert deviations(v("Filled", account="cyd", **told)) == ["mixed_sides"]
    v = crowd()
    assert deviations(v("Filled", account="bob", **told)) == ["mixed_sides", "adl_rank"]


def test_whoever_has_no_position_is_no_candidate() -> None:
    v = crowd()
    v.account("fay")
    v.deposit("fay", "1000")
    entries = sold(v, "10", "85.50", "fay", buyer_cause="adl")
    assert the(entries, "adl_rank")[:2] == ("1", "none")


def test_pro_rata_takes_everybody_who_is_a_candidate() -> None:
    layers = [{"layer": "adl", "allocation": "pro_rata"}, {"layer": "deficit"}]
    v = crowd(layers=layers)
    assert deviations(sold(v, "3", "85.50", "bob", buyer_cause="adl")) == ["liquidation_quantity"]


def test_the_first_gives_all_it_has_before_the_next_gives_anything() -> None:
    """Cyd's leverage falls as part of the position goes, but it is still cyd's turn."""
    v = crowd(checks={"adl_rank": True})
    told = {"buyer_cause": "adl", "after": 0}
    assert deviations(sold(v, "4", "85.50", "cyd", **told)) == []
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert deviations(sold(v, "3", "85.50", "cyd", **told)) == []
    entries = sold(v, "2", "85.50", "dan", **told)
    assert the(entries, "adl_rank") == ("1", "2", str(v.ordinal("cyd")))


def test_who_gave_for_one_account_is_not_first_for_another() -> None:
    """Two are liquidated in one block: cyd gave for ada, and is no longer first for fay."""

    def block() -> Venue:
        v = crowd(checks={"adl_rank": True})
        v.mark(BTC="105")
        v.account("fay")
        v.deposit("fay", "60")
        v.trade("fay", "eve", "BTC", "5", "105")
        v.mark(BTC="80")
        assert deviations(sold(v, "9", "85.50", "cyd", buyer_cause="adl", after=0)) == []
        return v

    def taken(v: Venue, buyer: str) -> list[Entry]:
        told = {"seller_cause": "liquidation", "buyer_cause": "adl", "after": 0}
        return v("Traded", market="BTC", buyer=buyer, seller="fay", size="1", price="93", **told)

    assert deviations(taken(block(), "dan")) == []
    assert the(taken(block(), "cyd"), "adl_rank")[2] == str(block().ordinal("dan"))


def test_nobody_is_deleveraged_for_an_account_that_leaves_no_loss() -> None:
    """At 89 her equity is 35: the fund takes over what is worth something."""
    v = venue()
    v.mark(BTC="89")
    entries = sold(v, "10", "85.50", "bob", buyer_cause="adl")
    assert the(entries, "adl_unexpected") == ("", "35", str(v.ordinal("ada")))


def test_nobody_is_deleveraged_for_an_account_that_is_not_in_liquidation() -> None:
    v = venue()
    v.mark(BTC="95")
    entries = sold(v, "1", "95", "bob", buyer_cause="adl", seller_cause="trade")
    assert the(entries, "adl_unexpected") == ("", "healthy", str(v.ordinal("ada")))


# --- fees ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fees", "said"),
    [
        ({"buyer_fee": "0.50", "seller_fee": "-0.10"}, None),
        ({"buyer_fee": "-0.10", "seller_fee": "0.50"}, None),
        ({"buyer_fee": "0.51", "seller_fee": "0.50"}, ("0.5", "0.51", "-0.1")),
        ({"buyer_fee": "0.50"}, ("0.5", "0", "-0.1")),
    ],
)
def test_a_fill_pays_a_maker_or_a_takers_fee(
    fees: dict[str, str], said: tuple[str, str, str] | None
) -> None:
    """10 BTC at 100: 0.05 % of 1,000 for the taker, 0.01 % back for the maker."""
    v = venue(fees=FEES, checks={})
    entries = v("Traded", market="BTC", buyer="cyd", seller="dan", size="10", price="100", **fees)
    if said is None:
        assert deviations(entries) == []
    else:
        assert the(entries, "fee_mismatch") == said


def test_liquidations_and_deleveragings_have_fees_of_their_own() -> None:
    v = crowd(fees=FEES)
    assert deviations(sold(v, "5", "85.50", "cyd", buyer_cause="adl", seller_fee="4.28")) == [
        "liquidation_quantity"
    ]
    entries = sold(v, "5", "85.50", "cyd", buyer_cause="adl", buyer_fee="1", seller_fee="0.21")
    assert [
        (said["expected"], said["found"])
        for said in of_kind(entries, "deviation")
        if said["code"] == "fee_mismatch"
    ] == [("0", "1"), ("4.28", "0.21")]


def test_fees_in_another_asset_and_of_other_classes_are_not_compared() -> None:
    v = venue(fees={"maker": {"rate": "0.01"}}, checks={})
    assert deviations(v.trade("cyd", "dan", "BTC", "1", "100")) == []
    v = venue(fees=FEES, checks={})
    v("AssetDeclared", name="COIN", decimals=8)
    told = {"market": "BTC", "buyer": "cyd", "seller": "dan", "size": "1", "price": "100"}
    assert deviations(v("Traded", **told, fee_asset="COIN", buyer_fee="1")) == []


# --- funding ------------------------------------------------------------------------------------


def settled(v: Venue) -> list[Entry]:
    """A thousandth of 100: ada pays 1, bob gets 1."""
    return v("FundingSettled", market="BTC", rate="0.001", price="100")


def paid(v: Venue, account: str, amount: str) -> list[Entry]:
    return v("FundingPaid", account=account, market="BTC", amount=amount)


def test_everybody_paid_in_time_is_no_deviation() -> None:
    v = venue()
    settled(v)
    assert deviations(paid(v, "ada", "-1")) == deviations(paid(v, "bob", "1")) == []
    assert deviations(v("ClockTicked", after=1000)) == deviations(settled(v)) == []


def test_whoever_was_not_paid_by_the_lag_has_unpaid_funding() -> None:
    v = venue()
    settled(v)
    at = str(v.engine.position)
    paid(v, "ada", "-1")
    assert deviations(v("ClockTicked", after=50)) == []
    assert the(v("ClockTicked", after=10), "funding_unpaid") == ("1", "0", at)
    assert deviations(v("ClockTicked", after=1000)) == []


def test_the_next_settlement_ends_the_wait() -> None:
    v = venue()
    settled(v)
    entries = settled(v)
    assert [entry[0] for entry in entries] == ["funding", "deviation", "deviation"]
    said = of_kind(entries, "deviation")
    assert [(d["account"], d["expected"]) for d in said] == [
        (v.ordinal("ada"), "-1"),
        (v.ordinal("bob"), "1"),
    ]


def test_a_wrong_amount_is_a_mismatch_and_not_unpaid() -> None:
    v = venue()
    settled(v)
    assert deviations(paid(v, "ada", "-2")) == ["funding_mismatch"]
    paid(v, "bob", "1")
    assert deviations(v("ClockTicked", after=1000)) == []


def test_whoever_came_later_is_owed_nothing() -> None:
    v = venue()
    settled(v)
    v.trade("cyd", "dan", "BTC", "1", "100")
    said = of_kind(v("ClockTicked", after=61), "deviation")
    assert [d["account"] for d in said] == [v.ordinal("ada"), v.ordinal("bob")]


def test_what_is_waited_for_is_in_the_snapshot_while_there_is_any() -> None:
    v = venue()
    assert '"owed"' not in v.engine.snapshot()
    settled(v)
    paid(v, "ada", "-1")
    assert '"owed"' in v.engine.snapshot()
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert deviations(v("ClockTicked", after=61)) == ["funding_unpaid"]
    assert '"owed"' not in v.engine.snapshot()


def test_another_mode_forgets_what_is_waited_for() -> None:
    v = venue()
    settled(v)
    v.adopt(rulebook(mode="record", schedule=FIVE))
    assert deviations(v("ClockTicked", after=61)) == []


# --- documents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fees",
    [
        {},
        {"maker": "0.1"},
        {"rate": "0.1", "taker": "0.1"},
        {"maker": "0", "taker": "0", "rate": "0"},
    ],
)
def test_fees_are_one_rate_or_a_makers_and_a_takers(fees: dict[str, str]) -> None:
    _, problems = check_document(rulebook(fees={"trader": fees}))
    assert problems == ["fees.trader.rate: give either rate alone, or both maker and taker"]


@pytest.mark.parametrize(
    ("checks", "field"),
    [
        ({"price_tolerance": "1.5"}, "price_tolerance"),
        ({"quantity": "about"}, "quantity"),
        ({"funding_seconds": -1}, "funding_seconds"),
        ({"ranks": True}, "ranks"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(checks: dict[str, Any], field: str) -> None:
    (problem,) = check_document(rulebook(verification=checks))[1]
    assert problem.startswith(f"verification.{field}: ")
