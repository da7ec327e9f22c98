"""A projector stops, loudly, at what cannot be right; it skips nothing and repairs nothing."""

import hashlib
from collections.abc import Callable

import pytest

from clearing.events import UnknownVersion, pack
from clearing.log import Connection, LogHole, LogWriter, read_at
from clearing.projectors import BrokenCheckpoint, BrokenLeaf, project, rebuild
from tests.log.small import deposits
from tests.projectors.ledgers import break_log, live, rows_of, small_ledger


def forge(connection: Connection, position: int, column: str, value: int) -> None:
    """Change a stored event and give it the leaf of its new content, as a forger would."""
    row, _ = read_at(connection, position)
    setattr(row, column, value)
    leaf = hashlib.sha256(b"\x00" + pack(row)).digest()
    change = f"UPDATE clearing.log SET {column} = %s, leaf = %s WHERE position = %s"  # noqa: S608
    break_log(connection, change, value, leaf, position)


Damage = Callable[[Connection], None]

DAMAGES: dict[str, tuple[Damage, type[Exception], str]] = {
    "content that was changed": (
        lambda c: break_log(c, "UPDATE clearing.log SET amount = amount + 1 WHERE position = 8"),
        BrokenLeaf,
        "log position 8: content and leaf differ",
    ),
    "an event that is gone": (
        lambda c: break_log(c, "DELETE FROM clearing.log WHERE position = 8"),
        LogHole,
        "log position 8 is missing",
    ),
    "the last event gone": (
        lambda c: break_log(c, "DELETE FROM clearing.log WHERE position = 10"),
        LogHole,
        "log position 10 is missing",
    ),
    "a kind that nobody knows": (
        lambda c: forge(c, 8, "kind", 99),
        UnknownVersion,
        "log position 8: version 1 of kind 99",
    ),
    "a version that a newer program wrote": (
        lambda c: forge(c, 8, "version", 99),
        UnknownVersion,
        "log position 8: version 99",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_stops_the_projector_where_the_damage_is(
    database_url: str, damage: str
) -> None:
    """What was projected before stands, and it stops there again however often it is started."""
    spoil, error, words = DAMAGES[damage]
    with small_ledger(database_url) as ledger:
        project(ledger, upto=6)
        spoil(ledger)
        for _ in range(2):
            with pytest.raises(error, match=words):
                project(ledger, batch=1)
        stopped = live(ledger).position
        assert stopped == (9 if damage == "the last event gone" else 7)
        assert len(rows_of(ledger, 1, "posting")) == 2 * (stopped - 6)


def test_a_log_that_folds_to_something_else_than_the_checkpoint_stops_it(
    database_url: str,
) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        forge(ledger, 8, "amount", 1)
        with pytest.raises(
            BrokenCheckpoint, match=r"stands at position 10 .* but the log folds to"
        ):
            project(ledger)


def test_a_checkpoint_beyond_the_end_of_the_log_stops_it(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        ledger.execute("UPDATE clearing.projector_checkpoint SET position = 11")
        with pytest.raises(BrokenCheckpoint, match=r"position 11 .* at 10"):
            project(ledger)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("document = replace(document, '1000', '9000')", "has digest"),
        ("document = '{}'", "cannot be read"),
        ("document = '['", "cannot be read"),
        ("entry_hash = '\\x00'", "says that it is of position 10"),
        ("digest = 'ab'", "not ab as it was stored with"),
    ],
)
def test_a_snapshot_that_is_not_what_was_stored_is_not_started_from(
    database_url: str, change: str, words: str
) -> None:
    """Money made up in a snapshot would otherwise be in every balance from there on."""
    with small_ledger(database_url) as ledger:
        project(ledger).snapshot()
        done = ledger.execute(f"UPDATE generation_1.snapshot SET {change}")  # noqa: S608 - our own
        assert done.rowcount == 1
        LogWriter(ledger).append(deposits(30, 1))
        with pytest.raises(
            BrokenCheckpoint, match=f"{words}.*delete it from generation_1.snapshot"
        ):
            project(ledger)
        assert live(ledger).position == 10
        ledger.execute("DELETE FROM generation_1.snapshot")
        assert project(ledger).position == 11


def test_a_generation_of_another_engine_is_rebuilt_and_not_continued(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        project(ledger)
        ledger.execute("UPDATE clearing.generation SET engine_version = '0'")
        with pytest.raises(BrokenCheckpoint, match=r"written by engine 0 .* rebuild it"):
            project(ledger)
        assert rebuild(ledger, accept_engine_change=True).generation == 2
        assert project(ledger).position == 10
