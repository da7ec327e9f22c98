"""The page on asking: its ledger, its commands and what they print, and its Python."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearing.audit import Wanted
from clearing.ledger import Ledger
from tests.cli.conftest import Run, clearing
from tests.docs.test_documents import ROOT

__all__ = ["clearing"]

PAGE = (ROOT / "docs" / "asking.md").read_text(encoding="utf-8")


def words(text: str) -> list[str]:
    """The words of a text, without the rules of its tables."""
    return [word for word in text.split() if word.strip("─")]


def test_the_page_does_what_it_says(
    clearing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in re.findall(r"```json (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        for part in block.removeprefix("$ clearing ").split("\n$ clearing "):
            command, _, printed = part.partition("\n")
            command, _, target = command.partition(" > ")
            code, said, err = clearing(*shlex.split(command))
            assert code == 0, (command, err)
            assert ("A scenario" in err) is ("--occurred" in command)
            if target:
                (tmp_path / target).write_text(said, encoding="utf-8")
                assert len(said.splitlines()) == 4
            # What follows a table (a chart, say) need not be on the page.
            assert words(said)[: len(words(printed))] == words(printed), command
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    names = {"Ledger": Ledger, "Wanted": Wanted, "noon": noon}
    exec(compile(example, "asking.md", "exec"), names)  # noqa: S102 - it is our own example
    assert names["view"].scopes[0].status == "flat"  # type: ignore[attr-defined]
    assert len(names["page"].events) == 4  # type: ignore[attr-defined]
