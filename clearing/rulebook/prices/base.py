"""What every price operator is made of: what it may look at, and the price that it returns.

Inside a tree prices are integers at a market's mark decimals and :data:`PRICE_DECIMALS` more, so
that averages of averages lose nothing that could be seen; the value of a role is rounded once, at
the root, to the market's mark decimals. Where a quotient does not end at the finer scale it is
rounded half to even there.
"""

from abc import abstractmethod
from typing import Final, Literal, Protocol

from clearing.events.base import Fact
from clearing.quantities import Rounding, divide
from clearing.rulebook.prices.working import PriceWorking

PRICE_DECIMALS: Final = 12
"""Decimals that a tree has beyond those of its market's marks."""

PRICE_LIFT: Final = 10**PRICE_DECIMALS
"""A mark times this is a price inside a tree."""

RoleName = Literal[
    "index", "mark", "trigger", "funding", "collateral", "close", "adl", "settlement"
]
"""What a price is for."""

ObservedRole = Literal["index", "oracle", "last", "bid", "ask"]
"""What a source says that its price is."""


class Memory:
    """What an operator over time remembers between evaluations.

    ``at`` is the moment of the last one in microseconds (−1: none yet), ``numbers`` what the
    operator makes of the past, in its own layout.
    """

    __slots__ = ("at", "numbers")

    def __init__(self, at: int = -1, numbers: list[int] | None = None) -> None:
        self.at = at
        self.numbers = [] if numbers is None else numbers


class Readings(Protocol):
    """What a tree may look at: one market's observations, and the moment of evaluation."""

    @property
    def now(self) -> int:
        """The moment of evaluation, in microseconds; it never goes back."""

    def observed(self, source: int, role: str) -> tuple[int, int] | None:
        """Return (price at mark decimals, time) of what a source said last, or None."""

    def recorded(self) -> tuple[int, int] | None:
        """Return (price at mark decimals, time) of the last recorded mark, or None."""

    def role(self, name: str) -> int | None:
        """Return the value of another role in this evaluation, at the trees' scale, or None."""

    def memory(self, number: int) -> Memory:
        """Return the memory of the operator of that number, a new one when first asked."""


class PriceNode(Protocol):
    """A price operator, ready to compute."""

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price at the trees' scale, or None where there is none; leave the working."""


class PriceCompiling(Protocol):
    """What a document needs to become a price operator."""

    def source(self, path: str, name: str) -> int:
        """Return a declared source's ordinal; one that is not declared is a problem."""

    def number(self) -> int:
        """Return a number for an operator that remembers, unlike every other's of its market."""


class PriceDocument(Fact):
    """Common ground of price operators' documents."""

    @abstractmethod
    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the operator; ``path`` is where this stands in its document."""

    def parts(self) -> "tuple[PriceDocument, ...]":
        """Return the prices that this one is made of."""
        return ()

    def reads(self) -> str | None:
        """Return the role that this operator itself reads, if it reads one."""
        return None

    @property
    def timed(self) -> bool:
        """Whether this operator's value changes as time passes and nothing is observed."""
        return False


def quotient(numerator: int, denominator: int) -> int:
    """Return numerator / denominator (> 0), half to even at the trees' scale."""
    return divide(numerator, denominator, Rounding.HALF_EVEN)
