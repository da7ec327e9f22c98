"""The same digest in other processes, under other hash seeds, from other Pythons."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
from tests.crashes.test_crashes import in_peace
outcome = in_peace()
print(outcome.root.hex(), outcome.entry_hash.hex(), outcome.digest)
"""


def told(python: str, seed: str) -> str:
    """What an interpreter makes of the sample ledger under a hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Kathmandu"}
    return subprocess.run(  # noqa: S603 - our own program, run by a Python that the test names
        [python, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_hash_seeds_locale_and_time_zone_change_nothing() -> None:
    assert len({told(sys.executable, seed) for seed in ("0", "1", "4242")}) == 1


def test_another_python_comes_to_the_same() -> None:
    other = os.environ.get("CLEARING_OTHER_PYTHON")
    if not other:
        pytest.skip("CLEARING_OTHER_PYTHON names no interpreter that has the project installed")
    assert told(other, "0") == told(sys.executable, "0")
