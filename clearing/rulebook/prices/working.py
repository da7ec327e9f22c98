"""The working of a price: the steps of its tree, left by the operators as they compute it."""

from collections.abc import Callable, Mapping
from typing import Final

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, identifier

MOST_STRETCHES: Final = 200
"""How many stretches of an average over time are listed one by one."""


class PriceWorking:
    """One step of a price's working.

    ``trace`` is the step, ``decimals`` those of prices inside the market's trees. ``told`` names
    what a source (ordinal, what it is; 0 and nothing: the recorded mark) said, ``roles`` holds the
    working of the roles evaluated before. Parts without a price are not inputs: the note says why
    there is none.
    """

    __slots__ = ("decimals", "missing", "roles", "told", "trace")

    def __init__(
        self,
        trace: Trace,
        decimals: int,
        told: Callable[[int, str], str],
        roles: Mapping[str, Trace],
    ) -> None:
        self.trace = trace
        self.decimals = decimals
        self.told = told
        self.roles = roles
        self.missing: list[str] = []

    def part(self, name: str) -> "PriceWorking":
        """Return a step for a part of this one; :meth:`take` makes it an input."""
        return PriceWorking(Trace(name), self.decimals, self.told, self.roles)

    def take(self, part: "PriceWorking", value: int | None) -> None:
        """Make a part an input, or note that it has no price."""
        if value is None:
            why = f" ({'; '.join(part.missing)})" if part.missing else ""
            self.missing.append(f"no {part.trace.name}{why}")
        else:
            self.trace.inputs.append(part.trace)

    def finish(self, formula: str, value: int | None, note: str = "") -> None:
        """State what came out, and of what formula over the inputs."""
        if value is None:
            return
        words = "; ".join([*([note] if note else []), *self.missing])
        self.trace.formula = formula
        self.trace.finish(value, self.decimals, words)

    def rate(self, name: str, value: int) -> None:
        """Add a number at the scale of rates as an input."""
        self.trace.value(name, value, RATE_DECIMALS)

    def round(self, formula: str) -> str:
        """Return the formula that rounds to the scale of prices inside trees."""
        return f"half_even({formula}, {self.decimals})"

    def names(self) -> list[str]:
        """Return the inputs as formulas write them."""
        return [identifier(part.name) for part in self.trace.inputs]
