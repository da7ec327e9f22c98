"""``add`` and ``clamp``: prices put together, and a price kept near another one."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.quantities import to_scaled
from clearing.rulebook.fields import List, Rate, Share
from clearing.rulebook.operators.base import RATE_SCALE
from clearing.rulebook.prices.base import (
    PriceCompiling,
    PriceDocument,
    PriceNode,
    Readings,
    quotient,
)

if TYPE_CHECKING:
    from clearing.rulebook.prices.tree import PriceTree


class Term(Fact):
    """``factor`` × ``price``."""

    price: "PriceTree"
    factor: Rate


class AddDocument(PriceDocument):
    """The sum of prices, each times a factor of its own; none if one of them is none."""

    op: Literal["add"]
    of: Annotated[tuple[Term, ...], List, Field(min_length=1, max_length=64)]

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the sum of the compiled prices."""
        terms = [
            (term.price.compile(f"{path}.of.{i}.price", into), to_scaled(term.factor, 12))
            for i, term in enumerate(self.of)
        ]
        return Added(terms)

    def parts(self) -> tuple[PriceDocument, ...]:
        """Return the prices that are added."""
        return tuple(term.price for term in self.of)


class ClampDocument(PriceDocument):
    """``price``, at most ``within`` of ``around`` away from it, or between ``low`` and ``high``.

    A bound that is none just now does not bind; ``around`` that is none leaves ``price`` as it is.
    """

    op: Literal["clamp"]
    price: "PriceTree"
    around: "PriceTree | None" = None
    within: Share | None = None
    low: "PriceTree | None" = None
    high: "PriceTree | None" = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (self.around is None) is not (self.within is None):
            raise ValueError("within: stands with around, and around with it")
        if self.around is None and self.low is None and self.high is None:
            raise ValueError("around: is missing, and so are low and high; one of them must bind")
        return self

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the price within its bounds."""
        bounds = [
            None if part is None else part.compile(f"{path}.{name}", into)
            for name, part in (("around", self.around), ("low", self.low), ("high", self.high))
        ]
        within = 0 if self.within is None else to_scaled(self.within, 12)
        return Clamped(self.price.compile(f"{path}.price", into), bounds, within)

    def parts(self) -> tuple[PriceDocument, ...]:
        """Return the price and what binds it."""
        return tuple(
            part for part in (self.price, self.around, self.low, self.high) if part is not None
        )


class Added:
    """A sum of prices times factors at the scale of rates."""

    __slots__ = ("_terms",)

    def __init__(self, terms: list[tuple[PriceNode, int]]) -> None:
        self._terms = terms

    def value(self, readings: Readings) -> int | None:
        """Return the sum, if there is every price of it."""
        values = [(node.value(readings), factor) for node, factor in self._terms]
        total = 0
        for value, factor in values:
            if value is None:
                return None
            total += value * factor
        return quotient(total, RATE_SCALE)


class Clamped:
    """A price within bounds: around another one, above a low one, below a high one."""

    __slots__ = ("_bounds", "_price", "_within")

    def __init__(self, price: PriceNode, bounds: list[PriceNode | None], within: int) -> None:
        self._price = price
        self._bounds = bounds
        self._within = within

    def value(self, readings: Readings) -> int | None:
        """Return the price, moved to the nearest bound if it lies beyond."""
        price = self._price.value(readings)
        around, low, high = (
            None if bound is None else bound.value(readings) for bound in self._bounds
        )
        if price is None:
            return None
        if around is not None:
            away = quotient(abs(around) * self._within, RATE_SCALE)
            price = min(max(price, around - away), around + away)
        if low is not None:
            price = max(price, low)
        return price if high is None else min(price, high)
