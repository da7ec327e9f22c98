"""Margin schedules: named levels, each a composition of operators, that must not contradict.

Every schedule has ``initial`` and ``maintenance``; a venue may name as many more as it has (margin
call, release, backstop). A level may be a ratio of another one, but not of itself by a detour.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from clearing.events.fields import Name
from clearing.rulebook.operators import LevelDocument
from clearing.rulebook.pieces import Pieces, first_below

REQUIRED: Final = ("initial", "maintenance")
"""The levels that every schedule has: to open or withdraw, and to stay."""

Levels = Mapping[str, LevelDocument]


def sorted_levels(names: set[str]) -> list[str]:
    """Return level names in their order: initial, maintenance, then the others by name."""
    return [*REQUIRED, *sorted(name for name in names if name not in REQUIRED)]


def _check(levels: dict[str, LevelDocument]) -> dict[str, LevelDocument]:
    missing = [name for name in REQUIRED if name not in levels]
    if missing:
        raise ValueError(f"{missing[0]} is missing; a schedule has initial and maintenance")
    if "zero" in levels:
        raise ValueError("zero: is what a condition calls no requirement; name the level otherwise")
    _check_references(levels)
    initial, maintenance = (level_pieces(levels, name) for name in REQUIRED)
    if initial is not None and maintenance is not None:
        below = first_below(initial, maintenance)
        if below is not None:
            raise ValueError(f"initial is below maintenance at notional {below}")
    return levels


def level_pieces(levels: Levels, name: str) -> Pieces | None:
    """Return a level as a function of notional, or None where it depends on more than that."""
    return levels[name].pieces(lambda other: level_pieces(levels, other))


def _check_references(levels: Levels) -> None:
    for name in levels:
        _follow(levels, name, (name,))


def _follow(levels: Levels, name: str, seen: tuple[str, ...]) -> None:
    for other in levels[name].levels():
        if other not in levels:
            raise ValueError(f"{seen[0]}: refers to level {other!r}, which is not there")
        if other in seen:
            raise ValueError(f"{seen[0]}: is a ratio of itself: {' of '.join((*seen, other))}")
        _follow(levels, other, (*seen, other))


ScheduleDocument = Annotated[
    dict[Name, LevelDocument], Field(max_length=16), AfterValidator(_check)
]
"""The margin levels of a market, by name."""
