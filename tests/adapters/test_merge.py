"""Several files become one order, whatever was in which file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import (
    Located,
    MergeRefused,
    Refusal,
    in_given_order,
    merge,
    merge_sorted,
)
from clearing.adapters.base import refuse
from clearing.adapters.merge import kind_rank, merge_key
from clearing.events import ClockTicked, Deposited, Event, Kind, Marked, parse_event
from tests.adapters.events import AT, events

Items = list[Located | Refusal]


def located(batches: Sequence[Sequence[Event]]) -> list[Items]:
    return [
        [Located(event, f"file-{number}", line) for line, event in enumerate(batch, start=1)]
        for number, batch in enumerate(batches)
    ]


def tick(seconds: int) -> Event:
    moment = AT + timedelta(seconds=seconds)
    return ClockTicked(source="s", external_id=f"t{seconds}", occurred_at=moment)


moments = st.sampled_from([datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC)])
few_times = st.builds(
    lambda event, moment: event.model_copy(update={"occurred_at": moment}), events, moments
)


def test_the_order_of_kinds_in_one_moment() -> None:
    told = [
        "AccountOpened",
        "RulebookAdopted",
        "MarketStateChanged",
        "Deposited",
        "PositionCarried",
        "Filled",
        "OrdersObserved",
        "Marked",
        "FundingSettled",
        "MarketSettled",
        "Reversed",
        "ClockTicked",
        "StateCertified",
    ]
    ranks = [kind_rank(kind) for kind in told]
    assert ranks == sorted(set(ranks))
    assert {kind_rank(kind.name) for kind in Kind} == set(ranks)
    for same in (
        ("SourceDeclared", "AssetDeclared", "MarketDeclared", "AccountOpened"),
        (
            "Deposited",
            "DepositConfirmed",
            "Withdrawn",
            "Transferred",
            "FundContributed",
            "FundWithdrawn",
            "PoolJoined",
            "PoolLeft",
            "PoolLeaveRequested",
            "PoolLeaveCancelled",
            "Adjusted",
        ),
        ("Filled", "Traded", "AuctionTaken", "AuctionBid"),
        ("PositionCarried", "LeverageSet"),
        (
            "OrdersObserved",
            "OpenInterestObserved",
            "DepthObserved",
            "RiskArrayPublished",
            "RiskScored",
            "DeleveragingRanked",
        ),
        ("PriceObserved", "PremiumSampled", "Marked"),
        ("FundingSettled", "FundingPaid", "InterestSettled", "InterestPaid"),
    ):
        assert len({kind_rank(kind) for kind in same}) == 1


@given(st.lists(st.lists(few_times, max_size=5), max_size=4))
def test_merging_sorts_by_time_kind_file_and_line(batches: list[list[Event]]) -> None:
    files = located(batches)
    merged = list(merge(files))
    keys = [
        merge_key(item.event, int(item.file.removeprefix("file-")), item.line)
        for item in merged
        if isinstance(item, Located)
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert sorted(map(repr, merged)) == sorted(repr(item) for file in files for item in file)


@given(st.lists(st.lists(few_times, max_size=5), max_size=4))
def test_sorted_files_stream_to_the_same_order(batches: list[list[Event]]) -> None:
    ordered = [sorted(batch, key=lambda event: merge_key(event, 0, 0)[:2]) for batch in batches]
    files = located(ordered)
    assert list(merge_sorted(files)) == list(merge(files))


def test_streaming_holds_one_event_of_each_file() -> None:
    taken = 0

    def endless(offset: int) -> Iterator[Located | Refusal]:
        nonlocal taken
        second = offset
        while True:
            taken += 1
            yield Located(tick(second), f"file-{offset}", second + 1)
            second += 2

    merged = merge_sorted([endless(0), endless(1)])
    assert [next(merged).line for _ in range(10)] == list(range(1, 11))
    assert taken <= 12


def test_a_file_that_is_not_sorted_stops_a_streamed_merge() -> None:
    files = located([[tick(1), tick(5), tick(4)], [tick(2)]])
    with pytest.raises(MergeRefused, match="file-0:3: ClockTicked 't4' stands after a later"):
        list(merge_sorted(files))


def test_too_many_events_are_refused_with_what_to_do() -> None:
    files = located([[tick(1), tick(2)], [tick(3), tick(4)]])
    with pytest.raises(MergeRefused, match="file-1:2: more than 3 events to sort in memory; sort"):
        list(merge(files, max_events=3))
    assert len(list(merge(files, max_events=4))) == 4


def test_refusals_come_through_every_way_of_merging() -> None:
    wrong = refuse("file-1", 1, "not an event")
    files: list[Items] = [[Located(tick(9), "file-0", 1)], [wrong, Located(tick(1), "file-1", 2)]]
    assert list(merge(files)) == [wrong, files[1][1], files[0][0]]
    assert list(merge_sorted(files)) == [wrong, files[1][1], files[0][0]]
    assert list(in_given_order(files)) == [files[0][0], wrong, files[1][1]]


def test_a_mark_and_a_deposit_of_one_moment() -> None:
    mark = parse_event(
        {
            "kind": "Marked",
            "source": "s",
            "external_id": "m",
            "occurred_at": AT,
            "marks": [{"market": "M", "price": "1"}],
        }
    )
    deposit = Deposited.model_validate(
        {
            "source": "s",
            "external_id": "d",
            "occurred_at": AT,
            "account": "a",
            "asset": "USD",
            "amount": "1",
        }
    )
    merged = list(merge(located([[mark], [deposit]])))
    kinds = [type(item.event) for item in merged if isinstance(item, Located)]
    assert kinds == [Deposited, Marked]
