"""Appending: order, atomicity, identity, receipts."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.database import connect
from clearing.events import Event, EventRefused, decode
from clearing.log import (
    BatchRefused,
    Conflict,
    LogWriter,
    load_registry,
    read_head,
    read_log,
)
from clearing.log.merkle import Frontier, root_of
from tests.log.small import declarations, deposit, deposits, event, stored_ids, trade, writer_on


def test_positions_have_no_gaps_and_the_root_is_that_of_the_leaves(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        first = writer.append(declarations())
        second = writer.append(deposits(10, 5))
        assert (first.first_position, first.last_position, first.new) == (1, 6, 6)
        assert (second.first_position, second.last_position, second.batch) == (7, 11, 2)
        stored = [item for batch in read_log(connection, batch=4) for item in batch]
        assert [row.position for row, _ in stored] == list(range(1, 12))
        assert root_of([leaf for _, leaf in stored]) == second.root == read_head(connection).root
        assert second.tree_size == 11
        assert second.recorded_at >= first.recorded_at
        (span,) = second.coverage.values()
        assert span[0] == span[1]


def test_what_comes_back_is_what_was_sent(database_url: str) -> None:
    events = [*declarations(), *deposits(10, 3), trade(20)]
    with connect(database_url, autocommit=True) as connection:
        LogWriter(connection).append(events)
        registry = load_registry(connection)
        back = [decode(row, registry) for batch in read_log(connection) for row, _ in batch]
        assert back == events


def test_the_same_batch_again_is_all_duplicates_with_their_positions(database_url: str) -> None:
    events = [*declarations(), *deposits(10, 3)]
    with writer_on(database_url) as writer:
        first = writer.append(events)
        again = writer.append(events)
    with writer_on(database_url) as other:
        third = other.append(events)
    assert again.new == third.new == 0
    assert again.duplicates == third.duplicates == {i: i + 1 for i in range(9)}
    assert (again.root, again.batch) == (first.root, first.batch)


def test_a_batch_of_old_and_new_keeps_the_new_in_order(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append([*declarations(), *deposits(10, 3)])
        receipt = writer.append([*deposits(12, 2), deposit(13, amount="13.00"), *deposits(14, 1)])
        assert (receipt.first_position, receipt.last_position) == (10, 11)
        assert receipt.duplicates == {0: 9, 2: 10}
        assert stored_ids(connection)[6:] == ["10", "11", "12", "13", "14"]


def test_other_content_under_an_identity_refuses_the_whole_batch_and_names_both(
    database_url: str,
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append([*declarations(), deposit(10)])
        with pytest.raises(Conflict, match=r"amount=1\.00, sent amount=2") as caught:
            writer.append([deposit(11), deposit(10, amount="2")])
        assert (caught.value.index, caught.value.position) == (1, 7)
        with pytest.raises(Conflict, match="decimals=2, sent decimals=3"):
            writer.append([event(2, "AssetDeclared", name="USD", decimals=3)])
        with pytest.raises(Conflict, match="an earlier event of the batch"):
            writer.append([deposit(12), deposit(12, amount="3")])
        assert len(stored_ids(connection)) == 7
        assert writer.append([deposit(11)]).new == 1


def test_naming_the_settlement_asset_for_a_fee_changes_nothing(database_url: str) -> None:
    fields = {"market": "BTC", "account": "ada", "side": "buy", "size": "1", "price": "9"}
    plain, named = (event(10, "Filled", **fields, **extra) for extra in ({}, {"fee_asset": "USD"}))
    with writer_on(database_url) as writer:
        writer.append([*declarations(), plain])
        assert writer.append([named]).duplicates == {0: 7}
        other = event(11, "Filled", **fields)
        assert writer.append([other, event(11, "Filled", **fields, fee_asset="USD")]).new == 1


def test_an_event_of_an_account_opened_since_is_still_the_same_event(database_url: str) -> None:
    with writer_on(database_url) as writer:
        writer.append([*declarations(), deposit(10, "eve")])
        writer.append([event(11, "AccountOpened", account="eve")])
        assert writer.append([deposit(10, "eve")]).duplicates == {0: 7}


def test_a_batch_may_use_what_it_declares_and_sources_may_share_external_ids(
    database_url: str,
) -> None:
    def declare(name: str) -> Event:
        return event(1, "SourceDeclared", source=name, name=name, description="x")

    with writer_on(database_url) as writer:
        first = writer.append([declare("alpha"), declare("beta"), declare("alpha")])
        assert (first.new, first.duplicates) == (2, {2: 1})
        assert writer.append([declare("beta")]).duplicates == {0: 2}
        clock = [event(2, "ClockTicked", source=name) for name in ("alpha", "beta")]
        assert writer.append(clock).new == 2


def test_a_refused_event_refuses_its_batch_or_is_set_aside(database_url: str) -> None:
    bad = deposit(11, amount="1.005")
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        with pytest.raises(BatchRefused, match="amount") as caught:
            writer.append([deposit(10), bad])
        assert (caught.value.index, caught.value.refusal.path) == (1, "amount")
        assert len(stored_ids(connection)) == 6
        aside: dict[int, EventRefused] = {}
        receipt = writer.append([deposit(10), bad, deposit(12)], set_aside=aside)
        assert (receipt.new, list(aside)) == (2, [1])


def test_times_too_far_ahead_of_our_clock_are_refused(database_url: str) -> None:
    ahead = deposit(10, at="2199-01-01T00:00:00Z")
    with writer_on(database_url) as writer:
        writer.append(declarations())
        with pytest.raises(BatchRefused, match="ahead of our clock"):
            writer.append([ahead])
        aside: dict[int, EventRefused] = {}
        assert writer.append([ahead, deposit(11)], set_aside=aside).new == 1
        assert aside[0].path == "occurred_at"


def test_a_writer_learns_names_that_another_declared(database_url: str) -> None:
    with writer_on(database_url) as one, writer_on(database_url) as two:
        one.append(declarations()[:2])
        two.append(declarations()[2:5])
        assert one.append([deposit(10), trade(11)]).new == 2
        assert one.append(declarations()).new == 1


@pytest.mark.parametrize("sizes", [[16], [1] * 16, [5, 1, 10], [7, 9], [3, 3, 3, 3, 3, 1]])
def test_any_split_into_batches_gives_the_same_log(database_url: str, sizes: list[int]) -> None:
    """Equal roots: the same content in the same order, however it was batched."""
    events = [*declarations(), *deposits(10, 9), trade(30)]
    with writer_on(database_url) as writer:
        for size in sizes:
            batch, events = events[:size], events[size:]
            root = writer.append(batch).root
    assert not events
    assert root.hex() == "495eb77ae82c4de9dbcb85726e4e777b53a3e06ad592296f673744f5aa11f57b"


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_the_frontier_gives_the_root_of_the_recursive_definition(leaves: list[bytes]) -> None:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    again = Frontier.from_bytes(frontier.size, frontier.to_bytes())
    assert frontier.root() == again.root() == _recursive_root(leaves)


def _recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = _recursive_root(leaves[:split]), _recursive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_a_sources_own_declaration_uses_up_its_external_id(database_url: str) -> None:
    with writer_on(database_url) as writer:
        writer.append(declarations())
        with pytest.raises(Conflict, match="stored kind=SourceDeclared, sent kind=Deposited"):
            writer.append([deposit(1)])


def test_a_declaration_ahead_of_our_clock_is_set_aside_with_what_needs_it(
    database_url: str,
) -> None:
    later = event(7, "MarketDeclared", name="ETH", at="2199-01-01T00:00:00Z", **_MARKET)
    mark = event(8, "Marked", marks=[{"market": "ETH", "price": "1"}])
    with writer_on(database_url) as writer:
        writer.append(declarations())
        aside: dict[int, EventRefused] = {}
        assert writer.append([deposit(10), later, mark, deposit(11)], set_aside=aside).new == 2
        assert {index: refusal.path for index, refusal in aside.items()} == {
            1: "occurred_at",
            2: "marks.0.market",
        }


_MARKET: dict[str, Any] = {
    "settlement_asset": "USD",
    "lot": "1",
    "price_decimals": 0,
    "mark_decimals": 0,
    "size_decimals": 0,
}
