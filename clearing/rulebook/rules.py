"""Rules ready for the engine: plain slotted objects of ordinals and scaled integers.

No pydantic and no names: the engine reads these while folding.
"""

from typing import Final

from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding

RATE_SCALE: Final = 10**RATE_DECIMALS
"""Rates, factors and shares are integers at this scale."""


class Tier:
    """One tier at a working scale: from ``floor`` on, requirement = base × rate − deduction.

    ``base`` and ``floor`` are notionals divided by :data:`RATE_SCALE`, so that base × rate is an
    amount without any division.
    """

    __slots__ = ("deduction", "floor", "rate")

    def __init__(self, floor: int, rate: int, deduction: int) -> None:
        self.floor = floor
        self.rate = rate
        self.deduction = deduction


class LevelOperator:
    """Requirement of one level for one position, by marginal tiers (a flat rate is one tier).

    ``floors`` are at ``floor_decimals`` (the settlement asset's), ``rates`` at
    :data:`RATE_SCALE`. The function is continuous and convex, and its slope never exceeds
    ``top_rate``: that is the bound the banded watch stands on. ``flat`` is the rate where there is
    only one tier, else 0.
    """

    __slots__ = ("_tiers", "_working", "flat", "floor_decimals", "floors", "rates", "top_rate")

    def __init__(self, floors: list[int], rates: list[int], floor_decimals: int) -> None:
        self.floors = floors
        self.rates = rates
        self.floor_decimals = floor_decimals
        self.top_rate = max(rates)
        self.flat = rates[0] if len(rates) == 1 else 0
        self._working = -1
        self._tiers: list[Tier] = []

    def tiers(self, working: int) -> list[Tier]:
        """Return the tiers with floors and deductions at ``working`` decimals, highest first.

        ``working`` is at least ``floor_decimals`` + :data:`~clearing.events.kinds.RATE_DECIMALS`,
        so that floors divide exactly.
        """
        if self._working != working:
            lift: int = 10 ** (working - self.floor_decimals) // RATE_SCALE
            deduction, below, tiers = 0, 0, []
            for floor, rate in zip(self.floors, self.rates, strict=True):
                deduction += floor * lift * (rate - below)
                tiers.append(Tier(floor * lift, rate, deduction))
                below = rate
            tiers.reverse()
            self._tiers = tiers
            self._working = working
        return self._tiers

    def requirement(self, base: int, working: int) -> int:
        """Return the exact requirement, at ``working`` decimals, of a notional.

        ``base`` (≥ 0) is the notional at that scale divided by :data:`RATE_SCALE`.
        """
        if self.flat:
            return base * self.flat
        for tier in self.tiers(working):
            if base >= tier.floor:
                return base * tier.rate - tier.deduction
        return 0


class Schedule:
    """A market's margin levels."""

    __slots__ = ("initial", "maintenance", "name")

    def __init__(self, name: str, initial: LevelOperator, maintenance: LevelOperator) -> None:
        self.name = name
        self.initial = initial
        self.maintenance = maintenance


class Condition:
    """Equity compared with factor × requirement of a level (``zero``: nothing).

    ``factor`` is at :data:`RATE_SCALE`; ``inclusive`` is true for ``<=``.
    """

    __slots__ = ("factor", "inclusive", "level")

    def __init__(self, level: str, factor: int, inclusive: bool) -> None:
        self.level = level
        self.factor = factor
        self.inclusive = inclusive

    @property
    def comparator(self) -> str:
        """``<`` or ``<=``."""
        return "<=" if self.inclusive else "<"


class Penalty:
    """Rate of closed notional at :data:`RATE_SCALE`; recipients are (account ordinal, share)."""

    __slots__ = ("rate", "recipients")

    def __init__(self, rate: int, recipients: list[tuple[int, int]]) -> None:
        self.rate = rate
        self.recipients = recipients


class MarginCallRung:
    """See :class:`~clearing.rulebook.document.MarginCallDocument`; grace in microseconds."""

    __slots__ = ("condition", "grace", "liquidates", "number", "restore")

    def __init__(
        self, number: int, condition: Condition, grace: int, restore: str, liquidates: bool
    ) -> None:
        self.number = number
        self.condition = condition
        self.grace = grace
        self.restore = restore
        self.liquidates = liquidates


class ReduceRung:
    """See :class:`~clearing.rulebook.document.ReduceDocument`.

    ``close_factor`` and ``spread`` at :data:`RATE_SCALE`; ``minimum_notional`` in the asset's
    units.
    """

    __slots__ = ("close_factor", "condition", "minimum_notional", "number", "penalty", "spread")

    def __init__(
        self,
        number: int,
        condition: Condition,
        close_factor: int,
        spread: int,
        minimum_notional: int,
        penalty: Penalty | None,
    ) -> None:
        self.number = number
        self.condition = condition
        self.close_factor = close_factor
        self.spread = spread
        self.minimum_notional = minimum_notional
        self.penalty = penalty


class TakeoverRung:
    """See :class:`~clearing.rulebook.document.TakeoverDocument`."""

    __slots__ = ("condition", "number", "penalty", "returns_residual")

    def __init__(
        self, number: int, condition: Condition, returns_residual: bool, penalty: Penalty | None
    ) -> None:
        self.number = number
        self.condition = condition
        self.returns_residual = returns_residual
        self.penalty = penalty


Rung = MarginCallRung | ReduceRung | TakeoverRung


class FundLayer:
    """The fund's layer: whether its capacity is unlimited rather than its equity."""

    __slots__ = ("unlimited",)

    def __init__(self, unlimited: bool) -> None:
        self.unlimited = unlimited


class Waterfall:
    """The fund's account ordinal and the layers, first to last: a fund layer or a name."""

    __slots__ = ("fund", "layers")

    def __init__(self, fund: int, layers: list[FundLayer | str]) -> None:
        self.fund = fund
        self.layers = layers


class ClassRules:
    """What holds for one account class in one settlement asset.

    ``schedules`` maps market ordinals; ``other`` is the schedule of every market not named there.
    What the ladder's rungs are is sorted out once: ``caller`` is the margin-call rung,
    ``closing`` are the others, ``after_caller`` the first closing rung after it;
    ``initial_factors`` and ``maintenance_factors`` are the factors at which those levels bound a
    status, ``top_factor`` the greatest.
    """

    __slots__ = (
        "_reaches",
        "account_class",
        "after_caller",
        "caller",
        "closing",
        "initial_factors",
        "ladder",
        "maintenance_factors",
        "other",
        "schedules",
        "top_factor",
        "waterfall",
    )

    def __init__(
        self,
        account_class: str,
        schedules: dict[int, Schedule],
        other: Schedule | None,
        ladder: list[Rung],
        waterfall: Waterfall | None,
    ) -> None:
        self.account_class = account_class
        self.schedules = schedules
        self.other = other
        self.ladder = ladder
        self.waterfall = waterfall
        self.caller: MarginCallRung | None = None
        self.after_caller: Rung | None = None
        self.closing: list[Rung] = []
        for rung in ladder:
            if isinstance(rung, MarginCallRung):
                self.caller = rung
            else:
                self.closing.append(rung)
                if self.caller is not None and self.after_caller is None:
                    self.after_caller = rung
        factors: dict[str, set[int]] = {
            "initial": {RATE_SCALE},
            "maintenance": set(),
            "zero": set(),
        }
        for rung in ladder:
            factors[rung.condition.level].add(rung.condition.factor)
        self.initial_factors = sorted(factors["initial"])
        self.maintenance_factors = sorted(factors["maintenance"])
        # A call may restore either level at factor 1.
        self.top_factor = max([RATE_SCALE, *self.initial_factors, *self.maintenance_factors])
        self._reaches: dict[int, int] = {}

    def schedule(self, market: int) -> Schedule | None:
        """Return the schedule of the market with that ordinal, or None if it has none."""
        return self.schedules.get(market, self.other)

    def reach(self, market: int) -> int:
        """Return the most that factor × requirement rises per unit of notional, rounded up.

        At :data:`RATE_SCALE`, over all levels and factors of the market with that ordinal.
        """
        reach = self._reaches.get(market)
        if reach is None:
            schedule = self.schedule(market)
            top = 0
            if schedule is not None:
                top = max(schedule.initial.top_rate, schedule.maintenance.top_rate)
            reach = self._reaches[market] = -(-self.top_factor * top // RATE_SCALE)
        return reach

    def most_asked(self, market: int, base: int, working: int) -> int:
        """Return the most that any boundary asks of a position, factor × requirement.

        ``base`` and ``working`` as in :meth:`LevelOperator.requirement`; the result is at that
        scale × :data:`RATE_SCALE`.
        """
        schedule = self.schedule(market)
        if schedule is None:
            return 0
        return max(
            self.initial_factors[-1] * schedule.initial.requirement(base, working),
            self.maintenance_factors[-1] * schedule.maintenance.requirement(base, working)
            if self.maintenance_factors
            else 0,
        )


class Regime:
    """What a rulebook says of all scopes of its asset alike: mode, funding, cost, roundings."""

    __slots__ = (
        "bankruptcy",
        "entry_price",
        "fill_cost",
        "funding",
        "funding_index",
        "mode",
        "rounded_entry",
    )

    def __init__(
        self,
        mode: str,
        rounded_entry: bool,
        funding_index: bool,
        fill_cost: Rounding,
        funding: Rounding,
        bankruptcy: Rounding,
        entry_price: Rounding,
    ) -> None:
        self.mode = mode
        self.rounded_entry = rounded_entry
        self.funding_index = funding_index
        self.fill_cost = fill_cost
        self.funding = funding
        self.bankruptcy = bankruptcy
        self.entry_price = entry_price

    def texts(self) -> list[str]:
        """Return the regime as words, in a fixed order."""
        return [
            self.mode,
            "rounded_entry" if self.rounded_entry else "average",
            "index" if self.funding_index else "per_account",
            self.fill_cost.value,
            self.funding.value,
            self.bankruptcy.value,
            self.entry_price.value,
        ]

    @classmethod
    def from_texts(cls, texts: list[str]) -> "Regime":
        """Return the regime that :meth:`texts` described."""
        mode, cost, funding, *roundings = texts
        return cls(
            mode,
            cost == "rounded_entry",
            funding == "index",
            *(Rounding(name) for name in roundings),
        )


DEFAULT_REGIME: Final = Regime(
    "record",
    False,
    True,
    Rounding.HALF_EVEN,
    Rounding.TOWARD_ZERO,
    Rounding.HALF_EVEN,
    Rounding.TOWARD_ZERO,
)
"""What holds for an asset before any rulebook is adopted for it."""


class Rulebook:
    """A rulebook in force for one settlement asset: its regime, and the rules of each class."""

    __slots__ = ("asset", "classes", "name", "regime", "sha256", "version")

    def __init__(
        self,
        name: str,
        version: str,
        sha256: str,
        asset: int,
        regime: Regime,
        classes: dict[str, ClassRules],
    ) -> None:
        self.name = name
        self.version = version
        self.sha256 = sha256
        self.asset = asset
        self.regime = regime
        self.classes = classes
