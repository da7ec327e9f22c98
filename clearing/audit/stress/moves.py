"""Where prices go: the marks of each step of a path, exactly the same on every machine.

Told moves are exact. Random ones are computed in decimals of 40 digits, whose logarithms,
exponentials and roots are correctly rounded, from the bits of a generator whose bits are the same
everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from random import Random
from typing import Final

from clearing.adapters import IMPORTERS, ImportOptions, Located
from clearing.audit.stress.document import (
    EVERY,
    FilePath,
    MonteCarloPath,
    ShockPath,
    StressRefused,
)
from clearing.events import Marked
from clearing.events.fields import to_microseconds
from clearing.quantities import Rounding, divide, exact_decimal

_EXACT: Final = Context(prec=40)
_BITS: Final = 62
_MICROSECONDS: Final = 1_000_000

_NOTHING: Final = Decimal("1e-18")
"""Below it what is left of a correlation is the rounding of what was subtracted."""

_IMPOSSIBLE: Final = "correlation: no prices can be correlated so with each other"

Marks = dict[int, int]
"""Marks by market ordinal, at each one's mark decimals."""

Step = tuple[int, Marks]
"""When it is (microseconds from the beginning), and the marks that change then."""


def shocked(path: ShockPath, now: Marks, names: Mapping[str, int]) -> Iterator[Step]:
    """Yield the steps of a shock: the whole move in equal parts of the present mark."""
    moves = by_market(path.moves, names)
    for number in range(1, path.steps + 1):
        marks = {}
        for ordinal, move in moves.items():
            change = Fraction(now[ordinal]) * Fraction(move) * number / path.steps
            marks[ordinal] = _rounded(now[ordinal] + change)
        yield number * path.step_seconds * _MICROSECONDS, marks


def by_market(told: Mapping[str, Decimal], names: Mapping[str, int]) -> dict[int, Decimal]:
    """Return what is told of each market, by ordinal, in order; ``*`` stands for the others."""
    found = {}
    for name, ordinal in sorted(names.items(), key=lambda item: item[1]):
        value = told.get(name, told.get(EVERY))
        if value is not None:
            found[ordinal] = value
    return found


def filed(path: FilePath, now: Marks, names: Mapping[str, int]) -> Iterator[Step]:
    """Yield the steps of a file: each of its marks, relative to the first of its market."""
    first: dict[str, Decimal] = {}
    begin: int | None = None
    for item in IMPORTERS["binance"].read([path.file], ImportOptions()):
        if not isinstance(item, Located):
            raise StressRefused(path.label, [f"file: {item.file} line {item.line}: {item.reason}"])
        if not isinstance(item.event, Marked):
            continue
        at = to_microseconds(item.event.occurred_at)
        begin = at if begin is None else begin
        marks = {}
        for mark in item.event.marks:
            ordinal = names.get(path.markets.get(mark.market, mark.market))
            opened = first.setdefault(mark.market, mark.price)
            if ordinal is not None:
                move = (Fraction(mark.price) / Fraction(opened) - 1) * Fraction(path.scale)
                marks[ordinal] = _rounded(now[ordinal] * (1 + move))
        if marks:
            yield at - begin, marks


def drawn(
    path: MonteCarloPath, number: int, now: Marks, names: Mapping[str, int]
) -> Iterator[Step]:
    """Yield the steps of one random path; the same number has the same path."""
    wild = by_market(path.volatility, names)
    ordinals = list(wild)
    factor = cholesky(path, [name for name, o in sorted(names.items(), key=_second) if o in wild])
    random = Random(f"{path.seed}/{number}")  # noqa: S311 - a stated seed, not a secret
    prices = {ordinal: Decimal(now[ordinal]) for ordinal in ordinals}
    spare: list[Decimal] = []
    for step in range(1, path.steps + 1):
        normals = [_normal(random, spare) for _ in ordinals]
        marks = {}
        for i, ordinal in enumerate(ordinals):
            z = _dot(factor[i][: i + 1], normals)
            moved = _EXACT.exp(_EXACT.multiply(wild[ordinal], z))
            prices[ordinal] = _EXACT.multiply(prices[ordinal], moved)
            marks[ordinal] = _rounded(Fraction(prices[ordinal]))
        yield step * path.step_seconds * _MICROSECONDS, marks


def _second(item: tuple[str, int]) -> int:
    return item[1]


def _normal(random: Random, spare: list[Decimal]) -> Decimal:
    """Return a standard normal by the polar method; the second of a pair is kept for later."""
    if spare:
        return spare.pop()
    while True:
        u, v = (
            _EXACT.divide(2 * random.getrandbits(_BITS) + 1 - (1 << _BITS), 1 << _BITS)
            for _ in range(2)
        )
        s = _EXACT.add(_EXACT.multiply(u, u), _EXACT.multiply(v, v))
        if 0 < s < 1:
            stretch = _EXACT.sqrt(_EXACT.divide(_EXACT.multiply(-2, _EXACT.ln(s)), s))
            spare.append(_EXACT.multiply(v, stretch))
            return _EXACT.multiply(u, stretch)


def cholesky(path: MonteCarloPath, names: Sequence[str]) -> list[list[Decimal]]:
    """Return the lower factor of the correlations of markets, by name.

    Raises :class:`StressRefused` where no prices can be correlated so.
    """
    told = path.correlation
    size = len(names)
    if isinstance(told, dict):
        unknown = [pair for pair in told if not _known(pair, names)]
        if unknown:
            problem = f"correlation.{unknown[0]}: is no pair of {', '.join(names)}, written A/B"
            raise StressRefused(path.label, [problem])

    def between(i: int, j: int) -> Decimal:
        if not isinstance(told, dict):
            return told
        pair, other = f"{names[i]}/{names[j]}", f"{names[j]}/{names[i]}"
        return told.get(pair, told.get(other, Decimal(0)))

    factor = [[Decimal(0)] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = _dot(factor[i][:j], factor[j])
            left = _EXACT.subtract(Decimal(1) if i == j else between(i, j), rest)
            if i == j:
                if left < -_NOTHING:
                    raise StressRefused(path.label, [_IMPOSSIBLE])
                factor[i][i] = _EXACT.sqrt(left) if left > _NOTHING else Decimal(0)
            elif factor[j][j]:
                factor[i][j] = _EXACT.divide(left, factor[j][j])
            elif abs(left) > _NOTHING:
                raise StressRefused(path.label, [_IMPOSSIBLE])
    return factor


def _known(pair: str, names: Sequence[str]) -> bool:
    return any(pair == f"{a}/{b}" for a in names for b in names if a != b)


def _dot(row: Sequence[Decimal], other: Sequence[Decimal]) -> Decimal:
    """Return the sum of the products of a row with as many of another."""
    total = Decimal(0)
    for a, b in zip(row, other, strict=False):
        total = _EXACT.add(total, _EXACT.multiply(a, b))
    return total


def _rounded(price: Fraction) -> int:
    """Return a mark: the nearest one, at least one."""
    return max(divide(price.numerator, price.denominator, Rounding.HALF_EVEN), 1)


def shown(mark: int, decimals: int) -> Decimal:
    """Return a mark as a decimal."""
    return exact_decimal(mark, decimals)
