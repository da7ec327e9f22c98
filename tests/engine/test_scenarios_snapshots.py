"""Scenarios: a restored book watches everybody whom a mark can change, holding anything or not."""

from typing import Any

import pytest

from clearing.engine import Engine
from tests.engine.venue import Venue, rulebook, transitions


@pytest.fixture
def venue() -> Venue:
    """ada has 100 dollars, a maker has plenty; BTC stands at 100, a coin at 10."""
    venue = Venue()
    venue.market("BTC")
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD", payoff="spot", base_asset="COIN")
    venue.account("ada", "maker")
    venue.deposit("ada", "100")
    venue.deposit("maker", "1000000")
    venue.mark(BTC="100.00", **{"COIN-USD": "10.00"})
    return venue


def put_away(venue: Venue) -> None:
    """Go on with an engine restored from a snapshot; the naive one beside it stays as it was."""
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)


def test_open_orders_without_a_position_are_watched(venue: Venue) -> None:
    """An order for 15 BTC asks 75 of 100 at a price of 100, and 105 at 140."""
    levels: dict[str, Any] = {
        "initial": {"op": "with_orders", "of": {"op": "rate", "rate": "0.05"}},
        "maintenance": {"op": "rate", "rate": "0.01"},
    }
    venue.adopt(rulebook(schedule=levels))
    orders = {"account": "ada", "market": "BTC", "buy_size": "15", "sell_size": "0"}
    venue("OrdersObserved", **orders)
    assert venue.status("ada") == "healthy"
    put_away(venue)
    ada = venue.ordinal("ada")
    assert transitions(venue.mark(BTC="140.00")) == [(ada, "healthy", "restricted")]


def test_a_debt_without_a_position_is_watched(venue: Venue) -> None:
    """4 borrowed coins sold leave 140 to a debt of 40, weighed 1.25; at 30 it weighs 150.

    The fund repays the debt of 120 for 120 of the 140, so 20 are left.
    """
    weights = {"weights": {"maintenance": "0.9"}, "liabilities": {"maintenance": "1.25"}}
    document = rulebook(
        collateral={"some": {"assets": {"COIN": {"market": "COIN-USD", **weights}}}}
    )
    document["bindings"][0]["collateral"] = "some"
    venue.adopt(document)
    venue.trade("maker", "ada", "COIN-USD", "4", "10.00")
    assert (venue.cash("ada"), venue.cash("ada", "COIN")) == ("140", "-4")
    assert venue.status("ada") == "healthy"
    put_away(venue)
    ada = venue.ordinal("ada")
    entries = venue.mark(**{"COIN-USD": "30.00"})
    assert transitions(entries) == [(ada, "healthy", "liquidation"), (ada, "liquidation", "flat")]
    assert (venue.cash("ada"), venue.cash("ada", "COIN")) == ("20", "0")
