"""What tolerances let pass is posted by a command, once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearing.cli import run
from clearing.ledger import Ledger
from tests.reconcile.desk import Day


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Their deposit is two satoshi more than ours, which a tolerance lets pass."""
    with Ledger.open(database_url) as ledger:
        day = Day(ledger, tmp_path)
        day.deposit("a", "0.00000008", 1)
        day.state(("a", 1, 10, 10))
        asked = ledger.desk("ann").propose_tolerance(
            "amount", "0.00000002", "their rounding", residual_account="small-change"
        )
        ledger.desk("bob").decide(asked.number, approve=True)
        yield database_url


def residuals(url: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    command = ["residuals", "bitmex", "ada", "--source", "venue", *options]
    assert run([*command, "--json", "--url", url]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_dry_run_shows_what_would_be_posted_and_posts_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger.open(url) as ledger:
        before = ledger.status().log_position
    (one,) = residuals(url, capsys, "--dry-run")
    assert (one["amount"], one["contra_account"], one["log_position"]) == (
        "0.00000002",
        "small-change",
        None,
    )
    with Ledger.open(url) as ledger:
        assert ledger.status().log_position == before
        assert ledger.desk("ann").breaks() == []


def test_what_is_posted_makes_the_sides_agree_and_is_not_posted_again(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = residuals(url, capsys)
    assert (one["author"], one["approver"], one["account"]) == ("ann", "bob", "ada")
    assert residuals(url, capsys) == []
    with Ledger.open(url) as ledger:
        assert ledger.status().log_position == one["log_position"]
        (scope,) = ledger.account("small-change").scopes
        assert scope.equity == "-0.00000002"
        answer = ledger.desk("ann").reconcile("bitmex", "ada")
        assert (answer.clean, answer.residuals) == (True, {})


def test_a_source_that_nobody_declared_is_named(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["residuals", "bitmex", "ada", "--source", "nobody", "--url", url]) != 0
    assert "nobody" in capsys.readouterr().err
