"""The page on scenarios: its files and its commands, on the demo's ledger, as a user runs them."""

import re
import shlex
from pathlib import Path

import pytest

from clearing.cli import run
from tests.docs.test_demo import demo_server
from tests.docs.test_documents import text

__all__ = ["demo_server"]


@pytest.mark.usefixtures("demo_server")
def test_the_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = text("docs/scenarios.md")
    monkeypatch.chdir(tmp_path)
    for name, content in re.findall(r"```yaml (\S+)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert run(["demo"]) == 0
    capsys.readouterr()
    said: set[str] = set()
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            assert run(shlex.split(line.removeprefix("$ clearing "))) == 0, line
            printed = capsys.readouterr().out
            assert printed.strip(), line
            said |= {" ".join(row.split()) for row in printed.splitlines()}
    for screen in re.findall(r"```text\n(.*?)```", page, re.DOTALL):
        for row in screen.splitlines():
            assert " ".join(row.split()) in said, f"no command prints: {row}"
