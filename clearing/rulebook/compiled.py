"""A rulebook ready for the engine: names resolved to ordinals, decimals to scaled integers.

Plain slotted objects, no pydantic: the engine reads these while folding.
"""

from decimal import Decimal
from typing import Any, Final

from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import Registry
from clearing.quantities import NotExact, Rounding, to_scaled
from clearing.rulebook.document import (
    BindingDocument,
    ConditionDocument,
    FundLayerDocument,
    Level,
    MarginCallDocument,
    PenaltyDocument,
    ReduceDocument,
    RulebookDocument,
    RungDocument,
    ScheduleDocument,
    TakeoverDocument,
    WaterfallDocument,
    check_document,
)

RATE_SCALE: Final = 10**RATE_DECIMALS
"""Rates, factors and shares are integers at this scale."""


class RulebookRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A rulebook cannot take effect; ``problems`` names each field and what is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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


def compile_rulebook(
    document: dict[str, Any], registry: Registry, *, name: str, version: str, sha256: str
) -> Rulebook:
    """Resolve ``document`` against the names declared so far.

    Raises :class:`RulebookRefused` with every problem found: an invalid document, a name that is
    not declared, an amount finer than its asset.
    """
    parsed, problems = check_document(document)
    if parsed is None:
        raise RulebookRefused(problems)
    return _Compiler(parsed, registry).rulebook(name, version, sha256)


class _Compiler:
    """Collects problems while resolving, so that all are reported together."""

    def __init__(self, document: RulebookDocument, registry: Registry) -> None:
        self.document = document
        self.registry = registry
        self.problems: list[str] = []
        self.asset = registry.asset_ordinals.get(document.settlement_asset, 0)
        self.decimals = 0
        if self.asset:
            self.decimals = registry.asset(self.asset).decimals
        else:
            self.problems.append(f"settlement_asset: {document.settlement_asset!r} is not declared")

    def rulebook(self, name: str, version: str, sha256: str) -> Rulebook:
        document = self.document
        schedules = {
            key: self.schedule(f"schedules.{key}", key, value)
            for key, value in document.schedules.items()
        }
        ladders = {
            key: [self.rung(f"ladders.{key}.{i}", i + 1, rung) for i, rung in enumerate(rungs)]
            for key, rungs in document.ladders.items()
        }
        waterfalls = {
            key: self.waterfall(f"waterfalls.{key}", value)
            for key, value in document.waterfalls.items()
        }
        classes = {
            binding.account_class: self.binding(i, binding, schedules, ladders, waterfalls)
            for i, binding in enumerate(document.bindings)
        }
        if self.problems:
            raise RulebookRefused(self.problems)
        numerics = document.numerics
        regime = Regime(
            document.mode,
            document.instruments.cost_basis == "rounded_entry",
            document.funding.operator == "index",
            numerics.fill_cost,
            numerics.funding,
            numerics.bankruptcy,
            numerics.entry_price,
        )
        return Rulebook(name, version, sha256, self.asset, regime, classes)

    def schedule(self, path: str, name: str, document: ScheduleDocument) -> Schedule:
        return Schedule(
            name,
            self.level(f"{path}.initial", document.initial),
            self.level(f"{path}.maintenance", document.maintenance),
        )

    def level(self, path: str, document: Level) -> LevelOperator:
        floors, rates = [], []
        for i, (floor, rate) in enumerate(document.rows()):
            floors.append(self.units(f"{path}.tiers.{i}.floor", floor))
            rates.append(_rate(rate))
        return LevelOperator(floors, rates, self.decimals)

    def units(self, path: str, value: Decimal) -> int:
        try:
            return to_scaled(value, self.decimals)
        except NotExact:
            self.problems.append(f"{path}: {value} has more than {self.decimals} decimals")
            return 0

    def fund(self, path: str, name: str) -> int:
        ordinal = self.registry.account_ordinals.get(name, 0)
        if not ordinal:
            self.problems.append(f"{path}: account {name!r} is not declared")
        elif self.registry.account(ordinal).account_class != "fund":
            self.problems.append(f"{path}: account {name!r} is not of class fund")
        return ordinal

    def penalty(self, path: str, document: PenaltyDocument | None) -> Penalty | None:
        if document is None:
            return None
        recipients = []
        for i, recipient in enumerate(document.recipients):
            ordinal = self.registry.account_ordinals.get(recipient.account, 0)
            if not ordinal:
                self.problems.append(
                    f"{path}.recipients.{i}.account: {recipient.account!r} is not declared"
                )
            recipients.append((ordinal, _rate(recipient.share)))
        return Penalty(_rate(document.rate), recipients)

    def rung(self, path: str, number: int, document: RungDocument) -> Rung:
        condition = _condition(document.when)
        match document:
            case MarginCallDocument():
                return MarginCallRung(
                    number,
                    condition,
                    document.grace_seconds * 1_000_000,
                    document.restore,
                    document.on_missed == "liquidate",
                )
            case ReduceDocument():
                return ReduceRung(
                    number,
                    condition,
                    _rate(document.close_factor),
                    _rate(document.spread),
                    self.units(f"{path}.minimum_notional", document.minimum_notional),
                    self.penalty(f"{path}.penalty", document.penalty),
                )
            case TakeoverDocument():
                return TakeoverRung(
                    number,
                    condition,
                    document.residual == "trader",
                    self.penalty(f"{path}.penalty", document.penalty),
                )

    def waterfall(self, path: str, document: WaterfallDocument) -> Waterfall:
        layers: list[FundLayer | str] = [
            FundLayer(layer.capacity == "unlimited")
            if isinstance(layer, FundLayerDocument)
            else layer.layer
            for layer in document.layers
        ]
        return Waterfall(self.fund(f"{path}.fund", document.fund), layers)

    def binding(
        self,
        index: int,
        document: BindingDocument,
        schedules: dict[str, Schedule],
        ladders: dict[str, list[Rung]],
        waterfalls: dict[str, Waterfall],
    ) -> ClassRules:
        bound: dict[int, Schedule] = {}
        for market, schedule in document.markets.items():
            if market == "*":
                continue
            ordinal = self.registry.market_ordinals.get(market, 0)
            path = f"bindings.{index}.markets.{market}"
            if not ordinal:
                self.problems.append(f"{path}: market {market!r} is not declared")
            elif self.registry.market(ordinal).settlement_asset != self.asset:
                self.problems.append(f"{path}: {market!r} settles in another asset")
            bound[ordinal] = schedules[schedule]
        other = document.markets.get("*")
        return ClassRules(
            document.account_class,
            bound,
            None if other is None else schedules[other],
            [] if document.ladder is None else ladders[document.ladder],
            None if document.waterfall is None else waterfalls[document.waterfall],
        )


def _rate(value: Decimal) -> int:
    return to_scaled(value, RATE_DECIMALS)


def _condition(document: ConditionDocument) -> Condition:
    return Condition(document.level, _rate(document.factor), document.comparator == "<=")
