"""Stress at the command line: files, tables, JSON, what is refused, and an interrupt."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.cli.conftest import Run

FALL = """\
stress: 1
name: fall
paths:
  - path: shock
    name: a third
    moves: {BTC: -0.30}
  - path: monte_carlo
    name: days
    seed: 7
    count: 20
    steps: 4
    step_seconds: 3600
    volatility: {"*": 0.1}
"""


@pytest.fixture
def day(database_url: str) -> str:
    """Ada is long ten at 100 with 60 of cash."""
    with stored(wick(), database_url):
        return database_url


@pytest.mark.usefixtures("day")
def test_a_stress_test_is_run(clearing: Run, answer: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "fall.yaml"
    file.write_text(FALL)
    told = answer("stress", str(file), "--processes", "1")
    third, days = told["paths"]
    assert third["totals"]["assets"][0]["losses"] == "240"
    assert third["accounts"][0]["name"] == "ada"
    assert (days["count"], days["totals"]) == (20, None)
    assert answer("stress", str(file), "--processes", "2") == told
    code, out, err = clearing("stress", str(file), "--processes", "1")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0, err
    assert "losses, USD 0 240" in lines
    assert "ada USD 240.00 100.00%" in lines
    assert "BTC USD 240.00 100.00%" in lines
    assert "days: 20 paths" in lines
    assert f"digest of days: {days['digest']}" in lines
    assert any(line.startswith("insurance USD 1,000 760 no no") for line in lines)
    _, out, _ = clearing("stress", str(file), "--at", "12")
    assert "the book after log position 12" in out


@pytest.mark.usefixtures("day")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (FALL.replace("-0.30", "-1.30"), "paths.0.moves.BTC: -1.30 must be more than -1"),
        (FALL.replace("BTC", "XYZ"), "paths.0.moves.XYZ: is not declared"),
        ("stress: 1\nname: [", "cannot be read"),
        ("stress: 1\nname: x\npaths: []", "paths: "),
    ],
)
def test_a_bad_file_is_refused_with_its_name(
    clearing: Run, tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    code, _, err = clearing("stress", str(file))
    assert code == 2
    assert problem in " ".join(err.split())
    assert "bad.yaml" in err.replace("\n", "")


def test_an_interrupt_ends_the_workers_with_the_command(day: str, tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    file.write_text(FALL.replace("count: 20", "count: 50000"))
    command = [sys.executable, "-c", "from clearing.cli import main; main()"]
    running = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "stress", str(file), "--processes", "2"],
        env={**os.environ, "CLEARING_DATABASE_URL": day},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    assert "paths: " in running.stderr.readline(), "it says how far it is"
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted" in err
    for _ in range(100):
        if not _lives(running.pid):
            return
        time.sleep(0.1)
    pytest.fail("a worker lives on")


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
