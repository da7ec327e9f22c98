"""Stress tests as files: which paths prices take, how far, and what forced sales do to them."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from clearing.audit.replay.document import MAX_BYTES, from_json, from_yaml
from clearing.events.base import Fact
from clearing.events.fields import Amount, Identifier, Name, Text
from clearing.rulebook.fields import Factor, List
from clearing.rulebook.problems import problems_of

EVERY: Final = "*"
"""Stands for every market that is not named."""

Seconds = Annotated[int, Field(ge=1, le=366 * 86_400)]
MarketOrEvery = Literal["*"] | Name


class StressRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A stress test cannot be run as it is written; ``problems`` name each field."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"{name}: " + "; ".join(problems))
        self.name = name
        self.problems = problems

    def __reduce__(self) -> tuple[type["StressRefused"], tuple[str, list[str]]]:
        """Say how it is made again in the process that waits for the one that raised it."""
        return StressRefused, (self.name, self.problems)


class ShockPath(Fact):
    """Every market moves by its share of the present mark, in equal ``steps``.

    ``moves`` are shares by market (``*``: of every other one), more than −1; a market that is named
    nowhere stays.
    """

    path: Literal["shock"]
    label: Identifier
    moves: Annotated[dict[MarketOrEvery, Amount], Field(min_length=1)]
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1
    step_seconds: Seconds = 60

    @model_validator(mode="after")
    def _above_nothing(self) -> Self:
        for market, move in self.moves.items():
            if move <= -1:
                raise ValueError(f"moves.{market}: {move} must be more than -1")
        return self


class FilePath(Fact):
    """Markets move as in a file of bars of marks, as ``import binance`` reads them.

    Each price of the file, relative to the market's first one there, moves the present mark:
    ``scale`` × that move. ``markets`` maps the file's names to the ledger's (the same, unless
    said); markets that the file does not have stay.
    """

    path: Literal["file"]
    label: Identifier
    file: Annotated[str, Field(min_length=1, max_length=1000)]
    scale: Factor = Decimal(1)
    markets: dict[Name, Name] = Field(default_factory=dict)


class MonteCarloPath(Fact):
    """Random paths: log-normal steps of a stated volatility, correlated, from a stated seed.

    ``volatility`` is the standard deviation of one step's log return, by market (``*``: of every
    other one; a market without any stays). ``correlation`` is one number for every pair, or numbers
    by pair, written ``A/B``; pairs that are not named have 0.
    """

    path: Literal["monte_carlo"]
    label: Identifier
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)]
    paths: Annotated[int, Field(ge=1, le=1_000_000)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    step_seconds: Seconds = 3600
    volatility: Annotated[dict[MarketOrEvery, Factor], Field(min_length=1)]
    correlation: Amount | dict[str, Amount] = Decimal(0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        numbers = self.correlation
        each = numbers.values() if isinstance(numbers, dict) else (numbers,)
        for number in each:
            if not -1 <= number <= 1:
                raise ValueError(f"correlation: {number} must lie between -1 and 1")
        return self


Path = Annotated[ShockPath | FilePath | MonteCarloPath, Field(discriminator="path")]


class Stress(Fact):
    """Paths that prices may take from the present book on.

    ``stress`` is the format's number, 1. ``impact`` is, by market, how far forced closes move a
    mark, as the section of that name of a rulebook says it; without it they move none, unless the
    rulebook in force says so itself.
    """

    stress: Literal[1]
    name: Identifier
    note: Text = ""
    impact: dict[str, Any] | None = None
    paths: Annotated[tuple[Path, ...], List, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        labels = [path.label for path in self.paths]
        for i, label in enumerate(labels):
            if label in labels[:i]:
                raise ValueError(f"paths.{i}.label: {label!r} stands twice")
        return self


def parse_stress(document: Any, name: str = "stress") -> Stress:
    """Return the stress test that a document describes, or raise :class:`StressRefused`."""
    try:
        return Stress.model_validate(document)
    except ValidationError as error:
        raise StressRefused(name, problems_of(error, document)) from None


def read_stress(text: str, name: str = "stress") -> Stress:
    """Return the stress test of a YAML or JSON text; ``name`` is its file's, for errors."""
    if len(text.encode()) > MAX_BYTES:
        raise StressRefused(name, [f"is larger than {MAX_BYTES:,} bytes"])
    reader: Callable[[str], Any] = from_json if text.lstrip().startswith("{") else from_yaml
    try:
        return parse_stress(reader(text), name)
    except (yaml.YAMLError, json.JSONDecodeError, RecursionError) as error:
        raise StressRefused(name, [f"cannot be read: {' '.join(str(error).split())}"]) from None
