"""The page on verifying a venue's liquidation: its files and its commands, as a user runs them."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, clearing
from tests.docs.test_documents import ROOT

__all__ = ["clearing"]

PAGE = (ROOT / "docs" / "verifying.md").read_text(encoding="utf-8")


def test_the_page_does_what_it_says(
    clearing: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, content in re.findall(r"```(?:csv|json) (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (commands,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    said = ""
    for line in commands.splitlines():
        command, _, target = line.removeprefix("$ clearing ").partition(" > ")
        code, said, err = clearing(*command.split())
        assert code == 0, (line, err)
        if target:
            (tmp_path / target).write_text(said, encoding="utf-8")
    (listing,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert said.split() == listing.split()
