"""Checkpoints: whatever a superuser rewrites, however well, is caught up to the last of them."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearing.audit import CheckpointRefused, MomentUnclear, Verification, prove_growth
from clearing.database import connect
from clearing.events import unpack
from clearing.events.canonical import canonical_json
from clearing.ledger import Ledger
from clearing.log import LogWriter
from clearing.log.notes import NoteRefused, Signer
from clearing.log.proof_files import check_proof
from clearing.log.tiles import TileStore
from clearing.projectors import Projector, ensure_live
from tests.audit.forging import make_consistent, project_anew, unguard
from tests.log.small import declarations, deposit, deposits, event, trade

SIGNER = Signer("example.com/ledger", bytes(range(32)))
KEY = SIGNER.verifier


@pytest.fixture
def store(tmp_path: Path) -> TileStore:
    return TileStore(tmp_path / "store")


@pytest.fixture
def ledger(database_url: str, store: TileStore) -> Iterator[Ledger]:
    """Seventeen events in two batches, checkpointed; nothing guards the tables any more."""
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        writer.append([*deposits(10, 9), trade(30), deposit(31, "nobody")])
        found = Ledger(connection)
        found.checkpoint(store, SIGNER)
        unguard(connection)
        yield found


def verified(ledger: Ledger, store: TileStore | None) -> Verification:
    return ledger.verify(store=store, trusted=[KEY])


REWRITTEN = {
    "an amount": "UPDATE clearing.log SET amount = amount + 100 WHERE position = 9",
    "an account": "UPDATE clearing.log SET account = account % 2 + 1 WHERE position = 9",
    "a price": "UPDATE clearing.log SET price = price + 1 WHERE kind = 22",
    "swapped": (
        "UPDATE clearing.log SET position = 900009 WHERE position = 9;"
        " UPDATE clearing.log SET position = 9 WHERE position = 10;"
        " UPDATE clearing.log SET position = 10 WHERE position = 900009"
    ),
}


@pytest.mark.parametrize("statements", REWRITTEN.values(), ids=REWRITTEN)
def test_a_log_rewritten_without_a_trace_inside_is_caught_by_the_checkpoint(
    ledger: Ledger, store: TileStore, statements: str
) -> None:
    assert verified(ledger, store).verdict == "sound"
    assert verified(ledger, None).verdict == "could not tell"
    for statement in statements.split("; "):
        ledger.connection.execute(statement)
    make_consistent(ledger.connection)
    project_anew(ledger)
    inside = verified(ledger, None)
    assert (inside.verdict, inside.log_findings, inside.model_findings) == (
        "could not tell",
        (),
        (),
    ), "from inside nothing is to be seen"
    outside = verified(ledger, store)
    assert outside.verdict == "not sound"
    assert any("is not the event that the checkpoints have" in f for f in outside.log_findings)
    assert any("checkpoint of 17 events: root is" in f for f in outside.log_findings)
    ledger.append([deposit(40).model_dump()])
    with pytest.raises(CheckpointRefused, match="does not begin with the 17 events"):
        ledger.checkpoint(store, SIGNER)


def test_events_removed_or_added_behind_the_checkpoint(ledger: Ledger, store: TileStore) -> None:
    ledger.connection.execute("DELETE FROM clearing.log WHERE position = 17")
    ledger.connection.execute("UPDATE clearing.log_receipt SET last_position = 16 WHERE batch = 2")
    make_consistent(ledger.connection)
    project_anew(ledger)
    found = verified(ledger, store)
    assert found.verdict == "not sound"
    assert "checkpoint of 17 events: the log has 16" in found.log_findings
    with pytest.raises(CheckpointRefused, match="events were removed"):
        ledger.checkpoint(store, SIGNER)


SPOILT = [
    "UPDATE clearing.log SET fee = fee + 1 WHERE position = 12",
    "DELETE FROM clearing.log WHERE position = 12",
    (
        "INSERT INTO clearing.log SELECT 18, kind, version, flags, source, account, contra, market,"
        " asset, occurred_at, quantity, price, amount, fee, 'forged', trade_id, detail, leaf"
        " FROM clearing.log WHERE position = 12"
    ),
    "TRUNCATE clearing.log",
    "UPDATE clearing.log_identity SET position = 10 WHERE position = 9",
    "DELETE FROM clearing.log_identity WHERE position = 9",
    "INSERT INTO clearing.log_identity VALUES (1, 'forged', 9)",
    "TRUNCATE clearing.log_identity",
    "UPDATE clearing.log_receipt SET recorded_at = recorded_at - 1 WHERE batch = 1",
    "DELETE FROM clearing.log_receipt WHERE batch = 2",
    "TRUNCATE clearing.log_receipt",
    "UPDATE clearing.log_head SET root = sha256('')",
    "UPDATE clearing.log_head SET position = 12",
    "UPDATE clearing.projector_checkpoint SET entry_hash = sha256('')",
    "UPDATE clearing.projector_checkpoint SET position = 16",
    "UPDATE generation_1.posting SET amount = amount + 1 WHERE position = 9",
    "UPDATE generation_1.posting SET balance = 0 WHERE position = 9",
    "DELETE FROM generation_1.posting WHERE position = 9",
    "INSERT INTO generation_1.posting SELECT * FROM generation_1.posting WHERE position = 9",
    "TRUNCATE generation_1.posting",
    "UPDATE generation_1.position_history SET size = size + 1",
    "TRUNCATE generation_1.position_history",
    "INSERT INTO generation_1.deviation SELECT 3, 0, 'x', 0, 0, 0, '', '', ''",
]


@pytest.mark.parametrize("statement", SPOILT)
def test_whatever_is_changed_in_any_table_is_found(
    ledger: Ledger, store: TileStore, statement: str
) -> None:
    cursor = ledger.connection.execute(statement)
    assert cursor.rowcount or statement.startswith("TRUNCATE")
    assert verified(ledger, store).verdict == "not sound"


def test_events_after_the_last_checkpoint_are_unproven(ledger: Ledger, store: TileStore) -> None:
    ledger.append([deposit(40).model_dump()])
    ledger.project()
    found = verified(ledger, store)
    assert (found.verdict, found.proven, found.unproven) == ("could not tell", 17, 1)
    assert found.untold == ("1 events after the last checkpoint are unproven",)
    made = ledger.checkpoint(store, SIGNER)
    assert (made.size, made.engine_version) == (18, "6")
    found = verified(ledger, store)
    assert (found.verdict, found.checkpoints, found.unproven) == ("sound", 2, 0)
    assert ledger.checkpoint(store, SIGNER) == made, "nothing is signed twice"


def test_a_checkpoint_that_was_changed_does_not_count(ledger: Ledger, store: TileStore) -> None:
    path = store.folder / "checkpoints" / f"{17:020d}"
    note = path.read_text()
    other = Signer.generate("example.com/ledger")
    for wrong in (
        note.replace("\n17\n", "\n16\n"),
        other.sign(note.split("\n\n")[0] + "\n"),
        "hello\n",
        note.replace("digest=", "digest=0", 1),
    ):
        path.write_text(wrong)
        found = verified(ledger, store)
        assert found.verdict == "not sound"
        assert found.checkpoint_findings[0].startswith("checkpoint of 17 events:")
    text = note.split("\n\n")[0] + "\n"
    digest = text.split("digest=")[1][:64]
    path.write_text(SIGNER.sign(text.replace(digest, "0" * 64)))
    assert any("states the digest 000" in f for f in verified(ledger, store).model_findings)
    assert any("says generation 1 is of engine 5" in f for f in _of(5, 1, text, ledger, store))
    older = SIGNER.sign(text.replace("engine=6 generation=1", "engine=5 generation=9"))
    for file in (path, store.folder / "checkpoint"):
        file.write_text(older)
    found = verified(ledger, store)
    assert (found.verdict, "is of engine 5" in found.untold[0]) == ("could not tell", True)
    assert ledger.checkpoint(store, SIGNER).file == f"{path}-2", "this engine states it, too"
    assert verified(ledger, store).verdict == "sound"
    (store.folder / "checkpoint").write_text(older)
    assert "is not the last of the checkpoints" in verified(ledger, store).checkpoint_findings[0]
    (store.folder / "checkpoints" / f"{17:020d}-2").unlink()
    for file in (path, store.folder / "checkpoint"):
        file.write_text(note)
    (store.folder / "tile" / "0" / "000.p" / "17").write_bytes(bytes(17 * 32))
    assert any(
        "do not give the root" in f
        for f in verified(ledger, TileStore(store.folder)).checkpoint_findings
    )


def _of(engine: int, generation: int, text: str, ledger: Ledger, store: TileStore) -> list[str]:
    """What is found where the checkpoint says that its state was by another engine."""
    told = text.replace("engine=6 generation=1", f"engine={engine} generation={generation}")
    (store.folder / "checkpoints" / f"{17:020d}").write_text(SIGNER.sign(told))
    return list(verified(ledger, store).model_findings)


def test_proofs_are_checked_from_files_with_the_public_key_alone(
    ledger: Ledger, store: TileStore
) -> None:
    ledger.append([deposit(40).model_dump()])
    ledger.checkpoint(store, SIGNER)
    for position in (1, 9, 17, 18):
        proof = ledger.prove_event(store, position)
        proved = check_proof(proof, [KEY])
        assert (proved.log_position, proved.size) == (position, 18)
        assert proved.signed_by == ("example.com/ledger",)
        row = unpack(proved.content)
        stored: Any = ledger.connection.execute(
            "SELECT kind, amount, external_id FROM clearing.log WHERE position = %s", (position,)
        ).fetchone()
        assert (row.kind, row.amount, row.external_id) == stored
    growth = prove_growth(store, 17)
    assert (check_proof(growth, [KEY]).first, check_proof(growth, [KEY]).size) == (17, 18)
    proof = ledger.prove_event(store, 9)
    for wrong in (
        proof.replace("index 8", "index 7"),
        proof.replace("extra ", "extra AAAA"),
        proof.replace("\n18\n", "\n19\n"),
        proof.split("\n\n")[0],
        growth.replace("\n18\n", "\n19\n"),
        "\n".join(growth.split("\n")[:1] + growth.split("\n")[2:]),
        "",
    ):
        with pytest.raises(NoteRefused):
            check_proof(wrong, [KEY])
    with pytest.raises(NoteRefused, match="nobody who is trusted"):
        check_proof(proof, [Signer.generate("example.com/ledger").verifier])
    with pytest.raises(MomentUnclear, match="does not have log position 19"):
        ledger.prove_event(store, 19)
    with pytest.raises(CheckpointRefused, match="no checkpoint of 12 events"):
        prove_growth(store, 12)


def test_another_key_does_not_go_on_with_a_store(ledger: Ledger, store: TileStore) -> None:
    ledger.append([deposit(40).model_dump()])
    with pytest.raises(CheckpointRefused, match="is not this key's"):
        ledger.checkpoint(store, Signer.generate("example.com/other"))


def forge_snapshot(ledger: Ledger) -> None:
    """Give ada a hundred dollars in the latest snapshot, and the digest that goes with it."""
    document = json.loads(
        _one(ledger, "SELECT document FROM generation_1.snapshot ORDER BY position DESC LIMIT 1")
    )
    document["book"]["scopes"][0]["cash"] += 100_000_000
    digest = hashlib.sha256(canonical_json(document["book"]).encode()).hexdigest()
    ledger.connection.execute(
        "UPDATE generation_1.snapshot SET document = %s, digest = %s WHERE position = 17",
        (canonical_json(document), digest),
    )


def _one(ledger: Ledger, query: str) -> str:
    row: Any = ledger.connection.execute(query).fetchone()
    return str(row[0])


def test_a_state_is_signed_only_if_the_log_folds_to_it(ledger: Ledger, store: TileStore) -> None:
    """What is signed comes from the last signed state, or from genesis, and never from caches."""
    true = ledger.digest()
    Projector(ledger.connection, ensure_live(ledger.connection)).snapshot()
    forge_snapshot(ledger)
    assert ledger.digest() != true, "the projector believes its own snapshot"
    ledger.append([deposit(40).model_dump()])
    with pytest.raises(CheckpointRefused, match="read models are at the digest"):
        ledger.checkpoint(store, SIGNER)
    (store.folder / "state").unlink()
    with pytest.raises(CheckpointRefused, match="read models are at the digest"):
        ledger.checkpoint(store, SIGNER)
    assert verified(ledger, store).verdict == "not sound", "and so do its rows since"
    project_anew(ledger)
    assert ledger.checkpoint(store, SIGNER).size == 18
    assert verified(ledger, store).verdict == "sound"


@pytest.mark.parametrize("state", ["", "{}", '{"position": 17}', "other", None])
def test_the_state_beside_the_checkpoints_is_a_cache(
    ledger: Ledger, store: TileStore, state: str | None
) -> None:
    """It counts only if a checkpoint signed its digest; without it the log is folded anew."""
    path = store.folder / "state"
    kept = path.read_text()
    if state is None:
        path.unlink()
    else:
        path.write_text(kept.replace('"ada"', '"eve"') if state == "other" else state)
    ledger.append([deposit(40).model_dump()])
    reached: list[tuple[str, int]] = []
    made = ledger.checkpoint(store, SIGNER, progress=lambda *at: reached.append(at))
    assert made.digest == ledger.digest()
    assert json.loads(path.read_text())["position"] == 18
    assert ("folded", 18) in reached
    assert verified(ledger, store).verdict == "sound"


def test_a_checkpoint_folds_only_what_is_new(ledger: Ledger, store: TileStore) -> None:
    ledger.append([deposit(40).model_dump()])
    reached: list[tuple[str, int]] = []
    ledger.checkpoint(store, SIGNER, progress=lambda *at: reached.append(at))
    assert reached == [("hashed", 18), ("folded", 18)]


def test_an_event_from_before_that_a_new_one_refers_to_must_be_the_one_signed(
    ledger: Ledger, store: TileStore
) -> None:
    """A reversal reads what it reverses from the log."""
    Projector(ledger.connection, ensure_live(ledger.connection)).snapshot()
    ledger.connection.execute("UPDATE clearing.log SET amount = amount + 100 WHERE position = 9")
    row = ledger.connection.execute(
        "SELECT external_id FROM clearing.log WHERE position = 9"
    ).fetchone()
    assert row is not None
    target = {"source": "desk", "external_id": row[0]}
    persons = {"author": "ann", "approver": "bob", "reason": "booked twice"}
    ledger.append([event(41, "Reversed", target=target, **persons).model_dump()])
    with pytest.raises(CheckpointRefused, match="at log position 9 is not the one"):
        ledger.checkpoint(store, SIGNER)


def test_a_checkpoint_must_say_the_state_and_the_rules(ledger: Ledger, store: TileStore) -> None:
    path = store.folder / "checkpoints" / f"{17:020d}"
    text = path.read_text().split("\n\n")[0] + "\n"

    def told(changed: str) -> Verification:
        for file in (path, store.folder / "checkpoint"):
            file.write_text(SIGNER.sign(changed))
        return verified(ledger, store)

    lines = text.splitlines(keepends=True)
    without = told("".join(line for line in lines if "clearing/state" not in line))
    assert without.verdict == "could not tell"
    assert without.untold == ("checkpoint of 17 events: says nothing of their state",)
    rules = text.split("rules=")[1][:64]
    wrong = told(text.replace(rules, "0" * 64))
    assert any("states the rulebooks' digest 000" in f for f in wrong.model_findings)
    garbled = told(text.replace("generation=1", "generation=01"))
    assert "is not a line of clearing/state" in garbled.checkpoint_findings[0]
