"""The pages on incidents: their files and their commands, as a newcomer runs them."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run, clearing
from tests.docs.test_documents import ROOT

__all__ = ["clearing"]

PAGES = sorted((ROOT / "docs" / "incidents").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_does_what_it_says(
    page: Path, clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, content in re.findall(r"```(?:json|jsonl|yaml) (\S+)\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    said: set[str] = set()
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            code, printed, err = clearing(*shlex.split(line.removeprefix("$ clearing ")))
            assert code == 0, (line, err)
            said |= {" ".join(row.split()) for row in printed.splitlines()}
    for screen in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        for row in screen.splitlines():
            assert " ".join(row.split()) in said, f"no command prints: {row}"
