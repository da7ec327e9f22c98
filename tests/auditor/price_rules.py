"""Price trees by role and breakers as rulebooks say them, and what a market knows of its prices."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

SECOND = 1_000_000


@dataclass(frozen=True)
class Breaker:
    up: Fraction | None
    down: Fraction | None
    state: str
    duration: int
    reference: str

    def trips(self, mark: Fraction, reference: Fraction) -> bool:
        """Whether the mark is too far from the reference."""
        if self.up is not None and mark - reference > self.up * reference:
            return True
        return self.down is not None and reference - mark > self.down * reference


@dataclass(frozen=True)
class PricePolicy:
    roles: dict[str, Any]
    breakers: tuple[Breaker, ...]


@dataclass
class Prices:
    """What a market's prices are, were, and what trees remember."""

    told: dict[tuple[str, str], tuple[Fraction, int]] = field(default_factory=dict)
    """By source and price: what it said last, and when."""
    recorded: Fraction | None = None
    latest: int = 0
    trees: dict[str, Any] = field(default_factory=dict)
    """The trees that :attr:`memory` is of."""
    memory: dict[str, list[tuple[int, Fraction | None]]] = field(default_factory=dict)
    """By the path of an operator in time: each change of its price, with its moment."""
    values: dict[str, Fraction] = field(default_factory=dict)
    running: tuple[int, int] | None = None
    """The breaker that acts (its place) and until when."""


def read_prices(data: dict[str, Any]) -> dict[str, PricePolicy]:
    """Policies by market."""

    def share(breaker: dict[str, Any], side: str) -> Fraction | None:
        return Fraction(breaker[side]) if side in breaker else None

    return {
        market: PricePolicy(
            policy.get("roles", {}),
            tuple(
                Breaker(
                    share(breaker, "up"),
                    share(breaker, "down"),
                    breaker["state"],
                    breaker["seconds"] * SECOND,
                    breaker.get("reference", "index"),
                )
                for breaker in policy.get("breakers", ())
            ),
        )
        for market, policy in data.items()
    }
