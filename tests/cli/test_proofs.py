"""Checkpoints and proofs at the command line: files, exit codes, and what is refused."""

import json
import stat
from pathlib import Path

import pytest

from clearing.database import connect
from clearing.log.checkpoints import Checkpoint
from clearing.log.merkle import leaf_hash
from clearing.log.notes import Signer
from clearing.log.proof_files import write_inclusion
from tests.audit.forging import unguard
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.cli.conftest import Run


@pytest.fixture
def day(database_url: str) -> None:
    venue = wick()
    with stored(venue, database_url):
        pass


@pytest.mark.usefixtures("day")
def test_from_a_checkpoint_to_a_proof_that_needs_no_database(
    clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = clearing("verify")
    assert (code, "could not tell" in out, "no checkpoint is kept" in out) == (2, True, True)
    code, out, err = clearing("checkpoint")
    assert (code, "made a key" in err) == (0, True)
    (key,) = (tmp_path / "data" / "checkpoint-keys").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().split("+")[4].strip() not in out + err
    verifier = out.split("public key ")[1].strip()
    code, out, _ = clearing("verify", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "sound")
    code, proof, _ = clearing("prove", "event", "9")
    file = tmp_path / "nine.tlog-proof"
    file.write_text(proof)
    assert proof.startswith("c2sp.org/tlog-proof@v1\nextra ")
    monkeypatch.delenv("CLEARING_DATABASE_URL")
    code, out, _ = clearing("prove", "check", str(file), "--key", verifier)
    assert (code, "log position 9 of 12 is Deposited 'e9'" in " ".join(out.split())) == (0, True)
    file.write_text(proof.replace("index 8", "index 9"))
    code, out, _ = clearing("prove", "check", str(file), "--key", verifier, "--json")
    (answer,) = json.loads(out)
    assert (code, answer["proves"]) == (1, False)
    note = tmp_path / "data" / "checkpoints"
    (note,) = note.glob("*/checkpoint")
    code, out, _ = clearing("prove", "check", str(note), "--key", verifier, "--json")
    (answer,) = json.loads(out)
    assert (code, answer["size"], answer["state"]["generation"]) == (0, 12, 1)
    assert answer["origin"] == verifier.split("+")[0]
    code, out, _ = clearing("prove", "check", str(note), "--key", verifier)
    assert (code, "of 12 events has the root" in " ".join(out.split())) == (0, True)
    note.write_text(note.read_text().replace("\n12\n", "\n11\n"))
    code, out, _ = clearing("prove", "check", str(note), "--key", verifier)
    assert (code, "is not of this text" in " ".join(out.split())) == (1, True)
    code, _, err = clearing("prove", "check", str(file))
    assert (code, "--key is needed" in err) == (2, True)
    code, _, err = clearing("prove", "check", str(file), "--key", "nonsense")
    assert (code, "a public key is written" in err) == (2, True)


@pytest.mark.usefixtures("day")
def test_a_key_that_others_may_read_is_refused(clearing: Run, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert clearing("checkpoint", "--store", str(tmp_path / "s"), "--key", str(key))[0] == 0
    key.chmod(0o644)
    code, _, err = clearing("checkpoint", "--store", str(tmp_path / "s"), "--key", str(key))
    assert (code, "can be read by others" in err) == (2, True)
    key.chmod(0o600)
    key.write_text("hello")
    code, _, err = clearing("checkpoint", "--store", str(tmp_path / "s"), "--key", str(key))
    assert (code, "is not a private key" in err) == (2, True)


@pytest.mark.usefixtures("day")
def test_growth_between_two_checkpoints(
    clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--store", str(tmp_path / "s"), "--key", str(tmp_path / "key"))
    assert clearing("checkpoint", *options)[0] == 0
    more = tmp_path / "more.jsonl"
    event = {"kind": "ClockTicked", "source": "venue", "external_id": "tick"}
    more.write_text(json.dumps(event | {"occurred_at": "2026-01-02T00:00:00Z"}))
    assert clearing("append", str(more))[0] == 0
    assert clearing("verify", "--store", str(tmp_path / "s"))[0] == 2
    assert clearing("checkpoint", *options)[0] == 0
    monkeypatch.setenv("CLEARING_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    code, proof, _ = clearing("prove", "growth", "12", "--store", str(tmp_path / "s"))
    assert (code, proof.startswith("clearing/growth-proof@v1\n")) == (0, True)
    file = tmp_path / "growth"
    file.write_text(proof)
    verifier = str(tmp_path / "s" / "verifier")
    code, out, _ = clearing("prove", "check", str(file), "--key", verifier)
    assert (code, "the log of 13 events begins with the 12" in " ".join(out.split())) == (0, True)
    code, _, err = clearing("prove", "growth", "11", "--store", str(tmp_path / "s"))
    assert (code, "no checkpoint of 11 events is kept; the last are 12, 13" in err) == (1, True)


@pytest.mark.usefixtures("day")
def test_a_proof_is_checked_before_it_is_given(clearing: Run, tmp_path: Path) -> None:
    """Tiles that were changed do not make a proof that proves nothing."""
    options = ("--store", str(tmp_path / "s"), "--key", str(tmp_path / "key"))
    assert clearing("checkpoint", *options)[0] == 0
    (tile,) = (tmp_path / "s" / "tile" / "0" / "000.p").iterdir()
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    code, out, err = clearing("prove", "event", "9", "--store", str(tmp_path / "s"))
    assert (code, out, "do not give the root" in " ".join(err.split())) == (1, "", True)
    assert clearing("verify", "--store", str(tmp_path / "s"))[0] == 1
    code, _, err = clearing("checkpoint", *options)
    assert (code, "do not give the root" in " ".join(err.split())) == (1, True)


@pytest.mark.usefixtures("day")
def test_verify_tells_of_a_log_without_its_head(clearing: Run, database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        unguard(connection)
        connection.execute("DELETE FROM clearing.log_head")
    code, out, _ = clearing("verify", "--json")
    found = json.loads(out)
    assert (code, found["verdict"], found["events"]) == (1, "not sound", 12)
    assert any("has no row" in finding for finding in found["log_findings"])


@pytest.mark.usefixtures("day")
def test_each_ledger_signs_with_a_key_of_its_own(
    clearing: Run, database_url: str, tmp_path: Path
) -> None:
    """A key's name is its log's name, and two logs of one name would contradict each other."""
    assert clearing("checkpoint")[0] == 0
    (folder,) = (tmp_path / "data" / "checkpoints").iterdir()
    (key,) = (tmp_path / "data" / "checkpoint-keys").iterdir()
    with connect(database_url) as connection:
        assert folder.name == key.stem == connection.info.dbname


@pytest.mark.parametrize("content", [b"hello", bytes(80)], ids=["text", "zeros"])
def test_what_is_proved_need_not_be_an_event(clearing: Run, tmp_path: Path, content: bytes) -> None:
    """Another log's proof, say: it holds, and what it is of cannot be read here."""
    signer = Signer.generate("example.com/other")
    note = signer.sign(Checkpoint(signer.name, 1, leaf_hash(content)).text())
    file = tmp_path / "other.tlog-proof"
    file.write_text(write_inclusion(0, content, [], note))
    code, out, _ = clearing("prove", "check", str(file), "--key", signer.verifier.text(), "--json")
    (answer,) = json.loads(out)
    assert (code, answer["proves"], answer["content"]) == (0, True, None)
    assert "is not an event's content" in answer["what"]
