"""The working of a number, recorded by the function that computes it.

A function that takes a trace computes the same with it and without it; with it, it leaves a tree
of named inputs, formula and result. There is no second implementation to explain the first.
"""

from dataclasses import dataclass, field
from typing import Any

from clearing.quantities.scaled import format_exact


@dataclass(slots=True)
class Trace:
    """One step of working.

    ``name`` says what was computed, ``formula`` how (by the names of its inputs), ``result`` what
    came out as an exact decimal, ``note`` a rounding or a rule where there is one, and ``inputs``
    the steps that it stands on.
    """

    name: str
    formula: str = ""
    result: str = ""
    note: str = ""
    inputs: list["Trace"] = field(default_factory=list)

    def step(self, name: str, formula: str = "") -> "Trace":
        """Add and return an input of this step."""
        child = Trace(name, formula)
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
