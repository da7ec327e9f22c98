"""A market as the fold remembers it: prices, funding index, holders, and what was observed.

Marks are at mark decimals, sizes at the market's size decimals. The funding index is stored at the
market's own scale; factors turn sizes and marks into amounts at the *working* scale of its asset.
"""

from typing import Final

from clearing.engine.feed import Feed
from clearing.engine.funding_period import FundingPeriod
from clearing.engine.market_states import PERMITTED
from clearing.engine.payoffs import payoff_of
from clearing.engine.scope import Position, Scope
from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import MarketSpec
from clearing.quantities import format_exact
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.impact import ImpactRule
from clearing.rulebook.variation import VariationRule
from clearing.rulebook.volatility import VolatilityRule

HOUSES: Final = ("control", "suspense", "contested")
"""Who but accounts may hold a position: the unknown other side, unknown accounts, and whoever made
a fill that its account, in a scenario, could not have made."""


class Volatility:
    """A market's volatility: the policy, when the next sample is due (microseconds), the last one.

    ``price`` is that sample (0: none yet), ``variance`` at twice rate decimals, ``rate`` what is
    published, at rate decimals.
    """

    __slots__ = ("due", "price", "rate", "rule", "variance")

    def __init__(self, rule: VolatilityRule, due: int) -> None:
        self.rule = rule
        self.due = due
        self.price = self.variance = self.rate = 0


class RiskArray:
    """What one unit of size loses by scenario (at mark decimals), and Greeks at rate decimals."""

    __slots__ = ("greeks", "losses")

    def __init__(self, losses: tuple[int, ...], greeks: dict[str, int]) -> None:
        self.losses = losses
        self.greeks = greeks


class Owed:
    """What a told settlement of funding makes accounts due and they were not paid yet.

    ``position`` is the settlement's in the log, ``due_at`` (microseconds) when it has to be paid,
    ``amounts`` the units by account, negative where it has to pay.
    """

    __slots__ = ("amounts", "due_at", "position")

    def __init__(self, position: int, due_at: int, amounts: dict[int, int]) -> None:
        self.position = position
        self.due_at = due_at
        self.amounts = amounts


class Market:
    """One market: its specification, prices, funding index, holders, and working-scale factors.

    ``ordering`` and ``secured`` are scopes whose margin follows the mark though they may hold
    nothing here: those with open orders, and those whose collateral is priced by it.
    ``open_interest`` and ``depth`` (bids, asks) are what was last observed, at size decimals;
    ``risk`` is the last published risk array. ``breaker`` is the number of the one
    that brought ``state`` and ``resumes_at`` when it lets it end (0: none did).

    ``mark`` 0 means none yet, ``previous_mark`` is the one before it (of another event), ``quoted``
    the price that made it, before ``impact`` moved it: by a ``shift`` at rate decimals,
    ``shifted_at`` microseconds; ``ranked`` who is to be deleveraged first, as told, by side;
    ``last_price`` is the last fill's price at price decimals. ``sides``: 1 for ``Filled`` and 2 for
    ``Traded`` seen, added up. ``feed`` is what is known of prices.
    ``index`` is what longs accrue by and ``short_index`` what shorts do: another one only where
    sides differ. ``period`` is the funding period that runs where the rulebook computes funding,
    ``residual`` the fraction of a unit that its sides left over, ``coming`` what margin takes as
    the payment to come (all at the funding scales). ``pending`` maps accounts to carried sizes that
    wait for the first price, ``owed`` is what verify mode waits for, ``deleveraged`` who was told
    last to be, with the time (microseconds) and for whom (0: not told). ``houses`` are the
    positions of :data:`HOUSES`. ``variation`` is the rule by which gains and losses are paid at
    every mark, ``flows`` what accounts realised since the last one (units).
    ``worth`` × size is a value at the mark at the working scale (0 without),
    ``base_worth`` × |size| the notional divided by the scale of rates,
    ``face_unit`` × a face a worth, ``funding_lift`` × accrued an amount. The decimals are
    ``value_decimals`` of size × face, ``index_decimals`` of the funding index (rate × face),
    ``accrued_decimals`` of what accrues by it (size × index).
    """

    __slots__ = (
        "_index_shown",
        "_index_text",
        "accrued_decimals",
        "asset",
        "base_worth",
        "breaker",
        "coming",
        "deleveraged",
        "depth",
        "face_unit",
        "feed",
        "flows",
        "funding_lift",
        "funding_price",
        "funding_rate",
        "holders",
        "houses",
        "impact",
        "index",
        "index_decimals",
        "last_price",
        "mark",
        "mark_position",
        "mark_time",
        "open_interest",
        "ordering",
        "ordinal",
        "owed",
        "payoff",
        "pending",
        "period",
        "previous_mark",
        "quoted",
        "ranked",
        "residual",
        "resumes_at",
        "risk",
        "secured",
        "shift",
        "shifted_at",
        "short_index",
        "sides",
        "spec",
        "state",
        "value_decimals",
        "variation",
        "volatility",
        "worth",
    )

    def __init__(self, spec: MarketSpec, asset_decimals: int) -> None:
        self.spec = spec
        self.payoff = payoff_of(spec, asset_decimals)
        self.value_decimals = spec.size_decimals + self.payoff.face_decimals
        self.index_decimals = RATE_DECIMALS + self.payoff.face_decimals
        self.accrued_decimals = spec.size_decimals + self.index_decimals
        self.ordinal = spec.ordinal
        self.asset = spec.settlement_asset
        self.mark = self.previous_mark = self.quoted = 0
        self.impact: ImpactRule | None = None
        self.variation: VariationRule | None = None
        self.flows: dict[int, int] = {}
        self.shift = self.shifted_at = 0
        self.ranked: dict[str, list[int]] = {}
        self.mark_time = 0
        self.mark_position = 0
        self.last_price = 0
        self.feed = Feed()
        self.state = "normal"
        self.breaker = self.resumes_at = 0
        self.index = self.short_index = 0
        self.period: FundingPeriod | None = None
        self.residual = self.coming = 0
        self.owed: Owed | None = None
        self.deleveraged: tuple[int, int, int] | None = None
        self.funding_rate = 0
        self.funding_price = 0
        self.sides = 0
        self.houses = {kind: Position() for kind in HOUSES}
        self.holders: dict[int, Scope] = {}
        self.ordering: dict[int, Scope] = {}
        self.secured: dict[int, Scope] = {}
        self.open_interest = 0
        self.depth: tuple[int, int] | None = None
        self.risk: RiskArray | None = None
        self.volatility: Volatility | None = None
        self.pending: dict[int, int] = {}
        self.face_unit = 0
        self.worth = 0
        self.base_worth = 0
        self._index_shown = 0
        self._index_text = "0"
        self.funding_lift = 0

    def worth_at(self, mark: int) -> int:
        """Return what one step of size is worth at ``mark``, signed, at the working scale."""
        return self.payoff.face(mark) * self.face_unit

    def marks_within(self, low: int, high: int | None) -> tuple[int, int | None]:
        """Return the marks at which ``base_worth`` lies from ``low`` to ``high`` (None: no end)."""
        step = self.face_unit // RATE_SCALE
        highest = None if high is None else high // step
        return self.payoff.marks_within(-(-low // step), highest)

    def set_mark(self, mark: int) -> None:
        """Value the market at ``mark`` from now on (0: it has no mark)."""
        self.mark = mark
        self.worth = self.worth_at(mark) if mark else 0
        self.base_worth = abs(self.worth) // RATE_SCALE

    def index_of(self, size: int) -> int:
        """Return the funding index that a position of signed ``size`` accrues by."""
        return self.short_index if size < 0 else self.index

    def index_text(self, index: int) -> str:
        """Write a value of the funding index, remembering the last one written."""
        if self._index_shown != index:
            self._index_shown = index
            self._index_text = format_exact(index, self.index_decimals)
        return self._index_text

    def affected(self) -> list[Scope]:
        """Return the scopes whose margin follows this market's mark."""
        if not self.ordering and not self.secured:
            return list(self.holders.values())
        return list({**self.secured, **self.ordering, **self.holders}.values())

    def affected_by(self, account: int) -> Scope | None:
        """Return the scope of an account whose margin follows this market's mark, if any."""
        return self.holders.get(account) or self.ordering.get(account) or self.secured.get(account)

    @property
    def closes(self) -> bool:
        """Whether the ladder may close positions here: there is a mark that is good for it."""
        open_ = self.mark > 0 and PERMITTED[self.state].closes
        return open_ and not self.feed.forbids("liquidate")

    def price(self, role: str) -> int:
        """Return the price for a role at mark decimals: the mark, unless a tree gives another."""
        return self.feed.values.get(role, self.mark)
