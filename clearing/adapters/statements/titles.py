"""CSV exports with a line of titles before their header: whose account it is, and of which clock.

Such a line begins with ``UID:`` and has ``name:value`` cells. Some exports begin every line with a
byte order mark, some every cell of the titles; none of them says anything.
"""

from collections.abc import Iterator
from itertools import chain

from clearing.adapters.base import Refusal
from clearing.adapters.files import Line, read_lines, split_csv
from clearing.adapters.statements.base import Beginning

_BOM = "\ufeff"


def titled_lines(path: str) -> tuple[dict[str, str], Iterator[Line | Refusal]]:
    """Return the titles of a file by name (empty where it has none) and the lines after them."""
    lines = _unmarked(path)
    first = next(lines, None)
    if first is None:
        return {}, lines
    if isinstance(first, Line) and _is_titles(first.text):
        return _titles(first.text), lines
    return {}, chain([first], lines)


def header_of(beginning: Beginning) -> frozenset[str]:
    """Return the columns of a file's header, which may stand below a line of titles."""
    lines = [line for line in beginning.text.replace(_BOM, "").split("\n") if line.strip(" \t")]
    if lines and _is_titles(lines[0]):
        del lines[0]
    try:
        return frozenset(split_csv(lines[0])) if lines else frozenset()
    except ValueError:
        return frozenset()


def _unmarked(path: str) -> Iterator[Line | Refusal]:
    for line in read_lines(path):
        if isinstance(line, Refusal):
            yield line
        else:
            yield Line(line.number, line.text.replace(_BOM, ""))


def _is_titles(text: str) -> bool:
    return text.startswith("UID:")


def _titles(text: str) -> dict[str, str]:
    try:
        cells = split_csv(text)
    except ValueError:
        cells = text.split(",")
    found = {}
    for cell in cells:
        name, _, value = cell.partition(":")
        found[name.strip()] = value.strip()
    return found
