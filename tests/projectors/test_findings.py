"""Verifying read models tells everything that is wrong with them, not only the first of it."""

import json
from collections.abc import Iterator

import pytest

from clearing.database import connect
from clearing.log import Connection, LogWriter
from clearing.projectors import (
    Projector,
    RebuildBusy,
    check_generation,
    digests_at,
    ensure_live,
    fold_log,
    project,
    rebuild,
)
from clearing.projectors.rebuild import one_rebuild
from tests.log.small import deposits
from tests.projectors.ledgers import small_ledger


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection]:
    """Ten events, projected, with snapshots at positions 5 and 10."""
    with small_ledger(database_url) as connection:
        project(connection, batch=5, snapshot_every=5)
        yield connection


def test_a_sound_ledger_has_none(ledger: Connection) -> None:
    assert check_generation(ledger) == []


def test_every_table_and_snapshot_that_was_changed_is_named(ledger: Connection) -> None:
    ledger.execute("UPDATE generation_1.posting SET amount = 1, balance = 1 WHERE position = 7")
    ledger.execute("DELETE FROM generation_1.position_history")
    ledger.execute("UPDATE generation_1.snapshot SET digest = 'ab' WHERE position = 5")
    found = check_generation(ledger)
    assert [text.split(":")[0].split(" of ")[0] for text in found] == [
        "snapshot at position 5",
        "posting",
        "position_history",
        "snapshot at position 5",
    ]


def test_rows_after_the_checkpoint_are_found(ledger: Connection) -> None:
    """Nobody may have written them; an answer as of a later position would be made of them."""
    ledger.execute("INSERT INTO generation_1.late VALUES (99, 0, 1), (98, 0, 1)")
    ledger.execute("INSERT INTO generation_1.snapshot VALUES (97, '\\x00', 'ab', '{}')")
    found = check_generation(ledger)
    assert "late: generation 1 has 2 rows after its checkpoint 10, the first at 98" in found
    assert "snapshot: generation 1 has 1 rows after its checkpoint 10, the first at 97" in found


def test_a_snapshot_forged_with_its_digest_differs_from_the_fold(ledger: Connection) -> None:
    """Its content agrees with its digest, but not with what the log folds to."""
    engine = fold_log(ledger, upto=9)
    text = json.loads(engine.snapshot()) | {"position": 10}
    row = ledger.execute(
        "SELECT entry_hash FROM generation_1.snapshot WHERE position = 10"
    ).fetchone()
    assert row is not None
    text["entry_hash"] = row[0].hex()
    ledger.execute(
        "UPDATE generation_1.snapshot SET document = %s, digest = %s WHERE position = 10",
        (json.dumps(text), engine.digest()),
    )
    (found,) = check_generation(ledger)
    assert found.startswith("snapshot at position 10 of generation 1 carries digest")


def test_a_checkpoint_that_was_changed_is_found(ledger: Connection) -> None:
    ledger.execute("UPDATE clearing.projector_checkpoint SET entry_hash = '\\x00'")
    (found,) = check_generation(ledger)
    assert found.startswith("entry hash at position 10: generation 1")
    ledger.execute("UPDATE clearing.projector_checkpoint SET position = 12")
    assert "the live generation is at 12, the log ends at 10" in check_generation(ledger)


def test_the_ledger_may_move_on_meanwhile(ledger: Connection) -> None:
    appended: list[int] = []

    def move_on(position: int) -> None:
        del position
        if not appended:
            appended.append(LogWriter(ledger).append(deposits(30, 2)).new)
            Projector(ledger, ensure_live(ledger)).run()

    assert check_generation(ledger, batch=3, progress=move_on) == []
    assert appended == [2]


def test_verification_and_rebuild_keep_out_of_each_others_way(
    ledger: Connection, database_url: str
) -> None:
    with connect(database_url, autocommit=True) as other, one_rebuild(other):
        with pytest.raises(RebuildBusy, match="wait for it to end"):
            check_generation(ledger)
        with pytest.raises(RebuildBusy, match="wait for it to end"):
            rebuild(ledger)
    assert check_generation(ledger) == []


def test_digests_at_positions_take_one_fold(ledger: Connection) -> None:
    expected = {position: fold_log(ledger, upto=position).digest() for position in (1, 4, 10)}
    assert digests_at(ledger, [10, 1, 4, 11]) == expected
    assert digests_at(ledger, []) == {}


def test_a_fold_from_a_snapshot_is_the_fold_from_genesis(ledger: Connection) -> None:
    snapshot = fold_log(ledger, upto=7).snapshot()
    whole, tail = fold_log(ledger), fold_log(ledger, snapshot=snapshot)
    assert (tail.position, tail.entry_hash) == (whole.position, whole.entry_hash)
    assert tail.digest() == whole.digest()
