"""``ema`` and ``twap``: averages of a price over time; ``delayed``: what it was.

Between two evaluations a price is what it was at the first of them, so an average does not depend
on how often it is asked for, but for the last digits of an ``ema``. While there is no price, time
does not count.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from clearing.quantities import DECAY_SCALE, decay
from clearing.rulebook.prices.base import (
    Memory,
    PriceCompiling,
    PriceDocument,
    PriceNode,
    Readings,
    quotient,
)

if TYPE_CHECKING:
    from clearing.rulebook.prices.tree import PriceTree

Seconds = Annotated[int, Field(ge=1, le=31_622_400)]
"""A length of time."""

MAX_STRETCHES = 100_000
"""How many stretches of constant price are remembered; beyond, a ``twap`` merges the oldest, and
a ``delayed`` lets the oldest price stand longer."""


class OverTimeDocument(PriceDocument):
    """The average of ``price`` over time.

    ``ema``: exponentially weighted, with ``seconds`` the time after which 1/e of a price is left.
    ``twap``: every moment of the last ``seconds`` counts the same; since the first price, if that
    is later. ``delayed``: no average, but the price that there was ``seconds`` ago; none before.
    """

    op: Literal["ema", "twap", "delayed"]
    price: "PriceTree"
    seconds: Seconds

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the average of the compiled price."""
        price = self.price.compile(f"{path}.price", into)
        number, time = into.number(), self.seconds * 1_000_000
        match self.op:
            case "ema":
                return Ema(price, number, time)
            case "twap":
                return Twap(price, number, time)
        return Delayed(price, number, time)

    def parts(self) -> tuple[PriceDocument, ...]:
        """Return the price that is averaged."""
        return (self.price,)

    @property
    def timed(self) -> bool:
        """Averages move while a price stands."""
        return True


class Ema:
    """An exponentially weighted average; its memory is [price since the last time, average]."""

    __slots__ = ("_constant", "_number", "_price")

    def __init__(self, price: PriceNode, number: int, constant: int) -> None:
        self._price = price
        self._number = number
        self._constant = constant

    def value(self, readings: Readings) -> int | None:
        """Return the average now."""
        price = self._price.value(readings)
        memory, now = readings.memory(self._number), readings.now
        if not memory.numbers:
            if price is None:
                return None
            memory.at, memory.numbers = now, [price, price]
            return price
        held, average = memory.numbers
        if now > memory.at:
            weight = decay(now - memory.at, self._constant)
            average = held + quotient((average - held) * weight, DECAY_SCALE)
        if price is None:
            # The average stands still until there is a price again.
            memory.at, memory.numbers = now, [average, average]
            return None
        memory.at, memory.numbers = now, [price, average]
        return average


class Twap:
    """A plain average over a window; its memory is [from, price, from, price, …], by time.

    A price of a stretch without any is marked by a second number of :data:`_NONE`.
    """

    __slots__ = ("_number", "_price", "_window")

    def __init__(self, price: PriceNode, number: int, window: int) -> None:
        self._price = price
        self._number = number
        self._window = window

    def value(self, readings: Readings) -> int | None:
        """Return the average of the window that ends now; with no time in it, the price."""
        price = self._price.value(readings)
        memory, now = readings.memory(self._number), readings.now
        _note(memory, now, _NONE if price is None else price)
        _forget(memory, now - self._window)
        if price is None:
            return None
        total = time = 0
        numbers, end = memory.numbers, now
        for place in range(len(numbers) - 2, -1, -2):
            since, value = max(numbers[place], now - self._window), numbers[place + 1]
            if value != _NONE:
                total += value * (end - since)
                time += end - since
            end = since
        return quotient(total, time) if time else price


class Delayed:
    """The price that there was some time ago; its memory is laid out as a ``twap``'s."""

    __slots__ = ("_number", "_price", "_time")

    def __init__(self, price: PriceNode, number: int, time: int) -> None:
        self._price = price
        self._number = number
        self._time = time

    def value(self, readings: Readings) -> int | None:
        """Return the price then, or None where there was none."""
        price = self._price.value(readings)
        memory, then = readings.memory(self._number), readings.now - self._time
        _note(memory, readings.now, _NONE if price is None else price)
        _forget(memory, then, _drop_second)
        since, value = memory.numbers[:2]
        return value if since <= then and value != _NONE else None


_NONE = -(10**60)
"""Stands in a memory for no price; no price is that low."""


def _note(memory: Memory, now: int, price: int) -> None:
    """Begin a stretch of ``price``, unless the last one has it, too."""
    numbers = memory.numbers
    memory.at = now
    if numbers and numbers[-2] == now:
        del numbers[-2:]
    if not numbers or numbers[-1] != price:
        numbers += [now, price]


def _forget(
    memory: Memory, start: int, shorten: "Callable[[list[int]], None] | None" = None
) -> None:
    """Drop the stretches that ended by ``start``, and shorten the rest to the most kept."""
    shorten = shorten or _merge_oldest
    numbers = memory.numbers
    gone = 0
    while gone + 2 < len(numbers) and numbers[gone + 2] <= start:
        gone += 2
    if gone:
        del numbers[:gone]
    while len(numbers) > 2 * MAX_STRETCHES:
        shorten(numbers)


def _drop_second(numbers: list[int]) -> None:
    """Let the oldest price stand for the second stretch, too."""
    del numbers[2:4]


def _merge_oldest(numbers: list[int]) -> None:
    """Make one stretch of the two oldest: their average, or the price of the one that has one."""
    first, a, second, b, third = numbers[:5]
    if _NONE in (a, b):
        merged = b if a == _NONE else a
    else:
        merged = quotient(a * (second - first) + b * (third - second), third - first)
    numbers[:4] = [first, merged]
