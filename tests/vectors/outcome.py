"""What an adapter says of a row, and how figures are compared with the expected ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.vectors.rows import Row, tolerance

MATCHED = "matched"
NOT_APPLICABLE = "not applicable"
DIFFERS = "differs"
PENDING = "pending"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Found:
    """Figures read off the engine, in the shape of the expected ones.

    ``beside`` names figures that are none of a ledger's business, with the reason; the others are
    compared, and one that is neither found nor beside is a difference.
    """

    figures: Mapping[str, Any]
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A row that a ledger has no business computing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A row that needs a mechanism which the engine does not have yet."""

    mechanism: str


Outcome = Found | NotApplicable | Pending


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a row ended, and why (both numbers, the reason or the mechanism)."""

    status: str
    detail: str = ""


def judge(row: Row, outcome: Outcome, waits_for: str | None, explained: str | None) -> Verdict:
    """Return how a row ended; fail where that is not what the lists say of it.

    ``waits_for`` is the mechanism by which the list of what is pending names the row, ``explained``
    the reason why its figures may differ.
    """
    wrong = differences(row, outcome) if isinstance(outcome, Found) else []
    if isinstance(outcome, Found) and not (wrong and waits_for is not None):
        if not wrong:
            assert waits_for is None, f"{row.id} matches: take it off the list of what is pending"
            assert explained is None, f"{row.id} no longer differs: take it off the list"
            return Verdict(MATCHED)
        assert explained is not None, f"{row.id} ({row.rule}):\n" + "\n".join(wrong)
        return Verdict(DIFFERS, f"{row.id}: {'; '.join(wrong)} ({explained})")
    assert explained is None, f"{row.id} is explained and yet is not compared"
    if isinstance(outcome, NotApplicable):
        return Verdict(NOT_APPLICABLE, outcome.reason)
    return Verdict(PENDING, outcome.mechanism if isinstance(outcome, Pending) else waits_for or "")


def differences(row: Row, found: Found) -> list[str]:
    """Return every figure that is not as expected: its path and both numbers."""
    wrong = []
    compared = 0
    for path, expected in _leaves(row.expected):
        if path[0].startswith("tolerance") or any(part in found.beside for part in path):
            continue
        compared += 1
        ours = _at(found.figures, path)
        if not _same(row, path[-1], expected, ours):
            wrong.append(f"{'.'.join(path)}: expected {expected}, found {ours}")
    if not compared:
        wrong.append("nothing was compared")
    return wrong


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield paths and values; a list is a leaf, so that its length counts."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def _at(figures: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(figures, Mapping) or part not in figures:
            return None
        figures = figures[part]
    return figures


def _same(row: Row, key: str, expected: Any, ours: Any) -> bool:
    if isinstance(expected, list):
        return (
            isinstance(ours, list)
            and len(ours) == len(expected)
            and all(_same(row, key, *pair) for pair in zip(expected, ours, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(ours, Mapping)
            and expected.keys() == ours.keys()
            and all(_same(row, name, value, ours[name]) for name, value in expected.items())
        )
    if isinstance(expected, bool):
        return ours is expected
    number, mine = _number(expected), _number(ours)
    if number is None or mine is None:
        return bool(expected == ours)
    return tolerance(row, key).allows(number, mine)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
