"""What a command prints: names as they are, an answer where there is nothing, codes of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clearing.ledger import Ledger
from clearing.log.notes import Signer
from tests.cli.conftest import Run

AT = {"source": "desk:fire:", "occurred_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def ledger(database_url: str) -> None:
    """An account and a source whose names would be pictures elsewhere."""
    events = [
        {"kind": "SourceDeclared", "name": "desk:fire:", "description": "our desk"},
        {"kind": "AssetDeclared", "name": "USD", "decimals": 2},
        {"kind": "AccountOpened", "account": "insurance", "account_class": "fund"},
        {"kind": "AccountOpened", "account": "ada:fire:1"},
        {"kind": "Deposited", "account": "ada:fire:1", "asset": "USD", "amount": "250.00"},
    ]
    with Ledger.open(database_url) as opened:
        opened.append([{**AT, "external_id": f"t:dog:{i}", **one} for i, one in enumerate(events)])
        opened.project()


@pytest.mark.usefixtures("ledger")
def test_names_are_shown_as_they_are(clearing: Run) -> None:
    for command in (
        ("accounts",),
        ("account", "ada:fire:1"),
        ("history", "account", "ada:fire:1"),
        ("explain", "equity", "ada:fire:1", "--asset", "USD"),
    ):
        code, out, _ = clearing(*command)
        assert (code, "ada:fire:1" in out) == (0, True), (command, out)
    _, out, _ = clearing("history", "account", "ada:fire:1")
    assert "desk:fire:/t:dog:4" in out
    code, _, err = clearing("history", "account", "ada:fire:1", "--after", "999:x:y")
    assert (code, "'999:x:y' is no cursor" in err) == (2, True)


@pytest.mark.usefixtures("ledger")
def test_nothing_is_an_answer(answer: Callable[..., Any], clearing: Run) -> None:
    """What did not exist yet had nothing: that is no error."""
    assert answer("fund", "insurance", "--at", "1") == []
    assert answer("fund", "insurance", "--at", "1", "--history") == []
    assert answer("liquidations", "--account", "nobody") == []
    assert answer("liquidations", "--account", "nobody", "--told") == []
    assert answer("history", "account", "nobody") == {"events": [], "after": ""}
    assert answer("history", "market", "NOPE")["events"] == []
    code, _, err = clearing("fund", "ada:fire:1")
    assert (code, "is not of class fund" in err) == (2, True)
    code, _, err = clearing("explain", "equity", "ada:fire:1")
    assert (code, "no rulebook was in force by log position 5" in " ".join(err.split())) == (
        2,
        True,
    )


@pytest.mark.usefixtures("ledger")
def test_a_position_beyond_the_log_says_which_there_are(clearing: Run) -> None:
    for position in ("-1", "999999999"):
        code, _, err = clearing("accounts", "--at", position)
        assert (code, "is not one from 0 to 5" in " ".join(err.split())) == (2, True), err


@pytest.mark.usefixtures("ledger")
def test_the_exit_code_is_the_commands_own_though_nobody_reads(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLEARING_DATABASE_URL", database_url)
    monkeypatch.setenv("CLEARING_DATA", str(tmp_path))
    for arguments, expected in (
        (["accounts"], 0),
        (["verify"], 2),
        (["verify", "--json"], 2),
        (["history", "account", "ada:fire:1", "--json"], 0),
    ):
        command = [str(Path(sys.executable).with_name("clearing")), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:  # noqa: S603 - our own command
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.close()
            said = running.stderr.read().decode()
            assert (running.wait(), "Traceback" in said) == (expected, False), (arguments, said)


def test_proofs_that_cannot_be_read_are_no_forgeries(clearing: Run, tmp_path: Path) -> None:
    key = Signer.generate("ledger.example/day").verifier.text()
    missing = tmp_path / "missing"
    code, _, err = clearing("prove", "check", str(missing), "--key", key)
    assert (code, "No such file" in err) == (2, True), err
    noise = tmp_path / "noise"
    noise.write_bytes(b"\xb6\xff")
    code, out, _ = clearing("prove", "check", str(noise), "--key", key, "--json")
    assert (code, json.loads(out)[0]["why"]) == (1, "is no text, so no proof")
