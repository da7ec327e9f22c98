"""The table on the page about crashes is what the crashes give; here the shortest of them."""

from pathlib import Path

import pytest

from tests.presets.crashes import HEADER, PRESETS, line_of

PAGE = Path(__file__).parents[2] / "docs" / "crashes.md"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_line_of_the_page(shared_data: Path, preset: str) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert f"| {' | '.join(HEADER)} |" in lines
    written = f"| {' | '.join(line_of(shared_data, '2022-11-08', preset).cells())} |"
    assert written in lines
