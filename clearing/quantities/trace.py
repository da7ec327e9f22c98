"""The working of a number, recorded by the function that computes it.

A function that takes a trace computes the same with it and without it; with it, it leaves a tree
of named inputs, formula and result. There is no second implementation to explain the first.

Formulas can be computed again by whoever reads them. A formula is written with ``+ - * /``,
parentheses, whole numbers, and the names of its inputs, in which whatever is no letter or digit is
an underscore; ``inputs`` stands for all of them. Its functions are ``sum``, ``max``, ``min`` and
``abs``; a rounding by its name, ``half_even(x, n)`` to n decimals (also ``down``, ``up``,
``toward_zero``, ``away_from_zero``, ``half_away``); ``root(x, n)``, the square root rounded down at
n decimals; ``below(x, y)`` and ``at_most(x, y)``, which are 1 if x < y (x <= y) and else 0; and
``choose(c, x, y)``, which is y if c is 0 and else x. Of prices: ``median(x, y, …)``, the mean of
the middle two of an even number; ``weighted_median(x, v, y, w, …)``, the first of the prices in
order with which more than half the weight is reached, and the mean of it and the next where it is
just half (what weighs 0 does not count); ``near(x, b, n, y, z, …)``, which is 1 if x is within b of
the median of y, z, … half even at n decimals, as a fraction of that, and else 0. Everything is
exact in between. A node without a formula is a fact.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from clearing.quantities.scaled import format_exact


@dataclass(slots=True)
class Trace:
    """One step of working.

    ``name`` says what was computed, ``formula`` how, ``result`` what came out as an exact decimal
    (``n/d`` where none is exact),
    ``note`` a rule or what became of a remainder, and ``inputs`` the steps that it stands on.
    ``account``, ``market`` and ``asset`` are ordinals of what it and its inputs are about, 0 where
    it is what the step above is about.
    """

    name: str
    formula: str = ""
    result: str = ""
    note: str = ""
    inputs: list["Trace"] = field(default_factory=list)
    account: int = 0
    market: int = 0
    asset: int = 0

    def step(self, name: str, formula: str = "", *, market: int = 0, asset: int = 0) -> "Trace":
        """Add and return an input of this step."""
        child = Trace(name, formula, market=market, asset=asset)
        self.inputs.append(child)
        return child

    def value(self, name: str, value: int, decimals: int, note: str = "") -> None:
        """Add an input whose value is known: ``value`` at ``decimals`` decimals."""
        self.inputs.append(Trace(name, "", format_exact(value, decimals), note))

    def ratio(self, name: str, value: Fraction, note: str = "") -> None:
        """Add an input whose value is known and may be no decimal."""
        self.inputs.append(Trace(name, "", ratio_text(value), note))

    def stage(
        self, name: str, formula: str, value: int, decimals: int, *facts: "Trace", note: str = ""
    ) -> None:
        """Put the last input, ``before`` in the formula, and more facts under a new one.

        So a figure's way through one rule after another is a tree in which each has its place.
        """
        before = self.inputs.pop()
        formula = formula.replace("before", identifier(before.name))
        made = Trace(name, formula, format_exact(value, decimals), note, [before, *facts])
        self.inputs.append(made)

    def finish_ratio(self, value: Fraction, note: str = "") -> None:
        """State a result that may be no decimal."""
        self.result = ratio_text(value)
        self.note = note

    def finish(self, value: int, decimals: int, note: str = "") -> None:
        """State the result: ``value`` at ``decimals`` decimals."""
        self.result = format_exact(value, decimals)
        self.note = note

    def document(self) -> dict[str, Any]:
        """Return the tree as JSON-ready data."""
        return {
            "name": self.name,
            "formula": self.formula,
            "result": self.result,
            "note": self.note,
            "inputs": [child.document() for child in self.inputs],
        }


def fact(name: str, value: int, decimals: int, note: str = "") -> Trace:
    """Return a step of working that is known: ``value`` at ``decimals`` decimals."""
    return Trace(name, "", format_exact(value, decimals), note)


def ratio_text(value: Fraction) -> str:
    """Write a value as an exact decimal, or as ``n/d`` where there is none."""
    divisor, twos, fives = value.denominator, 0, 0
    while divisor % 2 == 0:
        divisor, twos = divisor // 2, twos + 1
    while divisor % 5 == 0:
        divisor, fives = divisor // 5, fives + 1
    if divisor != 1:
        return f"{value.numerator}/{value.denominator}"
    decimals = max(twos, fives)
    return format_exact(value.numerator * 10**decimals // value.denominator, decimals)


def identifier(name: str) -> str:
    """Return how a formula writes the name of an input."""
    return re.sub(r"[^A-Za-z0-9]", "_", name)
