"""Reference rows as they stand in the shared folder: read, typed, nothing computed."""

import json
import os
import re
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / (os.environ.get("CLEARING_SHARED") or "../shared") / "vectors"

WIDE = Context(prec=120)
"""Enough digits for every figure that a row may hold."""

_DECIMALS = re.compile(r"rounded to (\d+) decimals")
_FLOAT = re.compile(r"(\w+) is a float, compare to (\S+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One reference case: what goes in, what its source says comes out."""

    file: str
    id: str
    topic: str
    units: str
    rule: str
    inputs: dict[str, Any]
    expected: dict[str, Any]

    @property
    def decimals(self) -> int:
        """Return the decimals to which the source rounds money, as its units say."""
        found = _DECIMALS.search(self.units)
        assert found is not None, f"{self.id}: its units do not say how many decimals"
        return int(found[1])

    def has(self, *names: str) -> bool:
        """Whether all of these inputs are there."""
        return all(name in self.inputs for name in names)

    def number(self, name: str, default: str | None = None) -> Decimal:
        """Return an input as a decimal."""
        text = self.inputs[name] if default is None else self.inputs.get(name, default)
        return Decimal(text)

    def text(self, name: str) -> str:
        """Return an input as text."""
        return str(self.inputs[name])


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a figure may be from the expected one, as its row says."""

    relative: Decimal
    absolute: Decimal

    def allows(self, expected: Decimal, found: Decimal) -> bool:
        """Whether the difference is within either of both."""
        if expected == found:
            return True
        gap = abs(expected - found)
        return gap <= self.absolute or gap <= self.relative * abs(expected)


def tolerance(row: Row, key: str) -> Tolerance:
    """Return the tolerance of a figure by its name (the last part of its path)."""
    relative = absolute = Decimal(0)
    for name, value in row.expected.items():
        given = value.get(key) if isinstance(value, dict) else value
        if given is None or not name.startswith("tolerance"):
            continue
        if name.startswith("tolerance_rel"):
            relative = max(relative, Decimal(given))
        else:
            absolute = max(absolute, Decimal(given))
    for name, limit in _FLOAT.findall(row.units):
        if name == key:
            absolute = max(absolute, Decimal(limit))
    return Tolerance(relative, absolute)


def read(path: Path) -> list[Row]:
    """Return the rows of one file."""
    return [
        Row(
            path.stem,
            row["id"],
            row["topic"],
            row["units"],
            row["rule"],
            row["inputs"],
            row["expected"],
        )
        for row in json.loads(path.read_text())
    ]


def read_all() -> dict[str, list[Row]]:
    """Return the rows of every file by its stem; nothing where the folder is absent."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.json"))}
