"""Restatements: what differs between two versions of a statement, and what made it differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from clearing.audit import CorrectionView, corrections, exact_text, resolve_moment
from clearing.books.calendar import Period
from clearing.books.issuing import Issued, stored
from clearing.log import Connection

_NAMES: Final = ("asset", "market", "kind", "part", "item", "owners", "ledger", "account")
"""What lines of a statement are called by, where they have it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that differs: where it stands, both values (empty: it is not there), the change.

    ``change`` is ``after`` less ``before``, an absent number being 0; empty where it is no number.
    """

    where: str
    before: str
    after: str
    change: str


@dataclass(frozen=True, slots=True)
class Restatement:
    """Two versions of a statement, what differs, and what became known between them.

    ``because`` are the late facts and corrections that the log got after the first was drawn and
    that occurred before the period's end. ``engines`` are the engine versions, where they are two.
    """

    before: Issued
    after: Issued
    differences: tuple[Difference, ...]
    because: tuple[CorrectionView, ...]
    engines: tuple[str, ...]


def restatement(
    connection: Connection,
    account: str | None,
    period: Period,
    before: int | None = None,
    after: int | None = None,
) -> Restatement:
    """Return what differs between two issued versions: by default the latest and the one before.

    Raises :class:`~clearing.books.NotIssued` where there is none of a version.
    """
    later, figures = stored(connection, account, period, after)
    earlier, old = stored(connection, account, period, before or max(later.version - 1, 1))
    moment = resolve_moment(connection, at=later.drawn.known_at)
    seen: dict[tuple[int, str], CorrectionView] = {
        (view.log_position, view.what): view
        for view in corrections(connection, moment, since=earlier.drawn.known_at, limit=1_000_000)
        if view.occurred_at < period.ends
    }
    engines = (earlier.drawn.engine_version, later.drawn.engine_version)
    return Restatement(
        earlier,
        later,
        tuple(differences(old, figures)),
        tuple(seen.values()),
        engines if engines[0] != engines[1] else (),
    )


def differences(before: Any, after: Any, where: str = "") -> Iterator[Difference]:
    """Yield every figure that differs, in the order of the statement."""
    if isinstance(before, dict | None) and isinstance(after, dict | None):
        old, new = before or {}, after or {}
        for name in dict.fromkeys([*old, *new]):
            if name in _NAMES and not (old and new):
                continue  # a line that one of them does not have is named by where it stands
            yield from differences(old.get(name), new.get(name), _joined(where, name))
    elif isinstance(before, list | None) and isinstance(after, list | None):
        old, new = _by_name(before or []), _by_name(after or [])
        for name in dict.fromkeys([*old, *new]):
            yield from differences(old.get(name), new.get(name), _joined(where, name))
    elif before != after:
        first, second = ("" if value is None else str(value) for value in (before, after))
        yield Difference(where, first, second, _change(first, second))


def _joined(where: str, name: str) -> str:
    return f"{where} / {name}" if where else name


def _by_name(lines: list[Any]) -> dict[str, Any]:
    """Return lines by what they are called, or by their place where they have no name."""
    found = {}
    for place, line in enumerate(lines):
        name = str(place + 1)
        if isinstance(line, dict):
            told = [line.get(key) for key in _NAMES]
            name = " ".join(text for text in told if isinstance(text, str) and text) or name
        found[name] = line
    return found


def _change(before: str, after: str) -> str:
    try:
        return exact_text(Fraction(after or "0") - Fraction(before or "0"))
    except ValueError:
        return ""
