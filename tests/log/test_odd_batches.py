"""Odd batches: events set aside, sent twice, ahead of time, under another's identity."""

import time
from typing import Any

import pytest

from clearing.database import connect
from clearing.events import Event, EventRefused
from clearing.log import BatchRefused, Conflict, LogWriter, read_head, verify_log
from clearing.log.append import MAX_BATCH
from tests.log.small import declarations, deposit, deposits, event, stored_ids, trade, writer_on

FAR = "2199-01-01T00:00:00Z"


def test_an_event_set_aside_for_its_time_is_set_aside_each_time_it_is_in_the_batch(
    database_url: str,
) -> None:
    with writer_on(database_url) as writer:
        writer.append(declarations())
        aside: dict[int, EventRefused] = {}
        ahead = deposit(10, at=FAR)
        receipt = writer.append([ahead, deposit(11), ahead, deposit(11)], set_aside=aside)
    assert sorted(aside) == [0, 2]
    assert (receipt.new, receipt.duplicates) == (1, {3: 7})


def test_an_event_set_aside_for_its_content_is_set_aside_each_time(database_url: str) -> None:
    bad = deposit(10, amount="1.001")
    with writer_on(database_url) as writer:
        writer.append(declarations())
        aside: dict[int, EventRefused] = {}
        assert writer.append([bad, bad, deposit(10)], set_aside=aside).new == 1
    assert sorted(aside) == [0, 1]


def test_what_a_declaration_set_aside_would_have_declared_is_not_there(database_url: str) -> None:
    orphan = event(20, "AccountOpened", account="eve", parent="nobody")
    of_orphan = event(21, "AccountOpened", account="mia", parent="eve")
    with writer_on(database_url) as writer:
        writer.append(declarations())
        aside: dict[int, EventRefused] = {}
        assert writer.append([orphan, of_orphan, deposit(22)], set_aside=aside).new == 1
        assert {i: refusal.path for i, refusal in aside.items()} == {0: "parent", 1: "parent"}


def test_a_source_that_is_not_declared_is_refused_whatever_its_external_id(
    database_url: str,
) -> None:
    """The log keeps a source's own declaration as "desk 1"; that is no identity of another's."""
    stranger = deposit(1).model_copy(update={"source": "stranger", "external_id": "desk 1"})
    with writer_on(database_url) as writer:
        writer.append(declarations())
        with pytest.raises(BatchRefused, match="is not a declared source"):
            writer.append([stranger])


@pytest.mark.parametrize("source", ["desk", "fresh"])
def test_a_source_cannot_be_declared_from_the_future(database_url: str, source: str) -> None:
    at = "2060-01-01T00:00:00Z"
    ahead = event(40, "SourceDeclared", source=source, name="fresh", description="x", at=at)
    with writer_on(database_url) as writer:
        writer.append(declarations())
        with pytest.raises(BatchRefused, match="ahead of our clock"):
            writer.append([ahead])


def test_a_source_that_may_be_a_day_ahead_is_held_to_a_day(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide: dict[str, Any] = {"name": "wide", "description": "x", "clock_bound_seconds": 86_400}
    with writer_on(database_url) as writer:
        monkeypatch.setattr(time, "time_ns", lambda: 1_767_225_600_000_000_000)  # 2026-01-01
        writer.append([*declarations(), event(9, "SourceDeclared", **wide)])
        tick = event(1, "ClockTicked", source="wide", at="2026-01-02T00:00:00Z")
        assert writer.append([tick]).new == 1
        late = event(2, "ClockTicked", source="wide", at="2026-01-02T00:00:00.000001Z")
        with pytest.raises(BatchRefused, match="86400 s ahead"):
            writer.append([late])


def test_recorded_at_never_goes_back_though_our_clock_may(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        first = writer.append(declarations())
        monkeypatch.setattr(time, "time_ns", lambda: 1_767_225_600_000_000_000)
        second = writer.append([deposit(10)])
        assert second.recorded_at == first.recorded_at
        assert verify_log(connection).sound


def test_an_empty_batch_and_one_of_duplicates_leave_no_receipt(database_url: str) -> None:
    with writer_on(database_url) as writer:
        empty = writer.append([])
        assert (empty.batch, empty.new, empty.tree_size) == (0, 0, 0)
        first = writer.append(declarations())
        assert writer.append([]).batch == writer.append(declarations()).batch == first.batch == 1


def test_more_events_than_a_batch_may_hold_are_refused_at_once(database_url: str) -> None:
    with writer_on(database_url) as writer, pytest.raises(ValueError, match="at most"):
        writer.append([deposit(1)] * (MAX_BATCH + 1))


def _conflicts() -> dict[str, tuple[Event, Event]]:
    """What is stored, and what is sent under the same identity."""
    fill = {"market": "BTC", "account": "ada", "side": "buy", "size": "1", "price": "9"}
    return {
        "another kind": (deposit(10), event(10, "ClockTicked")),
        "another account": (deposit(10), deposit(10, "bob")),
        "account known and not": (deposit(10, "eve"), deposit(10, "ada")),
        "two accounts unknown": (deposit(10, "eve"), deposit(10, "mia")),
        "another time": (deposit(10), deposit(10, at="2026-01-01T00:00:00.000001Z")),
        "a fee": (event(10, "Filled", **fill), event(10, "Filled", **fill, fee="0.01")),
        "a side": (event(10, "Filled", **fill), event(10, "Filled", **{**fill, "side": "sell"})),
        "a declaration instead": (
            deposit(10),
            event(10, "AccountOpened", account="eve"),
        ),
        "instead of a declaration": (
            event(10, "AccountOpened", account="eve"),
            deposit(10),
        ),
        "another name": (
            event(10, "AccountOpened", account="eve"),
            event(10, "AccountOpened", account="mia"),
        ),
        "a known name": (
            event(10, "AccountOpened", account="eve"),
            event(10, "AccountOpened", account="ada"),
        ),
    }


@pytest.mark.parametrize("name", _conflicts())
@pytest.mark.parametrize("together", [False, True])
def test_other_content_is_a_conflict_that_applies_nothing_and_spoils_nothing(
    database_url: str, name: str, together: bool
) -> None:
    stored, sent = _conflicts()[name]
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        if together:
            with pytest.raises(Conflict) as caught:
                writer.append([deposit(9), stored, trade(8), sent])
            assert (caught.value.index, caught.value.position) == (3, 0)
            assert len(stored_ids(connection)) == 6
            writer.append([stored])
        else:
            writer.append([stored])
            with pytest.raises(Conflict) as caught:
                writer.append([deposit(9), sent])
            assert (caught.value.index, caught.value.position) == (1, 7)
        assert (caught.value.stored, caught.value.sent) == (stored, sent)
        assert read_head(connection).position == 7
        assert writer.append([stored, *deposits(50, 2)]).duplicates == {0: 7}
        assert verify_log(connection).sound
