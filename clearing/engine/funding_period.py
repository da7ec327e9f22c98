"""One market's funding as it comes about: what its premium was over the period that runs.

Prices between two moments are what they were at the first of them. A period ends at its own time,
whatever is seen later before the stamp is paid; what ended waits to be paid.
"""

from collections.abc import Callable
from fractions import Fraction

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import divide
from clearing.rulebook.funding import FundingRule

PriceOf = Callable[[str], int]
"""Returns the present price of a role at mark decimals, 0 if there is none."""


class Average:
    """A price over a period: its integral over ``time`` (microseconds)."""

    __slots__ = ("integral", "time")

    def __init__(self, integral: int = 0, time: int = 0) -> None:
        self.integral = integral
        self.time = time

    def run(self, price: int, elapsed: int) -> None:
        """Let ``price`` (0: none) stand for a time."""
        if price:
            self.integral += price * elapsed
            self.time += elapsed

    def value(self, rule: FundingRule, present: int) -> Fraction:
        """Return the average, or where there is none yet the present price, at mark decimals."""
        if rule.last or not self.time:
            return Fraction(present)
        if rule.rounds_averages is None:
            return Fraction(self.integral, self.time)
        return Fraction(divide(self.integral, self.time, rule.rounds_averages))


class Ended:
    """A period that ended: its stamp, and what came of it.

    ``premium`` and ``rate`` are exact, the rate for as long as the rule's rates are; ``price`` is
    what it is paid at, at mark decimals. All are None where there was no price.
    """

    __slots__ = ("premium", "price", "rate", "stamp")

    def __init__(
        self,
        stamp: int,
        premium: Fraction | None = None,
        rate: Fraction | None = None,
        price: Fraction | None = None,
    ) -> None:
        self.stamp = stamp
        self.premium = premium
        self.rate = rate
        self.price = price


class FundingPeriod:
    """The period that runs under ``rule``, and those that ended and are not paid yet.

    ``start`` and ``now`` in microseconds; ``averages`` are of the two prices of the premium,
    ``total`` (at rate decimals) and ``count`` of its samples, ``paused`` is time that did not
    count. ``compared`` is the computed rate that a told one is to equal in verify mode.
    """

    __slots__ = (
        "averages",
        "compared",
        "count",
        "ended",
        "now",
        "paused",
        "rule",
        "stamp",
        "start",
        "total",
    )

    def __init__(self, rule: FundingRule, now: int) -> None:
        self.rule = rule
        self.start = self.now = now
        # The first stamp whose period has not ended.
        periods = (now - rule.offset + rule.cut_off) // rule.interval + 1
        self.stamp = periods * rule.interval + rule.offset
        self.averages = [Average(), Average()]
        self.total = self.count = self.paused = 0
        self.ended: list[Ended] = []
        self.compared: Fraction | None = None

    @property
    def end(self) -> int:
        """When the period that runs ends."""
        return self.stamp - self.rule.cut_off

    def advance(self, to: int, paused: bool, price: PriceOf) -> None:
        """Let time pass up to ``to`` at the present prices, ending periods on the way."""
        while self.end <= to:
            self._run(self.end, paused, price)
            self.ended.append(self.conclude(price))
            self.start = self.end
            self.stamp += self.rule.interval
            self.averages = [Average(), Average()]
            self.total = self.count = self.paused = 0
        self._run(to, paused, price)

    def _run(self, to: int, paused: bool, price: PriceOf) -> None:
        elapsed = max(to - self.now, 0)
        self.now = max(to, self.now)
        if paused:
            self.paused += elapsed
        elif self.rule.of:
            for average, role in zip(self.averages, self.rule.roles, strict=True):
                average.run(price(role), elapsed)

    def sample(self, rate: int) -> None:
        """Take a premium sample into the period that runs."""
        self.total += rate
        self.count += 1

    def conclude(self, price: PriceOf) -> Ended:
        """Return what comes of the period if it ends now."""
        rule = self.rule
        if rule.sampled:
            premium = self._mean()
            over = Fraction(0)
        else:
            of, over = (
                average.value(rule, price(role))
                for average, role in zip(self.averages, rule.roles, strict=True)
            )
            if not of or not over:
                return Ended(self.stamp)
            premium = Fraction(of - over, over)
        paid_at = over if rule.pays_at == "reference" else Fraction(price(rule.pays_at))
        if not paid_at:
            return Ended(self.stamp)
        whole = max(self.now - self.start, 1)
        running = 1 - Fraction(min(self.paused, whole), whole)
        return Ended(self.stamp, premium, rule.rate(premium, running), paid_at)

    def _mean(self) -> Fraction:
        count = max(self.count, self.rule.expected)
        return Fraction(self.total, count * 10**RATE_DECIMALS) if count else Fraction(0)
