"""What the registry does not allow is refused: field, value, and what would be right."""

from typing import Any

import pytest

from clearing.events import EventRefused, encode
from tests.events.venue import event, venue

REGISTRY = venue()
FILL = {"account": "alice", "market": "BTC-PERP", "side": "buy", "size": "1", "price": "5"}
CASH = {"account": "alice", "asset": "USD", "amount": "1"}
MARKET = {
    "name": "NEW",
    "settlement_asset": "USD",
    "lot": "0.1",
    "price_decimals": 1,
    "mark_decimals": 1,
    "size_decimals": 1,
}


@pytest.mark.parametrize(
    ("kind", "fields", "path", "value", "message"),
    [
        ("Deposited", {**CASH, "source": "x"}, "source", "x", "not a declared source"),
        ("Deposited", {**CASH, "asset": "EUR"}, "asset", "EUR", "not a declared asset"),
        (
            "Deposited",
            {**CASH, "amount": "0.001"},
            "amount",
            "0.001",
            "more decimals than USD; at most 2 are allowed",
        ),
        (
            "Deposited",
            {**CASH, "amount": "9" * 47},
            "amount",
            "9" * 47,
            "too large at the 2 decimals of USD; at most 48 digits",
        ),
        ("Filled", {**FILL, "market": "X"}, "market", "X", "not a declared market"),
        (
            "Filled",
            {**FILL, "size": "0.0001"},
            "size",
            "0.0001",
            "more decimals than BTC-PERP's sizes; at most 3",
        ),
        (
            "Filled",
            {**FILL, "market": "ETH-PERP", "size": "0.12"},
            "size",
            "0.12",
            "not a multiple of ETH-PERP's lot 0.05",
        ),
        (
            "Filled",
            {**FILL, "price": "5.55"},
            "price",
            "5.55",
            "more decimals than BTC-PERP's prices; at most 1",
        ),
        ("Filled", {**FILL, "fee_asset": "X"}, "fee_asset", "X", "not a declared asset"),
        (
            "Filled",
            {**FILL, "fee": "0.001"},
            "fee",
            "0.001",
            "more decimals than USD; at most 2",
        ),
        (
            "Filled",
            {**FILL, "reported_pnl": "0.001"},
            "reported_pnl",
            "0.001",
            "more decimals than USD; at most 2",
        ),
        (
            "Filled",
            {**FILL, "reported_size_before": "0.0001"},
            "reported_size_before",
            "0.0001",
            "more decimals than BTC-PERP's sizes; at most 3",
        ),
        (
            "Marked",
            {
                "marks": [
                    {"market": "ETH-PERP", "price": "1.12345678"},
                    {"market": "BTC-PERP", "price": "1.12345"},
                ]
            },
            "marks.1.price",
            "1.12345",
            "more decimals than BTC-PERP's marks; at most 4",
        ),
        (
            "Marked",
            {"marks": [{"market": "X", "price": "1"}]},
            "marks.0.market",
            "X",
            "not a declared market",
        ),
        (
            "FundingSettled",
            {"market": "BTC-PERP", "rate": "0.0000000000001", "price": "1"},
            "rate",
            "1E-13",
            "more decimals than a funding rate; at most 12",
        ),
        ("AssetDeclared", {"name": "USD", "decimals": 2}, "name", "USD", "declared already"),
        ("MarketDeclared", {**MARKET, "name": "BTC-PERP"}, "name", "BTC-PERP", "declared already"),
        (
            "MarketDeclared",
            {**MARKET, "settlement_asset": "EUR"},
            "settlement_asset",
            "EUR",
            "not a declared asset",
        ),
        (
            "MarketDeclared",
            {**MARKET, "lot": "0.05"},
            "lot",
            "0.05",
            "more decimals than its sizes; at most 1",
        ),
        (
            "MarketDeclared",
            {**MARKET, "multiplier": "0." + "0" * 18 + "1"},
            "multiplier",
            "1E-19",
            "more decimals than a multiplier; at most 18",
        ),
        ("AccountOpened", {"account": "bob"}, "account", "bob", "declared already"),
        (
            "AccountOpened",
            {"account": "new", "parent": "nobody"},
            "parent",
            "nobody",
            "not a declared account",
        ),
        (
            "SourceDeclared",
            {"name": "oracle", "description": "x"},
            "name",
            "oracle",
            "declared already",
        ),
        (
            "SourceDeclared",
            {"source": "x", "name": "y", "description": "x"},
            "source",
            "x",
            "not a declared source; y may declare itself",
        ),
    ],
)
def test_refused(kind: str, fields: dict[str, Any], path: str, value: str, message: str) -> None:
    with pytest.raises(EventRefused) as refusal:
        encode(event(kind, **fields), REGISTRY)
    assert (refusal.value.path, refusal.value.value) == (path, value)
    assert message in refusal.value.message
    assert str(refusal.value).startswith(f"{path}: ")


def test_an_inverse_market_has_no_risk_array() -> None:
    """A loss in units of its price says nothing of coins: such an array would be read as dust."""
    registry = venue()
    registry.apply(encode(event("MarketDeclared", **{**MARKET, "payoff": "inverse"}), registry))
    array = {"market": "NEW", "producer": "desk", "version": "1", "losses": ["1"]}
    with pytest.raises(EventRefused, match="is an inverse market") as refusal:
        encode(event("RiskArrayPublished", **array), registry)
    assert (refusal.value.path, refusal.value.value) == ("market", "NEW")


def test_trailing_zeros_are_not_decimals() -> None:
    stored = encode(event("Deposited", **{**CASH, "amount": "1.2300000000"}), REGISTRY)
    assert stored.amount == 123
