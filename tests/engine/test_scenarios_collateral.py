"""Scenarios: collateral in several assets, haircuts, caps, debts, weights of unrealised PnL."""

from typing import Any

import pytest

from clearing.engine.ratios import MarginFigures, Ratio, margin_figures, withdrawable
from clearing.engine.valuation import measure
from clearing.quantities import format_exact
from clearing.rulebook import INITIAL, MAINTENANCE
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook

RATES = {
    "initial": {"op": "rate", "rate": "0.1"},
    "maintenance": {"op": "rate", "rate": "0.05"},
}
COIN: dict[str, Any] = {
    "market": "COIN-USD",
    "weights": {"initial": "0.8", "maintenance": "0.9"},
    "liabilities": {"maintenance": "1.1"},
}


def policy(mode: str = "record", unrealised: Any = None, **assets: Any) -> dict[str, Any]:
    """A rulebook under which ``assets`` count for class trader."""
    counted = {"assets": assets, "unrealised": unrealised or {}}
    document = rulebook(mode=mode, schedule=RATES, ladder=[TAKEOVER], collateral={"all": counted})
    document["bindings"][0]["collateral"] = "all"
    return document


@pytest.fixture
def venue() -> Venue:
    """ada may have dollars and coin, which is at 2,000; one perpetual BTC at 100."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("maker", "1000000")
    venue.mark(**{"COIN-USD": "2000.00", "BTC": "100.00"})
    return venue


def counted(venue: Venue, account: str) -> tuple[str, str, str]:
    """Equity at full value, and what counts at initial and at maintenance."""
    book = venue.engine.book
    now = measure(book, book.scope(venue.ordinal(account), 1))
    working = book.assets[1].working
    amounts = (now.equity, now.counted(INITIAL), now.counted(MAINTENANCE))
    equity, initial, maintenance = (format_exact(amount, working) for amount in amounts)
    return equity, initial, maintenance


def free(venue: Venue, account: str, asset: str = "USD") -> str:
    book = venue.engine.book
    ordinal = venue.registry.asset_ordinals[asset]
    units = withdrawable(book, book.scope(venue.ordinal(account), ordinal))
    return format_exact(units, book.assets[ordinal].decimals)


def figures(venue: Venue, account: str) -> MarginFigures:
    book = venue.engine.book
    return margin_figures(book, book.scope(venue.ordinal(account), 1))


def same(ratio: Ratio | None, numerator: int, denominator: int) -> bool:
    assert ratio is not None
    return ratio[0] * denominator == ratio[1] * numerator


def test_coin_counts_by_its_weight_at_each_level(venue: Venue) -> None:
    """2 coin at 2,000 are worth 4,000, count 3,200 at initial and 3,600 at maintenance."""
    venue.adopt(policy(COIN=COIN))
    venue.deposit("ada", "500")
    venue.deposit("ada", "2", "COIN")
    venue.trade("ada", "maker", "BTC", "300", "100.00")
    assert counted(venue, "ada") == ("4500", "3700", "4100")
    assert venue.status("ada") == "healthy"  # 3,000 asked at initial
    venue.mark(**{"COIN-USD": "1500.00"})
    assert counted(venue, "ada") == ("3500", "2900", "3200")
    assert venue.status("ada") == "restricted"
    venue.mark(**{"COIN-USD": "555.56"})
    assert counted(venue, "ada")[2] == "1500.008"
    assert venue.status("ada") == "restricted"
    venue.mark(**{"COIN-USD": "555.55"})
    assert counted(venue, "ada")[2] == "1499.99"
    assert venue.status("ada") == "liquidation"  # 1,500 asked at maintenance


def test_before_a_weight_is_adopted_other_assets_count_for_nothing(venue: Venue) -> None:
    venue.deposit("ada", "2", "COIN")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert counted(venue, "ada") == ("0", "0", "0")
    venue.adopt(policy(COIN=COIN))
    assert counted(venue, "ada")[0] == "4000"


def test_weights_may_fall_with_value_and_stop_at_a_cap(venue: Venue) -> None:
    """90 % of the first 1,000, 50 % of the rest, of 3,000 worth at most: 900 + 1,000."""
    weights = [{"floor": "0", "weight": "0.9"}, {"floor": "1000", "weight": "0.5"}]
    asset = {"market": "COIN-USD", "weights": {"maintenance": weights}}
    venue.adopt(policy(COIN={**asset, "cap": "3000"}))
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    for coins, expected in (("0.25", "450"), ("0.5", "1150"), ("5", "1900")):
        venue.deposit("ada", coins, "COIN")
        assert counted(venue, "ada")[2] == expected


def test_a_debt_counts_in_full_and_more_where_the_rules_say(venue: Venue) -> None:
    """ada owes 1 coin: 2,000 dollars, 2,200 as they count; 2,199.99 of her own are too little."""
    venue.adopt(policy(COIN=COIN))
    venue.deposit("ada", "2200")
    venue("Withdrawn", account="ada", asset="COIN", amount="1")
    assert counted(venue, "ada") == ("200", "0", "0")
    assert venue.status("ada") == "healthy"
    venue("Withdrawn", account="ada", asset="USD", amount="0.01")
    assert venue.status("ada") == "liquidation"


@pytest.mark.parametrize(("collateral", "status"), [("1500", "healthy"), ("1499", "liquidation")])
def test_a_debt_of_a_thousand_at_150_per_cent(venue: Venue, collateral: str, status: str) -> None:
    """1,500 worth of collateral is safe, 1,499 is not."""
    coin = {"market": "COIN-USD", "weights": {"maintenance": "1"}}
    dollar = {"weights": {"maintenance": "1"}, "liabilities": {"maintenance": "1.5"}}
    venue.adopt(policy(COIN=coin, USD=dollar))
    venue.mark(**{"COIN-USD": "1.00"})
    venue.deposit("ada", collateral, "COIN")
    venue("Withdrawn", account="ada", asset="USD", amount="1000")
    assert venue.status("ada") == status
    now = figures(venue, "ada")
    assert same(now.collateralisation, int(collateral), 1000)
    assert same(now.health_factor, int(collateral), 1500)


def test_a_stock_bought_with_borrowed_dollars(venue: Venue) -> None:
    """10,000 of stock, 6,000 of them borrowed, 90 % counts: 2,100 over at 9,000, 0 at 6,666.67."""
    venue("AssetDeclared", name="STOCK", decimals=0)
    venue.market("STOCK-USD", lot="1", size_decimals=0)
    stock = {"market": "STOCK-USD", "weights": {"initial": "0.5", "maintenance": "0.9"}}
    venue.adopt(policy(STOCK=stock))
    venue.mark(**{"STOCK-USD": "100.00"})
    venue.deposit("ada", "4000")
    venue.deposit("ada", "100", "STOCK")
    venue("Withdrawn", account="ada", asset="USD", amount="10000")
    assert counted(venue, "ada") == ("4000", "-1000", "3000")
    venue.mark(**{"STOCK-USD": "90.00"})
    assert counted(venue, "ada") == ("3000", "-1500", "2100")
    venue.mark(**{"STOCK-USD": "66.67"})
    assert venue.status("ada") == "restricted"
    venue.mark(**{"STOCK-USD": "66.66"})
    assert venue.status("ada") == "liquidation"


def test_unrealised_gains_may_count_less_than_losses(venue: Venue) -> None:
    """A gain of 1,000 counts 0 at initial, 800 at maintenance; a loss of 100 counts 120 and 110."""
    weights = {
        "initial": {"gain": "0", "loss": "1.2"},
        "maintenance": {"gain": "0.8", "loss": "1.1"},
    }
    venue.adopt(policy(unrealised=weights))
    venue.deposit("ada", "1000")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    venue.mark(BTC="200.00")
    assert counted(venue, "ada") == ("2000", "1000", "1800")
    venue.mark(BTC="90.00")
    assert counted(venue, "ada") == ("900", "880", "890")


def test_what_may_leave_is_tested_at_initial_margin(venue: Venue) -> None:
    """3,000 asked, 3,700 count: 500 dollars, or 700 / (2,000 × 0.8) = 0.4375 of the coin."""
    venue.adopt(policy(COIN=COIN))
    venue.deposit("ada", "500")
    venue.deposit("ada", "2", "COIN")
    venue.trade("ada", "maker", "BTC", "300", "100.00")
    assert (free(venue, "ada"), free(venue, "ada", "COIN")) == ("500", "0.4375")
    out = {"account": "ada", "asset": "COIN"}
    (deviation,) = of_kind(venue("Withdrawn", **out, amount="0.43750001"), "deviation")
    assert (deviation["code"], deviation["expected"]) == ("withdrawn_too_much", "0.4375")
    assert free(venue, "ada") == "0"
    venue.deposit("ada", "0.00000002", "COIN")
    assert deviations(venue("Withdrawn", **out, amount="0.00000001")) == []


def test_a_takeover_turns_collateral_into_cash_first(venue: Venue) -> None:
    """At 92.00 the loss is 2,400: 100 dollars and 1 coin of 2,000 leave −300 for the fund."""
    venue.adopt(policy(mode="derive", COIN=COIN))
    venue("FundContributed", fund="insurance", asset="USD", amount="5000")
    venue.deposit("ada", "100")
    venue.deposit("ada", "1", "COIN")
    venue.deposit("ada", "1", "COIN")
    venue.trade("ada", "maker", "BTC", "300", "100.00")
    venue("Withdrawn", account="ada", asset="COIN", amount="1")
    assert (venue.cash("insurance", "COIN"), venue.size("insurance", "BTC")) == ("0", "0")
    entries = venue.mark(BTC="92.00")
    converted = [e for e in of_kind(entries, "posting") if e["purpose"] == "conversion"]
    assert [entry["amount"] for entry in converted] == [100000000, 200000]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"]) == ("300", "300")
    assert (venue.cash("ada"), venue.cash("ada", "COIN")) == ("0", "0")
    assert (venue.cash("insurance", "COIN"), venue.size("insurance", "BTC")) == ("1", "300")


def test_a_balance_counts_in_one_rulebook_only(venue: Venue) -> None:
    """Rules for coin itself bind the same class: its coin cannot secure dollars, too."""
    venue.market("INV", payoff="inverse", settlement_asset="COIN", lot="1", size_decimals=0)
    venue.account("coinfund", account_class="fund")
    venue.adopt(rulebook(mode="record", asset="COIN", fund="coinfund"))
    (refused,) = of_kind(venue.adopt(policy(COIN=COIN)), "deviation")
    assert refused["code"] == "rulebook_refused"
    assert "COIN of class trader would count in" in str(refused["detail"])


def test_the_usual_figures(venue: Venue) -> None:
    """900 left of 1,000 on 9,000 notional: 10 % initial, 5 % maintenance."""
    venue.adopt(policy())
    venue.deposit("ada", "1000")
    venue.trade("ada", "maker", "BTC", "100", "91.00")
    venue.mark(BTC="90.00")
    now = figures(venue, "ada")
    assert now.free_margin == 0
    assert same(now.margin_level, 1, 1)
    assert same(now.margin_ratio, 1, 2)
    assert same(now.health_factor, 2, 1)
    assert same(now.effective_leverage, 10, 1)
    assert now.collateralisation is None
    assert figures(venue, "maker").margin_level is not None
    venue.trade("maker", "ada", "BTC", "100", "90.00")
    flat = figures(venue, "ada")
    assert (flat.margin_level, flat.health_factor) == (None, None)


NESTED = {"USD": {"weights": {"maintenance": "0.9"}, "liabilities": {"maintenance": "1.1"}}}


def nested(mode: str = "record") -> dict[str, Any]:
    """Half of a gain that its requirement leaves counts, and nine tenths of that with cash."""
    document = policy(mode, {"maintenance": {"gain": "0.5"}}, **NESTED)
    document["collateral"]["all"]["nested"] = True
    return document


def health(venue: Venue, place: int) -> str:
    book = venue.engine.book
    now = measure(book, book.scope(venue.ordinal("ada"), 1))
    return format_exact(now.surplus(place), book.assets[1].working)


def test_nested_weights_count_what_a_position_leaves_after_its_requirement(venue: Venue) -> None:
    """1,000 in cash and 100 BTC bought at 100, of which 5 % are asked at maintenance."""
    venue.adopt(nested())
    venue.deposit("ada", "1000")
    venue.trade("ada", "maker", "BTC", "100", "100.00")
    venue.mark(BTC="110.00")
    # (1,000 + (1,000 - 550) / 2) * 0.9; at initial (1,000 + (1,000 - 1,100)) * 0.9
    assert (health(venue, MAINTENANCE), health(venue, INITIAL)) == ("1102.5", "810")
    assert free(venue, "ada") == "900"
    venue.mark(BTC="95.00")
    # (1,000 - 500 - 475) * 0.9; at initial (1,000 - 500 - 950) * 1.1
    assert (health(venue, MAINTENANCE), health(venue, INITIAL)) == ("22.5", "-495")
    assert (venue.status("ada"), free(venue, "ada")) == ("restricted", "0")
    venue.mark(BTC="94.74")
    assert (health(venue, MAINTENANCE), venue.status("ada")) == ("0.27", "restricted")
    venue.mark(BTC="94.73")
    assert (health(venue, MAINTENANCE), venue.status("ada")) == ("-0.715", "liquidation")


def test_a_nested_policy_is_refused_beside_a_portfolio(venue: Venue) -> None:
    document = nested()
    group = {"classes": {"BTC": {"markets": ["BTC"]}}, "moves": ["-0.1", "0.1"]}
    document["portfolios"] = {
        "all": {"groups": {"all": group}, "levels": {"initial": "1", "maintenance": "1"}}
    }
    document["bindings"][0] |= {"markets": {}, "portfolio": "all"}
    (found,) = of_kind(venue.adopt(document), "deviation")
    assert "bindings.0.collateral: policy 'all' is nested" in str(found["detail"])


def test_a_reduction_at_the_mark_costs_the_fund_nothing_where_collateral_carries_the_account(
    venue: Venue,
) -> None:
    """100 worth of coin stands behind a loss of 900 and a debt of it: half of 20 BTC go at 55.

    The fund pays what they are worth; the penalty of 1 % of 550 is within the equity of 100.
    """
    reduce = {
        "action": "reduce",
        "when": {"level": "initial"},
        "quantity": {"op": "share", "share": "0.5"},
        "penalty": {"rate": "0.01", "recipients": [{"account": "insurance", "share": "1"}]},
    }
    ladder = [reduce, {**TAKEOVER, "when": {"level": "zero"}}]
    document = policy("derive", COIN={**COIN, "weights": {"maintenance": "1"}})
    document["ladders"]["standard"] = ladder
    venue.adopt(document)
    venue("FundContributed", fund="insurance", asset="USD", amount="100000")
    venue.deposit("ada", "0.5", "COIN")
    venue.trade("ada", "maker", "BTC", "20", "100.00")
    entries = venue.mark(BTC="55.00")
    (closed,) = of_kind(entries, "closed")
    assert (closed["layer"], closed["amount"], closed["loss"]) == ("reduce", 55000, "0")
    assert venue.equity("ada") == "94.5"
    assert venue.equity("insurance") == "100005.5"


def test_collateral_that_comes_in_lets_an_account_trade_again_after_a_takeover(
    venue: Venue,
) -> None:
    venue.adopt(policy("derive", COIN={**COIN, "weights": {"maintenance": "1"}}))
    venue.deposit("ada", "100")
    venue.trade("ada", "maker", "BTC", "10", "100.00")
    venue.mark(BTC="90.00")
    assert venue.size("ada", "BTC") == "0"
    trade = {"market": "BTC", "buyer": "ada", "seller": "maker", "size": "0.1", "price": "90.00"}
    assert deviations(venue("Traded", **trade)) == ["after_takeover"]
    venue.deposit("ada", "1", "COIN")
    assert deviations(venue("Traded", **trade)) == []


def test_a_scope_with_a_debt_and_no_position_gets_its_margin_call(venue: Venue) -> None:
    """0.5 coin at 2,000 count 900 at maintenance; a debt of 950 is called, missed, and said so."""
    call = {"action": "margin_call", "when": {"level": "maintenance"}, "grace_seconds": 60}
    document = policy(COIN={**COIN, "weights": {"maintenance": "0.9"}})
    document["ladders"]["standard"] = [{**call, "restore": "initial"}]
    venue.adopt(document)
    venue.deposit("ada", "0.5", "COIN")
    entries = venue("Withdrawn", account="ada", asset="USD", amount="950")
    (opened,) = of_kind(entries, "margin_call")
    assert (opened["outcome"], opened["amount_due"]) == ("opened", 5000)
    (missed,) = of_kind(venue("ClockTicked", after=60), "margin_call")
    assert missed["outcome"] == "missed"
    (met,) = of_kind(venue.deposit("ada", "50"), "margin_call")
    assert met["outcome"] == "met"
