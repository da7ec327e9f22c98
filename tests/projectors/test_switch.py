"""Switching to a rebuilt generation: beside a ledger that moves on, and for who follows it."""

import threading
import time
from collections.abc import Callable

import pytest
from psycopg import errors

from clearing.database import connect
from clearing.log import Connection, LogWriter
from clearing.projectors import (
    CheckpointMoved,
    Projector,
    RebuildRefused,
    check_generation,
    drop_generation,
    ensure_live,
    follow,
    generations,
    live_generation,
    project,
    rebuild,
)
from clearing.projectors.generations import create_generation, projector_transaction
from tests.log.small import deposits
from tests.projectors.ledgers import live, small_ledger, statuses


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until something has happened, ten seconds at most."""
    until = time.monotonic() + 10
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def waits_for_a_lock(connection: Connection, pid: int) -> bool:
    row = connection.execute(
        "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", (pid,)
    ).fetchone()
    return bool(row and row[0])


def test_a_follower_goes_on_with_the_generation_that_a_rebuild_made_live(
    database_url: str,
) -> None:
    reached: list[int] = []
    ended: list[int] = []

    def run() -> None:
        with connect(database_url, autocommit=True) as own:
            ended.append(follow(own, idle_seconds=2, progress=reached.append))

    with small_ledger(database_url) as ledger:
        thread = threading.Thread(target=run)
        thread.start()
        wait_for(lambda: reached == [10])
        assert rebuild(ledger).generation == 2
        LogWriter(ledger).append(deposits(30, 2))
        wait_for(lambda: live(ledger).position == 12)
        LogWriter(ledger).append(deposits(40, 2))
        thread.join()
        assert ended == [14]
        assert (live(ledger).number, live(ledger).position) == (2, 14)
        assert check_generation(ledger) == []


def test_a_batch_that_waits_while_the_switch_commits_is_not_written_to_the_old_generation(
    database_url: str,
) -> None:
    outcome: list[str] = []
    with small_ledger(database_url) as ledger, connect(database_url, autocommit=True) as own:
        projector = project(own)
        LogWriter(ledger).append(deposits(30, 1))

        def run() -> None:
            try:
                projector.run()
            except CheckpointMoved as moved:
                outcome.append(str(moved))

        thread = threading.Thread(target=run)
        with ledger.transaction():
            ledger.execute("SELECT 1 FROM clearing.generation WHERE status = 'live' FOR UPDATE")
            thread.start()
            wait_for(lambda: waits_for_a_lock(ledger, own.info.backend_pid))
            ledger.execute("UPDATE clearing.generation SET status = 'retired'")
        thread.join()
        assert outcome == [
            "generation 1 is no longer in use; nothing after position 10 was written to it"
        ]
        assert [g.position for g in generations(ledger)] == [10]


def test_a_rebuild_ends_beside_a_ledger_that_never_stands_still(database_url: str) -> None:
    """At every step of the rebuild something is appended and projected; it must end anyway."""
    with (
        small_ledger(database_url) as ledger,
        connect(database_url, autocommit=True) as second,
    ):
        follower = project(second)
        writer = LogWriter(second)
        count = 0

        def move_on(position: int) -> None:
            nonlocal count
            del position
            if live(second).number == 1:
                count += 1
                writer.append(deposits(1000 * count, 2))
                follower.run()

        done = rebuild(ledger, batch=1, progress=move_on)
        assert (count, done.position) == (10, 30)
        assert statuses(ledger) == {1: "retired", 2: "live"}
        assert check_generation(ledger) == []


def test_a_difference_that_comes_while_the_rebuild_runs_is_found(database_url: str) -> None:
    """The parts compared early are not compared again, those that come later are."""
    with small_ledger(database_url) as ledger:
        project(ledger)

        def spoil(position: int) -> None:
            if position == 10 and live(ledger).position == 10:
                LogWriter(ledger).append(deposits(30, 1))
                with connect(database_url, autocommit=True) as other:
                    project(other)
                    other.execute("DELETE FROM generation_1.posting WHERE position = 11")

        with pytest.raises(RebuildRefused, match=r"posting: .*only in 2: 2 rows"):
            rebuild(ledger, batch=1, progress=spoil)
        assert statuses(ledger) == {1: "live", 2: "refused"}


def test_a_refusal_names_every_table_that_differs_and_is_kept_with_its_generation(
    database_url: str,
) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        ledger.execute("UPDATE generation_1.posting SET balance = 7 WHERE position < 9")
        ledger.execute("DELETE FROM generation_1.position_history WHERE holder = 1")
        ledger.execute("INSERT INTO generation_1.late VALUES (3, 0, 1), (3, 0, 1)")
        with pytest.raises(RebuildRefused) as caught:
            rebuild(ledger)
        found = {text.split(":")[0]: text for text in caught.value.differences}
        assert set(found) == {"posting", "position_history", "late"}
        assert "only in generation 1: 4 rows" in found["posting"]
        assert "only in generation 1: none; only in 2: 1 row, first" in found["position_history"]
        assert "only in generation 1: 2 rows, first (3,0,1)" in found["late"]
        refused = generations(ledger)[-1]
        assert (refused.number, refused.status) == (2, "refused")
        assert refused.finding == "\n".join(caught.value.differences)
        assert live(ledger).number == 1


def test_one_retired_and_one_refused_generation_are_kept(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        for _ in range(3):
            rebuild(ledger)
        assert statuses(ledger) == {3: "retired", 4: "live"}
        ledger.execute("DELETE FROM generation_4.position_history")
        for _ in range(3):
            with pytest.raises(RebuildRefused):
                rebuild(ledger)
        assert statuses(ledger) == {3: "retired", 4: "live", 6: "refused", 7: "refused"}
        with pytest.raises(ValueError, match="generation 4 is live"):
            drop_generation(ledger, 4)
        with pytest.raises(ValueError, match="no generation 5"):
            drop_generation(ledger, 5)
        drop_generation(ledger, 3)
        with pytest.raises(errors.UndefinedTable):
            ledger.execute("SELECT 1 FROM generation_3.posting")


def test_what_an_interrupted_verification_left_is_removed_by_the_next(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        with projector_transaction(ledger, creates=True):
            left = create_generation(ledger, "checking")
        Projector(ledger, left).run(upto=5)
        assert check_generation(ledger) == []
        assert statuses(ledger) == {1: "live"}


def test_a_rebuild_of_a_ledger_that_was_never_projected_projects_it(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        assert live_generation(ledger) is None
        rebuild(ledger)
        assert (live(ledger).number, live(ledger).position) == (2, 10)


def test_the_role_of_the_projector_owns_the_read_models_and_readers_only_read(
    database_url: str,
) -> None:
    with small_ledger(database_url) as ledger:
        Projector(ledger, ensure_live(ledger)).run()
        for role, statement, allowed in (
            ("clearing_reader", "SELECT count(*) FROM generation_1.posting", True),
            ("clearing_reader", "DELETE FROM generation_1.posting", False),
            ("clearing_reader", "UPDATE clearing.projector_checkpoint SET position = 1", False),
            ("clearing_appender", "DELETE FROM generation_1.posting", False),
            ("clearing_projector", "DELETE FROM clearing.log", False),
            ("clearing_projector", "INSERT INTO clearing.quarantine DEFAULT VALUES", False),
        ):
            with ledger.transaction(force_rollback=True):
                ledger.execute(f"SET LOCAL ROLE {role}")
                if allowed:
                    ledger.execute(statement)
                    continue
                with pytest.raises(errors.InsufficientPrivilege), ledger.transaction():
                    ledger.execute(statement)


def indexes(connection: Connection, generation: int) -> list[tuple[str, str]]:
    schema = f"generation_{generation}"
    return connection.execute(
        "SELECT tablename, replace(indexdef, schemaname, '') FROM pg_indexes"
        " WHERE schemaname = %s ORDER BY 1, 2",
        (schema,),
    ).fetchall()


def test_a_rebuilt_generation_has_the_indexes_of_the_one_before(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        before = indexes(ledger, 1)
        rebuild(ledger)
        assert "posting" in {table for table, _ in before}
        assert indexes(ledger, 2) == before


def test_an_interrupted_rebuild_gets_its_indexes_when_it_is_taken_up(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        with projector_transaction(ledger, creates=True):
            create_generation(ledger, "building")
        assert [table for table, _ in indexes(ledger, 2)] == ["snapshot"]
        assert rebuild(ledger).generation == 2
        assert indexes(ledger, 2) == indexes(ledger, 1)
