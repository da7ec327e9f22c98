"""The pages on incidents: their files and their commands, as a newcomer runs them.

What they say of the days themselves is run on the recorded marks, where these are at hand.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run, clearing
from tests.docs.test_documents import ROOT

__all__ = ["clearing"]

PAGES = sorted((ROOT / "docs" / "incidents").glob("*.md"))
REAL = [page for page in PAGES if "```console real" in page.read_text(encoding="utf-8")]


def follow(text: str, clearing: Run, folder: Path, kind: str = "") -> None:
    """Make a page's files, run its commands, and find each line of its screens printed."""
    for name, content in re.findall(r"```(?:json|jsonl|yaml) (\S+)\n(.*?)```", text, re.DOTALL):
        (folder / name).write_text(content, encoding="utf-8")
    said: set[str] = set()
    for block in re.findall(rf"```console{kind}\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            code, printed, err = clearing(*shlex.split(line.removeprefix("$ clearing ")))
            assert code == 0, (line, err)
            said |= {" ".join(row.split()) for row in printed.splitlines()}
    for screen in re.findall(rf"```text{kind}\n(.*?)```", text, re.DOTALL):
        for row in screen.splitlines():
            assert " ".join(row.split()) in said, f"no command prints: {row}"


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_does_what_it_says(
    page: Path, clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    follow(page.read_text(encoding="utf-8"), clearing, tmp_path)


@pytest.mark.parametrize("page", REAL, ids=[page.stem for page in REAL])
def test_the_day_itself_was_as_the_page_says(
    page: Path, clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (shared_data / "data" / "crash").glob("*.csv.gz"):
        shutil.copy(file, tmp_path)
    follow(page.read_text(encoding="utf-8"), clearing, tmp_path, " real")
