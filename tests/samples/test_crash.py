"""The made-up crash is the same for the same seed, and is read like a venue's files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearing.samples import crash_funding, crash_marks
from tests.cli.conftest import Run, answer, clearing

__all__ = ["answer", "clearing"]


def test_the_same_seed_gives_the_same_bytes() -> None:
    text = "\n".join([*crash_marks(), *crash_funding()])
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest[:16] == "25b67450aad0819d"
    assert list(crash_marks(1)) != list(crash_marks(2))
    for line in list(crash_marks())[1:]:
        opened, high, low, close = (float(price) for price in line.split(",")[2:])
        assert low <= min(opened, close) <= max(opened, close) <= high


def test_it_is_written_once_and_imported(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "sample"
    assert clearing("sample", "crash", str(folder))[0] == 0
    code, _, err = clearing("sample", "crash", str(folder))
    assert (code, "is there already" in err) == (2, True)
    files = [str(folder / name) for name in ("marks.csv", "funding.csv")]
    assert answer("import", "binance", *files)
    assert answer("status")["ledger"]["log_position"] > 400
