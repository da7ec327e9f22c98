"""An estate: one position that is being handed over, part by part."""

from clearing.engine.market import Market


class Estate:
    """A position to be handed over: signed size and the bankruptcy amount, handed over so far."""

    __slots__ = ("amount", "given", "market", "paid", "size")

    def __init__(self, market: Market, size: int, amount: int) -> None:
        self.market = market
        self.size = size
        self.amount = amount
        self.given = 0
        self.paid = 0

    @property
    def rest(self) -> int:
        """How much of |size| is left."""
        return abs(self.size) - self.given

    def part(self, quantity: int) -> int:
        """Return the part of the amount that goes with the next ``quantity``.

        Its share rounded down, which is to the taker's advantage, so that a fund that can afford
        the share exactly can afford the part; what completes the position takes what is left.
        """
        if quantity == self.rest:
            return self.amount - self.paid
        return self.amount * quantity // abs(self.size)

    def take(self, quantity: int) -> None:
        """Note that the next ``quantity`` was handed over, with its part of the amount."""
        part = self.part(quantity)
        self.given += quantity
        self.paid += part

    def signed(self, quantity: int) -> int:
        """Return ``quantity`` with the sign of the position."""
        return quantity if self.size > 0 else -quantity
