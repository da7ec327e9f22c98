"""``add`` and ``clamp``: prices put together, and a price kept near another one."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

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
from clearing.rulebook.prices.working import PriceWorking

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

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the sum, if there is every price of it."""
        if working is None:
            return self._sum([(node.value(readings), factor) for node, factor in self._terms])
        values = []
        for place, (node, factor) in enumerate(self._terms, 1):
            part = working.part(f"price {place}")
            values.append((node.value(readings, part), factor))
            working.take(part, values[-1][0])
        total = self._sum(values)
        names = working.names()
        for place, (_, factor) in enumerate(self._terms, 1):
            working.rate(f"factor {place}", factor)
        terms = [f"{name} * factor_{place}" for place, name in enumerate(names, 1)]
        working.finish(working.round(" + ".join(terms)), total)
        return total

    def _sum(self, values: list[tuple[int | None, int]]) -> int | None:
        total = 0
        for value, factor in values:
            if value is None:
                return None
            total += value * factor
        return quotient(total, RATE_SCALE)


_NAMES: Final = ("price", "around", "low", "high")
"""How a clamp's working names its parts."""


class Clamped:
    """A price within bounds: around another one, above a low one, below a high one."""

    __slots__ = ("_bounds", "_price", "_within")

    def __init__(self, price: PriceNode, bounds: list[PriceNode | None], within: int) -> None:
        self._price = price
        self._bounds = bounds
        self._within = within

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price, moved to the nearest bound if it lies beyond."""
        parts = [None if working is None else working.part(name) for name in _NAMES]
        price = self._price.value(readings, parts[0])
        bounds = [
            None if bound is None else bound.value(readings, part)
            for bound, part in zip(self._bounds, parts[1:], strict=True)
        ]
        bounded = self._bounded(price, bounds)
        if working is not None:
            self._finish(working, parts, [price, *bounds], bounded)
        return bounded

    def _finish(
        self,
        working: PriceWorking,
        parts: list[PriceWorking | None],
        values: list[int | None],
        bounded: int | None,
    ) -> None:
        """State the formula: only bounds that are there bind."""
        declared = [True, *(bound is not None for bound in self._bounds)]
        for part, value, there in zip(parts, values, declared, strict=True):
            if part is not None and there:
                working.take(part, value)
        formula = "price"
        _, around, low, high = values
        if around is not None:
            working.rate("within", self._within)
            away = working.round("abs(around) * within")
            formula = f"min(max(price, around - {away}), around + {away})"
        if low is not None:
            formula = f"max({formula}, low)"
        if high is not None:
            formula = f"min({formula}, high)"
        working.finish(formula, bounded)

    def _bounded(self, price: int | None, bounds: list[int | None]) -> int | None:
        if price is None:
            return None
        around, low, high = bounds
        if around is not None:
            away = quotient(abs(around) * self._within, RATE_SCALE)
            price = min(max(price, around - away), around + away)
        if low is not None:
            price = max(price, low)
        return price if high is None else min(price, high)
