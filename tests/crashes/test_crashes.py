"""Processes killed at named points and at random, connections cut, and what is left afterwards."""

import random
import threading
import time
from functools import cache

import psycopg
import pytest

from clearing.database import connect
from clearing.engine import Engine
from clearing.events import EventRow, Registry, encode, pack
from clearing.events.kinds import REGISTRY_KINDS
from clearing.log import LogWriter, read_head
from clearing.log.merkle import Frontier, leaf_hash
from clearing.projectors import live_generation
from tests.crashes.harness import Outcome, finish, outcome, start
from tests.crashes.work import EVENTS, sample, work

APPEND = ("after_encode", "after_lock", "mid_copy", "before_commit", "after_commit")
PROJECT = ("before_write", "mid_write", "before_commit", "after_commit")
KILLS = 20


@cache
def in_peace(size: int = EVENTS) -> Outcome:
    """What the events come to without a database: root over their leaves, fold in memory."""
    registry, tree = Registry(), Frontier()
    rows: dict[tuple[int, str], EventRow] = {}
    engine = Engine(resolver=lambda source, external_id: rows.get((source, external_id)))
    for position, event in enumerate(sample(size), start=1):
        row = encode(event, registry)
        row.position = position
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        tree.append(leaf_hash(pack(row)))
        rows[row.source, row.external_id] = row
        engine.apply(row)
    return Outcome(engine.position, tree.root(), engine.entry_hash, engine.digest())


@pytest.mark.parametrize("point", APPEND)
def test_an_appender_killed_at_a_named_point_can_go_on(database_url: str, point: str) -> None:
    finish(start("append", database_url, fault=f"append_{point}:4"), killed=True)
    with connect(database_url, autocommit=True) as connection:
        position = read_head(connection).position
    assert position == (400 if point == "after_commit" else 300)
    work("append", database_url)
    assert outcome(database_url) == in_peace()


@pytest.mark.parametrize("point", PROJECT)
def test_a_projector_killed_at_a_named_point_can_go_on(database_url: str, point: str) -> None:
    work("append", database_url)
    finish(start("project", database_url, fault=f"project_{point}:3"), killed=True)
    with connect(database_url, autocommit=True) as connection:
        live = live_generation(connection)
    assert live is not None
    assert live.position == (600 if point == "after_commit" else 400)
    work("project", database_url)
    assert outcome(database_url) == in_peace()


@pytest.mark.parametrize(
    ("point", "live"),
    [("project_before_commit:3", 1), ("rebuild_before_switch", 1), ("rebuild_after_switch", 2)],
)
def test_a_rebuild_killed_at_a_named_point_is_taken_up_again(
    database_url: str, point: str, live: int
) -> None:
    work("append", database_url)
    work("project", database_url)
    finish(start("rebuild", database_url, fault=point), killed=True)
    with connect(database_url, autocommit=True) as connection:
        generation = live_generation(connection)
    assert generation is not None
    assert generation.number == live
    work("rebuild", database_url)
    assert outcome(database_url) == in_peace()


def test_killed_at_random_again_and_again_nothing_is_lost_or_twice(database_url: str) -> None:
    kill_at_random(database_url, KILLS, random.Random(7))  # noqa: S311 - a test's dice
    assert outcome(database_url) == in_peace()


def kill_at_random(url: str, kills: int, dice: random.Random, size: int = EVENTS) -> None:
    """Kill appenders, projectors and rebuilds at random moments of their work; let all finish.

    The moments are sooner than the work takes, so that there is always something left to do.
    """
    for _ in range(kills):
        process = start(dice.choice(["append", "append", "project", "rebuild"]), url, size=size)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.randint(0, 120) / 1000)
        process.kill()
        process.communicate()
    for task in ("append", "project", "rebuild"):
        work(task, url, size)


def test_a_connection_cut_in_the_middle_of_a_copy_leaves_nothing(database_url: str) -> None:
    events = sample()
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(events[:100])
        with connect(database_url, autocommit=True) as other, other.transaction():
            other.execute("SELECT 1 FROM clearing.log_head FOR UPDATE")
            failed: list[Exception] = []

            def append() -> None:
                try:
                    writer.append(events[100:])
                except psycopg.Error as error:
                    failed.append(error)

            thread = threading.Thread(target=append)
            thread.start()
            _cut(database_url, connection.info.backend_pid)
        thread.join()
        assert failed
    with connect(database_url, autocommit=True) as connection:
        assert read_head(connection).position == 100
        LogWriter(connection).append(events)
    work("project", database_url)
    assert outcome(database_url) == in_peace()


def _cut(url: str, pid: int) -> None:
    """End the backend ``pid`` once it waits for the head's lock."""
    with connect(url, autocommit=True) as connection:
        for _ in range(500):
            row = connection.execute(
                "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", (pid,)
            ).fetchone()
            if row is not None and row[0]:
                break
            time.sleep(0.01)
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
