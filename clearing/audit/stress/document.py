"""Stress tests as files: which paths of marks the book is put through, in YAML or JSON."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from clearing.audit.replay.document import (
    EVERY,
    MarketOrEvery,
    Place,
    ScenarioRefused,
    read_document,
)
from clearing.events.base import Fact
from clearing.events.fields import Identifier, Name, Text, Time
from clearing.rulebook.fields import Factor, List, Rate, Share
from clearing.rulebook.impact import ImpactDocument
from clearing.rulebook.problems import problems_of

MAX_PATHS: Final = 100_000
"""The most paths that one Monte Carlo draws."""

_LONGEST: Final = 10 * 366 * 86_400
"""The most seconds that a path takes, one way or another: ten years."""

Seconds = Annotated[int, Field(ge=0, le=_LONGEST)]


def _move(value: Decimal) -> Decimal:
    if not -1 < value <= 1000:
        raise ValueError(f"{value} must be more than -1 (all of the mark) and at most 1000")
    return value


def _correlation(value: Decimal) -> Decimal:
    if not -1 <= value <= 1:
        raise ValueError(f"{value} is no correlation; these go from -1 to 1")
    return value


Move = Annotated[Rate, AfterValidator(_move)]
"""By what part of itself a mark moves: -0.3 takes 30 % of it."""

Correlation = Annotated[Rate, AfterValidator(_correlation)]


class _Path(Fact):
    """Common ground: a name for answers, and how many seconds pass after the last mark."""

    model_config = ConfigDict(populate_by_name=True)

    name: Identifier
    after_seconds: Seconds = 0


class ShockPath(_Path):
    """Marks move by ``moves``, in ``steps`` equal steps over ``seconds``.

    After k of n steps a mark is m × (1 + move × k / n), rounded half-even to mark decimals.
    Markets that are not named (and that no ``*`` stands for) keep their marks.
    """

    path: Literal["shock"]
    moves: Annotated[dict[MarketOrEvery, Move], Field(min_length=1)]
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1
    seconds: Seconds = 0


class FilePath(_Path):
    """Marks move as they did in files of marks, from the first one of each market on.

    ``format`` is an importer of ``clearing import`` (with its ``settings``) or a format of events;
    by default what the first file looks like. ``markets`` says which market of the files each of
    the ledger's follows (``*``: every other one); without it they follow their own names. ``from``
    and ``to`` (times, both included) cut a window out of the files. A mark that was f times the
    first one makes m × (1 + ``scale`` × (f − 1)) of the mark m, rounded half-even, and one unit of
    mark decimals at least.
    """

    path: Literal["file"]
    files: Annotated[tuple[str, ...], List, Field(min_length=1, max_length=1000)]
    format: str | None = None
    settings: dict[str, str] = Field(default_factory=dict)
    markets: dict[MarketOrEvery, Name] = Field(default_factory=dict)
    scale: Factor = Decimal(1)
    since: Time | None = Field(default=None, alias="from")
    to: Time | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.to is not None and self.to < self.since:
            raise ValueError(f"to: {self.to} lies before from, {self.since}")
        return self


class MonteCarlo(_Path):
    """``count`` random walks of ``steps`` steps, ``step_seconds`` apart, drawn from ``seed``.

    ``volatility`` is the standard deviation of a market's log return in one step; markets without
    one keep their marks. ``correlation`` is that of every two markets, but for those pairs that
    ``correlations`` names (once, or twice the same). ``degrees`` gives the returns the heavier
    tails of Student's distribution with as many degrees of freedom, in all markets at once.
    """

    path: Literal["monte_carlo"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    count: Annotated[int, Field(ge=1, le=MAX_PATHS)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    step_seconds: Annotated[int, Field(ge=1, le=366 * 86_400)]
    volatility: Annotated[dict[MarketOrEvery, Share], Field(min_length=1)]
    correlation: Correlation = Decimal(0)
    correlations: dict[Name, dict[Name, Correlation]] = Field(default_factory=dict)
    degrees: Annotated[int, Field(ge=3, le=100)] | None = None

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if self.steps * self.step_seconds > _LONGEST:
            raise ValueError(
                f"step_seconds: {self.steps} steps of {self.step_seconds} seconds are more than"
                " ten years"
            )
        for one, others in self.correlations.items():
            for other, value in others.items():
                if one == other:
                    raise ValueError(f"correlations.{one}.{other}: a market goes with itself")
                back = self.correlations.get(other, {}).get(one, value)
                if back != value:
                    raise ValueError(
                        f"correlations.{one}.{other}: is {value}, and {back} the other way round"
                    )
        return self

    def pair(self, one: str, other: str) -> Decimal:
        """Return the correlation of two markets."""
        if one == other:
            return Decimal(1)
        back = self.correlations.get(other, {}).get(one, self.correlation)
        return self.correlations.get(one, {}).get(other, back)


Path = Annotated[ShockPath | FilePath | MonteCarlo, Field(discriminator="path")]


class Stress(Fact):
    """A stress test: the paths that the book as it was at ``upto`` is put through.

    ``stress`` is the format's number, 1. ``impact`` says by how much forced closes move marks
    (``*``: of every other market), as a rulebook's section of that name does; without it the
    rulebooks' own sections hold. Each path begins with the same book.
    """

    stress: Literal[1]
    name: Identifier
    note: Text = ""
    upto: Place | None = None
    impact: dict[MarketOrEvery, ImpactDocument] = Field(default_factory=dict)
    paths: Annotated[tuple[Path, ...], List, Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [path.name for path in self.paths]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"paths.{i}.name: {name!r} is the name of another path")
        return self

    @property
    def runs(self) -> int:
        """How many times the book is run: once along each path, and once with marks that stand."""
        counts = (path.count if isinstance(path, MonteCarlo) else 1 for path in self.paths)
        return 1 + sum(counts)


def parse_stress(document: Any, name: str = "stress") -> Stress:
    """Return the stress test that a JSON-like document describes.

    Raises :class:`ScenarioRefused` with every problem; ``name`` says of what.
    """
    try:
        return Stress.model_validate(document)
    except ValidationError as error:
        raise ScenarioRefused(name, problems_of(error, document)) from None


def read_stress(text: str, name: str = "stress") -> Stress:
    """Return the stress test that a YAML or JSON text describes; ``name`` is its file's.

    Numbers with a point stay the digits they are written with. Raises :class:`ScenarioRefused`.
    """
    return parse_stress(read_document(text, name), name)


def value_for(values: dict[str, Any], market: str) -> Any:
    """Return what a mapping by market says of one: under its name, or ``*``; None: nothing."""
    return values.get(market, values.get(EVERY))
