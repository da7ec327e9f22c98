"""Paths of marks, in integers: what each market's mark becomes, and how long after the beginning.

The book gives every market its base, the mark it begins with; documents say how marks move from
there. A path in a worker process is the one that it is here: it depends on nothing else.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from clearing.audit.replay.document import EVERY, ScenarioRefused
from clearing.audit.stress.document import (
    FilePath,
    MonteCarlo,
    ShockPath,
    Stress,
    value_for,
)
from clearing.audit.stress.draws import CONTEXT, Draws, Rows, cholesky, correlated
from clearing.audit.stress.files import marks_of
from clearing.engine.book import Book
from clearing.engine.market_states import SETTLED
from clearing.quantities import Rounding, divide

SECOND: Final = 1_000_000

FARTHEST: Final = Decimal(14)
"""No random walk takes the logarithm of a mark further than this: a millionfold, either way."""

Step = tuple[int, dict[int, int]]
"""Microseconds since the beginning, and marks (at mark decimals) by market ordinal."""

Bases = dict[int, int]
"""The marks that paths begin with, at mark decimals, by market ordinal."""


class Given:
    """A path whose marks are known beforehand. ``after`` is how long it goes on, microseconds."""

    count = 1

    def __init__(self, name: str, steps: Sequence[Step], after: int) -> None:
        self.name = name
        self.after = after
        self._steps = steps

    @property
    def times(self) -> list[int]:
        """When marks are told, in microseconds since the beginning."""
        return [at for at, _ in self._steps]

    def course(self, number: int) -> Iterator[Step]:
        """Return the path's steps; there is one path, number 0."""
        del number  # it is always the same
        return iter(self._steps)


class Drawn:
    """Random walks: each mark is m × exp(Σ (σz − σ²/2)), whose mean is m if z is normal.

    In each step one normal number is drawn for every market that moves, by ordinal; then, where
    tails are heavier, those of the stretch that all of them share.
    """

    def __init__(
        self, document: MonteCarlo, moving: Sequence[tuple[int, int, Decimal]], rows: Rows
    ):
        self.name = document.name
        self.count = document.count
        self.after = document.after_seconds * SECOND
        self._seed, self._degrees = document.seed, document.degrees
        self._moving, self._rows = moving, rows
        self.times = [k * document.step_seconds * SECOND for k in range(1, document.steps + 1)]

    def course(self, number: int) -> Iterator[Step]:
        """Draw one path's steps; ``number`` counts from 0."""
        c, draws = CONTEXT, Draws(self._seed, number)
        half = Decimal("0.5")
        drifts = [c.multiply(half, c.multiply(sigma, sigma)) for _, _, sigma in self._moving]
        logs = [Decimal(0) for _ in self._moving]
        for at in self.times:
            shocks = correlated(self._rows, [draws.normal() for _ in self._moving])
            if self._degrees is not None:
                stretch = draws.stretch(self._degrees)
                shocks = [c.multiply(z, stretch) for z in shocks]
            marks = {}
            for i, (ordinal, base, sigma) in enumerate(self._moving):
                moved = c.subtract(c.multiply(sigma, shocks[i]), drifts[i])
                logs[i] = max(-FARTHEST, min(FARTHEST, c.add(logs[i], moved)))
                marks[ordinal] = _mark(base, Fraction(c.exp(logs[i])))
            yield at, marks


Source = Given | Drawn
"""One of a document's paths, ready for a book."""


def bases_of(book: Book) -> Bases:
    """Return the mark that each market begins with: as told, before impact moved it."""
    return {
        ordinal: market.quoted or market.mark
        for ordinal, market in sorted(book.markets.items())
        if market.mark and market.state != SETTLED
    }


def sources_of(stress: Stress, book: Book) -> list[Source]:
    """Return a document's paths for a book; the first is of marks that stand as long as any moves.

    Raises :class:`ScenarioRefused` for what they name and the book does not have.
    """
    bases = bases_of(book)
    if not bases:
        raise ScenarioRefused(stress.name, ["upto: no market has a mark by then"])
    found: list[Source] = []
    for i, path in enumerate(stress.paths):
        where = f"paths.{i}"
        match path:
            case ShockPath():
                found.append(_shock(stress.name, where, path, book, bases))
            case FilePath():
                found.append(_filed(stress.name, where, path, book, bases))
            case MonteCarlo():
                found.append(_drawn(stress.name, where, path, book, bases))
    longest = max(found, key=lambda source: source.times[-1] + source.after)
    return [Given("still", [(at, bases) for at in longest.times], longest.after), *found]


def _shock(name: str, where: str, path: ShockPath, book: Book, bases: Bases) -> Given:
    moves = _by_market(name, f"{where}.moves", path.moves, book, bases)
    steps = []
    for k in range(1, path.steps + 1):
        done = Fraction(k, path.steps)
        marks = {m: _mark(bases[m], 1 + Fraction(move) * done) for m, move in moves.items()}
        steps.append((path.seconds * SECOND * k // path.steps, marks))
    return Given(path.name, steps, path.after_seconds * SECOND)


def _filed(name: str, where: str, path: FilePath, book: Book, bases: Bases) -> Given:
    told = marks_of(name, where, path)
    first: dict[str, Decimal] = {}
    for _, market, price in told:
        first.setdefault(market, price)
    followed = _followed(name, where, path, book, bases, first)
    followers: dict[str, list[int]] = {}
    for ordinal, market in followed.items():
        followers.setdefault(market, []).append(ordinal)
    scale = Fraction(path.scale)
    by_time: dict[int, dict[int, int]] = {}
    for at, market, price in told:
        factor = 1 + scale * (Fraction(price) / Fraction(first[market]) - 1)
        for ordinal in followers.get(market, ()):
            by_time.setdefault(at, {})[ordinal] = _mark(bases[ordinal], factor)
    begins = min(by_time)
    steps = [(at - begins, marks) for at, marks in by_time.items()]
    return Given(path.name, steps, path.after_seconds * SECOND)


def _followed(
    name: str, where: str, path: FilePath, book: Book, bases: Bases, told: dict[str, Decimal]
) -> dict[int, str]:
    """Return which market of the files each of the book's follows."""
    if path.markets:
        followed = _by_market(name, f"{where}.markets", path.markets, book, bases)
        for market in followed.values():
            if market not in told:
                problem = f"{where}.markets: the files have no marks of {market!r}; they have"
                raise ScenarioRefused(name, [f"{problem} {', '.join(sorted(told))}"])
        return followed
    names = {ordinal: book.markets[ordinal].spec.name for ordinal in bases}
    followed = {ordinal: market for ordinal, market in names.items() if market in told}
    if not followed:
        problem = f"{where}.markets: is needed; the files have only {', '.join(sorted(told))}"
        raise ScenarioRefused(name, [problem])
    return followed


def _drawn(name: str, where: str, path: MonteCarlo, book: Book, bases: Bases) -> Drawn:
    sigmas = _by_market(name, f"{where}.volatility", path.volatility, book, bases)
    names = [book.markets[ordinal].spec.name for ordinal in sigmas]
    for one, others in path.correlations.items():
        for market in (one, *others):
            if market not in names:
                problem = f"{where}.correlations: {market!r} has no volatility here"
                raise ScenarioRefused(name, [problem])
    rows = cholesky([[path.pair(one, other) for other in names] for one in names])
    if rows is None:
        problem = f"{where}.correlations: no markets can go together like this (the matrix is not"
        raise ScenarioRefused(name, [f"{problem} positive semi-definite)"])
    moving = [(ordinal, bases[ordinal], sigma) for ordinal, sigma in sigmas.items()]
    return Drawn(path, moving, rows)


def _by_market(
    name: str, where: str, values: dict[str, Any], book: Book, bases: Bases
) -> dict[int, Any]:
    """Return a mapping's values by ordinal; a market that has none of them has no place in it.

    Refuses a market that is not declared or has no mark: it would change nothing, silently.
    """
    ordinals = book.registry.market_ordinals
    problems = [
        f"{where}.{market}: is not declared, or has no mark by then"
        for market in values
        if market != EVERY and ordinals.get(market, 0) not in bases
    ]
    if problems:
        raise ScenarioRefused(name, problems)
    found = {o: value_for(values, book.markets[o].spec.name) for o in bases}
    return {ordinal: value for ordinal, value in found.items() if value is not None}


def _mark(base: int, factor: Fraction) -> int:
    """Return base × factor, rounded half-even; one unit at least."""
    return max(1, divide(base * factor.numerator, factor.denominator, Rounding.HALF_EVEN))
