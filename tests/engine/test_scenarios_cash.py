"""Scenarios: cash, cost and PnL, funding, corrections, and facts that fit nowhere."""

from typing import Any

import pytest

from tests.engine.venue import PERSON, START, Venue, deviations, of_kind, rulebook, transitions

HALF_EVEN_ENTRY: dict[str, Any] = {
    "instruments": {"cost_basis": "rounded_entry"},
    "numerics": {"entry_price": "half_even"},
}


@pytest.fixture
def venue() -> Venue:
    """USD with two decimals, one market BTC, accounts ada, bob and a fund; no rulebook."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    return venue


def test_deposits_and_withdrawals_stand_against_the_outside(venue: Venue) -> None:
    venue.deposit("ada", "100.50")
    venue("Withdrawn", account="ada", asset="USD", amount="0.50")
    assert venue.cash("ada") == "100"
    assert venue.ledger("external") == "-100"


def test_a_withdrawal_beyond_cash_posts_and_is_a_deviation(venue: Venue) -> None:
    venue.deposit("ada", "100")
    entries = venue("Withdrawn", account="ada", asset="USD", amount="130")
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "withdrawn_too_much",
        "100",
        "130",
    )
    assert venue.cash("ada") == "-30"


def test_what_may_be_withdrawn_is_equity_above_initial_margin_and_never_profit_beyond_cash(
    venue: Venue,
) -> None:
    """Cash 1,000, one BTC at 5,000 marked 5,600: equity 1,600, initial 280; cash is the limit."""
    venue.adopt(rulebook())
    venue.deposit("ada", "1000")
    venue.deposit("bob", "1000")
    venue.mark(BTC="5000.00")
    venue.trade("ada", "bob", "BTC", "1", "5000.00")
    venue.mark(BTC="5600.00")
    limit = of_kind(venue("Withdrawn", account="ada", asset="USD", amount="1001"), "deviation")[0]
    assert limit["expected"] == "1000"
    limit = of_kind(venue("Withdrawn", account="bob", asset="USD", amount="200"), "deviation")[0]
    assert limit["expected"] == "120", "equity 400 less initial 280"


def test_a_transfer_moves_cash_between_two_accounts(venue: Venue) -> None:
    venue.deposit("ada", "10")
    venue("Transferred", account="ada", to_account="bob", asset="USD", amount="4")
    assert (venue.cash("ada"), venue.cash("bob")) == ("6", "4")


def test_money_of_an_unknown_account_stands_on_suspense(venue: Venue) -> None:
    entries = venue.deposit("eve", "5")
    assert deviations(entries) == ["unknown_account"]
    assert venue.ledger("suspense") == "5"
    entries = venue.trade("eve", "ada", "BTC", "1", "10.00")
    assert deviations(entries) == ["unknown_account"]
    assert venue.engine.book.markets[1].houses["suspense"].size == 1000


def test_an_adjustment_has_a_contra_account(venue: Venue) -> None:
    venue("Adjusted", account="ada", asset="USD", amount="3", category="refund", **PERSON)
    assert (venue.cash("ada"), venue.ledger("adjustment")) == ("3", "-3")
    venue(
        "Adjusted",
        account="ada",
        asset="USD",
        amount="-1",
        category="refund",
        contra_account="bob",
        **PERSON,
    )
    assert (venue.cash("ada"), venue.cash("bob")) == ("2", "1")


def test_realised_pnl_comes_from_clearing_which_owes_what_is_unrealised(venue: Venue) -> None:
    """ada buys 2 at 100 and sells 1 at 130: 30 are realised, clearing owes −30 + bob's view."""
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "2", "100.00")
    venue.trade("bob", "ada", "BTC", "1", "130.00")
    venue.mark(BTC="120.00")
    assert (venue.cash("ada"), venue.cash("bob")) == ("30", "-30")
    assert venue.ledger("clearing", "BTC") == "0"
    assert (venue.equity("ada"), venue.equity("bob")) == ("50", "-50")


def test_fees_are_charged_when_positive_and_rebated_when_negative(venue: Venue) -> None:
    venue(
        "Traded",
        market="BTC",
        buyer="ada",
        seller="bob",
        size="1",
        price="100.00",
        buyer_fee="0.05",
        seller_fee="-0.02",
    )
    assert (venue.cash("ada"), venue.cash("bob"), venue.ledger("fees")) == ("-0.05", "0.02", "0.03")


def test_released_cost_rounds_toward_zero_and_the_last_lot_releases_all(venue: Venue) -> None:
    """Three lots for 10.00 in all: 3.33, then 3.33, then 3.34; equity never depends on it."""
    venue.trade("ada", "bob", "BTC", "0.001", "3333.00")
    venue.trade("ada", "bob", "BTC", "0.002", "3333.50")
    venue.mark(BTC="4000.00")
    equity = venue.equity("ada")
    for _ in range(3):
        venue.trade("bob", "ada", "BTC", "0.001", "4000.00")
        assert venue.equity("ada") == equity
    assert (venue.cash("ada"), venue.size("ada", "BTC")) == ("2", "0")


def test_an_inexact_fill_cost_is_rounded_by_name_and_the_remainder_stated(venue: Venue) -> None:
    """0.003 × 33.33 = 0.09999: 0.10 is booked, −0.00001 is stated for the account's side."""
    entries = venue.trade("ada", "bob", "BTC", "0.003", "33.33")
    assert [(r["operation"], r["holder"], r["amount"]) for r in of_kind(entries, "remainder")] == [
        ("fill_cost", venue.ordinal("ada"), "-0.00001"),
        ("fill_cost", venue.ordinal("bob"), "0.00001"),
    ]


def test_a_fill_across_zero_closes_all_and_opens_the_rest(venue: Venue) -> None:
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    venue.trade("bob", "ada", "BTC", "3", "110.00")
    assert (venue.size("ada", "BTC"), venue.cash("ada")) == ("-2", "10")
    venue.mark(BTC="90.00")
    assert venue.equity("ada") == "50"


def test_one_sided_fills_stand_on_the_control_account_until_their_match(venue: Venue) -> None:
    fill = {"market": "BTC", "size": "1", "price": "100.00", "trade_id": "t1"}
    venue("Filled", account="ada", side="buy", **fill)
    assert venue.engine.book.markets[1].houses["control"].size == -1000
    venue("Filled", account="bob", side="sell", **fill)
    control = venue.engine.book.markets[1].houses["control"]
    assert (control.size, control.cost) == (0, 0)


def test_a_market_uses_fills_or_trades_never_both(venue: Venue) -> None:
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    entries = venue("Filled", account="ada", market="BTC", side="buy", size="1", price="100.00")
    assert deviations(entries) == ["mixed_sides"]


def test_funding_by_index_accrues_and_is_paid_when_touched(venue: Venue) -> None:
    """1 BTC at 100, rate 0.0125 %: 0.0125 a time; cash has cents, the fraction stays accrued."""
    venue.adopt(rulebook())
    venue.deposit("ada", "1000")
    venue.deposit("bob", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    venue("FundingSettled", market="BTC", rate="0.000125", price="100.00")
    assert (venue.equity("ada"), venue.equity("bob")) == ("999.9875", "1000.0125")
    assert (venue.cash("ada"), venue.cash("bob")) == ("1000", "1000")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    assert (venue.cash("ada"), venue.cash("bob")) == ("999.99", "1000.01")
    assert venue.equity("ada") == "999.9875"
    entries = venue.trade("bob", "ada", "BTC", "2", "100.00")
    assert [(r["operation"], r["amount"]) for r in of_kind(entries, "remainder")] == [
        ("funding", "0.0025"),
        ("funding", "-0.0025"),
    ]
    assert venue.ledger("funding", "BTC") == "0"


def test_funding_per_account_is_paid_at_once_and_sums_to_zero_with_rounding(venue: Venue) -> None:
    venue.account("cid")
    venue.adopt(
        rulebook(funding={"operator": "per_account"}, numerics={"funding": "down"}),
    )
    for name in ("ada", "bob", "cid"):
        venue.deposit(name, "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    venue.trade("ada", "cid", "BTC", "1", "100.00")
    venue("FundingSettled", market="BTC", rate="0.000125", price="100.00")
    assert [venue.cash(name) for name in ("ada", "bob", "cid")] == ["999.97", "1000.01", "1000.01"]
    assert (venue.ledger("rounding"), venue.ledger("funding", "BTC")) == ("0.01", "0")


def test_recorded_funding_moves_cash_and_the_rate_only_states(venue: Venue) -> None:
    venue.adopt(rulebook(mode="verify"))
    venue.deposit("ada", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    entries = venue("FundingSettled", market="BTC", rate="0.0001", price="100.00")
    assert of_kind(entries, "funding")[0]["moved"] == 0
    assert deviations(venue("FundingPaid", account="ada", market="BTC", amount="-0.01")) == []
    entries = venue("FundingPaid", account="ada", market="BTC", amount="-0.02")
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "funding_mismatch",
        "-0.01",
        "-0.02",
    )
    assert venue.cash("ada") == "999.97"


def test_in_derive_mode_a_venues_outcome_is_a_deviation_and_not_a_second_close(
    venue: Venue,
) -> None:
    venue.adopt(rulebook())
    venue.deposit("ada", "1000")
    venue.deposit("bob", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    paid = venue("FundingPaid", account="ada", market="BTC", amount="-0.01")
    assert deviations(paid) == ["venue_outcome"]
    closed = venue(
        "Traded",
        market="BTC",
        buyer="bob",
        seller="ada",
        size="1",
        price="90.00",
        seller_cause="liquidation",
    )
    assert deviations(closed) == ["venue_outcome"]
    assert (venue.size("ada", "BTC"), venue.cash("ada")) == ("1", "1000")


def test_verify_mode_posts_as_told_and_says_where_told_and_derived_differ(venue: Venue) -> None:
    venue.adopt(rulebook(mode="verify"))
    venue.deposit("ada", "20")
    venue.deposit("bob", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    early = venue(
        "Traded",
        market="BTC",
        buyer="bob",
        seller="ada",
        size="0.5",
        price="99.00",
        seller_cause="liquidation",
    )
    assert deviations(early) == ["liquidation_unexpected"]
    assert venue.size("ada", "BTC") == "0.5"
    assert transitions(venue.mark(BTC="60.00"))[0][2] == "liquidation"
    assert deviations(venue.mark(BTC="100.00")) == ["liquidation_missing"]


def test_a_reversal_posts_the_opposite_once_and_in_full(venue: Venue) -> None:
    venue.deposit("ada", "100")
    venue("Deposited", id="twice", account="ada", asset="USD", amount="100")
    target = {"source": "venue", "external_id": "twice"}
    entries = venue("Reversed", target=target, **PERSON)
    (posting,) = of_kind(entries, "posting")
    assert (posting["payer_kind"], posting["payee_kind"], posting["amount"]) == (
        "account",
        "external",
        10000,
    )
    assert venue.cash("ada") == "100"
    assert deviations(venue("Reversed", target=target, **PERSON)) == ["reversed_twice"]
    nobody = {"source": "venue", "external_id": "nothing"}
    assert deviations(venue("Reversed", target=nobody, **PERSON)) == ["reversal_unknown"]
    mark = venue("Marked", id="mark", marks=[{"market": "BTC", "price": "1.00"}])
    assert mark
    target = {"source": "venue", "external_id": "mark"}
    assert deviations(venue("Reversed", target=target, **PERSON)) == ["not_reversible"]


def test_a_reversed_trade_gives_sizes_cash_and_fees_back(venue: Venue) -> None:
    fees = {"buyer_fee": "0.10", "seller_fee": "0.05"}
    venue("Traded", id="t", market="BTC", buyer="ada", seller="bob", size="1", price="9.00", **fees)
    venue("Reversed", target={"source": "venue", "external_id": "t"}, **PERSON)
    assert (venue.size("ada", "BTC"), venue.cash("ada"), venue.cash("bob")) == ("0", "0", "0")
    assert venue.ledger("fees") == "0"


def test_a_late_fact_is_applied_in_log_order_and_marked_late(venue: Venue) -> None:
    venue.deposit("ada", "1")
    venue.deposit("ada", "2")
    entries = venue("Deposited", account="ada", asset="USD", amount="4", at=START)
    assert of_kind(entries, "late") == [{"microseconds": 8_000_000}]
    assert venue.cash("ada") == "7"


def test_an_older_mark_does_not_take_effect_and_a_correction_only_of_the_latest(
    venue: Venue,
) -> None:
    venue("Marked", id="m1", marks=[{"market": "BTC", "price": "100.00"}])
    venue("Marked", id="m2", marks=[{"market": "BTC", "price": "101.00"}])
    late = venue("Marked", marks=[{"market": "BTC", "price": "55.00"}], at=START)
    assert of_kind(late, "mark")[0]["effective"] == 0
    old = {"source": "venue", "external_id": "m1"}
    entries = venue("Marked", marks=[{"market": "BTC", "price": "99.00"}], amends=old)
    assert of_kind(entries, "mark")[0]["effective"] == 0
    latest = {"source": "venue", "external_id": "m2"}
    entries = venue("Marked", marks=[{"market": "BTC", "price": "102.00"}], amends=latest)
    assert of_kind(entries, "mark")[0]["effective"] == 1
    assert venue.engine.book.markets[1].mark == 10200


def test_a_carried_position_of_unknown_entry_is_valued_at_the_first_price(venue: Venue) -> None:
    """Nothing is gained or lost on the day a history starts."""
    entries = venue("PositionCarried", account="ada", market="BTC", size="2")
    assert of_kind(entries, "waiting") == [
        {"account": venue.ordinal("ada"), "market": 1, "size": 2000}
    ]
    assert venue.size("ada", "BTC") == "0"
    venue.mark(BTC="100.00")
    assert (venue.equity("ada"), venue.engine.book.markets[1].houses["control"].size) == (
        "0",
        -2000,
    )
    venue.mark(BTC="110.00")
    assert venue.equity("ada") == "20"


def test_a_known_entry_does_not_price_what_waits(venue: Venue) -> None:
    """+2 waits, −3 was sold at 90: at the first price of 100 the 2 close part of it at 100."""
    venue("PositionCarried", account="ada", market="BTC", size="2")
    venue("PositionCarried", account="ada", market="BTC", size="-3", entry_price="90.00")
    assert venue.size("ada", "BTC") == "-3"
    venue.mark(BTC="100.00")
    assert (venue.size("ada", "BTC"), venue.cash("ada"), venue.equity("ada")) == (
        "-1",
        "-20",
        "-30",
    )


def test_a_carried_position_of_known_entry_keeps_it(venue: Venue) -> None:
    venue("PositionCarried", account="ada", market="BTC", size="-2", entry_price="100.00")
    venue.mark(BTC="90.00")
    assert venue.equity("ada") == "20"


def test_a_venues_own_figures_are_compared_and_move_nothing(venue: Venue) -> None:
    fill = {"market": "BTC", "account": "ada"}
    venue("Filled", side="buy", size="1", price="100.00", reported_size_before="0", **fill)
    entries = venue(
        "Filled",
        side="sell",
        size="1",
        price="110.00",
        reported_size_before="2",
        reported_pnl="11",
        **fill,
    )
    assert deviations(entries) == ["size_before", "reported_pnl"]
    pnl = of_kind(entries, "deviation")[1]
    assert (pnl["expected"], pnl["found"], pnl["detail"]) == ("10", "11", "10")


def test_rounded_entry_releases_what_the_venue_releases(venue: Venue) -> None:
    """Average entry of 1 at 100.00 and 2 at 100.01 is 100.00667, rounded to 100.01."""
    venue.adopt(rulebook(mode="record", **HALF_EVEN_ENTRY))
    fill = {"market": "BTC", "account": "ada"}
    venue("Filled", side="buy", size="1", price="100.00", **fill)
    venue("Filled", side="buy", size="2", price="100.01", **fill)
    entries = venue("Filled", side="sell", size="3", price="110.00", reported_pnl="29.97", **fill)
    assert deviations(entries) == []
    assert venue.cash("ada") == "29.98"
    assert of_kind(entries, "posting")[1]["purpose"] == "cost_basis"


def test_values_beyond_63_bits_go_through_the_same_code(venue: Venue) -> None:
    venue.deposit("ada", "123456789012345678901234567890.12")
    assert venue.cash("ada") == "123456789012345678901234567890.12"


def test_a_reversal_undoes_the_amount_as_it_was_rounded_then(venue: Venue) -> None:
    """0.001 × 33.33 rounded down is 0.03; the rounding adopted since does not matter."""
    venue.adopt(rulebook(mode="record", numerics={"fill_cost": "down"}))
    fill = {"market": "BTC", "account": "ada", "side": "buy", "size": "0.001", "price": "33.33"}
    venue("Filled", id="f", **fill)
    venue.adopt(rulebook(mode="record", numerics={"fill_cost": "up"}))
    venue("Reversed", target={"source": "venue", "external_id": "f"}, **PERSON)
    control = venue.engine.book.markets[1].houses["control"]
    assert (venue.size("ada", "BTC"), venue.cash("ada")) == ("0", "0")
    assert (control.size, control.cost, venue.ledger("control", "BTC")) == (0, 0, "0")


def test_both_kinds_of_execution_are_told_once_a_market_mixes_them(venue: Venue) -> None:
    venue.trade("ada", "bob", "BTC", "1", "100.00")
    venue("Filled", account="ada", market="BTC", side="buy", size="1", price="100.00")
    assert deviations(venue.trade("ada", "bob", "BTC", "1", "100.00")) == ["mixed_sides"]


def test_a_directed_rounding_of_both_sides_goes_to_rounding_and_not_to_clearing(
    venue: Venue,
) -> None:
    """0.003 × 33.33 = 0.09999 rounded down: the buyer owes 0.09, the seller receives 0.10."""
    venue.adopt(rulebook(mode="record", numerics={"fill_cost": "down"}))
    venue.trade("ada", "bob", "BTC", "0.003", "33.33")
    venue.trade("bob", "ada", "BTC", "0.003", "33.33")
    assert (venue.cash("ada"), venue.cash("bob")) == ("0.01", "0.01")
    assert (venue.ledger("clearing", "BTC"), venue.ledger("rounding")) == ("0", "-0.02")
