"""Checkpoints and proofs at the command line: files, exit codes, and what is refused."""

import json
import stat
from pathlib import Path

import pytest

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
    key = tmp_path / "data" / "checkpoint.key"
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
def test_growth_between_two_checkpoints(clearing: Run, tmp_path: Path) -> None:
    options = ("--store", str(tmp_path / "s"), "--key", str(tmp_path / "key"))
    assert clearing("checkpoint", *options)[0] == 0
    more = tmp_path / "more.jsonl"
    event = {"kind": "ClockTicked", "source": "venue", "external_id": "tick"}
    more.write_text(json.dumps(event | {"occurred_at": "2026-01-02T00:00:00Z"}))
    assert clearing("append", str(more))[0] == 0
    assert clearing("verify", "--store", str(tmp_path / "s"))[0] == 2
    assert clearing("checkpoint", *options)[0] == 0
    code, proof, _ = clearing("prove", "growth", "12", "--store", str(tmp_path / "s"))
    assert (code, proof.startswith("clearing/growth-proof@v1\n")) == (0, True)
    file = tmp_path / "growth"
    file.write_text(proof)
    verifier = str(tmp_path / "s" / "verifier")
    code, out, _ = clearing("prove", "check", str(file), "--key", verifier)
    assert (code, "the log of 13 events begins with the 12" in " ".join(out.split())) == (0, True)
    code, _, err = clearing("prove", "growth", "11", "--store", str(tmp_path / "s"))
    assert (code, "no checkpoint of 11 events is kept; the last are 12, 13" in err) == (1, True)
