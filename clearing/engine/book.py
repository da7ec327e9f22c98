"""The book: everything the fold remembers, as plain slotted objects of integers.

Sizes are at their market's size decimals, costs and cash in their asset's smallest unit, marks at
mark decimals. Nothing fine is stored except a market's funding index and what a position has
accrued of it, both at the market's own scale. Equity and requirements are computed at a *working*
scale per settlement asset, chosen so that every product is exact; it is never stored.
"""

from heapq import heappop, heappush
from typing import Final

from clearing.engine.feed import Feed
from clearing.engine.funding_period import FundingPeriod
from clearing.engine.payoffs import payoff_of
from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import MarketSpec, Registry
from clearing.quantities import format_exact
from clearing.rulebook import DEFAULT_REGIME, RATE_SCALE, ClassRules, Regime, Rulebook
from clearing.rulebook.funding import FundingRule
from clearing.rulebook.prices import PricePolicy
from clearing.rulebook.volatility import VolatilityRule

KNOWN: Final = 1
"""A position's entry is known."""
UNKNOWN: Final = 0
"""A position's entry was not known: it was valued at a price of the market's instead."""


class Position:
    """What a holder has in one market.

    ``size`` is signed, ``cost`` what was paid for it with the same sign, ``entry``
    :data:`KNOWN` or :data:`UNKNOWN`. ``index_at`` is the market's funding index at
    the last touch and ``accrued`` what stayed unpaid then, at the market's funding scale (positive:
    the holder is owed).
    """

    __slots__ = ("accrued", "cost", "entry", "index_at", "size")

    def __init__(
        self, size: int = 0, cost: int = 0, entry: int = KNOWN, index_at: int = 0, accrued: int = 0
    ) -> None:
        self.size = size
        self.cost = cost
        self.entry = entry
        self.index_at = index_at
        self.accrued = accrued


class MarginCall:
    """An open margin call of a scope: what is due, which level it restores, and when."""

    __slots__ = ("amount", "due_at", "level", "missed")

    def __init__(self, amount: int, level: str, due_at: int, missed: bool = False) -> None:
        self.amount = amount
        self.level = level
        self.due_at = due_at
        self.missed = missed


class Scope:
    """One account in one asset: its cash and the positions tested together with it.

    ``rules`` is what its class is bound to (None: no requirement). By market: ``orders`` are the
    sizes of open buys and sells, ``leverages`` what its account chose, at
    :data:`~clearing.rulebook.RATE_SCALE`. ``withheld``: a closing rung was
    withheld during this stay in liquidation. ``taken_over``: a takeover happened and no money came
    in since. ``venue_closed``: a venue's liquidation or ADL fill came during this stay. ``secures``
    is the scope that its cash is collateral of, if any.
    """

    __slots__ = (
        "account",
        "asset",
        "call",
        "cash",
        "leverages",
        "orders",
        "positions",
        "rules",
        "secures",
        "status",
        "taken_over",
        "venue_closed",
        "withheld",
    )

    def __init__(self, account: int, asset: int) -> None:
        self.account = account
        self.asset = asset
        self.cash = 0
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, tuple[int, int]] = {}
        self.leverages: dict[int, int] = {}
        self.rules: ClassRules | None = None
        self.secures: Scope | None = None
        self.status = "flat"
        self.call: MarginCall | None = None
        self.withheld = False
        self.taken_over = False
        self.venue_closed = False

    def key(self) -> tuple[int, int]:
        """Return (account ordinal, asset ordinal), the order in which scopes are tested."""
        return (self.account, self.asset)


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


class Market:
    """One market: its specification, prices, funding index, holders, and working-scale factors.

    ``ordering`` and ``secured`` are scopes whose margin follows the mark though they may hold
    nothing here: those with open orders, and those whose collateral is priced by it.
    ``open_interest`` and ``depth`` (bids, asks) are what was last observed, at size decimals;
    ``risk`` is the last published risk array.

    ``mark`` 0 means none yet; ``last_price`` is the last fill's price at price decimals. ``sides``:
    1 for ``Filled`` and 2 for ``Traded`` seen, added up. ``feed`` is what is known of prices.
    ``index`` is what longs accrue by and ``short_index`` what shorts do: another one only where
    sides differ. ``period`` is the funding period that runs where the rulebook computes funding,
    ``residual`` the fraction of a unit that its sides left over, ``coming`` what margin takes as
    the payment to come (all at the funding scales). ``pending`` maps accounts to carried sizes that
    wait for the first price. ``worth`` × size is a value at the mark at the working scale (0
    without a mark), ``base_worth`` × |size| the notional divided by the scale of rates,
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
        "coming",
        "control",
        "depth",
        "face_unit",
        "feed",
        "funding_lift",
        "funding_price",
        "funding_rate",
        "holders",
        "index",
        "index_decimals",
        "last_price",
        "mark",
        "mark_position",
        "mark_time",
        "open_interest",
        "ordering",
        "ordinal",
        "payoff",
        "pending",
        "period",
        "residual",
        "risk",
        "secured",
        "short_index",
        "sides",
        "spec",
        "state",
        "suspense",
        "value_decimals",
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
        self.mark = 0
        self.mark_time = 0
        self.mark_position = 0
        self.last_price = 0
        self.feed = Feed()
        self.state = "normal"
        self.index = self.short_index = 0
        self.period: FundingPeriod | None = None
        self.residual = self.coming = 0
        self.funding_rate = 0
        self.funding_price = 0
        self.sides = 0
        self.control = Position()
        self.suspense = Position()
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
        open_ = self.mark > 0 and self.state in ("normal", "reduce_only")
        return open_ and not self.feed.forbids("liquidate")

    def price(self, role: str) -> int:
        """Return the price for a role at mark decimals: the mark, unless a tree gives another."""
        return self.feed.values.get(role, self.mark)


class Asset:
    """An asset's decimals, its rulebook in force, and its working scale.

    ``working`` decimals hold every product of its markets, with room for a rate;
    ``lift`` × units is an amount at that scale. ``regimes`` lists the regime before any rulebook,
    then (position, regime) of each change, so that a reversal can undo what was done then.
    ``interest`` is what debts pay and credits get by the last settlement, at rate decimals.
    """

    __slots__ = (
        "decimals",
        "interest",
        "lift",
        "markets",
        "ordinal",
        "regimes",
        "rulebook",
        "working",
    )

    def __init__(self, ordinal: int, decimals: int) -> None:
        self.ordinal = ordinal
        self.decimals = decimals
        self.working = decimals + RATE_DECIMALS
        self.lift = int(10**RATE_DECIMALS)
        self.rulebook: Rulebook | None = None
        self.regimes: list[tuple[int, Regime]] = [(0, DEFAULT_REGIME)]
        self.markets: list[Market] = []
        self.interest: tuple[int, int] | None = None

    @property
    def regime(self) -> Regime:
        """The regime in force."""
        return self.regimes[-1][1]

    @property
    def mode(self) -> str:
        """The mode in force: ``record`` where no rulebook is."""
        return self.regimes[-1][1].mode

    def regime_at(self, position: int) -> Regime:
        """Return the regime that was in force for the event at ``position``."""
        for since, regime in reversed(self.regimes):
            if since <= position:
                return regime
        return DEFAULT_REGIME

    def rescale(self) -> None:
        """Choose the working scale anew, after a market was declared or a rulebook adopted."""
        finest = max([self.decimals, *(market.value_decimals for market in self.markets)])
        if self.rulebook is not None:
            finest = max(finest, self.rulebook.collateral_decimals())
        self.working = finest + RATE_DECIMALS
        self.lift = 10 ** (self.working - self.decimals)
        for market in self.markets:
            market.face_unit = 10 ** (self.working - market.value_decimals)
            market.set_mark(market.mark)
            market.funding_lift = 10 ** (self.working - market.accrued_decimals)


class PendingRulebook:
    """A rulebook adopted for a later position."""

    __slots__ = ("effective", "rulebook")

    def __init__(self, effective: int, rulebook: Rulebook) -> None:
        self.effective = effective
        self.rulebook = rulebook


class Book:
    """The whole state of the fold.

    ``balances`` holds the ledger accounts other than ``account``, by (kind, ordinal, asset); an
    account's cash is its scope's. ``time`` is fold time, ``latest`` the greatest ``occurred_at``
    applied, both in microseconds. ``documents`` keeps each rulebook in force or scheduled by its
    hash, so that a snapshot stands by itself. ``reversed`` are the positions of reversed events.
    ``timers`` is a heap of (due time, account, asset) that may hold calls closed since; it is made
    anew from the open calls and is not part of the state. ``pending`` are the positions of deposits
    that are not final yet. ``priced`` are the markets that have a price policy,
    ``funded`` those whose funding is computed, ``volatile`` those that have a volatility policy.
    """

    __slots__ = (
        "assets",
        "balances",
        "documents",
        "funded",
        "latest",
        "markets",
        "pending",
        "priced",
        "registry",
        "reversed",
        "scheduled",
        "scopes",
        "time",
        "timers",
        "volatile",
    )

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = Registry() if registry is None else registry
        self.assets: dict[int, Asset] = {}
        self.markets: dict[int, Market] = {}
        self.scopes: dict[tuple[int, int], Scope] = {}
        self.balances: dict[tuple[str, int, int], int] = {}
        self.documents: dict[str, str] = {}
        self.scheduled: list[PendingRulebook] = []
        self.reversed: set[int] = set()
        self.pending: set[int] = set()
        self.priced: dict[int, Market] = {}
        self.funded: dict[int, Market] = {}
        self.volatile: dict[int, Market] = {}
        self.time = 0
        self.latest = 0
        self.timers: list[tuple[int, int, int]] = []

    def schedule_call(self, scope: Scope) -> None:
        """Have the scope's open margin call fire at its due time."""
        if scope.call is not None:
            heappush(self.timers, (scope.call.due_at, scope.account, scope.asset))

    def due_calls(self) -> list[Scope]:
        """Take the scopes whose open call is due at or before fold time, in order of due time."""
        due: dict[tuple[int, int], Scope] = {}
        while self.timers and self.timers[0][0] <= self.time:
            due_at, account, asset = heappop(self.timers)
            scope = self.scopes[account, asset]
            if scope.call is not None and not scope.call.missed and scope.call.due_at == due_at:
                due[account, asset] = scope
        return list(due.values())

    def scope(self, account: int, asset: int) -> Scope:
        """Return the scope of an account in an asset, making it when first needed."""
        scope = self.scopes.get((account, asset))
        if scope is None:
            scope = Scope(account, asset)
            self.scopes[account, asset] = scope
            self.bind(scope)
        return scope

    def bind(self, scope: Scope) -> None:
        """Point a scope at its rules, and at the scope that its cash is collateral of."""
        scope.rules = self.rules_for(scope.account, scope.asset)
        scope.secures = None
        account_class = self.registry.account(scope.account).account_class
        for asset in list(self.assets.values()):
            rulebook = asset.rulebook
            rules = None if rulebook is None else rulebook.classes.get(account_class)
            policy = None if rules is None else rules.collateral
            if policy is None:
                continue
            for rule in policy.rules:
                if rule.asset == scope.asset:
                    scope.secures = self.scope(scope.account, asset.ordinal)
                    self.markets[rule.market].secured[scope.account] = scope.secures

    def rules_for(self, account: int, asset: int) -> ClassRules | None:
        """Return what the account's class is bound to in ``asset``, if anything."""
        rulebook = self.assets[asset].rulebook
        if rulebook is None:
            return None
        return rulebook.classes.get(self.registry.account(account).account_class)

    def is_fund(self, account: int) -> bool:
        """Whether the account is of class ``fund``."""
        return self.registry.account(account).account_class == "fund"

    def balance(self, kind: str, ordinal: int, asset: int) -> int:
        """Return a ledger account's balance in the asset's units (0 if it was never used)."""
        if kind == "account":
            scope = self.scopes.get((ordinal, asset))
            return 0 if scope is None else scope.cash
        return self.balances.get((kind, ordinal, asset), 0)

    def follow_prices(self, market: Market, policy: PricePolicy | None) -> None:
        """Let the market's prices go by ``policy`` from now on."""
        market.feed.follow(policy)
        if policy is None:
            self.priced.pop(market.ordinal, None)
        else:
            self.priced[market.ordinal] = market

    def follow_funding(self, market: Market, rule: FundingRule | None, now: int) -> None:
        """Let the market's funding go by ``rule``; one of the same content goes on as it was."""
        if rule is None:
            market.period = None
            self.funded.pop(market.ordinal, None)
            return
        self.funded[market.ordinal] = market
        if market.period is None or market.period.rule.key != rule.key:
            market.period = FundingPeriod(rule, now)
        market.period.rule = rule

    def add_asset(self, ordinal: int, decimals: int) -> None:
        """Take up a declared asset."""
        self.assets[ordinal] = Asset(ordinal, decimals)

    def add_market(self, spec: MarketSpec) -> None:
        """Take up a declared market."""
        asset = self.assets[spec.settlement_asset]
        market = Market(spec, asset.decimals)
        self.markets[spec.ordinal] = market
        asset.markets.append(market)
        asset.rescale()
