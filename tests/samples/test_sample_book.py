"""The sample book: accounts and positions for markets and marks from elsewhere."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.events import AssetDeclared, Event, MarketDeclared, Registry, SourceDeclared, encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.rulebook.presets import PRESETS
from clearing.samples import book_from_text, sample_book

AT = datetime(2020, 3, 10, tzinfo=UTC)


def market(name: str = "BTCUSDT", asset: str = "USDT", **changes: object) -> MarketDeclared:
    fields = {
        "source": "prices",
        "external_id": f"market:{name}",
        "occurred_at": AT,
        "name": name,
        "settlement_asset": asset,
        "lot": "0.001",
        "price_decimals": 2,
        "mark_decimals": 8,
        "size_decimals": 3,
    }
    return MarketDeclared.model_validate({**fields, **changes})


def declared(*markets: MarketDeclared) -> Registry:
    registry = Registry()
    source = SourceDeclared(
        source="prices", external_id="s", occurred_at=AT, name="prices", description="Prices"
    )
    asset = AssetDeclared(source="prices", external_id="a", occurred_at=AT, name="USDT", decimals=8)
    declarations: tuple[Event, ...] = (source, asset, *markets)
    for event in declarations:
        registry.apply(encode(event, registry))
    return registry


def accept(events: list[Event], registry: Registry) -> Counter[str]:
    for event in events:
        row = encode(event, registry)
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
    return Counter(event.kind for event in events)


def test_a_book_is_accepted_after_its_markets() -> None:
    btc, eth = market(), market("ETHUSDT")
    marks = [(btc, Decimal("7930.64840909")), (eth, Decimal("202.84954545"))]
    events = list(sample_book(marks, AT))
    kinds = accept(events, declared(btc, eth))
    assert kinds["AccountOpened"] == 305
    assert kinds["Deposited"] == 304
    assert kinds["Traded"] > 300
    assert {event.occurred_at for event in events} == {AT}
    assert events == list(sample_book(marks, AT))
    assert events != list(sample_book(marks, AT, seed=1))


def test_trades_are_at_the_opening_mark_on_the_price_scale() -> None:
    btc = market()
    trades = [e for e in sample_book([(btc, Decimal("7930.645"))], AT) if e.kind == "Traded"]
    assert {trade.price for trade in trades} == {Decimal("7930.64")}  # half to even


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**62),
    mark=st.integers(1, 10**14),
    price_decimals=st.integers(0, 8),
    size_decimals=st.integers(0, 6),
    multiplier=st.sampled_from(["1", "0.001", "100"]),
)
def test_any_market_gets_a_book_that_fits_its_scales(
    seed: int, mark: int, price_decimals: int, size_decimals: int, multiplier: str
) -> None:
    one = market(
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        lot=Decimal(1).scaleb(-size_decimals),
        multiplier=multiplier,
    )
    opening = Decimal(mark).scaleb(-8)
    events = list(sample_book([(one, opening)], AT, seed=seed, accounts=10))
    kinds = accept(events, declared(one))
    assert kinds["Deposited"] == 14


def test_a_book_needs_one_settlement_asset() -> None:
    with pytest.raises(ValueError, match="not USD, USDT"):
        list(sample_book([(market(), Decimal(1)), (market("B", "USD"), Decimal(1))], AT))
    with pytest.raises(ValueError, match="not none"):
        list(sample_book([], AT))


def test_a_book_by_name() -> None:
    marks = [(market(), Decimal(7930))]
    assert list(book_from_text("sample:5")(marks, AT)) == list(sample_book(marks, AT, seed=5))
    assert list(book_from_text("sample")(marks, AT)) == list(sample_book(marks, AT))


@pytest.mark.parametrize(
    "text", ["", "other", "sample:", "sample:x", "sample:-1", "sample:1:2", "other@vega"]
)
def test_a_book_of_another_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 'sample' or 'sample:SEED'"):
        book_from_text(text)


def test_a_book_may_go_by_a_venues_rules() -> None:
    """The same accounts and trades; only the rulebook is another, with the preset's sources."""
    marks = [(market(), Decimal("7930.645"))]
    own, venues = (list(book_from_text(text)(marks, AT)) for text in ("sample:5", "sample:5@vega"))
    assert [e for e in own if e.kind != "RulebookAdopted"] == [
        e for e in venues if e.kind != "RulebookAdopted"
    ]
    (adopted,) = [e for e in venues if e.kind == "RulebookAdopted"]
    assert (adopted.name, adopted.citations) == ("vega", PRESETS["vega"].citations)
    with pytest.raises(ValueError, match="holds positions, and aave-v3 has none"):
        book_from_text("sample:7@aave-v3")
    with pytest.raises(ValueError, match="no such preset; there are aave-v3, binance-usdm"):
        book_from_text("sample@mtgox")
