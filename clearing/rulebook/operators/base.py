"""What every margin operator is made of: what it may look at, what it returns, how far it vouches.

An operator is two small classes in one file: a document (what people write, validated) and an
operator (integers, ready to compute). It ships three things: the requirement, the working of it,
and a bound on how much it changes when the mark does. Amounts are at the settlement asset's
*working* scale, which holds every product of a notional and a rate; where a quotient or a root
does not end there, the requirement is rounded up at that scale, far below the asset's unit.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, Protocol

from clearing.events.base import Fact
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace
from clearing.rulebook.pieces import Pieces

RATE_SCALE: Final = 10**RATE_DECIMALS
"""Rates, factors and shares are integers at this scale."""


class Exposure:
    """One position as margin sees it: unsigned size, side, and what its market and holder add.

    ``size`` ≥ 0 in steps of 10^-``size_decimals``, ``long`` its side. ``step_base`` is the notional
    of one step at the mark and ``entry_base`` that of the whole position at its cost, both at
    ``working`` decimals divided by :data:`RATE_SCALE`, so that base × rate is an amount; the part
    of ``entry_base`` that orders would add at the mark is ``entry_moving``. ``lift`` ×
    one unit of the asset is an amount. ``leverage`` is what the account chose (at
    :data:`RATE_SCALE`, 0: nothing). ``buys`` and ``sells`` are the sizes of open orders;
    ``open_interest`` the market's, in steps. ``coming`` is what one long step would pay if the
    running funding period ended now, at ``working`` decimals (a short one the opposite).
    ``depth`` are the sizes that bids and asks take, in steps, if they were observed,
    ``volatility`` the rate published for the market, at :data:`RATE_SCALE`.
    """

    __slots__ = (
        "buys",
        "coming",
        "depth",
        "entry_base",
        "entry_moving",
        "leverage",
        "lift",
        "long",
        "open_interest",
        "sells",
        "size",
        "size_decimals",
        "step_base",
        "volatility",
        "working",
    )

    def __init__(
        self,
        size: int,
        long: bool,
        step_base: int,
        entry_base: int,
        size_decimals: int,
        working: int,
        lift: int,
        leverage: int = 0,
        buys: int = 0,
        sells: int = 0,
        open_interest: int = 0,
        entry_moving: int = 0,
        coming: int = 0,
        depth: tuple[int, int] | None = None,
        volatility: int = 0,
    ) -> None:
        self.depth = depth
        self.volatility = volatility
        self.size = size
        self.long = long
        self.step_base = step_base
        self.entry_base = entry_base
        self.size_decimals = size_decimals
        self.working = working
        self.lift = lift
        self.leverage = leverage
        self.buys = buys
        self.sells = sells
        self.open_interest = open_interest
        self.entry_moving = entry_moving
        self.coming = coming

    @property
    def base(self) -> int:
        """The notional at the mark, at ``working`` decimals divided by :data:`RATE_SCALE`."""
        return self.size * self.step_base

    def resized(self, size: int, long: bool, buys: int = 0, sells: int = 0) -> "Exposure":
        """Return the same with another size and orders; what is added to it is taken at mark."""
        kept = min(size, self.size)
        held = self.entry_base * kept // self.size if self.size else 0
        moving = up(self.entry_moving * kept, self.size) if self.size else 0
        added = max(size - self.size, 0) * self.step_base
        return Exposure(
            size,
            long,
            self.step_base,
            held + added,
            self.size_decimals,
            self.working,
            self.lift,
            self.leverage,
            buys,
            sells,
            self.open_interest,
            moving + added,
            self.coming,
            self.depth,
            self.volatility,
        )


class Bound:
    """How far an operator vouches for its requirement while the mark moves.

    While the notional of one step stays from ``low`` to ``high`` (None: however high), the
    requirement differs from the present one by at most ``steep`` × the relative change of that
    notional, plus ``slack``. Both are amounts at the working scale.
    """

    __slots__ = ("high", "low", "slack", "steep")

    def __init__(self, steep: int, slack: int = 0, low: int = 0, high: int | None = None) -> None:
        self.steep = steep
        self.slack = slack
        self.low = low
        self.high = high

    def narrowed(self, other: "Bound", steep: int, slack: int) -> "Bound":
        """Return a bound with these numbers that holds where both hold."""
        low = max(self.low, other.low)
        if self.high is None or other.high is None:
            high = other.high if self.high is None else self.high
        else:
            high = min(self.high, other.high)
        return Bound(steep, slack, low, high)


def always_examine(at: Exposure) -> Bound:
    """Return the bound of an operator that vouches for nothing but the present mark."""
    return Bound(0, 0, at.step_base, at.step_base)


class Operator(Protocol):
    """A margin requirement of one position, ready to compute."""

    def requirement(self, at: Exposure, trace: Trace | None = None) -> int:
        """Return what is asked of ``at`` (≥ 0), at its working scale; leave the working."""

    def bound(self, at: Exposure) -> Bound:
        """Return how far the requirement of ``at`` may change with the mark."""

    def function(self, at: Exposure) -> Pieces | None:
        """Return the requirement as a function of the notional of one step, ``step_base``.

        Amounts at the working scale, without rounding; None where it is not piecewise linear. The
        price at which a position is liquidated is found with it.
        """


class Compiling(Protocol):
    """What a document needs to become an operator."""

    def units(self, path: str, value: Decimal) -> int:
        """Return an amount in the settlement asset's units; one that is too fine is a problem."""

    def level(self, path: str, name: str) -> Operator:
        """Return the operator of another level of the same schedule."""

    @property
    def asset_decimals(self) -> int:
        """The settlement asset's decimals."""


LevelPieces = Callable[[str], Pieces | None]
"""Looks up another level's function of notional, by the level's name."""


class OperatorDocument(Fact):
    """Common ground of operators' documents."""

    @abstractmethod
    def compile(self, path: str, into: Compiling) -> Operator:
        """Return the operator; ``path`` is where this stands in its document."""

    def pieces(self, level: LevelPieces) -> Pieces | None:
        """Return the requirement as a function of notional alone, exactly; None if it is none."""
        del level  # most operators stand by themselves
        return None

    def parts(self) -> "tuple[OperatorDocument, ...]":
        """Return the operators that this one is made of."""
        return ()

    def levels(self) -> Iterable[str]:
        """Return the names of the levels that this one is defined by, its parts' included."""
        return [name for part in self.parts() for name in part.levels()]


def up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded up (denominator > 0)."""
    return -(-numerator // denominator)


def notional(trace: Trace, at: Exposure, *, at_entry: bool = False) -> None:
    """Leave the working of a position's notional: at the mark, or what was paid for it."""
    if at_entry:
        # Its last digits are cut off where a rate no longer reaches.
        decimals = at.working - RATE_DECIMALS
        trace.value("notional", at.entry_base, decimals, "at entry: what was paid for the position")
        return
    step = trace.step("notional", "size * value_of_one")
    step.value("size", at.size, at.size_decimals)
    one = at.step_base * RATE_SCALE * 10**at.size_decimals
    step.value("value of one", one, at.working, "at the mark, unsigned")
    step.finish(at.base * RATE_SCALE, at.working)
