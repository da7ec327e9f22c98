"""Events to rows and back: nothing lost, one stored form for one content."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.events import (
    EVENT_MODELS,
    AccountOpened,
    Event,
    EventRefused,
    EventRow,
    Filled,
    Kind,
    Marked,
    Traded,
    decode,
    encode,
    format_line,
    pack,
    parse_event,
)
from clearing.events.row import ROW_FIELDS
from tests.events.venue import EVENTS, MARKETS, event, events, outcome_of, venue

REGISTRY = venue()


def normal(sent: Event) -> Event:
    """The normal form, by its definition on the page of events."""
    changed: dict[str, Any] = {}
    if isinstance(sent, Filled | Traded) and sent.fee_asset == MARKETS[sent.market][0]:
        changed["fee_asset"] = None
    if isinstance(sent, Marked):
        order = list(MARKETS)
        changed["marks"] = tuple(sorted(sent.marks, key=lambda mark: order.index(mark.market)))
    if isinstance(sent, AccountOpened):
        changed["isolates"] = tuple(sorted(sent.isolates, key=list(MARKETS).index))
    return sent.model_copy(update=changed)


def row(kind: Kind, **columns: Any) -> EventRow:
    """A row of source 1 with only the columns that matter."""
    values: dict[str, Any] = dict.fromkeys(ROW_FIELDS, 0)
    values |= {"external_id": "1", "trade_id": "", "detail": "", "version": 1, "source": 1}
    values |= {"occurred_at": 1_718_668_800_000_000, "kind": int(kind)}
    return EventRow(**{**values, **columns})


def test_every_kind_has_a_model_and_a_strategy() -> None:
    assert set(EVENT_MODELS) == {kind.name for kind in Kind} == set(EVENTS)


@pytest.mark.parametrize("kind", EVENTS)
@given(data=st.data())
@settings(max_examples=25)
def test_what_is_decoded_is_what_was_sent(kind: str, data: st.DataObject) -> None:
    sent = data.draw(EVENTS[kind])
    stored = encode(sent, REGISTRY)
    back = decode(stored, REGISTRY)
    assert back == normal(sent)
    assert format_line(back) == format_line(normal(sent))
    again = encode(back, REGISTRY)
    assert again == stored
    assert pack(again) == pack(stored)


@given(events)
def test_every_number_fits_its_column(sent: Event) -> None:
    stored = encode(sent, REGISTRY)
    for name in ("quantity", "price", "amount", "fee", "occurred_at"):
        assert -(2**63) <= getattr(stored, name) < 2**63
    assert stored.detail.isascii()
    assert pack(stored)


def test_a_fill() -> None:
    fill = event(
        "Filled",
        account="alice",
        market="BTC-PERP",
        side="sell",
        size="0.250",
        price="65400.5",
        fee="-0.10",
        trade_id="t-1",
        cause="adl",
    )
    assert encode(fill, REGISTRY) == row(
        Kind.Filled,
        account=1,
        market=1,
        flags=2,
        quantity=-250,
        price=654005,
        fee=-10,
        trade_id="t-1",
    )


def test_a_trade_keeps_both_sides() -> None:
    trade = event(
        "Traded",
        market="ETH-PERP",
        buyer="bob",
        seller="alice",
        size="1.50",
        price="3480.25",
        buyer_fee="0.44",
        seller_fee="-0.09",
        buyer_cause="trade",
        seller_cause="liquidation",
    )
    assert encode(trade, REGISTRY) == row(
        Kind.Traded,
        account=2,
        contra=1,
        market=2,
        flags=0 | 1 << 4,
        quantity=150,
        price=348025,
        fee=44,
        amount=-9,
    )


def test_the_settlement_asset_named_as_fee_asset_is_the_same_content() -> None:
    fields = {"account": "bob", "market": "BTC-PERP", "side": "buy", "size": "1", "price": "5"}
    named = encode(event("Filled", fee="0.5", fee_asset="USD", **fields), REGISTRY)
    assert pack(named) == pack(encode(event("Filled", fee="0.50", **fields), REGISTRY))
    other = encode(event("Filled", fee="0.5", fee_asset="BTC", **fields), REGISTRY)
    assert (other.asset, other.fee) == (2, 50_000_000)


def test_marks_stand_in_the_order_of_their_markets() -> None:
    btc = {"market": "BTC-PERP", "price": "65000.12"}
    eth = {"market": "ETH-PERP", "price": "3480"}
    one, other = (encode(event("Marked", marks=m), REGISTRY) for m in ([btc, eth], [eth, btc]))
    assert pack(one) == pack(other)
    assert one == row(Kind.Marked, detail='{"marks":[[1,"650001200"],[2,"348000000000"]]}')
    alone = encode(event("Marked", marks=[eth]), REGISTRY)
    assert alone == row(Kind.Marked, market=2, price=348_000_000_000)


def test_an_account_that_is_not_opened_keeps_its_name() -> None:
    stored = encode(event("Deposited", account="carol", asset="USD", amount="1"), REGISTRY)
    assert stored == row(
        Kind.Deposited, asset=1, amount=100, detail='{"unknown":{"account":"carol"}}'
    )


def test_a_reference_to_an_unheard_of_source_keeps_its_name() -> None:
    people = {"author": "a", "approver": "b", "reason": "c"}
    known = {"source": "oracle", "external_id": "x"}
    unknown = {"source": "elsewhere", "external_id": "x"}
    stored = encode(event("Reversed", target=known, **people), REGISTRY)
    assert '"target":[2,"x"]' in stored.detail
    stored = encode(event("Reversed", target=unknown, **people), REGISTRY)
    assert '"target":[0,"x"]' in stored.detail
    assert '"unknown":{"target":"elsewhere"}' in stored.detail


@pytest.mark.parametrize(("amount", "wide"), [(2**63 - 1, False), (2**63, True), (10**30, True)])
def test_a_number_beyond_63_bits_stands_in_the_detail(amount: int, wide: bool) -> None:
    sent = event("Deposited", account="bob", asset="WEI", amount=f"{amount}e-18")
    stored = encode(sent, REGISTRY)
    assert stored.amount == (0 if wide else amount)
    assert stored.detail == (f'{{"wide":{{"amount":"{amount}"}}}}' if wide else "")
    assert decode(stored, REGISTRY) == sent


def test_a_source_may_declare_itself_and_nobody_else() -> None:
    own = event("SourceDeclared", source="chain", name="chain", description="a chain")
    stored = encode(own, REGISTRY)
    assert stored.source == 0
    assert decode(stored, REGISTRY) == own


def test_times_are_stored_in_utc_to_the_microsecond() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    at = datetime(2024, 6, 18, 5, 45, 0, 1, tzinfo=kathmandu)
    stored = encode(event("ClockTicked", occurred_at=at), REGISTRY)
    assert stored == row(Kind.ClockTicked, occurred_at=1_718_668_800_000_001)
    assert decode(stored, REGISTRY).occurred_at == at.astimezone(UTC)


def test_the_packed_bytes_are_pinned() -> None:
    stored = encode(
        event("Deposited", external_id="d-1", account="alice", asset="USD", amount="12.5"),
        REGISTRY,
    )
    assert pack(stored).hex() == (
        "01" "000a" "0001" "0000" "00000001" "00000001" "00000000" "00000000" "00000001"
        "00061b1ec34f8000" "0000000000000000" "0000000000000000" "00000000000004e2"
        "0000000000000000" "00000003" "642d31" "00000000" "00000000"
    )  # fmt: skip


@pytest.mark.parametrize("kind", EVENTS)
@given(data=st.data())
@settings(max_examples=10)
def test_events_have_the_same_bytes_only_if_they_are_the_same(
    kind: str, data: st.DataObject
) -> None:
    one, other = data.draw(EVENTS[kind]), data.draw(EVENTS[kind])
    field = data.draw(st.sampled_from(sorted(one.model_dump())))
    mixed = outcome_of(lambda: parse_event({**one.model_dump(), field: other.model_dump()[field]}))
    if isinstance(mixed, EventRefused):  # the field does not go with the others
        return
    stored = outcome_of(lambda: pack(encode(mixed, REGISTRY)))
    if not isinstance(stored, EventRefused):
        assert (stored == pack(encode(one, REGISTRY))) is (normal(mixed) == normal(one))
