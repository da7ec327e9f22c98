"""Many writers, a tailing reader, two projectors, two rebuilds."""

import threading
from collections.abc import Callable

import pytest

from clearing.database import connect
from clearing.log import LogWriter, follow_log, read_head
from clearing.projectors import CheckpointMoved, Projector, RebuildBusy, ensure_live, rebuild
from tests.crashes.harness import outcome
from tests.crashes.work import sample, work
from tests.log.small import declarations, deposits, stored_ids, writer_on

WRITERS = 8
EACH = 60


def in_threads(tasks: list[Callable[[], None]]) -> None:
    """Run tasks at once; a failure in one is the test's."""
    failures: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_eight_writers_and_a_tailing_reader_miss_nothing_and_see_nothing_twice(
    database_url: str,
) -> None:
    with writer_on(database_url) as writer:
        writer.append(declarations())
    seen: list[tuple[int, str]] = []
    total = WRITERS * EACH

    def read() -> None:
        with connect(database_url, autocommit=True) as connection:
            for batch in follow_log(connection, after=6, batch=7, idle_seconds=20):
                seen.extend((row.position, row.external_id) for row, _ in batch)
                if len(seen) >= total:
                    return

    def write(number: int) -> Callable[[], None]:
        def task() -> None:
            with writer_on(database_url) as writer:
                for start_at in range(0, EACH, 6):
                    writer.append(deposits(1000 * number + start_at, 6))

        return task

    in_threads([read, *(write(number) for number in range(1, WRITERS + 1))])
    assert [position for position, _ in seen] == list(range(7, 7 + total))
    expected = {str(1000 * w + n) for w in range(1, WRITERS + 1) for n in range(EACH)}
    assert {name for _, name in seen} == expected
    assert len(seen) == total


def test_the_same_batch_sent_by_two_writers_at_once_is_stored_once(database_url: str) -> None:
    events = [*declarations(), *deposits(10, 50)]
    new: list[int] = []

    def send() -> None:
        with writer_on(database_url) as writer:
            new.append(writer.append(events).new)

    in_threads([send] * 4)
    assert sorted(new) == [0, 0, 0, 56]
    with connect(database_url, autocommit=True) as connection:
        assert len(stored_ids(connection)) == len(set(stored_ids(connection))) == 56


def test_two_projectors_on_one_generation_write_it_once(database_url: str) -> None:
    work("append", database_url, 600)
    with (
        connect(database_url, autocommit=True) as one,
        connect(database_url, autocommit=True) as two,
    ):
        first, second = Projector(one, ensure_live(one)), Projector(two, ensure_live(two))
        first.run(upto=200)
        with pytest.raises(CheckpointMoved):
            second.run(batch=100)
        first.run(batch=50)
    outcome(database_url)


def test_of_two_rebuilds_at_once_one_is_told_to_wait(database_url: str) -> None:
    work("append", database_url, 600)
    work("project", database_url)
    with (
        connect(database_url, autocommit=True) as one,
        connect(database_url, autocommit=True) as two,
    ):
        busy: list[RebuildBusy] = []

        def try_again(position: int) -> None:
            del position
            if not busy:
                with pytest.raises(RebuildBusy) as caught:
                    rebuild(two)
                busy.append(caught.value)

        assert rebuild(one, batch=100, progress=try_again).generation == 2
        assert busy
        assert rebuild(two).generation == 3
    outcome(database_url)


def test_a_rebuild_beside_a_ledger_that_moves_on_switches_at_a_common_position(
    database_url: str,
) -> None:
    events = sample(900)
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(events[:600])
        projector = Projector(connection, ensure_live(connection))
        projector.run()
        appended: list[int] = []

        def move_on(position: int) -> None:
            if position >= 400 and not appended:
                with (
                    writer_on(database_url) as other,
                    connect(database_url, autocommit=True) as second,
                ):
                    appended.append(other.append(events[600:]).new)
                    Projector(second, ensure_live(second)).run()

        rebuilt = rebuild(connection, batch=200, progress=move_on)
        assert (rebuilt.position, read_head(connection).position) == (900, 900)
        with pytest.raises(CheckpointMoved):
            projector.run()
    work("project", database_url)
    outcome(database_url)
