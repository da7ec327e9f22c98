"""The demo shows what the README shows, and every command that the README names after it runs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.cli import run
from clearing.cli.where import _COMMENT, DEMO
from clearing.database import drop_beside
from tests.docs.test_documents import text


@pytest.fixture
def demo_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """A server for the demo's own database, which is dropped afterwards."""
    monkeypatch.setenv("CLEARING_DATABASE_URL", database_url)
    monkeypatch.setenv("CLEARING_DATA", str(tmp_path / "data"))
    yield database_url
    drop_beside(database_url, DEMO, _COMMENT)


@pytest.mark.usefixtures("demo_server")
def test_the_demo_prints_what_the_readme_says_and_its_commands_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    readme = text("README.md")
    (part,) = re.findall(r"## What the demo shows\n(.*?)\n## ", readme, re.DOTALL)
    (screen,) = re.findall(r"```text\n(.*?)```", part, re.DOTALL)
    assert run(["demo"]) == 0
    printed = {line.rstrip() for line in capsys.readouterr().out.splitlines()}
    for line in screen.splitlines():
        assert line.rstrip() in printed, f"the demo does not print: {line}"
    (commands,) = re.findall(r"`--demo`:\n\n```console\n(.*?)```", readme, re.DOTALL)
    for command in commands.splitlines():
        arguments = shlex.split(command.removeprefix("$ clearing "))
        assert run(arguments) == 0, command
        assert capsys.readouterr().out.strip(), command
    assert run(["demo", "--json", "--accounts", "30"]) == 0


def test_there_is_no_demo_to_ask_before_it_was_made(
    demo_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo_server
    assert run(["status", "--demo"]) == 3
    assert "run `clearing demo`" in capsys.readouterr().err
