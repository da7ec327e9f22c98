"""How a close depends on how long the liquidation has lasted: a ramp of sizes, a rising spread."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact, to_scaled
from clearing.rulebook.fields import Factor, MarginRate, Share
from clearing.rulebook.ladder.conditions import Seconds
from clearing.rulebook.operators import RATE_SCALE

Duration = Annotated[Seconds, Field(ge=1)]
Decimals = Annotated[int, Field(ge=0, le=RATE_DECIMALS)]
"""To how many decimals a venue computes a rate."""


class RampDocument(Fact):
    """The share of what a rung wants to close that it may close, growing with time.

    Of the whole shortage of ``level`` since the liquidation began, ``initial`` + elapsed /
    ``seconds`` may have been made up for; what was made up for already (by cancelled orders, too)
    counts. Shares are rounded down at ``decimals``. While less than ``whole_below`` is short, all
    may be closed. Source: Drift v2, math/liquidation (calculate_max_pct_to_liquidate).
    """

    level: Name = "maintenance"
    initial: Share
    seconds: Duration
    whole_below: NotNegativeAmount = Decimal(0)
    decimals: Decimals = RATE_DECIMALS

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if self.level == "zero":
            raise ValueError("level: nothing is short of zero while there is equity: name a level")
        return self


class Ramp:
    """See :class:`RampDocument`; ``initial`` at RATE_SCALE, ``duration`` in microseconds.

    ``place`` is the level's, ``whole_below`` in units, ``step`` the least share at RATE_SCALE.
    """

    __slots__ = ("duration", "initial", "place", "step", "whole_below")

    def __init__(
        self, place: int, initial: int, duration: int, whole_below: int, decimals: int
    ) -> None:
        self.place = place
        self.initial = initial
        self.duration = duration
        self.whole_below = whole_below
        self.step: int = 10 ** (RATE_DECIMALS - decimals)

    def share(self, elapsed: int, short: int, freed: int, lift: int) -> int:
        """Return what share of what is wanted may be closed now, at RATE_SCALE.

        ``elapsed`` in microseconds; ``short`` of the level now, and ``freed`` since it began, at
        the working scale, of which ``lift`` is a unit.
        """
        whole: int = RATE_SCALE
        if short < self.whole_below * lift or short <= 0:
            return whole
        # In whole units, or the rounding of all that is short would already cost a step.
        short, freed = -(-short // lift), freed // lift
        reached = elapsed * RATE_SCALE // self.duration // self.step * self.step
        reached = min(RATE_SCALE, reached + self.initial)
        allowed = (short + freed) * reached // RATE_SCALE - freed
        if allowed <= 0:
            return 0
        share: int = allowed * RATE_SCALE // short // self.step * self.step
        return min(whole, share)

    def explain(
        self, elapsed: int, short: int, freed: int, scales: tuple[int, int], trace: Trace
    ) -> None:
        """Leave the working of :meth:`share`, by its figures, in a trace.

        ``scales`` are the decimals of the asset and of its working scale.
        """
        decimals, working = scales
        places = RATE_DECIMALS - len(str(self.step)) + 1
        lift = 10 ** (working - decimals)
        short_lines = fact("short", short, working, "of the level, now")
        if short <= 0:
            trace.formula = "1"
            trace.inputs.append(short_lines)
        else:
            share = f"min(1, max(0, down(allowed / short_units, {places})))"
            trace.formula = f"choose(below(short, whole_below), 1, {share})"
            small = "rung.ramp.whole_below"
            whole = fact("whole below", self.whole_below, decimals, small)
            units = Trace("short units", f"up(short, {decimals})", inputs=[short_lines])
            units.finish(-(-short // lift), decimals, "in whole units")
            made_up = Trace("freed units", f"down(freed, {decimals})")
            made_up.value("freed", freed, working, "made up for since the rung's condition holds")
            made_up.finish(freed // lift, decimals, "in whole units")
            allowed = Trace("allowed")
            allowed.formula = (
                f"down((short_units + freed_units) * reached, {decimals}) - freed_units"
            )
            reached = Trace("reached", f"min(1, initial + down(elapsed / seconds, {places}))")
            reached.value("initial", self.initial, RATE_DECIMALS, "rung.ramp.initial")
            reached.value("elapsed", elapsed, 6, "seconds since the rung's condition holds")
            reached.value("seconds", self.duration, 6, "rung.ramp.seconds")
            part = elapsed * RATE_SCALE // self.duration // self.step * self.step
            part = min(RATE_SCALE, part + self.initial)
            reached.finish(part, RATE_DECIMALS, "of the whole shortage")
            allowed.inputs += [units, made_up, reached]
            all_short = -(-short // lift) + freed // lift
            allowed.finish(all_short * part // RATE_SCALE - freed // lift, decimals, "yet")
            trace.inputs += [short_lines, whole, units, allowed]
        share_now = self.share(elapsed, short, freed, lift)
        trace.finish(share_now, RATE_DECIMALS, "rung.ramp")


class RisingDocument(Fact):
    """A spread that rises with time since the liquidation began.

    From ``after_seconds`` on it is ``per_second`` × all the time that has passed more, at most
    ``most``. Source: Drift v2, math/liquidation (get_liquidation_fee).
    """

    per_second: Factor
    after_seconds: Seconds = 0
    most: MarginRate


class Rising:
    """See :class:`RisingDocument`; rates at RATE_SCALE, ``after`` in microseconds."""

    __slots__ = ("_after", "_most", "_per_second")

    def __init__(self, document: RisingDocument) -> None:
        self._per_second = to_scaled(document.per_second, RATE_DECIMALS)
        self._after = document.after_seconds * 1_000_000
        self._most = to_scaled(document.most, RATE_DECIMALS)

    def spread(self, base: int, elapsed: int) -> int:
        """Return the spread after ``elapsed`` microseconds, at RATE_SCALE, rounded down."""
        if elapsed < self._after:
            return base
        return min(self._most, base + elapsed * self._per_second // 1_000_000)

    def explain(self, base: int, elapsed: int, trace: Trace) -> None:
        """Leave the working of the spread."""
        rising = f"min(most, spread_at_first + down(elapsed * per_second, {RATE_DECIMALS}))"
        trace.formula = f"choose(below(elapsed, after), spread_at_first, {rising})"
        trace.value("spread at first", base, RATE_DECIMALS, "rung.price.spread")
        trace.value("elapsed", elapsed, 6, "seconds since the rung's condition holds")
        trace.value("after", self._after, 6, "rung.price.rising.after_seconds")
        trace.value("per second", self._per_second, RATE_DECIMALS, "rung.price.rising.per_second")
        trace.value("most", self._most, RATE_DECIMALS, "rung.price.rising.most")
