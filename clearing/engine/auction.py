"""Auctions as the book holds them: what is offered since when, and who bids what."""

from fractions import Fraction
from typing import Final

from clearing.events.registry import MarketSpec
from clearing.quantities import Rounding, divide

_MICROSECONDS: Final = 1_000_000


class Bid:
    """A sealed bid: who takes up to which unsigned size, for which price (at price decimals).

    ``position`` is the log position that it came at: of equal prices the first wins.
    """

    __slots__ = ("bidder", "position", "price", "size")

    def __init__(self, bidder: int, size: int, price: int, position: int) -> None:
        self.bidder = bidder
        self.size = size
        self.price = price
        self.position = position


class Auction:
    """An open auction of a scope's whole position in one market, as it stands at any time.

    ``rung`` is the number of the one that opened it (0: of a ladder that holds no more), ``long``
    which side it sells; ``reference`` is the close price at the opening, at mark decimals.
    ``opened_at`` and ``ends_at`` are in microseconds.
    """

    __slots__ = ("bids", "ends_at", "long", "opened_at", "reference", "rung")

    def __init__(self, rung: int, long: bool, reference: int, opened_at: int, ends_at: int) -> None:
        self.rung = rung
        self.long = long
        self.reference = reference
        self.opened_at = opened_at
        self.ends_at = ends_at
        self.bids: list[Bid] = []

    def elapsed(self, at: int) -> int:
        """Return for how many whole seconds it has been open at ``at`` (microseconds)."""
        return (at - self.opened_at) // _MICROSECONDS

    def price(self, spec: MarketSpec, factor: Fraction) -> int:
        """Return the price that a factor stands for, at price decimals; at least one step of it.

        Rounded in favour of the account: up for a long position, down for a short one.
        """
        exact = self.reference * (factor if self.long else 2 - factor)
        exact *= Fraction(10**spec.price_decimals, 10**spec.mark_decimals)
        rounding = Rounding.UP if self.long else Rounding.DOWN
        return max(1, divide(exact.numerator, exact.denominator, rounding))
