"""``ema`` and ``twap``: averages of a price over time; ``delayed``: what it was.

Between two evaluations a price is what it was at the first of them, so an average does not depend
on how often it is asked for, but for the last digits of an ``ema``. While there is no price, time
does not count.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from clearing.quantities import DECAY_SCALE, decay, format_exact
from clearing.rulebook.prices.base import (
    Memory,
    PriceCompiling,
    PriceDocument,
    PriceNode,
    Readings,
    quotient,
)
from clearing.rulebook.prices.working import MOST_STRETCHES, PriceWorking

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
    """An exponentially weighted average.

    Its memory is [price since the last time, average], and once time has passed what the average
    was made of: [time since, price over it, average before].
    """

    __slots__ = ("_constant", "_number", "_price")

    def __init__(self, price: PriceNode, number: int, constant: int) -> None:
        self._price = price
        self._number = number
        self._constant = constant

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the average now."""
        part = None if working is None else working.part("price")
        price = self._price.value(readings, part)
        average = self._average(readings.memory(self._number), readings.now, price)
        if working is not None and part is not None:
            working.take(part, price)
            self._finish(working, readings.memory(self._number).numbers[2:], average)
        return average

    def _average(self, memory: Memory, now: int, price: int | None) -> int | None:
        if not memory.numbers:
            if price is None:
                return None
            memory.at, memory.numbers = now, [price, price]
            return price
        held, average, *made_of = memory.numbers
        if now > memory.at:
            elapsed = now - memory.at
            made_of = [elapsed, held, average]
            weight = decay(elapsed, self._constant)
            average = held + quotient((average - held) * weight, DECAY_SCALE)
        if price is None:
            # The average stands still until there is a price again.
            memory.at, memory.numbers = now, [average, average]
            return None
        memory.at, memory.numbers = now, [price, average, *made_of]
        return average

    def _finish(self, working: PriceWorking, made_of: list[int], average: int | None) -> None:
        """State what the average is made of; the price of now counts from now on."""
        if not made_of:
            working.finish("price", average, "no time has passed since there is a price")
            return
        elapsed, held, before = made_of
        said = f"{format_exact(elapsed, 6)} s before, from then on the price until now"
        working.trace.value("held", held, working.decimals, said)
        working.trace.value("before", before, working.decimals, "the average then")
        weight = decay(elapsed, self._constant)
        told = f"e^(-{format_exact(elapsed, 6)} / {format_exact(self._constant, 6)})"
        working.trace.value("weight", weight, _DECAY_DECIMALS, told)
        working.finish(f"held + {working.round('(before - held) * weight')}", average)


class Twap:
    """A plain average over a window; its memory is [from, price, from, price, …], by time.

    A price of a stretch without any is marked by a second number of :data:`_NONE`.
    """

    __slots__ = ("_number", "_price", "_window")

    def __init__(self, price: PriceNode, number: int, window: int) -> None:
        self._price = price
        self._number = number
        self._window = window

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the average of the window that ends now; with no time in it, the price."""
        part = None if working is None else working.part("price")
        price = self._price.value(readings, part)
        memory, now = readings.memory(self._number), readings.now
        _note(memory, now, _NONE if price is None else price)
        _forget(memory, now - self._window)
        if working is not None and part is not None:
            working.take(part, price)
        if price is None:
            return None
        stretches, end = [], now
        for place in range(len(memory.numbers) - 2, -1, -2):
            since, value = max(memory.numbers[place], now - self._window), memory.numbers[place + 1]
            if value != _NONE:
                stretches.append((value, end - since))
            end = since
        time = sum(length for _, length in stretches)
        total = sum(value * length for value, length in stretches)
        average = quotient(total, time) if time else price
        if working is not None:
            _finish_twap(working, stretches, average)
        return average


def _finish_twap(working: PriceWorking, stretches: list[tuple[int, int]], average: int) -> None:
    """State an average by the stretches of its window, (price, microseconds), the latest first."""
    counted = [stretch for stretch in stretches if stretch[1]]
    if not counted:
        working.finish("price", average, "no time has passed since there is a price")
        return
    finer = working.decimals + _SECOND_DECIMALS
    weighted = working.trace.step("weighted", "sum(inputs)")
    time = working.trace.step("time", "sum(inputs)")
    for place, (price, length) in enumerate(counted[:MOST_STRETCHES], 1):
        one = weighted.step(f"stretch {place}", "price * seconds")
        one.value("price", price, working.decimals)
        one.value("seconds", length, _SECOND_DECIMALS)
        one.finish(price * length, finer)
        time.value(f"stretch {place}", length, _SECOND_DECIMALS)
    earlier = counted[MOST_STRETCHES:]
    if earlier:
        name = f"{len(earlier)} earlier"
        weighted.value(name, sum(price * length for price, length in earlier), finer)
        time.value(name, sum(length for _, length in earlier), _SECOND_DECIMALS)
    weighted.finish(sum(price * length for price, length in counted), finer)
    time.finish(sum(length for _, length in counted), _SECOND_DECIMALS)
    working.finish(working.round("weighted / time"), average)


class Delayed:
    """The price that there was some time ago; its memory is laid out as a ``twap``'s."""

    __slots__ = ("_number", "_price", "_time")

    def __init__(self, price: PriceNode, number: int, time: int) -> None:
        self._price = price
        self._number = number
        self._time = time

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price then, or None where there was none."""
        part = None if working is None else working.part("price")
        price = self._price.value(readings, part)
        memory, then = readings.memory(self._number), readings.now - self._time
        _note(memory, readings.now, _NONE if price is None else price)
        _forget(memory, then, _drop_second)
        since, value = memory.numbers[:2]
        delayed = value if since <= then and value != _NONE else None
        if working is not None and part is not None:
            working.take(part, price)
            said = f"{format_exact(self._time, 6)} s ago"
            if delayed is None:
                working.missing.append(f"none {said}")
            else:
                working.trace.value("then", delayed, working.decimals, f"the price {said}")
            working.finish("then", delayed)
        return delayed


_NONE = -(10**60)
"""Stands in a memory for no price; no price is that low."""

_DECAY_DECIMALS: Final = 18
_SECOND_DECIMALS: Final = 6


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
