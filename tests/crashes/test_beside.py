"""Long readings beside a ledger at work: consistent, and in nobody's way."""

import threading
from contextlib import suppress

import pytest

from clearing.database import connect
from clearing.log import LogWriter, read_log, verify, verify_log
from clearing.projectors import CheckpointMoved, project, rebuild
from tests.crashes.harness import outcome
from tests.crashes.test_concurrency import in_threads
from tests.crashes.test_crashes import in_peace
from tests.crashes.work import sample, work
from tests.log.small import declarations, deposits, writer_on


def test_verification_sees_one_moment_whatever_is_appended_meanwhile(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_BATCH", 10)
    with writer_on(database_url) as writer, connect(database_url, autocommit=True) as connection:
        writer.append([*declarations(), *deposits(10, 60)])
        seen: list[int] = []

        def meanwhile(events: int) -> None:
            seen.append(events)
            writer.append(deposits(1000 + 10 * len(seen), 10))

        found = verify_log(connection, meanwhile)
        assert (found.shown, found.events) == ([], 66)
        assert len(seen) == 7
        assert verify_log(connection).events == 66 + 70


def test_partitions_are_made_beside_transactions_that_read_the_log(database_url: str) -> None:
    """Neither waits for the other: a reader may be at it for hours."""
    with writer_on(database_url) as writer, connect(database_url, autocommit=True) as reader:
        reader.execute("UPDATE clearing.log_head SET partition_size = 10")
        writer.append([*declarations(), *deposits(10, 2)])
        with reader.transaction():
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert sum(len(rows) for rows in read_log(reader)) == 8
            with connect(database_url, autocommit=True) as other:
                other.execute("SET lock_timeout = '5s'")
                assert LogWriter(other).append(deposits(20, 50)).last_position == 58
            assert sum(len(rows) for rows in read_log(reader)) == 8
        assert sum(len(rows) for rows in read_log(reader)) == 58


def test_writer_projector_and_rebuilds_all_at_once(database_url: str) -> None:
    """What they leave is sound; only a projector whose generation is retired must begin anew."""
    events = sample()
    with writer_on(database_url) as writer:
        writer.append(events[:300])
    work("project", database_url)
    done = threading.Event()

    def append_all() -> None:
        with writer_on(database_url) as writer:
            for _ in writer.append_many(events[300:], 50):
                pass

    def project_on() -> None:
        while not done.wait(0.01):
            with (
                connect(database_url, autocommit=True) as connection,
                suppress(CheckpointMoved),
            ):
                project(connection, batch=100)

    def rebuild_on() -> None:
        try:
            for number in (2, 3, 4):
                with connect(database_url, autocommit=True) as connection:
                    assert rebuild(connection, batch=100).generation == number
        finally:
            done.set()

    in_threads([append_all, project_on, rebuild_on])
    work("project", database_url)
    assert outcome(database_url) == in_peace()
