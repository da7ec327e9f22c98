"""How much of a position a reduction closes: named rules, each a document and what it computes.

A rule says how many steps of size it wants; the engine rounds up to whole lots, keeps within the
rung's limits and closes everything where the rest would be dust. A new rule is a document and an
operator here, a place in :data:`QuantityDocument` and a scenario under ``tests/engine``.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Protocol

from pydantic import Field, field_validator

from clearing.events.base import Fact
from clearing.events.fields import Name
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact, fewest, format_exact, to_scaled
from clearing.rulebook.fields import Factor, MarginRate
from clearing.rulebook.ladder.pacing import Decimals
from clearing.rulebook.operators import RATE_SCALE

ShareOfSize = MarginRate
"""What part may be closed: more than 0, at most 1."""


LEAST_SHARE = Decimal("0.01")
"""The least share that may be closed again and again without a pause."""


class Closable(Protocol):
    """A position that may be closed in part, as a quantity rule sees it.

    ``held`` is its unsigned size, ``lot`` the least that is closed, both in steps of size.
    ``step_notional`` is the notional of one step, ``scope_notional`` that of all positions of the
    scope, at the working scale. ``whole`` is how many steps are one whole unit of size (10 to the
    ``decimals``), ``one`` the settlement asset's 1 at the working scale (of ``working`` decimals).
    ``discount_rate`` and ``penalty_rate`` are what price
    and penalty take of the notional.
    """

    @property
    def held(self) -> int:
        """Unsigned size."""

    @property
    def lot(self) -> int:
        """The least size that is closed."""

    @property
    def step_notional(self) -> int:
        """The notional of one step of size at the mark."""

    @property
    def scope_notional(self) -> int:
        """The notional of all positions of the scope at their marks."""

    @property
    def decimals(self) -> int:
        """The decimals of a size."""

    @property
    def working(self) -> int:
        """The decimals of the working scale."""

    def restores(self, quantity: int, place: int, factor: int, trace: Trace | None = None) -> bool:
        """Whether closing ``quantity`` brings equity to factor × the level at ``place``."""

    def tier_floors(self) -> list[int] | None:
        """Return the notionals at which tiers of maintenance begin; None where it has no tiers."""

    @property
    def whole(self) -> int:
        """The steps of size in one whole unit."""

    @property
    def one(self) -> int:
        """The settlement asset's 1, at the working scale."""

    @property
    def discount_rate(self) -> Fraction:
        """What the price takes of the notional."""

    @property
    def penalty_rate(self) -> Fraction:
        """What the penalty takes of the notional."""

    def short_of(self, place: int) -> int:
        """Return by how much equity is short of a level, at the working scale; 0: it is not."""

    def rate_of(self, place: int) -> Fraction:
        """Return what a level asks of the position, per notional."""


class Quantity(Protocol):
    """A quantity rule, ready to compute.

    ``restores`` is the boundary (place of a level, factor) that it closes up to, if there is one:
    at or above it nothing is wanted. ``concludes``: closing all that is wanted ends the stay.
    """

    @property
    def concludes(self) -> bool:
        """Whether the rung's condition begins anew once all that is wanted was closed."""

    @property
    def restores(self) -> tuple[int, int] | None:
        """The boundary that is restored, or None."""

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        """Return how many steps of size should be closed, from 0 to all that is held.

        With a ``trace``, leave the working as an input of it.
        """


PlaceOf = Callable[[str], int]
"""Returns the place of a level by its name."""


class QuantityBase(Fact):
    """Common ground of quantity rules' documents."""

    def levels(self) -> list[str]:
        """Return the names of the levels that the rule looks at."""
        return []


class ShareDocument(QuantityBase):
    """A ``share`` of the position; ``of`` the ``scope``: of the notional of all its positions."""

    op: Literal["share"] = "share"
    share: ShareOfSize
    of: Literal["position", "scope"] = "position"

    def compile(self, place_of: PlaceOf) -> Quantity:
        """Return the rule."""
        del place_of  # a share looks at no level
        return _Share(to_scaled(self.share, RATE_DECIMALS), self.of == "scope")


class _Share:
    __slots__ = ("_of_scope", "_share")

    restores = None
    concludes = False

    def __init__(self, share: int, of_scope: bool) -> None:
        self._share = share
        self._of_scope = of_scope

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        part = self._wanted(at)
        if trace is not None:
            self._explain(at, part, trace)
        return part

    def _wanted(self, at: Closable) -> int:
        if not self._of_scope:
            part: int = -(-at.held * self._share // RATE_SCALE)
            return part
        # Of a position without a value any part would do; it goes as a whole.
        step = at.step_notional
        if not step:
            return at.held
        share: int = -(-at.scope_notional * self._share // RATE_SCALE)
        return min(at.held, -(-share // step))

    def _explain(self, at: Closable, part: int, trace: Trace) -> None:
        share = fact("share", self._share, RATE_DECIMALS, "rung.quantity.share")
        if not self._of_scope:
            lines = trace.step("wanted", f"up(held * share, {at.decimals})")
        elif at.step_notional:
            of_scope = f"up(scope_notional * share, {at.working})"
            lines = trace.step("wanted", f"min(held, up({of_scope} / unit, {at.decimals}))")
            lines.value("scope notional", at.scope_notional, at.working)
        else:
            lines = trace.step("wanted", "held")
        lines.inputs += [share, *held_lines(at)]
        lines.finish(part, at.decimals, "rung.quantity")


class AllDocument(QuantityBase):
    """The whole position."""

    op: Literal["all"] = "all"

    def compile(self, place_of: PlaceOf) -> Quantity:
        """Return the rule."""
        del place_of
        return _All()


class _All:
    __slots__ = ()

    restores = None
    concludes = False

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        if trace is not None:
            all_of_it(at, trace)
        return at.held


class RestoreDocument(QuantityBase):
    """The fewest lots after which equity is at least ``factor`` × the level; else everything.

    While equity is there already, the rung does nothing. What the close itself costs (price and
    penalty) is counted. A buffer is a factor above 1 or a level of its own.
    """

    op: Literal["restore"] = "restore"
    level: Name = "maintenance"
    factor: Factor = Decimal(1)

    @field_validator("level")
    @classmethod
    def _asks(cls, level: str) -> str:
        if level == "zero":
            raise ValueError("a reduction needs equity, so zero is always restored: name a level")
        return level

    def levels(self) -> list[str]:
        """Return the level that is to be restored."""
        return [self.level]

    def compile(self, place_of: PlaceOf) -> Quantity:
        """Return the rule."""
        return _Restore(place_of(self.level), to_scaled(self.factor, RATE_DECIMALS))


class _Restore:
    """Found by halving: a larger part never restores less where requirements grow with size."""

    __slots__ = ("restores",)

    concludes = False

    def __init__(self, place: int, factor: int) -> None:
        self.restores = (place, factor)

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        lots = fewest(-(-at.held // at.lot), lambda n: at.restores(n * at.lot, *self.restores))
        if trace is not None:
            self._explain(at, lots, trace)
        return min(at.held, lots * at.lot)

    def _explain(self, at: Closable, lots: int, trace: Trace) -> None:
        """Show that so many lots restore the level, unless they are all, and one fewer does not."""
        lines = trace.step("wanted", "min(held, lots * lot)")
        lines.inputs += held_lines(at)
        lines.value("lots", lots, 0, "the fewest that restore the level, or all: found by halving")
        for number, name in ((lots, "restored"), (lots - 1, "restored by one lot fewer")):
            if number >= 0:
                at.restores(number * at.lot, *self.restores, lines.step(name))
        lines.finish(min(at.held, lots * at.lot), at.decimals, "rung.quantity")


class CoverDocument(QuantityBase):
    """What makes up for all that is short of ``level``, taken as in proportion to size.

    Shortage / (notional of a whole unit × (what the level asks of the position, per notional −
    what the price takes) − the unit's penalty), in steps of size, rounded down; both products are
    rounded down at ``decimals``, where given. Where a close frees nothing it is everything. Once
    all of it was closed, the rung's condition begins anew, whatever is still short of the level.
    Source: Drift v2, math/liquidation (calculate_base_asset_amount_to_cover_margin_shortage).
    """

    op: Literal["cover"] = "cover"
    level: Name = "maintenance"
    decimals: Decimals | None = None

    @field_validator("level")
    @classmethod
    def _asks(cls, level: str) -> str:
        if level == "zero":
            raise ValueError("zero asks nothing, so no close could free any of it: name a level")
        return level

    def levels(self) -> list[str]:
        """Return the level whose shortage is covered."""
        return [self.level]

    def compile(self, place_of: PlaceOf) -> Quantity:
        """Return the rule."""
        return _Cover(place_of(self.level), self.decimals)


class _Cover:
    __slots__ = ("_decimals", "_place", "restores")

    concludes = True

    def __init__(self, place: int, decimals: int | None) -> None:
        self._place = place
        self._decimals = decimals
        self.restores = (place, RATE_SCALE)

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        unit = at.step_notional * at.whole
        asked = self._down(unit * (at.rate_of(self._place) - at.discount_rate), at.one)
        freed = asked - self._down(unit * at.penalty_rate, at.one)
        wanted = at.held
        if freed > 0:
            wanted = min(at.held, at.short_of(self._place) * at.whole // freed)
        if trace is not None:
            self._explain(at, freed, wanted, trace)
        return wanted

    def _explain(self, at: Closable, freed: Fraction, wanted: int, trace: Trace) -> None:
        formula = f"min(held, down(short / freed, {at.decimals}))" if freed > 0 else "held"
        lines = trace.step("wanted", formula)
        lines.inputs += held_lines(at)
        lines.value("short", at.short_of(self._place), at.working)
        asked, taken = "unit * (asked_rate - discount_rate)", "unit * penalty_rate"
        if self._decimals is not None:
            asked, taken = f"down({asked}, {self._decimals})", f"down({taken}, {self._decimals})"
        of_unit = lines.step("freed", f"{asked} - {taken}")
        of_unit.value("unit", at.step_notional * at.whole, at.working)
        of_unit.ratio("asked rate", at.rate_of(self._place))
        of_unit.ratio("discount rate", at.discount_rate, "rung.price")
        of_unit.ratio("penalty rate", at.penalty_rate, "rung.penalty")
        of_unit.finish_ratio(Fraction(freed, at.one))
        lines.finish(wanted, at.decimals, "rung.quantity")

    def _down(self, amount: Fraction, one: int) -> Fraction:
        if self._decimals is None:
            return amount
        return rounded_down(Fraction(amount, one), self._decimals) * one


def rounded_down(value: Fraction, decimals: int) -> Fraction:
    """Return ``value`` rounded down at ``decimals`` decimals."""
    scale = 10**decimals
    return Fraction(value * scale // 1, scale)


class TiersDownDocument(QuantityBase):
    """As much as brings the notional ``down`` tiers of maintenance lower; in the lowest, all."""

    op: Literal["tiers_down"] = "tiers_down"
    down: Annotated[int, Field(ge=1, le=100)] = 1

    def compile(self, place_of: PlaceOf) -> Quantity:
        """Return the rule."""
        del place_of
        return _TiersDown(self.down)


class _TiersDown:
    __slots__ = ("_down",)

    restores = None
    concludes = False

    def __init__(self, down: int) -> None:
        self._down = down

    def wanted(self, at: Closable, trace: Trace | None = None) -> int:
        floor = self._floor(at)
        if floor is None:
            if trace is not None:
                all_of_it(at, trace)
            return at.held
        kept = max(0, (floor - 1) // at.step_notional)
        if trace is not None:
            least = format_exact(1, at.working)
            formula = f"held - max(0, down((floor - {least}) / unit, {at.decimals}))"
            lines = trace.step("wanted", formula)
            lines.inputs += held_lines(at)
            lines.value("floor", floor, at.working, "of the tier to get below")
            lines.finish(at.held - kept, at.decimals, "rung.quantity")
        return at.held - kept

    def _floor(self, at: Closable) -> int | None:
        """Return the floor that the notional has to get below; None: nothing may be kept."""
        floors = at.tier_floors()
        if floors is None or not at.step_notional:
            return None
        notional = at.held * at.step_notional
        # A tier holds its own floor, so the notional has to be below the floor above it.
        above = [floor for floor in floors if 0 < floor <= notional]
        return None if len(above) < self._down else above[-self._down]


def held_lines(at: Closable) -> list[Trace]:
    """Return facts of a position: its size, the lot, and the notional of a whole unit."""
    return [
        fact("held", at.held, at.decimals),
        fact("lot", at.lot, at.decimals),
        fact("unit", at.step_notional * at.whole, at.working, "the notional of 1 at the mark"),
    ]


def all_of_it(at: Closable, trace: Trace) -> None:
    """Leave the working of a rule that wants the whole position."""
    lines = trace.step("wanted", "held")
    lines.inputs += held_lines(at)
    lines.finish(at.held, at.decimals, "rung.quantity")


QuantityDocument = Annotated[
    ShareDocument | AllDocument | RestoreDocument | CoverDocument | TiersDownDocument,
    Field(discriminator="op"),
]
"""How much is closed, told apart by ``op``."""
