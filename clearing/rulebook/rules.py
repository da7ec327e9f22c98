"""Rules ready for the engine: plain slotted objects of ordinals and scaled integers.

No pydantic and no names: the engine reads these while folding.
"""

from typing import Final

from clearing.quantities import Rounding
from clearing.rulebook.alerts import Alerts
from clearing.rulebook.collateral import CollateralPolicy
from clearing.rulebook.funding import FundingRule
from clearing.rulebook.impact import ImpactRule
from clearing.rulebook.ladder import MarginCallRung, Rung
from clearing.rulebook.operators import RATE_SCALE, MarginalTiers, Operator
from clearing.rulebook.portfolio import Portfolio
from clearing.rulebook.prices import PricePolicy
from clearing.rulebook.variation import VariationRule
from clearing.rulebook.verification import Fees, Verification
from clearing.rulebook.volatility import VolatilityRule
from clearing.rulebook.waterfall import Waterfall

INITIAL: Final = 0
MAINTENANCE: Final = 1
NO_LEVEL: Final = -1
"""Places of levels: the required ones come first; ``zero`` has none."""


class Schedule:
    """A market's margin levels: ``operators`` in the order of the rulebook's level names.

    None stands for a level that the schedule does not have. ``plain`` is true when both required
    levels are tiers of the notional at mark, so that they can be computed from it alone:
    ``initial`` and ``maintenance`` are these tiers then.
    """

    __slots__ = ("_plain", "name", "operators", "plain")

    def __init__(self, name: str, operators: list[Operator | None]) -> None:
        self.name = name
        self.operators = operators
        first = [op for op in operators[:2] if isinstance(op, MarginalTiers) and not op.at_entry]
        self.plain = len(first) == 2
        self._plain = first

    @property
    def initial(self) -> MarginalTiers:
        """The tiers of initial margin of a plain schedule."""
        return self._plain[0]

    @property
    def maintenance(self) -> MarginalTiers:
        """The tiers of maintenance margin of a plain schedule."""
        return self._plain[1]


class ClassRules:
    """What holds for one account class in one settlement asset.

    ``levels`` are the names of the rulebook's levels in order of place. ``schedules`` maps market
    ordinals; ``other`` is the schedule of every market not named there. ``minima`` are (place,
    units) of what is asked of a scope at least, ``collateral`` what counts besides cash and PnL,
    ``portfolio`` what is asked of positions together, ``alerts`` what is said of them.

    ``ladder_key`` is the ladder's document as canonical JSON: stays go on under one of the same
    key. What the ladder's rungs are is sorted out once: ``caller`` is the margin-call rung,
    ``closing`` are those that take positions or collateral, ``after_caller`` the first of them
    after the caller, ``helping`` those that do neither, ``remembering`` those for which it matters
    since when their condition holds or when they acted; ``boundaries`` are the (place, factor) at
    which a condition may change. ``plain``: nothing but tiers of notional
    at mark is asked, only of the required levels, and nothing is weighed.
    """

    __slots__ = (
        "_initial_factor",
        "_maintenance_factor",
        "_reaches",
        "account_class",
        "after_caller",
        "alerts",
        "boundaries",
        "caller",
        "closing",
        "collateral",
        "helping",
        "ladder",
        "ladder_key",
        "levels",
        "minima",
        "other",
        "plain",
        "portfolio",
        "remembering",
        "schedules",
        "top_factor",
        "waterfall",
    )

    def __init__(
        self,
        account_class: str,
        levels: list[str],
        schedules: dict[int, Schedule],
        other: Schedule | None,
        ladder: list[Rung],
        ladder_key: str,
        waterfall: Waterfall | None,
        minima: list[tuple[int, int]],
        collateral: CollateralPolicy | None,
        portfolio: Portfolio | None,
        alerts: Alerts | None = None,
    ) -> None:
        self.alerts = alerts
        self.portfolio = portfolio
        self.account_class = account_class
        self.levels = levels
        self.schedules = schedules
        self.other = other
        self.ladder = ladder
        self.ladder_key = ladder_key
        self.waterfall = waterfall
        self.minima = minima
        self.collateral = collateral
        self.caller: MarginCallRung | None = None
        self.after_caller: Rung | None = None
        self.closing: list[Rung] = []
        self.helping: list[Rung] = []
        self.remembering: list[Rung] = []
        for rung in ladder:
            if isinstance(rung, MarginCallRung):
                self.caller = rung
            elif rung.closes:
                self.closing.append(rung)
                if self.caller is not None and self.after_caller is None:
                    self.after_caller = rung
            else:
                self.helping.append(rung)
            if rung.remembers:
                self.remembering.append(rung)
        self.boundaries = [(INITIAL, RATE_SCALE)]
        for rung in ladder:
            for boundary in rung.boundaries():
                if boundary not in self.boundaries:
                    self.boundaries.append(boundary)
        # A call may restore any level at factor 1.
        self.top_factor = max(factor for _, factor in self.boundaries)
        self._initial_factor = self._greatest_factor(INITIAL)
        self._maintenance_factor = self._greatest_factor(MAINTENANCE)
        bound = [*schedules.values(), *([] if other is None else [other])]
        self.plain = (
            len(levels) == 2
            and not minima
            and collateral is None
            and portfolio is None
            and all(schedule.plain for schedule in bound)
        )
        self._reaches: dict[int, int] = {}

    def _greatest_factor(self, place: int) -> int:
        return max((factor for p, factor in self.boundaries if p == place), default=0)

    def factor(self, place: int) -> int:
        """Return the greatest factor at which a level matters, 0 if it matters nowhere.

        A level that a margin call restores matters at factor 1 at least.
        """
        factor = self._greatest_factor(place)
        if self.caller is not None:
            factor = max(factor, RATE_SCALE)
        return factor

    def place(self, level: str) -> int | None:
        """Return the place of a level's name, or None if the rulebook has no such level."""
        return self.levels.index(level) if level in self.levels else None

    def schedule(self, market: int) -> Schedule | None:
        """Return the schedule of the market with that ordinal, or None if it has none."""
        return self.schedules.get(market, self.other)

    def by_portfolio(self, market: int) -> bool:
        """Whether the market has no schedule of its own and the portfolio schedule covers it."""
        covered = self.portfolio is not None and market in self.portfolio.markets
        return covered and self.schedule(market) is None

    def reach(self, market: int) -> int:
        """Return the most that factor × requirement rises per unit of notional, rounded up.

        At :data:`RATE_SCALE`, over all levels and factors of the market with that ordinal. Plain
        rules only.
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

        ``base`` is its notional at ``working`` decimals divided by :data:`RATE_SCALE`; the result
        is at that scale × :data:`RATE_SCALE`. Plain rules only.
        """
        schedule = self.schedule(market)
        if schedule is None:
            return 0
        asked = self._initial_factor * schedule.initial.asked(base, working)
        if self._maintenance_factor:
            asked = max(asked, self._maintenance_factor * schedule.maintenance.asked(base, working))
        return asked


class Regime:
    """What a rulebook says of all scopes of its asset alike: mode, funding, cost, roundings."""

    __slots__ = (
        "bankruptcy",
        "entry_price",
        "fill_cost",
        "funding",
        "funding_index",
        "interest",
        "interest_index",
        "mode",
        "net_cost",
        "rounded_entry",
    )

    def __init__(
        self,
        mode: str,
        rounded_entry: bool,
        funding_index: bool,
        interest_index: bool,
        fill_cost: Rounding,
        funding: Rounding,
        bankruptcy: Rounding,
        entry_price: Rounding,
        interest: Rounding,
        *,
        net_cost: bool = False,
    ) -> None:
        self.net_cost = net_cost
        self.interest = interest
        self.interest_index = interest_index
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
            "net" if self.net_cost else "rounded_entry" if self.rounded_entry else "average",
            "index" if self.funding_index else "per_account",
            "index" if self.interest_index else "per_account",
            self.fill_cost.value,
            self.funding.value,
            self.bankruptcy.value,
            self.entry_price.value,
            self.interest.value,
        ]

    @classmethod
    def from_texts(cls, texts: list[str]) -> "Regime":
        """Return the regime that :meth:`texts` described."""
        mode, cost, funding, interest, *roundings = texts
        return cls(
            mode,
            cost == "rounded_entry",
            funding == "index",
            interest == "index",
            *(Rounding(name) for name in roundings),
            net_cost=cost == "net",
        )


DEFAULT_REGIME: Final = Regime(
    "record",
    False,
    True,
    False,
    Rounding.HALF_EVEN,
    Rounding.TOWARD_ZERO,
    Rounding.HALF_EVEN,
    Rounding.TOWARD_ZERO,
    Rounding.HALF_EVEN,
)
"""What holds for an asset before any rulebook is adopted for it."""


class Rulebook:
    """A rulebook in force for one settlement asset: its regime, and the rules of each class.

    By market ordinal, ``prices`` are price policies and ``funding`` the rules of computed funding;
    ``margins_funding`` says whether a schedule looks at the funding to come; ``volatility`` are the
    volatility policies, ``impact`` the rules by which forced closes move marks;
    ``variation`` those of variation margin (0: of every other market);
    ``solvent``: that a fund's equity falls below zero is a deviation. ``verification`` and, by
    account class, ``fees`` are what verify mode checks.
    """

    __slots__ = (
        "_variation",
        "asset",
        "classes",
        "fees",
        "funding",
        "impact",
        "margins_funding",
        "name",
        "prices",
        "regime",
        "sha256",
        "solvent",
        "verification",
        "version",
        "volatility",
    )

    def __init__(
        self,
        name: str,
        version: str,
        sha256: str,
        asset: int,
        regime: Regime,
        classes: dict[str, ClassRules],
        prices: dict[int, PricePolicy],
        funding: dict[int, FundingRule],
        margins_funding: bool,
        volatility: dict[int, VolatilityRule],
        impact: dict[int, ImpactRule],
        variation: dict[int, VariationRule],
        *,
        solvent: bool,
        verification: Verification | None,
        fees: dict[str, Fees],
    ) -> None:
        self._variation = variation
        self.verification = verification
        self.fees = fees
        self.solvent = solvent
        self.impact = impact
        self.prices = prices
        self.funding = funding
        self.margins_funding = margins_funding
        self.volatility = volatility
        self.name = name
        self.version = version
        self.sha256 = sha256
        self.asset = asset
        self.regime = regime
        self.classes = classes

    def variation_of(self, market: int) -> VariationRule | None:
        """Return how the market pays variation margin, if it does."""
        return self._variation.get(market) or self._variation.get(0)

    def collateral_decimals(self) -> int:
        """Return the decimals at which every value of collateral is exact."""
        policies = (rules.collateral for rules in self.classes.values())
        rules = (rule for policy in policies if policy is not None for rule in policy.rules)
        return max((rule.decimals for rule in rules), default=0)

    def collateral_of(self, account_class: str) -> set[int]:
        """Return the ordinals of the assets that count as collateral for a class."""
        rules = self.classes.get(account_class)
        if rules is None or rules.collateral is None:
            return set()
        return {rule.asset for rule in rules.collateral.rules}
