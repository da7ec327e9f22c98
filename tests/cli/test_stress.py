"""Stress tests at the command line: documents, files of marks, tables, JSON, refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.cli.conftest import Run

PATHS = """\
stress: 1
name: worst cases
paths:
  - path: shock
    label: half off
    moves: {BTC: -0.5}
  - path: file
    label: a bad hour
    file: FILE
    markets: {BTCUSDT: BTC}
  - path: monte_carlo
    label: a wild day
    seed: 1
    paths: 8
    steps: 3
    volatility: {"*": 0.2}
"""

BARS = """\
market,time,mark_open,mark_high,mark_low,mark_close
BTCUSDT,2026-01-01T00:00:00Z,40000,40000,38000,38000
BTCUSDT,2026-01-01T01:00:00Z,38000,38000,20000,20000
"""


@pytest.fixture
def book(database_url: str) -> None:
    with stored(wick(), database_url):
        pass


@pytest.mark.usefixtures("book")
def test_paths_of_every_kind_are_run(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    marks = tmp_path / "BTCUSDT.csv"
    marks.write_text(BARS)
    told = tmp_path / "stress.yaml"
    told.write_text(PATHS.replace("FILE", str(marks)))
    found = answer("stress", str(told), "--processes", "2")
    half, hour, wild = found["paths"]
    assert half["outcome"]["assets"][0]["losses"] == "440"
    # The first bar's low leaves her 10, above a hundredth of 950; the second one's is half off.
    assert hour["outcome"]["assets"][0]["losses"] == "440"
    assert hour["outcome"]["liquidated_accounts"] == 1
    assert wild["outcome"] is None
    assert wild["depletion"][0]["paths"] == 8
    _, out, _ = clearing("stress", str(told))
    for words in ("half off", "a bad hour", "a wild day: 8 paths", "Depletion", "ada"):
        assert words in out


@pytest.mark.usefixtures("book")
def test_what_cannot_be_run_is_said_with_its_file(clearing: Run, tmp_path: Path) -> None:
    told = tmp_path / "stress.yaml"
    told.write_text(PATHS.replace("FILE", str(tmp_path / "nowhere.csv")))
    code, _, err = clearing("stress", str(told))
    assert code == 2
    assert "nowhere.csv" in err
    told.write_text("stress: 1\nname: x\npaths: []\n")
    code, _, err = clearing("stress", str(told))
    assert code == 2
    assert "stress.yaml" in err
    assert "paths" in err
    code, _, err = clearing("stress", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "none.yaml" in err
