"""Withdrawing statements and accepting doubts about them, with commands alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearing.cli import run
from clearing.ledger import Ledger
from tests.reconcile.desk import Day, rows, written


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Ada deposited twice; their statement of hours 1 and 30 leaves the time between open."""
    with Ledger.open(database_url) as ledger:
        day = Day(ledger, tmp_path)
        day.state(("a", 1, 10, 10))
        day.state(("b", 30, 10, 20))
        day.deposit("a", "0.0000001", 1)
        day.deposit("b", "0.0000001", 30)
        yield database_url


class Commands:
    """Runs commands on one ledger."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        assert run([*words, "--url", self.url]) == code, self.capsys.readouterr().err
        done = self.capsys.readouterr()
        return " ".join((done.out + done.err).split())

    def answer(self, *words: str, code: int = 0) -> Any:
        assert run([*words, "--json", "--url", self.url]) == code
        return json.loads(self.capsys.readouterr().out)


@pytest.fixture
def clearing(url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(url, capsys)


def test_a_gap_is_accepted_shown_as_accepted_and_doubted_again(clearing: Commands) -> None:
    found = clearing.answer("reconcile", "bitmex", "ada", code=1)
    (gap,) = found["coverage"]["gaps"]
    assert (gap["accepted"], gap["ours"]) == (None, 0)
    assert f"no statement covers this time [{gap['id']}]" in clearing(
        "reconcile", "bitmex", "ada", code=1
    )
    because = "the venue was shut"
    clearing("signoff", "accept", "bitmex", "ada", gap["id"], because, "--as", "ann")
    (asked,) = clearing.answer("signoff")
    assert asked["document"]["words"] == (
        "2024-05-01T01:00:00+00:00 to 2024-05-02T06:00:00+00:00: no statement covers this time"
    )
    assert "cannot decide on it" in clearing("signoff", "approve", "1", "--as", "ann", code=2)
    clearing("signoff", "approve", "1", "--as", "bob")
    shown = clearing("reconcile", "bitmex", "ada")
    assert "this time (accepted by 1: ann, bob: the venue was shut)" in shown
    assert "clean" in shown
    again = clearing("signoff", "accept", "bitmex", "ada", gap["id"], because, code=2)
    assert "was accepted by proposal 1 (bob) already" in again
    assert "revoked by eve" in clearing("signoff", "revoke", "1", "it was open", "--as", "eve")
    clearing("reconcile", "bitmex", "ada", code=1)
    (listed,) = clearing.answer("signoff", "--all")
    assert (listed["status"], listed["revoked_by"]) == ("approved", "eve")


def test_a_doubt_that_is_none_says_where_they_are_listed(clearing: Commands) -> None:
    said = clearing("signoff", "accept", "bitmex", "ada", "0" * 12, "trust me", code=2)
    assert "there is no doubt '000000000000'" in said
    assert "clearing reconcile lists them" in said


def test_a_statement_is_withdrawn_replaced_and_taken_in_again(
    clearing: Commands, tmp_path: Path
) -> None:
    path = written(tmp_path / "corrected.csv", rows([("b", 30, 10, 20), ("c", 31, 5, 25)]))
    clearing("statements", "take", str(path), "--account", "ada", "--as", "ann")
    asked = clearing(
        *("signoff", "withdraw", "2", "corrected by them", "--replaced-by", "3", "--as", "ann")
    )
    assert "withdrawal of import 2, replaced by 3" in asked
    clearing("signoff", "approve", "1", "--as", "bob")
    assert "replaced by 3 (ann, bob: corrected by them)" in clearing("statements")
    one, two, three = clearing.answer("statements")
    assert (one["withdrawn"], three["withdrawn"]) == (None, None)
    assert (two["withdrawn"]["replaced_by"], two["withdrawn"]["approver"]) == (3, "bob")
    old = str(tmp_path / "statement-2.csv")
    met = clearing("statements", "take", old, "--account", "ada")
    assert "import 2 was replaced by 3 (ann, bob: corrected by them)" in met
    assert "--again takes it in anew" in met
    assert "import 4" in clearing("statements", "take", old, "--account", "ada", "--again")
    assert "again, after 2" in clearing("statements")
    assert "there is no import 9" in clearing("signoff", "withdraw", "9", "a mistake", code=2)
