"""The working of a number, recorded by the function that computes it.

A function that takes a trace computes the same with it and without it; with it, it leaves a tree
of named inputs, formula and result. There is no second implementation to explain the first.

Formulas can be computed again by whoever reads them. A formula is written with ``+ - * /``,
parentheses, whole numbers, and the names of its inputs, in which whatever is no letter or digit is
an underscore; ``inputs`` stands for all of them. Its functions are ``sum``, ``max``, ``min`` and
``abs``; a rounding by its name, ``half_even(x, n)`` to n decimals (also ``down``, ``up``,
``toward_zero``, ``away_from_zero``, ``half_away``); and ``root(x, n)``, the square root rounded
down at n decimals. Everything is exact in between. A node without a formula is a fact.
"""

from dataclasses import dataclass, field
from typing import Any

from clearing.quantities.scaled import format_exact


@dataclass(slots=True)
class Trace:
    """One step of working.

    ``name`` says what was computed, ``formula`` how, ``result`` what came out as an exact decimal,
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
