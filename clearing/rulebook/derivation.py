"""Market-driven parameters: a recipe that turns what the log says into a new rulebook version.

A recipe names places in a rulebook document and, for each, a measure of one market over a window
of time that ends at a log position, and how the number there follows from it. Deriving is a pure
function of the base document, the recipe and the measures, in exact fractions. The new document
carries its derivation, so whoever has the log can derive it again; it is adopted by an event like
any other rulebook, and the fold takes it as it stands.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Digest, Name, NotNegativeAmount, Position
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import (
    Rounding,
    divide,
    format_exact,
    square_root,
    to_scaled,
)
from clearing.rulebook.fields import Factor, List, NamedRounding, Rate
from clearing.rulebook.paths import PathUnknown, place
from clearing.rulebook.problems import problems_of

MAX_SAMPLES: Final = 10_000
"""How many samples a measure may take."""

_SCALE: Final = 10**RATE_DECIMALS


class DerivationRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A rulebook cannot be derived; the message names the parameter and what would be right."""


class Measure(Fact):
    """One number about a market: samples of a series, reduced.

    ``series``: the ``mark`` (in the market's price), the ``open_interest``, or the ``depth`` (the
    lesser side of what was observed); the last two in units of size, or at the mark in the
    settlement asset with ``notional``. Samples stand ``sample_seconds`` apart, from
    ``window_seconds`` before the time of the log position to that time; each is what its sources
    said last, by their own times. ``reduce``: ``last``, ``least``, ``greatest``, ``mean``,
    ``median`` (of an even number, the mean of the middle two), ``deviation`` (the root of the mean
    squared return from sample to sample, rounded down at 12 decimals), ``worst_move`` (the greatest
    absolute return).
    """

    series: Literal["mark", "open_interest", "depth"]
    market: Name
    notional: bool = False
    window_seconds: Annotated[int, Field(ge=1, le=366 * 86_400)]
    sample_seconds: Annotated[int, Field(ge=1, le=366 * 86_400)]
    reduce: Literal["last", "least", "greatest", "mean", "median", "deviation", "worst_move"]

    @model_validator(mode="after")
    def _samples(self) -> Self:
        if self.window_seconds % self.sample_seconds:
            raise ValueError(
                f"window_seconds is {self.window_seconds}, no multiple of sample_seconds,"
                f" {self.sample_seconds}"
            )
        if self.window_seconds // self.sample_seconds >= MAX_SAMPLES:
            raise ValueError(f"more than {MAX_SAMPLES} samples; let them stand further apart")
        if self.notional and self.series == "mark":
            raise ValueError("notional: a mark is a price already; name open_interest or depth")
        return self


class Parameter(Fact):
    """One place of the document and the number that belongs there.

    The number is ``add`` + ``times`` × the measure, between ``floor`` and ``ceiling``, rounded by
    ``rounding`` to a multiple of ``step``; it moves away from the base's number by at most
    ``moves_at_most``, in one version. ``path`` is written as ``clearing rulebook diff`` does; a
    decimal has to stand there.
    """

    path: Annotated[str, Field(min_length=1, max_length=500)]
    measure: Measure
    times: Factor
    add: Rate = Decimal(0)
    floor: NotNegativeAmount
    ceiling: NotNegativeAmount
    step: Factor
    rounding: NamedRounding = Rounding.AWAY_FROM_ZERO
    moves_at_most: Factor | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ceiling < self.floor:
            raise ValueError(f"ceiling: {self.ceiling} is below floor, {self.floor}")
        for name in ("floor", "ceiling", "moves_at_most"):
            value = getattr(self, name)
            if value is not None and value % self.step:
                raise ValueError(f"{name}: {value} is no multiple of step, {self.step}")
        return self


class RecipeDocument(Fact):
    """A named, versioned producer of parameters."""

    producer: Name
    version: Name
    parameters: Annotated[tuple[Parameter, ...], List, Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        paths = [parameter.path for parameter in self.parameters]
        for i, path in enumerate(paths):
            if path in paths[:i]:
                raise ValueError(f"parameters.{i}.path: {path} stands twice")
        return self


class DerivationDocument(Fact):
    """How a document came about: from which base, by which recipe, measured where in the log."""

    base_sha256: Digest
    position: Position
    recipe: RecipeDocument


@dataclass(frozen=True, slots=True)
class Derived:
    """One parameter's working: what was measured (12 decimals, rounded), what it was and becomes.

    Numbers are decimals as text. ``limit`` names what stopped it: ``floor``, ``ceiling``,
    ``moves_at_most``, or nothing.
    """

    path: str
    measured: str
    before: str
    after: str
    limit: str


def check_recipe(recipe: Any) -> list[str]:
    """Return what is wrong with a recipe, each with its path; nothing if it is sound."""
    try:
        RecipeDocument.model_validate(recipe)
    except ValidationError as error:
        return problems_of(error, recipe)
    return []


def reduced(samples: Sequence[Fraction], how: str) -> Fraction:
    """Return the reduction of ``samples``, oldest first, as :class:`Measure` has it.

    Raises :class:`DerivationRefused` for returns of fewer than two samples or from a sample of 0.
    """
    if how == "last":
        return samples[-1]
    if how == "least":
        return min(samples)
    if how == "greatest":
        return max(samples)
    if how == "mean":
        return sum(samples, Fraction(0)) * Fraction(1, len(samples))
    if how == "median":
        ordered, half = sorted(samples), len(samples) // 2
        return (ordered[half] + ordered[-half - 1]) * Fraction(1, 2)
    moves = _returns(samples)
    if how == "worst_move":
        return max(abs(move) for move in moves)
    mean = sum((move * move for move in moves), Fraction(0)) * Fraction(1, len(moves))
    return Fraction(square_root(int(mean * _SCALE * _SCALE)), _SCALE)


def _returns(samples: Sequence[Fraction]) -> list[Fraction]:
    if len(samples) < 2 or not all(samples[:-1]):
        raise DerivationRefused("returns need two samples or more, none of them 0")
    return [Fraction(now, then) - 1 for then, now in pairwise(samples)]


def derive(
    base: dict[str, Any], derivation: dict[str, Any], measured: Sequence[Fraction]
) -> tuple[dict[str, Any], list[Derived]]:
    """Return the document that ``base`` becomes, with its derivation, and the working.

    ``derivation`` is a :class:`DerivationDocument` as JSON, kept as it is written; ``measured`` has
    a number for each of its recipe's parameters. Raises :class:`DerivationRefused` where a path
    leads to no decimal.
    """
    document = {key: deepcopy(part) for key, part in base.items() if key != "derivation"}
    working = []
    recipe = DerivationDocument.model_validate(derivation).recipe
    for parameter, measure in zip(recipe.parameters, measured, strict=True):
        holder, key = _place(document, parameter.path)
        before = to_scaled(_decimal(holder[key], parameter.path), RATE_DECIMALS)
        after, limit = _follow(parameter, measure, before)
        holder[key] = format_exact(after, RATE_DECIMALS)
        shown = divide(measure.numerator * _SCALE, measure.denominator, Rounding.HALF_EVEN)
        told, old, new = (format_exact(n, RATE_DECIMALS) for n in (shown, before, after))
        working.append(Derived(parameter.path, told, old, new, limit))
    document["derivation"] = derivation
    return document, working


def _follow(parameter: Parameter, measure: Fraction, before: int) -> tuple[int, str]:
    """Return a parameter's new number at :data:`RATE_DECIMALS`, and what limited it."""
    step, floor, ceiling = (
        to_scaled(number, RATE_DECIMALS)
        for number in (parameter.step, parameter.floor, parameter.ceiling)
    )
    aimed = Fraction(parameter.add) + Fraction(parameter.times) * measure
    wanted = Fraction(aimed * _SCALE, step)
    number = divide(wanted.numerator, wanted.denominator, parameter.rounding) * step
    limit = ""
    if number < floor:
        number, limit = floor, "floor"
    elif number > ceiling:
        number, limit = ceiling, "ceiling"
    if parameter.moves_at_most is not None:
        most = to_scaled(parameter.moves_at_most, RATE_DECIMALS)
        if abs(number - before) > most:
            number = before + (most if number > before else -most)
            limit = "moves_at_most"
    return number, limit


def _place(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return what holds the value at ``path``, and the key or index of it there."""
    try:
        return place(document, path)
    except PathUnknown as unknown:
        raise DerivationRefused(str(unknown)) from unknown


def _decimal(value: Any, path: str) -> Decimal:
    if not isinstance(value, str):
        raise DerivationRefused(f"{path}: the base has {value!r} there, not a decimal")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise DerivationRefused(f"{path}: the base has {value!r} there, not a decimal") from error
