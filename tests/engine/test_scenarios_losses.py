"""Scenarios: liquidation, the fund, ADL and deficit, as small ledgers."""

from itertools import permutations

import pytest

from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook, total, transitions

BELOW_ZERO = {"action": "takeover", "when": {"level": "zero", "comparator": "<="}}


def leveraged(
    venue: Venue, names: tuple[str, ...], size: str, cash: str, *, counterparty: str = "maker"
) -> None:
    """Each of ``names`` deposits ``cash`` and buys ``size`` BTC at 1,000 from ``counterparty``."""
    for name in names:
        venue.deposit(name, cash)
        venue.trade(name, counterparty, "BTC", size, "1000.00")


@pytest.mark.parametrize("names", list(permutations(["ada", "bea"])))
def test_the_fund_covers_whoever_is_first_in_the_order_of_semantics(names: tuple[str, str]) -> None:
    """Fund 100; two accounts each lose 80 on one mark. The account opened first is covered whole.

    Both have the same equity and requirement, so the tie is broken by the order of opening; names
    decide nothing.
    """
    venue = Venue()
    venue.market("BTC")
    venue.account(*names, "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="100")
    venue.adopt(rulebook(ladder=[BELOW_ZERO], layers=[{"layer": "fund"}, {"layer": "deficit"}]))
    venue.deposit("maker", "100000")
    venue.mark(BTC="1000.00")
    leveraged(venue, tuple(reversed(names)), "1", "100")
    entries = venue.mark(BTC="820.00")
    first, second = (venue.ordinal(name) for name in names)
    losses = of_kind(entries, "loss")
    assert [(loss["account"], loss["loss"]) for loss in losses] == [(first, "80"), (second, "80")]
    assert (losses[0]["fund"], losses[0]["deficit"]) == ("80", "0")
    assert total([str(losses[1]["fund"]), str(losses[1]["deficit"])]) == "80"
    assert losses[1]["fund"] == "20", "20 of the fund's 100 are left: 250 of 1,000 lots"
    assert losses[1]["deficit"] == "60"
    assert venue.equity("insurance") == "0"
    assert venue.ledger("deficit") == "-60"
    assert (venue.cash(names[0]), venue.cash(names[1])) == ("0", "0")


def test_the_worse_off_account_acts_first_whenever_it_was_opened() -> None:
    """Equity / maintenance ascending: who lost 100 is covered before who lost 50."""
    venue = Venue()
    venue.market("BTC")
    venue.account("small", "large", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="100")
    venue.adopt(rulebook(ladder=[BELOW_ZERO], layers=[{"layer": "fund"}, {"layer": "deficit"}]))
    venue.deposit("maker", "100000")
    venue.mark(BTC="1000.00")
    leveraged(venue, ("small",), "1", "150")
    leveraged(venue, ("large",), "1", "100")
    entries = venue.mark(BTC="800.00")
    losses = of_kind(entries, "loss")
    assert [loss["account"] for loss in losses] == [venue.ordinal("large"), venue.ordinal("small")]
    assert [loss["fund"] for loss in losses] == ["100", "0"]
    assert [loss["deficit"] for loss in losses] == ["0", "50"]


def test_a_hedged_account_is_not_killed_between_two_legs_of_one_mark() -> None:
    """Cash 6,000, +10 BTC at 8,000, −400 ETH at 200, 1 %: 7,000 and 172 together hurt nobody."""
    venue = Venue()
    venue.market("BTC")
    venue.market("ETH")
    venue.account("hedged", "maker")
    venue.adopt(rulebook())
    venue.deposit("hedged", "6000")
    venue.deposit("maker", "1000000")
    venue.mark(BTC="8000.00", ETH="200.00")
    venue.trade("hedged", "maker", "BTC", "10", "8000.00")
    venue.trade("maker", "hedged", "ETH", "400", "200.00")
    entries = venue.mark(BTC="7000.00", ETH="172.00")
    assert of_kind(entries, "liquidation") == []
    assert venue.margin("hedged") == ("7200", "6940", "1388")
    assert venue.status("hedged") == "healthy"


def test_the_same_legs_one_after_the_other_do_liquidate() -> None:
    """The counterpart of the hedged account: two events are two moments."""
    venue = Venue()
    venue.market("BTC")
    venue.market("ETH")
    venue.account("hedged", "maker")
    venue.adopt(rulebook())
    venue.deposit("hedged", "6000")
    venue.deposit("maker", "1000000")
    venue.mark(BTC="8000.00", ETH="200.00")
    venue.trade("hedged", "maker", "BTC", "10", "8000.00")
    venue.trade("maker", "hedged", "ETH", "400", "200.00")
    assert of_kind(venue.mark(BTC="7000.00"), "liquidation") != []


def test_takeover_hands_positions_over_for_the_bankruptcy_amount() -> None:
    """Equity −30: the fund pays 30 more than the mark, the account ends with nothing."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="500")
    venue.adopt(rulebook(ladder=[TAKEOVER]))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "70")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    entries = venue.mark(BTC="900.00")
    (bankruptcy,) = of_kind(entries, "bankruptcy")
    assert (bankruptcy["amount"], bankruptcy["equity_share"]) == (93000, "-30")
    (closed,) = of_kind(entries, "closed")
    assert (closed["layer"], closed["amount"], closed["loss"]) == ("fund", 93000, "30")
    (fund,) = of_kind(entries, "fund")
    assert (fund["cash"], fund["inventory"], fund["equity"]) == (50000, "-30", "470")
    assert (venue.cash("ada"), venue.size("ada", "BTC")) == ("0", "0")
    assert venue.size("insurance", "BTC") == "1"
    assert transitions(entries) == [
        (venue.ordinal("ada"), "healthy", "liquidation"),
        (venue.ordinal("insurance"), "flat", "unmargined"),
        (venue.ordinal("ada"), "liquidation", "flat"),
    ]


def test_what_is_left_after_the_penalty_stays_with_the_trader() -> None:
    """Equity 8 at the takeover, penalty 0.5 % of 900 = 4.5: 3.5 stay."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    penalty = {"rate": "0.005", "recipients": [{"account": "insurance", "share": "1"}]}
    venue.adopt(rulebook(ladder=[{**TAKEOVER, "penalty": penalty}]))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "108")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    entries = venue.mark(BTC="900.00")
    assert [(p["purpose"], p["amount"]) for p in of_kind(entries, "posting")][-2:] == [
        ("residual", 800),
        ("penalty", 450),
    ]
    assert venue.cash("ada") == "3.5"
    assert venue.equity("insurance") == "4.5"


def test_a_penalty_is_never_more_than_the_equity_that_is_left() -> None:
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    penalty = {"rate": "0.05", "recipients": [{"account": "insurance", "share": "1"}]}
    venue.adopt(rulebook(ladder=[{**TAKEOVER, "penalty": penalty}]))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "108")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    venue.mark(BTC="900.00")
    assert (venue.cash("ada"), venue.equity("insurance")) == ("0", "8")


def test_a_close_factor_rounds_up_to_a_lot_and_sells_to_the_fund_at_mark_less_spread() -> None:
    """Half of 3 lots is 2 lots; 1 % spread on 2 × 905 is 18.10."""
    venue = Venue()
    venue.market("BTC", lot="1")
    venue.account("ada", "maker")
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "0.5"},
        "price": {"op": "mark", "spread": "0.01"},
    }
    schedule = {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "rate", "rate": "0.05"},
    }
    venue.adopt(rulebook(ladder=[reduce, BELOW_ZERO], schedule=schedule))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "400")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "3", "1000.00")
    entries = venue.mark(BTC="905.00")
    (closed,) = of_kind(entries, "closed")
    assert (closed["layer"], closed["size"], closed["amount"]) == ("reduce", 2000, 179190)
    assert closed["loss"] == "-18.1", "the fund buys 18.10 below the mark"
    assert venue.size("ada", "BTC") == "1"
    assert venue.equity("ada") == "96.9"
    assert venue.status("ada") == "healthy"


def test_a_remainder_below_the_minimum_closes_all() -> None:
    venue = Venue()
    venue.market("BTC", lot="1")
    venue.account("ada", "maker")
    reduce = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "share", "share": "0.5"},
        "minimum_notional": "906",
    }
    schedule = {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "rate", "rate": "0.05"},
    }
    venue.adopt(rulebook(ladder=[reduce, BELOW_ZERO], schedule=schedule))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "400")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "3", "1000.00")
    (closed,) = of_kind(venue.mark(BTC="905.00"), "closed")
    assert closed["size"] == 3000
    assert venue.cash("ada") == "115"


def test_deleveraging_goes_by_rank_and_the_pair_is_zero_sum() -> None:
    """An empty fund: two shorts in profit; the more leveraged one is closed first."""
    venue = Venue()
    venue.market("BTC", lot="1")
    venue.account("ada", "rich", "lean")
    venue.adopt(rulebook(ladder=[BELOW_ZERO]))
    venue.deposit("ada", "300")
    venue.deposit("rich", "100000")
    venue.deposit("lean", "400")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "rich", "BTC", "2", "1000.00")
    venue.trade("ada", "lean", "BTC", "2", "1000.00")
    entries = venue.mark(BTC="900.00")
    ranked = of_kind(entries, "adl")
    assert [(r["rank"], r["candidate"], r["taken"]) for r in ranked] == [
        (1, venue.ordinal("lean"), 2000),
        (2, venue.ordinal("rich"), 2000),
    ]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["adl"], loss["deficit"]) == ("100", "0", "100", "0")
    assert venue.cash("ada") == "0"
    assert venue.cash("lean") == "550", "closed at 925, not at the mark of 900"
    assert venue.cash("rich") == "100150"
    assert venue.ledger("clearing", "BTC") == "0"


def test_no_one_without_an_opposite_position_pays() -> None:
    """Longs, funds and bystanders are not candidates; what nobody takes is the house's deficit."""
    venue = Venue()
    venue.market("BTC", lot="1")
    venue.account("ada", "bystander", "bull")
    venue.account("house", account_class="house")
    venue.adopt(rulebook(ladder=[BELOW_ZERO], layers=[{"layer": "adl"}, {"layer": "deficit"}]))
    venue.deposit("ada", "50")
    venue.deposit("bull", "50000")
    venue.deposit("bystander", "5000")
    venue.mark(BTC="1000.00")
    venue("Filled", account="ada", market="BTC", side="buy", size="1", price="1000.00")
    venue("Filled", account="bull", market="BTC", side="buy", size="1", price="1000.00")
    entries = venue.mark(BTC="900.00")
    assert of_kind(entries, "adl") == []
    (loss,) = of_kind(entries, "loss")
    assert (loss["adl"], loss["deficit"]) == ("0", "50")
    assert venue.ledger("deficit") == "-50"
    assert venue.cash("bystander") == "5000"
    assert venue.size("insurance", "BTC") == "1", "held at the mark"
    assert venue.equity("insurance") == "0"


def test_a_paused_market_values_but_closes_nothing_and_resuming_tests_the_last_mark() -> None:
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="500")
    venue.adopt(rulebook(ladder=[TAKEOVER]))
    venue.deposit("maker", "10000")
    venue.deposit("ada", "100")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    person = {"author": "ann", "approver": "bob", "reason": "wick"}
    venue("MarketStateChanged", market="BTC", state="liquidations_paused", **person)
    entries = venue.mark(BTC="850.00")
    assert of_kind(entries, "liquidation") == []
    assert of_kind(entries, "withheld") == [
        {"account": venue.ordinal("ada"), "asset": 1, "action": "takeover"}
    ]
    assert (venue.status("ada"), venue.equity("ada")) == ("liquidation", "-50")
    assert of_kind(venue.mark(BTC="840.00"), "withheld") == [], "said once for each stay"
    entries = venue("MarketStateChanged", market="BTC", state="normal", **person)
    (loss,) = of_kind(entries, "loss")
    assert loss["loss"] == "60"


def test_a_fill_after_a_takeover_opens_from_zero_with_a_deviation() -> None:
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="500")
    venue.adopt(rulebook(ladder=[TAKEOVER]))
    venue.deposit("maker", "10000")
    venue("Deposited", id="first", account="ada", asset="USD", amount="100")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "1", "1000.00")
    venue.mark(BTC="890.00")
    entries = venue.trade("maker", "ada", "BTC", "1", "890.00")
    assert deviations(entries) == ["after_takeover"]
    reversed_deposit = {"source": "venue", "external_id": "first"}
    person = {"author": "ann", "approver": "bob", "reason": "booked twice"}
    venue("Reversed", target=reversed_deposit, **person)
    entries = venue.trade("ada", "maker", "BTC", "0.1", "890.00")
    assert deviations(entries) == ["after_takeover"], "money that left has not reached it"
    venue.deposit("ada", "1000")
    assert deviations(venue.trade("ada", "maker", "BTC", "0.1", "890.00")) == []


def test_a_position_that_its_taker_was_paid_for_releases_cost_of_its_own_sign() -> None:
    """A short of 1 from 100 with cash −150: the fund is paid 50 to assume it."""
    venue = Venue()
    venue.market("BTC", lot="0.5")
    venue.account("ada", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="5000")
    venue.adopt(rulebook(ladder=[BELOW_ZERO]))
    venue.deposit("ada", "250")
    venue.deposit("maker", "100000")
    venue.mark(BTC="100.00")
    venue.trade("maker", "ada", "BTC", "1", "100.00")
    venue("Withdrawn", account="ada", asset="USD", amount="400")
    assert venue.size("insurance", "BTC") == "-1"
    assert venue.engine.book.scope(1, 1).positions[1].cost == 5000, "it was paid 50 to take it"
    venue.trade("insurance", "maker", "BTC", "0.5", "100.00")
    position = venue.engine.book.scope(1, 1).positions[1]
    assert (position.size, position.cost) == (-500, 2500)


def test_a_loss_is_the_sum_of_its_layers_across_two_markets_and_every_layer() -> None:
    venue = Venue()
    venue.market("BTC", lot="0.5")
    venue.market("ETH", lot="1", size_decimals=0, mark_decimals=4)
    venue.account("ada", "maker", "small")
    venue("FundContributed", fund="insurance", asset="USD", amount="37.77")
    venue.adopt(rulebook(ladder=[BELOW_ZERO]))
    venue.deposit("ada", "400")
    venue.deposit("maker", "100000")
    venue.deposit("small", "300")
    venue.mark(BTC="1000.00", ETH="100.1234")
    venue.trade("ada", "maker", "BTC", "2", "1000.00")
    venue.trade("ada", "small", "ETH", "7", "100.13")
    entries = venue.mark(BTC="777.77", ETH="81.0001")
    (loss,) = of_kind(entries, "loss")
    layers = [str(loss[layer]) for layer in ("fund", "adl", "deficit", "rounding")]
    assert total(layers) == loss["loss"]
    assert loss["fund"] != "0"
    assert loss["adl"] != "0"
    assert venue.cash("ada") == "0"


def test_the_funds_history_shows_how_it_stood_when_it_could_bear_nothing() -> None:
    """The fund holds 1 BTC bought at 930, marked 400: its equity is −30 as ADL bears a loss."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "eve", "maker")
    venue("FundContributed", fund="insurance", asset="USD", amount="500")
    venue.adopt(rulebook(ladder=[BELOW_ZERO]))
    venue.deposit("maker", "100000")
    venue.mark(BTC="1000.00")
    leveraged(venue, ("ada",), "1", "70")
    leveraged(venue, ("eve",), "1", "550")
    venue.mark(BTC="900.00")
    entries = venue.mark(BTC="400.00")
    (loss,) = of_kind(entries, "loss")
    assert (loss["fund"], loss["adl"]) == ("0", "50")
    (fund,) = of_kind(entries, "fund")
    assert fund["equity"] == "-30"
