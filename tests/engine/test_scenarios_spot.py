"""Scenarios: spot markets, where a fill exchanges two assets and may leave a debt."""

from typing import Any

import pytest

from clearing.events.refused import EventRefused
from tests.engine.venue import PERSON, TAKEOVER, Venue, deviations, of_kind, rulebook


@pytest.fixture
def venue() -> Venue:
    """STOCK is traded for dollars; 90 % of it counts as collateral."""
    venue = Venue()
    venue("AssetDeclared", name="STOCK", decimals=3)
    venue.market("STOCK-USD", payoff="spot", base_asset="STOCK")
    venue.account("ada", "broker")
    counted = {"assets": {"STOCK": {"market": "STOCK-USD", "weights": {"maintenance": "0.9"}}}}
    document = rulebook(mode="verify", ladder=[TAKEOVER], collateral={"all": counted})
    document["bindings"][0]["collateral"] = "all"
    assert deviations(venue.adopt(document)) == []
    venue.mark(**{"STOCK-USD": "100.00"})
    venue.deposit("ada", "4000")
    venue.deposit("broker", "100000")
    venue.deposit("broker", "1000", "STOCK")
    return venue


def holdings(venue: Venue, account: str) -> tuple[str, str]:
    return venue.cash(account), venue.cash(account, "STOCK")


def test_stock_bought_on_margin(venue: Venue) -> None:
    """$10,000 with $4,000 and a loan of $6,000 at 10 %: breaches below $6,666.67 and not before."""
    entries = venue.trade("ada", "broker", "STOCK-USD", "100", "100.00")
    assert deviations(entries) == []
    assert holdings(venue, "ada") == ("-6000", "100")
    assert holdings(venue, "broker") == ("110000", "900")
    assert (venue.ledger("spot", "STOCK-USD"), venue.ledger("spot", "STOCK-USD", "STOCK")) == (
        "0",
        "0",
    )
    for price, status in (
        ("90.00", "healthy"),
        ("85.00", "healthy"),
        ("66.67", "healthy"),
        ("66.66", "liquidation"),
    ):
        venue.mark(**{"STOCK-USD": price})
        assert venue.status("ada") == status, price


def test_one_side_alone_leaves_the_other_to_the_market(venue: Venue) -> None:
    fill: dict[str, Any] = {"account": "ada", "market": "STOCK-USD", "side": "sell"}
    venue.deposit("ada", "7", "STOCK")
    venue("Filled", size="2.5", price="100.01", fee="0.001", fee_asset="STOCK", **fill)
    # 250.025, rounded half to even
    assert holdings(venue, "ada") == ("4250.02", "4.499")
    assert venue.ledger("spot", "STOCK-USD") == "-250.02"
    assert venue.ledger("spot", "STOCK-USD", "STOCK") == "2.5"
    assert venue.ledger("fees", asset="STOCK") == "0.001"


def test_a_fill_is_reversed_in_both_assets(venue: Venue) -> None:
    told = {"market": "STOCK-USD", "buyer": "ada", "seller": "broker"}
    venue("Traded", id="t1", size="1.5", price="99.99", **told)
    assert holdings(venue, "ada") == ("3850.02", "1.5")
    target = {"source": "venue", "external_id": "t1"}
    assert deviations(venue("Reversed", target=target, **PERSON)) == []
    assert holdings(venue, "ada") == ("4000", "0")
    assert holdings(venue, "broker") == ("100000", "1000")


def test_a_reported_cost_is_posted_and_compared(venue: Venue) -> None:
    fill = {"account": "ada", "market": "STOCK-USD", "side": "buy", "size": "1", "price": "100.00"}
    entries = venue("Filled", reported_cost="100.01", **fill)
    assert deviations(entries) == ["reported_cost"]
    assert holdings(venue, "ada") == ("3899.99", "1")


def test_open_orders_in_a_spot_market_ask_no_margin(venue: Venue) -> None:
    venue("OrdersObserved", account="ada", market="STOCK-USD", buy_size="100", sell_size="0")
    assert venue.asked("ada", "maintenance") == "0"


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("PositionCarried", {"account": "ada", "size": "1"}, "market"),
        ("MarketSettled", {"price": "1"}, "market"),
        (
            "Filled",
            {"account": "ada", "side": "buy", "size": "1", "price": "1", "reported_pnl": "1"},
            "reported_pnl",
        ),
    ],
)
def test_what_needs_a_position_is_refused(
    venue: Venue, kind: str, fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(EventRefused, match="spot market, which has no positions") as refused:
        venue(kind, market="STOCK-USD", **fields)
    assert refused.value.problems[0].path == path


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"payoff": "spot"}, "base_asset"),
        ({"payoff": "linear", "base_asset": "STOCK"}, "only spot markets have one"),
        ({"payoff": "spot", "base_asset": "USD"}, "is the settlement asset"),
        ({"payoff": "spot", "base_asset": "STOCK", "multiplier": "2"}, "in a spot market it is 1"),
        ({"payoff": "spot", "base_asset": "STOCK", "size_decimals": 4}, "more than the 3 decimals"),
    ],
)
def test_a_declaration_that_is_no_spot_market_is_refused(
    venue: Venue, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(EventRefused, match=says):
        venue.market("X-USD", **fields)


def test_entries_say_what_moved(venue: Venue) -> None:
    entries = venue.trade("ada", "broker", "STOCK-USD", "1", "100.00")
    moved = [(p["purpose"], p["asset"], p["amount"]) for p in of_kind(entries, "posting")]
    assert moved == [("spot", 1, 10000), ("spot", 2, 1000)] * 2
