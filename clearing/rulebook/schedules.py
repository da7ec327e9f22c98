"""Margin schedules: named levels, each a composition of operators, that must not contradict.

Every schedule has ``initial`` and ``maintenance``; a venue may name as many more as it has (margin
call, release, backstop). A level may be a ratio of another one, but not of itself by a detour.
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from itertools import product
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from clearing.events.fields import Name
from clearing.events.kinds import RATE_DECIMALS
from clearing.rulebook.operators import (
    RATE_SCALE,
    DepthDocument,
    Exposure,
    LevelDocument,
    OpenInterestDocument,
    Operator,
    OperatorDocument,
    SizePremiumDocument,
    VolatilityRateDocument,
    walk_operators,
)
from clearing.rulebook.pieces import Pieces, first_below

REQUIRED: Final = ("initial", "maintenance")
"""The levels that every schedule has: to open or withdraw, and to stay."""

Levels = Mapping[str, LevelDocument]


def sorted_levels(names: set[str]) -> list[str]:
    """Return level names in their order: initial, maintenance, then the others by name."""
    return [*REQUIRED, *sorted(name for name in names if name not in REQUIRED)]


_TAKEN: Final = frozenset({"collateral", "equity", "factor", "positions"})
"""What workings of a margin call other figures than levels."""


def _check(levels: dict[str, LevelDocument]) -> dict[str, LevelDocument]:
    missing = [name for name in REQUIRED if name not in levels]
    if missing:
        raise ValueError(f"{missing[0]}: is missing; a schedule has initial and maintenance")
    if "zero" in levels:
        raise ValueError("zero: is what a condition calls no requirement; name the level otherwise")
    for name in levels:
        if name in _TAKEN or not name[0].isalpha():
            raise ValueError(
                f"{name}: workings call a figure so or cannot name it; a level's name begins with a"
                f" letter and is none of {', '.join(sorted(_TAKEN))}"
            )
    _check_references(levels)
    initial, maintenance = (level_pieces(levels, name) for name in REQUIRED)
    if initial is not None and maintenance is not None:
        below = first_below(initial, maintenance)
        if below is not None:
            raise ValueError(f"initial: is below maintenance at notional {below}")
    where = first_sample_below(levels)
    if where:
        raise ValueError(f"initial: is below maintenance at {where}")
    return levels


def level_pieces(levels: Levels, name: str) -> Pieces | None:
    """Return a level as a function of notional, or None where it depends on more than that."""
    return levels[name].pieces(lambda other: level_pieces(levels, other))


class _Loosely:
    """Compiles levels for samples: in an asset of as many decimals as amounts may have."""

    asset_decimals = 24

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def units(self, path: str, value: Decimal) -> int:
        """Return an amount; what is finer than that is cut off."""
        del path
        return int(value.scaleb(self.asset_decimals).to_integral_value(ROUND_DOWN))

    def level(self, path: str, name: str) -> Operator:
        """Return another level's operator."""
        return self._levels[name].compile(path, self)


def first_sample_below(levels: Levels) -> str:
    """Return where initial is below maintenance, in words, among samples of what both look at.

    That is only asked where a level looks at more than the notional: at sizes, prices, depths, open
    interests and published volatilities from small to large, without orders and at the leverage
    that accounts have by default.
    """
    operators = [op for name in REQUIRED for op in walk_levels(levels, name)]
    if not any(isinstance(op, _LOOKING_FURTHER) for op in operators):
        return ""
    into = _Loosely(levels)
    initial, maintenance = (levels[name].compile(name, into) for name in REQUIRED)
    for sample in product(_SIZES, _PRICES, _DEPTHS, _VOLATILITIES, _INTERESTS):
        size, price, depth, volatility, interest = sample
        working = into.asset_decimals + 2 * RATE_DECIMALS
        step = price * 10 ** (working - RATE_DECIMALS)
        at = Exposure(
            size,
            True,
            step,
            size * step,
            0,
            working,
            10 ** (working - into.asset_decimals),
            open_interest=interest,
            depth=None if depth is None else (depth, depth),
            volatility=volatility,
        )
        if initial.requirement(at) < maintenance.requirement(at):
            rate = Decimal(volatility).scaleb(-RATE_DECIMALS).normalize()
            return (
                f"size {size}, price {price}, depth {depth or 'unknown'}, published volatility"
                f" {rate:f}, open interest {interest}"
            )
    return ""


_LOOKING_FURTHER: Final = (
    DepthDocument,
    OpenInterestDocument,
    SizePremiumDocument,
    VolatilityRateDocument,
)
_SIZES: Final = (1, 1_000, 1_000_000)
_PRICES: Final = (1, 10_000)
_DEPTHS: Final = (None, 10, 100_000)
_VOLATILITIES: Final = (0, RATE_SCALE // 100, RATE_SCALE)
_INTERESTS: Final = (0, 1_000_000_000)


def walk_levels(levels: Levels, name: str) -> Iterator[OperatorDocument]:
    """Yield the operators of a level, and those of the levels that it refers to."""
    yield from walk_operators(levels[name])
    for other in levels[name].levels():
        yield from walk_levels(levels, other)


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
