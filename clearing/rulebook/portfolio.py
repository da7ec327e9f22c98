"""Portfolio schedules: the worst loss of positions together, over scenarios, with offsets.

A group's scenarios are joint moves of its markets' prices, or, for markets whose producer publishes
risk arrays, the arrays' places. The engine takes sums and maxima; what an option loses where is
data.
"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name
from clearing.rulebook.fields import Factor, List, MarginRate, Rate, Share


def _move(value: Decimal) -> Decimal:
    if value <= -1:
        raise ValueError(f"{value} leaves no price; a move is more than -1")
    return value


Move = Annotated[Rate, AfterValidator(_move)]


class PortfolioClassDocument(Fact):
    """Markets whose gains and losses in a scenario cancel in full.

    Of what the class gains in a scenario, ``offset`` counts against other classes' losses in it.
    """

    markets: Annotated[tuple[Name, ...], List, Field(min_length=1, max_length=10_000)]
    offset: Share = Decimal(0)


class PortfolioGroupDocument(Fact):
    """Markets that move together: in scenario i, each one's price by the fraction ``moves``[i].

    The charge is the worst loss over scenarios, at least ``floor`` × gross notional, never less
    than 0. Charges of groups add up.
    """

    moves: Annotated[tuple[Move, ...], List, Field(min_length=1, max_length=256)]
    classes: Annotated[dict[Name, PortfolioClassDocument], Field(min_length=1, max_length=1000)]
    floor: MarginRate | None = None


class PortfolioDocument(Fact):
    """Groups, and by level the factor with which the sum of their charges is asked."""

    groups: Annotated[dict[Name, PortfolioGroupDocument], Field(min_length=1, max_length=1000)]
    levels: Annotated[dict[Name, Factor], Field(max_length=16)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for level in ("initial", "maintenance"):
            if level not in self.levels:
                raise ValueError(f"levels: {level} is missing")
        if self.levels["initial"] < self.levels["maintenance"]:
            raise ValueError(
                f"levels.initial: {self.levels['initial']} is below maintenance,"
                f" {self.levels['maintenance']}"
            )
        seen: set[str] = set()
        for name, group in self.groups.items():
            for key, members in group.classes.items():
                for market in members.markets:
                    if market in seen:
                        raise ValueError(
                            f"groups.{name}.classes.{key}: {market} stands in the portfolio twice"
                        )
                    seen.add(market)
        return self


class PortfolioClass:
    """Market ordinals in order, and the share of gains that counts at rate decimals."""

    __slots__ = ("markets", "offset")

    def __init__(self, markets: list[int], offset: int) -> None:
        self.markets = markets
        self.offset = offset


class PortfolioGroup:
    """Moves, a floor rate (0: none), both at rate decimals, and classes."""

    __slots__ = ("classes", "floor", "moves", "name")

    def __init__(
        self, name: str, moves: list[int], classes: list[PortfolioClass], floor: int
    ) -> None:
        self.name = name
        self.moves = moves
        self.classes = classes
        self.floor = floor


class Portfolio:
    """A portfolio schedule ready for the engine; ``factors`` are (place, factor at rate scale)."""

    __slots__ = ("factors", "groups", "markets", "scenarios")

    def __init__(self, groups: list[PortfolioGroup], factors: list[tuple[int, int]]) -> None:
        self.groups = groups
        self.factors = factors
        self.scenarios = {
            market: len(group.moves)
            for group in groups
            for members in group.classes
            for market in members.markets
        }
        self.markets = frozenset(self.scenarios)
