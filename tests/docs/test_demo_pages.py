"""The pages whose files and commands run on the demo's ledger, as a user runs them."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from clearing.cli import run
from tests.docs.test_demo import demo_server
from tests.docs.test_documents import text

__all__ = ["demo_server"]

PAGES = (
    "docs/scenarios.md",
    "docs/explain.md",
    "docs/proofs.md",
    "docs/evidence.md",
    "docs/stress.md",
    "docs/exports.md",
    "docs/liabilities.md",
    "docs/books.md",
    "docs/daily-close.md",
)


@pytest.mark.usefixtures("demo_server")
def test_the_pages_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo"]) == 0
    capsys.readouterr()
    for page in PAGES:
        _follow(text(page), tmp_path, capsys)


def _follow(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Make the page's files, run its commands, and find each line of its screens printed."""
    for name, content in re.findall(r"```(?:yaml|csv) (\S+)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    said: set[str] = set()
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            command, _, target = line.removeprefix("$ clearing ").partition(" > ")
            command, may_fail, _ = command.partition(" || true")
            assert run(shlex.split(command)) == 0 or may_fail, line
            printed = capsys.readouterr().out
            assert printed.strip(), line
            if target:
                (tmp_path / target).write_text(printed, encoding="utf-8")
            said |= {" ".join(row.split()) for row in printed.splitlines()}
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            _run_other(line, folder=tmp_path)
    for screen in re.findall(r"```console\n[^`]*```\n\n```text\n(.*?)```", page, re.DOTALL):
        for row in screen.splitlines():
            assert " ".join(row.split()) in said, f"no command prints: {row}"


def _run_other(line: str, folder: Path) -> None:
    """Run another tool's command, which must succeed; hledger is not installed everywhere."""
    program, *arguments = shlex.split(line)
    found = shutil.which(program)
    if found is None:
        assert program == "hledger", f"{program} comes with the test dependencies"
        return
    done = subprocess.run(  # noqa: S603 - our own page's
        [found, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), line
