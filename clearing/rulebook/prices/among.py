"""``median``, ``weighted_median``, ``mean``, ``min``, ``max``, ``first``: one price of several.

Prices that are missing or stale are left out; fewer than ``at_least`` left is no price at all.
"""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.quantities import to_scaled
from clearing.rulebook.fields import Factor, List, Share
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


class OutlierRule(Fact):
    """Which prices do not count: those that differ from the median by more than ``beyond`` of it.

    If more than ``at_most`` of them do (absent: any number may), the median of all is taken.
    """

    beyond: Share
    at_most: Annotated[int, Field(ge=0, le=64)] | None = None


class AmongDocument(PriceDocument):
    """One of several prices, or what lies between them.

    ``weights``, one for each of ``of``, are for ``weighted_median`` and ``mean``. ``first`` takes
    the first price that there is: a fallback.
    """

    op: Literal["median", "weighted_median", "mean", "min", "max", "first"]
    of: Annotated[tuple["PriceTree", ...], List, Field(min_length=1, max_length=64)]
    weights: Annotated[tuple[Factor, ...], List, Field(max_length=64)] = ()
    at_least: Annotated[int, Field(ge=1, le=64)] = 1
    outliers: OutlierRule | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weights and self.op not in ("weighted_median", "mean"):
            raise ValueError(f"weights: {self.op} has none")
        if self.op == "weighted_median" and not self.weights:
            raise ValueError("weights: are missing; weighted_median needs one for each price")
        if self.weights and len(self.weights) != len(self.of):
            raise ValueError(f"weights: are {len(self.weights)}, for {len(self.of)} prices")
        if self.outliers is not None and self.op in ("min", "max", "first"):
            raise ValueError(f"outliers: {self.op} looks for none")
        if self.at_least > len(self.of):
            raise ValueError(f"at_least: is {self.at_least}, of {len(self.of)} prices")
        return self

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the choice among the compiled prices."""
        parts = [part.compile(f"{path}.of.{i}", into) for i, part in enumerate(self.of)]
        weights = [to_scaled(weight, 12) for weight in self.weights]
        beyond = None if self.outliers is None else to_scaled(self.outliers.beyond, 12)
        at_most = None if self.outliers is None else self.outliers.at_most
        return Among(self.op, parts, weights, self.at_least, beyond, at_most)

    def parts(self) -> tuple[PriceDocument, ...]:
        """Return the prices that it chooses among."""
        return self.of


class Among:
    """One of several prices, or what lies between them."""

    __slots__ = ("_at_least", "_at_most", "_beyond", "_op", "_parts", "_weighted", "_weights")

    def __init__(
        self,
        op: str,
        parts: list[PriceNode],
        weights: list[int],  # none: each counts the same
        at_least: int,
        beyond: int | None,
        at_most: int | None,
    ) -> None:
        self._op = op
        self._parts = parts
        self._weighted = bool(weights)
        self._weights = weights or [1] * len(parts)
        self._at_least = at_least
        self._beyond = beyond
        self._at_most = at_most

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price; operators that remember are asked whether they are needed or not."""
        if working is None:
            return self._among([part.value(readings) for part in self._parts])
        values = []
        for place, node in enumerate(self._parts, 1):
            part = working.part(f"price {place}")
            values.append(node.value(readings, part))
            working.take(part, values[-1])
        price = self._among(values)
        self._finish(working, values, price)
        return price

    def _among(self, values: list[int | None]) -> int | None:
        found = [
            (value, weight)
            for value, weight in zip(values, self._weights, strict=True)
            if value is not None
        ]
        if len(found) < self._at_least:
            return None
        if self._beyond is not None:
            middle = _median([value for value, _ in found])
            near = self._near(found, middle)
            if self._too_many(len(found) - len(near)):
                return middle
            found = near
            if len(found) < self._at_least:
                return None
        return self._choose(found)

    def _near(self, found: list[tuple[int, int]], middle: int) -> list[tuple[int, int]]:
        limit = (self._beyond or 0) * abs(middle)
        return [pair for pair in found if abs(pair[0] - middle) * RATE_SCALE <= limit]

    def _too_many(self, outliers: int) -> bool:
        return self._at_most is not None and outliers > self._at_most

    def _finish(self, working: PriceWorking, values: list[int | None], price: int | None) -> None:
        """State the formula: what is no outlier counts by its weight."""
        if price is None:
            there = sum(value is not None for value in values)
            working.missing.append(f"{there} of {len(values)} prices, outliers among them")
            return
        names = working.names()
        counts = ["1"] * len(names)
        note = ""
        if self._weighted:
            for place, value in enumerate(values):
                if value is not None:
                    working.rate(f"weight {place + 1}", self._weights[place])
            counts = working.names()[len(names) :]
        everything, op = ", ".join(names), self._op
        if self._beyond is not None:
            found = [(value, 1) for value in values if value is not None]
            outliers = len(found) - len(self._near(found, _median([value for value, _ in found])))
            note = f"outliers: {outliers}" if outliers else ""
            working.rate("beyond", self._beyond)
            if self._too_many(outliers):
                op, note = "median", f"{note}, too many: the median of all"
            elif outliers:
                near = f"near({{}}, beyond, {working.decimals}, {everything})"
                counts = [
                    f"{count} * {near.format(name)}"
                    for name, count in zip(names, counts, strict=True)
                ]
                op = "weighted_median" if op == "median" else op
        pairs = list(zip(names, counts, strict=True))
        match op:
            case "median":
                formula = working.round(f"median({everything})")
            case "weighted_median":
                listed = ", ".join(f"{name}, {count}" for name, count in pairs)
                formula = working.round(f"weighted_median({listed})")
            case "mean":
                summed = " + ".join(
                    name if count == "1" else f"{name} * {count}" for name, count in pairs
                )
                formula = working.round(f"({summed}) / ({' + '.join(counts)})")
            case "first":
                formula = names[0]
            case _:
                formula = f"{op}({everything})"
        working.finish(formula, price, note)

    def _choose(self, found: list[tuple[int, int]]) -> int:
        values = [value for value, _ in found]
        match self._op:
            case "median":
                return _median(values)
            case "weighted_median":
                return _weighted_median(found)
            case "mean":
                total = sum(weight for _, weight in found)
                return quotient(sum(value * weight for value, weight in found), total)
            case "min":
                return min(values)
            case "max":
                return max(values)
            case _:
                return values[0]


def _median(values: list[int]) -> int:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return quotient(ordered[middle - 1] + ordered[middle], 2)


def _weighted_median(found: list[tuple[int, int]]) -> int:
    """Return the price at which half the weight is reached; between two if it is just reached."""
    ordered = sorted(found)
    total = sum(weight for _, weight in ordered)
    below = 0
    for place, (value, weight) in enumerate(ordered):
        below += weight
        if 2 * below > total:
            return value
        if 2 * below == total:
            return quotient(value + ordered[place + 1][0], 2)
    raise AssertionError("weights are positive, so half of them is reached")
