"""The registry: ordinals in the order of declaration, facts as declared."""

import json

import pytest

from clearing.events import EventRefused, Registry, encode
from clearing.events.canonical import canonical_json
from tests.events.venue import ACCOUNTS, ASSETS, DECLARATIONS, MARKETS, event, venue


def test_ordinals_follow_the_order_of_declaration() -> None:
    registry = venue()
    assert registry.counts() == (2, len(ASSETS), len(MARKETS), len(ACCOUNTS))
    assert registry.source_ordinals == {"venue": 1, "oracle": 2}
    assert registry.asset_ordinals == {"USD": 1, "BTC": 2, "WEI": 3}
    assert registry.market_ordinals == {"BTC-PERP": 1, "ETH-PERP": 2, "WEI-PERP": 3}
    assert registry.account_ordinals == {"alice": 1, "bob": 2, "fund": 3}


def test_declared_facts_are_scaled_integers() -> None:
    registry = venue()
    declared = event(
        "MarketDeclared",
        name="MINI",
        settlement_asset="WEI",
        multiplier="0.0010",
        lot="0.50",
        price_decimals=3,
        mark_decimals=4,
        size_decimals=2,
    )
    registry.apply(encode(declared, registry))
    market = registry.market(4)
    assert (market.ordinal, market.name, market.payoff) == (4, "MINI", "linear")
    assert market.settlement_asset == 3
    assert (market.multiplier, market.multiplier_decimals) == (1, 3)
    assert market.lot == 50
    assert (market.price_decimals, market.mark_decimals, market.size_decimals) == (3, 4, 2)
    opened = event("AccountOpened", account="sub", account_class="desk", owner="o", parent="bob")
    registry.apply(encode(opened, registry))
    account = registry.account(4)
    assert (account.name, account.account_class, account.owner) == ("sub", "desk", "o")
    assert account.parent == 2
    assert registry.account(1).parent == 0
    assert registry.source(1).clock_bound == 60_000_000
    assert registry.asset(2).decimals == 8


def test_a_copy_is_independent() -> None:
    registry = venue()
    copy = registry.copy()
    copy.apply(encode(event("AccountOpened", account="carol"), copy))
    assert registry.counts() == (2, 3, 3, 3)
    assert copy.counts() == (2, 3, 3, 4)
    assert copy.account(4).name == "carol"


def test_json_restores_it_exactly() -> None:
    registry = venue()
    text = canonical_json(registry.to_json())
    restored = Registry.from_json(json.loads(text))
    assert canonical_json(restored.to_json()) == text
    assert restored.counts() == registry.counts()
    for n, name in enumerate(MARKETS, start=1):
        before, after = registry.market(n), restored.market(n)
        assert after.name == name
        assert [getattr(after, slot) for slot in after.__slots__] == [
            getattr(before, slot) for slot in before.__slots__
        ]


@pytest.mark.parametrize("ordinal", [-1, 0, 4])
def test_an_ordinal_that_is_not_declared(ordinal: int) -> None:
    with pytest.raises(KeyError, match=f"market {ordinal} is not declared; 3 are"):
        venue().market(ordinal)


def test_a_name_is_declared_once() -> None:
    registry = Registry()
    first = encode(event(source="venue", **DECLARATIONS[0]), registry)
    registry.apply(first)
    with pytest.raises(ValueError, match="SourceDeclared of venue, which is declared already"):
        registry.apply(first)
    with pytest.raises(EventRefused, match="declared already; a declaration never changes"):
        encode(event(**DECLARATIONS[0]), registry)


def test_only_declarations_are_applied() -> None:
    registry = venue()
    carried = encode(event("Deposited", account="bob", asset="USD", amount="1"), registry)
    carried.detail = '{"name":"x"}'
    with pytest.raises(ValueError, match="kind 10 does not declare a name"):
        registry.apply(carried)
