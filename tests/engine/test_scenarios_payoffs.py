"""Scenarios: what positions are worth where the payoff is not plain quote-asset linear."""

import csv
import gzip
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.quantities import format_exact
from tests.engine.venue import Venue, deviations, of_kind, rulebook

BITMEX = "data/trades/bitmex_fills_with_execcost.csv.gz"


@pytest.fixture
def coin() -> Venue:
    """Contracts of 1 dollar paid in coin of 8 decimals; ada has 1 coin, the maker 100."""
    venue = Venue(decimals=8)
    venue.market(
        "INV", payoff="inverse", lot="1", size_decimals=0, price_decimals=1, mark_decimals=1
    )
    venue.account("ada", "maker")
    venue.deposit("ada", "1")
    venue.deposit("maker", "100")
    return venue


def test_a_long_inverse_position_gains_less_and_less_as_the_price_rises(coin: Venue) -> None:
    """10,000 dollars from 10,000: 1 coin at entry, 0.5 at 20,000, 2 at 5,000."""
    coin.mark(INV="10000.0")
    coin.trade("ada", "maker", "INV", "10000", "10000.0")
    assert coin.equity("ada") == "1"
    coin.mark(INV="20000.0")
    assert (coin.equity("ada"), coin.equity("maker")) == ("1.5", "99.5")
    coin.mark(INV="5000.0")
    assert (coin.equity("ada"), coin.equity("maker")) == ("0", "101")


def test_closing_an_inverse_position_realises_in_coin(coin: Venue) -> None:
    """In at 8,000 (1.25 coin), half out at 10,000 (0.5 against 0.625), half at 6,400 (0.78125)."""
    coin.trade("ada", "maker", "INV", "10000", "8000.0")
    coin.trade("maker", "ada", "INV", "5000", "10000.0")
    assert coin.cash("ada") == "1.125"
    coin.trade("maker", "ada", "INV", "5000", "6400.0")
    assert coin.cash("ada") == "0.96875"
    assert coin.size("ada", "INV") == "0"


def test_what_a_coin_cannot_hold_of_a_quotient_is_stated(coin: Venue) -> None:
    """1 dollar at 30,000 is 0.0000333333… coin: 3,333 units, and a third of one is left."""
    entries = coin.trade("ada", "maker", "INV", "1", "30000.0")
    left = [entry["amount"] for entry in of_kind(entries, "remainder")]
    assert left == ["-0.00000000333333333333", "0.00000000333333333333"]
    costs = [entry["cost"] for entry in of_kind(entries, "position")]
    assert costs == [-3333, 3333]


def test_margin_of_an_inverse_position_is_asked_in_coin(coin: Venue) -> None:
    """1 % of 10,000 dollars: 0.01 coin at 10,000; 0.02 at 5,000, where nothing is left."""
    coin.account("fund", account_class="fund")
    coin.adopt(rulebook(mode="record", fund="fund"))
    coin.mark(INV="10000.0")
    coin.trade("ada", "maker", "INV", "10000", "10000.0")
    assert coin.margin("ada") == ("1", "0.05", "0.01")
    coin.mark(INV="5000.0")
    assert coin.margin("ada") == ("0", "0.1", "0.02")
    assert coin.status("ada") == "liquidation"


def test_funding_of_an_inverse_market_is_paid_on_its_coin_value(coin: Venue) -> None:
    """0.01 % of 10,000 dollars at 8,000 (1.25 coin) is 0.000125 coin, from long to short."""
    coin.account("fund", account_class="fund")
    coin.adopt(rulebook(fund="fund", funding={"operator": "per_account"}))
    coin.mark(INV="8000.0")
    coin.trade("ada", "maker", "INV", "10000", "8000.0")
    coin("FundingSettled", market="INV", rate="0.0001", price="8000.0")
    assert (coin.cash("ada"), coin.cash("maker")) == ("0.999875", "100.000125")


def test_a_bankrupt_inverse_position_is_taken_over(coin: Venue) -> None:
    """At 4,000 ada's 10,000 dollars from 8,000 lost 1.25 of her 1 coin: 0.25 is the fund's loss."""
    coin.account("fund", account_class="fund")
    coin("FundContributed", fund="fund", asset="USD", amount="5")
    coin.adopt(rulebook(fund="fund"))
    coin.mark(INV="8000.0")
    coin.trade("ada", "maker", "INV", "10000", "8000.0")
    entries = coin.mark(INV="4000.0")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["deficit"]) == ("0.25", "0.25", "0")
    assert (coin.cash("ada"), coin.size("fund", "INV")) == ("0", "10000")
    assert coin.equity("fund") == "4.75"


def test_a_quanto_contract_pays_in_the_coin_what_the_dollar_price_moves() -> None:
    """0.0001 coin for each dollar of price and contract: 45 from 23.6 to 24.6 is 0.0045 coin."""
    venue = Venue(decimals=8)
    venue.market(
        "QUA", payoff="quanto", multiplier="0.0001", lot="1", size_decimals=0, mark_decimals=1
    )
    venue.account("ada", "maker")
    venue.deposit("ada", "1")
    venue.trade("ada", "maker", "QUA", "45", "23.60")
    venue.mark(QUA="24.6")
    assert venue.equity("ada") == "1.0045"


def test_the_cost_that_the_source_reports_is_posted_and_a_difference_is_said() -> None:
    """The price shown is off its tick: 3 at 23.634 would be 70.90, the source charged 70.89."""
    venue = Venue()
    venue.market("LINK", price_decimals=3)
    venue.account("ada")
    fill = {"account": "ada", "market": "LINK", "side": "buy", "size": "3", "price": "23.634"}
    entries = venue("Filled", **fill, reported_cost="70.89", id="f1")
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "reported_cost",
        "70.9",
        "70.89",
    )
    assert [entry["cost"] for entry in of_kind(entries, "position")] == [7089, -7089]
    entries = venue("Filled", **fill, reported_cost="70.90")
    assert deviations(entries) == []
    target = {"source": "venue", "external_id": "f1"}
    reversed_ = venue("Reversed", target=target, author="ann", approver="bob", reason="wrong")
    assert [entry["cost"] for entry in of_kind(reversed_, "position")] == [7090, -7090]


def test_every_real_quanto_fill_costs_what_the_venue_says() -> None:
    """2,667 fills: 2,611 to the satoshi; 56 whose price left its tick deviate, by their record."""
    path = Path(os.environ.get("CLEARING_SHARED", "../shared")) / BITMEX
    if not path.exists():
        pytest.skip(f"there is no {path}; CLEARING_SHARED names where it would be")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    venue = Venue(decimals=8)
    venue.account("owner")
    multipliers = {row["symbol"]: row["configured_multiplier_raw"] for row in rows}
    for symbol, satoshi in multipliers.items():
        scales: dict[str, Any] = {"price_decimals": 8, "mark_decimals": 8, "size_decimals": 0}
        in_coin = format_exact(int(satoshi), 8)
        venue.market(symbol, payoff="quanto", multiplier=in_coin, lot="1", **scales)
    exact, deviating, costs = 0, [], 0
    for row in rows:
        size = int(row["signed_contract_qty"])
        cost = int(row["execCost"])
        entries = venue(
            "Filled",
            account="owner",
            market=row["symbol"],
            side="buy" if size > 0 else "sell",
            size=str(abs(size)),
            price=row["lastPx"],
            reported_cost=format_exact(cost, 8),
        )
        costs += cost
        if deviations(entries):
            deviating.append(row)
        else:
            exact += 1
    assert (exact, len(deviating)) == (2611, 56)
    assert {row["symbol"] for row in deviating} == {"LINKUSDT"}
    for row in deviating:  # published with three decimals, traded in half thousandths
        paid = Decimal(row["execCost"]) / int(row["signed_contract_qty"])
        traded = paid / int(row["configured_multiplier_raw"])
        assert traded % Decimal(row["configured_tick_size"]) == 0
        assert traded != Decimal(row["lastPx"])
    book = venue.engine.book
    (scope,) = (scope for scope in book.scopes.values() if scope.positions)
    held = sum(position.cost for position in scope.positions.values())
    assert scope.cash - held == -costs


def contracts(multiplier: str, decimals: int) -> Venue:
    """Inverse contracts of ``multiplier`` dollars, paid in whole units; ada and the maker trade."""
    venue = Venue(decimals=0)
    kinds = {"price_decimals": decimals, "mark_decimals": decimals, "size_decimals": 0}
    venue.market("INV", payoff="inverse", multiplier=multiplier, lot="1", **kinds)
    venue.account("ada", "maker")
    venue.deposit("ada", "1000")
    venue.deposit("maker", "100000")
    return venue


@pytest.mark.parametrize("extra", [[], [{"op": "amount", "amount": "1"}]])
def test_contracts_whose_worth_is_below_the_last_digit_are_watched(extra: list[Any]) -> None:
    """At 10 million million a contract is worth nothing that is kept; at 10,000 it is 10,000."""
    venue = contracts("1", 0)
    rate = {"op": "rate", "rate": "0.05"}
    schedule = {"initial": {"op": "sum", "of": [rate, *extra]} if extra else rate}
    venue.adopt(rulebook(schedule={**schedule, "maintenance": {"op": "rate", "rate": "0.01"}}))
    venue.mark(INV="10000000000000")
    venue.trade("ada", "maker", "INV", "100000000", "1000000")
    assert venue.status("ada") == "healthy"
    venue.mark(INV="1000000")
    venue.mark(INV="10000")
    assert venue.size("ada", "INV") == "0"


@pytest.mark.parametrize("basis", ["average", "rounded_entry"])
def test_an_inverse_entry_that_rounds_to_nothing_releases_the_cost_in_proportion(
    basis: str,
) -> None:
    """0.335 / 0.01 is 33.5, kept as 34, twice: an entry of 0.00985, which is 0.00 at two decimals.

    Half of it is closed, so half of the cost of 68 is released.
    """
    venue = contracts("0.335", 2)
    venue.adopt(rulebook(instruments={"cost_basis": basis}))
    venue.mark(INV="0.01")
    for _ in range(2):
        venue.trade("ada", "maker", "INV", "1", "0.01")
    closing = {"market": "INV", "buyer": "maker", "seller": "ada", "size": "1", "price": "0.01"}
    assert deviations(venue("Traded", **closing)) == []
    assert (venue.size("ada", "INV"), venue.equity("ada")) == ("1", "1000.5")
    position = venue.engine.book.scope(venue.ordinal("ada"), 1).positions[1]
    assert position.cost == -34


def test_a_pnl_is_compared_also_where_the_entry_rounds_to_nothing() -> None:
    venue = contracts("0.335", 2)
    venue.mark(INV="0.01")
    told = {"account": "ada", "market": "INV", "size": "1", "price": "0.01"}
    venue("Filled", side="buy", **told)
    assert deviations(venue("Filled", side="sell", reported_pnl="0", **told)) == []
