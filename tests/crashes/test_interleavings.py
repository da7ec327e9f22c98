"""Another session at work, or the connection cut, at exactly the worst moment."""

from collections.abc import Callable

import psycopg
import pytest

from clearing.database import connect
from clearing.events import Event
from clearing.log import (
    BatchRefused,
    Conflict,
    LogWriter,
    append,
    load_registry,
    quarantine,
    read_at,
    read_head,
    verify_log,
)
from clearing.projectors import live_generation, project, projector, rebuild
from tests.crashes.harness import outcome
from tests.crashes.test_crashes import in_peace
from tests.crashes.work import sample
from tests.log.small import declarations, deposit, event, stored_ids, trade, writer_on

Fault = Callable[[str], None]


def once(point: str, act: Callable[[], object], *, nth: int = 1) -> Fault:
    """Stands in for the named points: acts when one is passed for the ``nth`` time."""
    passed = 0

    def pass_by(name: str) -> None:
        nonlocal passed
        if name == point:
            passed += 1
            if passed == nth:
                act()

    return pass_by


def between_encoding_and_lock(
    monkeypatch: pytest.MonkeyPatch, url: str, theirs: list[Event]
) -> None:
    """Have another session append ``theirs`` once ours is encoded and before it takes the lock."""

    def other() -> None:
        with writer_on(url) as writer:
            writer.append(theirs)

    monkeypatch.setattr(append, "fault_point", once("append_after_encode", other))


EVE = event(50, "AccountOpened", account="eve")


def test_an_account_opened_before_the_lock_is_known_to_what_comes_after_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        between_encoding_and_lock(monkeypatch, database_url, [EVE])
        receipt = writer.append([deposit(10, "eve"), deposit(11, "mia")])
        assert (receipt.first_position, receipt.last_position) == (8, 9)
        assert [read_at(connection, p)[0].account for p in (8, 9)] == [4, 0]


def test_ordinals_follow_the_log_when_two_declare_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        between_encoding_and_lock(monkeypatch, database_url, [EVE])
        writer.append([event(51, "AccountOpened", account="mia"), deposit(12, "mia")])
        assert load_registry(connection).account_ordinals["mia"] == 5
        assert writer.registry.account_ordinals == load_registry(connection).account_ordinals
        assert read_at(connection, 9)[0].account == 5
        assert verify_log(connection).sound


def test_a_name_that_another_declared_first_refuses_the_batch(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        between_encoding_and_lock(monkeypatch, database_url, [EVE])
        with pytest.raises(BatchRefused, match="is declared already"):
            writer.append([deposit(10), event(51, "AccountOpened", account="eve")])
        assert stored_ids(connection)[6:] == ["50"]
        assert writer.append([deposit(10, "eve"), trade(11)]).new == 2


def test_the_same_batch_stored_before_the_lock_is_all_duplicates(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [*declarations(), EVE, deposit(10, "eve")]
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        between_encoding_and_lock(monkeypatch, database_url, events)
        receipt = writer.append([*events, deposit(11, "eve")])
        assert receipt.duplicates == {i: i + 1 for i in range(8)}
        assert (receipt.first_position, receipt.last_position) == (9, 9)


def test_other_content_stored_before_the_lock_is_a_conflict(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        between_encoding_and_lock(monkeypatch, database_url, [deposit(11, amount="5")])
        with pytest.raises(Conflict, match="log position 7"):
            writer.append([deposit(10), deposit(11, amount="6")])
        assert stored_ids(connection)[6:] == ["11"]
        assert verify_log(connection).sound


def cut(url: str, connection: psycopg.Connection[object]) -> Callable[[], None]:
    """Ends the backend of a connection from another one."""
    pid = connection.info.backend_pid

    def act() -> None:
        with connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))

    return act


@pytest.mark.parametrize("point", ["after_lock", "mid_copy", "before_commit"])
def test_a_connection_cut_while_a_batch_is_written_leaves_nothing_of_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    events = sample()
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(events[:100])
        act = cut(database_url, connection)
        monkeypatch.setattr(append, "fault_point", once(f"append_{point}", act))
        with pytest.raises(psycopg.OperationalError):
            writer.append(events[100:])
    with connect(database_url, autocommit=True) as connection:
        assert read_head(connection).position == 100
        LogWriter(connection).append(events)
    assert outcome(database_url) == in_peace()


def test_a_rebuild_whose_connection_is_cut_can_be_taken_up_by_another(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock against a second rebuild goes with the connection."""
    with connect(database_url, autocommit=True) as connection:
        LogWriter(connection).append(sample())
        project(connection)
    with connect(database_url, autocommit=True) as connection:
        act = cut(database_url, connection)
        monkeypatch.setattr(projector, "fault_point", once("project_mid_write", act, nth=5))
        with pytest.raises(psycopg.OperationalError):
            rebuild(connection, batch=200)
    with connect(database_url, autocommit=True) as connection:
        positions: list[int] = []
        assert rebuild(connection, batch=100, progress=positions.append).generation == 2
        assert positions[0] == 900
        live = live_generation(connection)
        assert live is not None
        assert live.number == 2
    assert outcome(database_url) == in_peace()


def test_lines_are_quarantined_all_or_none(database_url: str) -> None:
    line = quarantine.Refused("a.jsonl", 1, "amount", "x", "is no number", "{}")
    broken = quarantine.Refused("a.jsonl", 2**70, "amount", "x", "is no number", "{}")
    with connect(database_url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            quarantine.keep(connection, [line, broken])
        assert quarantine.quarantined(connection) == []
        assert quarantine.keep(connection, [line, line]) == 1
