"""The README's reconciliation of a real account: its commands run and print what it shows."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from clearing.cli import run
from tests.docs.test_documents import text

FILE = "data/statements/bitmex/walletHistory_2020_2022.csv.gz"


def test_the_commands_print_what_the_readme_shows(
    database_url: str,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not (shared_data / FILE).exists():
        pytest.skip(f"{shared_data / FILE} is not there")
    shutil.copy(shared_data / FILE, tmp_path / "walletHistory.csv.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEARING_DATABASE_URL", database_url)
    heading = "## Against somebody else's statement"
    (part,) = re.findall(rf"{heading}\n(.*?)\n## ", text("README.md"), re.DOTALL)
    (commands,) = re.findall(r"```console\n(.*?)```", part, re.DOTALL)
    (screen,) = re.findall(r"```text\n(.*?)```", part, re.DOTALL)
    for command in commands.splitlines():
        assert run(shlex.split(command.removeprefix("$ clearing "))) == 0, command
    printed = {line.rstrip() for line in capsys.readouterr().out.splitlines()}
    for line in screen.splitlines():
        assert line.rstrip() in printed, f"no command prints: {line}"
