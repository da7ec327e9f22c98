"""However a stream is cut into batches, sent again and overlapped, the log is the same."""

import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.database import connect
from clearing.events import Event, Registry, encode, pack
from clearing.events.kinds import REGISTRY_KINDS
from clearing.log import LogWriter, follow_log, read_log, verify_log
from clearing.log.merkle import leaf_hash, root_of
from tests.log.small import declarations, deposit, deposits, event, trade
from tests.postgres import Server

STREAM: list[Event] = [
    *declarations(),
    deposit(10, "eve"),
    *deposits(11, 5),
    event(20, "AccountOpened", account="eve"),
    event(21, "SourceDeclared", source="other", name="other", description="another"),
    event(10, "ClockTicked", source="other"),
    trade(22),
    event(23, "Marked", marks=[{"market": "BTC", "price": "100.5"}]),
    deposit(24, "eve"),
]
NEEDED = 6  # the declarations, without which nothing else can be encoded


@pytest.fixture
def fresh(server: Server, template: str) -> Iterator[Callable[[], str]]:
    """Makes databases, as many as are asked for, and removes them."""
    made: list[str] = []
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:

        def make() -> str:
            made.append(f"fresh_{len(made)}")
            connection.execute(f"DROP DATABASE IF EXISTS {made[-1]}")
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template}")
            return server.url(made[-1])

        yield make
        for name in made:
            connection.execute(f"DROP DATABASE {name}")


def leaves_in_order(events: list[Event]) -> list[bytes]:
    """What the log must hold of events that come in this order, each for the first time."""
    registry, leaves = Registry(), []
    for item in events:
        row = encode(item, registry)
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        leaves.append(leaf_hash(pack(row)))
    return leaves


def test_any_batches_with_repeats_and_overlaps_store_each_event_once_in_order(
    fresh: Callable[[], str],
) -> None:
    later = st.lists(
        st.lists(st.integers(NEEDED, len(STREAM) - 1), max_size=8).map(
            # What another source says needs that source, and may come in the same batch.
            lambda batch: [13, *batch] if 14 in batch else batch
        ),
        max_size=6,
    )

    @settings(max_examples=20, database=None)
    @given(cuts=st.sets(st.integers(1, NEEDED), max_size=3), batches=later, writers=st.booleans())
    def check(cuts: set[int], batches: list[list[int]], writers: bool) -> None:
        bounds = [0, *sorted(cuts), NEEDED]
        starts = [list(range(max(a - 1, 0), b)) for a, b in itertools.pairwise(bounds)]
        url = fresh()
        with connect(url, autocommit=True) as one, connect(url, autocommit=True) as two:
            pair = [LogWriter(one), LogWriter(two)]
            places: dict[int, int] = {}
            for number, batch in enumerate([*starts, *batches]):
                receipt = pair[number % 2 if writers else 0].append([STREAM[i] for i in batch])
                duplicates = {}
                for index, item in enumerate(batch):
                    if item in places:
                        duplicates[index] = places[item]
                    else:
                        places[item] = len(places) + 1
                assert receipt.duplicates == duplicates
                assert receipt.new == len(batch) - len(duplicates)
                assert receipt.tree_size == len(places)
                expected = leaves_in_order([STREAM[i] for i in places])
                assert receipt.root == root_of(expected)
            stored = [item for rows in read_log(one, batch=3) for item in rows]
            assert [leaf for _, leaf in stored] == expected
            assert [row.external_id for row, _ in stored] == [STREAM[i].external_id for i in places]
            assert verify_log(one).shown == []

    check()


def test_a_tailing_reader_wakes_up_at_once_and_reads_what_came_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the notification alone: the poll would take a minute here."""
    monkeypatch.setattr("clearing.log.read._POLL_SECONDS", 60)
    with (
        connect(database_url, autocommit=True) as reader,
        connect(database_url, autocommit=True) as connection,
    ):
        writer = LogWriter(connection)
        writer.append(declarations())
        tail = follow_log(reader)
        assert len(next(tail)) == 6
        for number in range(10, 15):
            writer.append([deposit(number)])
            assert [row.position for row, _ in next(tail)] == [number - 3]


def test_a_tailing_reader_ends_when_nothing_comes(database_url: str) -> None:
    with connect(database_url, autocommit=True) as reader:
        assert list(follow_log(reader, idle_seconds=0.05)) == []
