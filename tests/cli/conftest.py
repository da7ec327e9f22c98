"""Running the command line in this process, as a user would, on a database of the test's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clearing.cli import run

Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def clearing(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Run ``clearing ARGUMENTS`` and return exit code, standard output and standard error."""
    monkeypatch.setenv("CLEARING_DATABASE_URL", database_url)
    monkeypatch.setenv("CLEARING_DATA", str(tmp_path / "data"))

    def command(*arguments: str) -> Outcome:
        capsys.readouterr()
        try:
            code = run(arguments)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def answer(clearing: Run) -> Callable[..., Any]:
    """Run a command with ``--json`` and return its answer; it must succeed."""

    def command(*arguments: str) -> Any:
        code, out, err = clearing(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return command
