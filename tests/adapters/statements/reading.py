"""Reading made-up statements in tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clearing.adapters import Refusal
from clearing.adapters.statements import (
    Described,
    StatedBalance,
    StatementLine,
    StatementReader,
    described,
)


def read(
    reader: StatementReader, path: Path | str, **settings: str
) -> tuple[list[StatementLine], list[StatedBalance], list[Refusal], Described]:
    """What a reader says of a file: lines, balances, refusals, and what was seen of it."""
    lines, balances, refusals = [], [], []
    seen = None
    for item in described(reader, str(path), reader.read(str(path), settings)):
        match item:
            case StatementLine():
                lines.append(item)
            case StatedBalance():
                balances.append(item)
            case Refusal():
                refusals.append(item)
            case Described():
                seen = item
    assert seen is not None
    return lines, balances, refusals, seen


def csv_file(path: Path, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Path:
    """Write rows under a header; a column that a row lacks is empty."""
    text = [",".join(header)]
    text += [",".join(row.get(name, "") for name in header) for row in rows]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path
