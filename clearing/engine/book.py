"""The book: everything the fold remembers, as plain slotted objects of integers.

Its parts are in modules of their own: :mod:`clearing.engine.scope`, :mod:`clearing.engine.market`
and :mod:`clearing.engine.asset`.
"""

from heapq import heappop, heappush

from clearing.engine.asset import Asset
from clearing.engine.funding_period import FundingPeriod
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.events.registry import MarketSpec, Registry
from clearing.rulebook import ClassRules, Rulebook
from clearing.rulebook.funding import FundingRule
from clearing.rulebook.prices import PricePolicy


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
    hash, so that a snapshot stands by itself. ``reversed`` are the positions of reversed events,
    ``refused`` those of interest payments that moved nothing: whose rules refused them cannot be
    told later. ``timers`` is a heap of (due time, account, asset) that may hold what ended since;
    it is made anew from open calls and stays and is not part of the state. ``borne`` is what each
    fund bore in a period that limits it, by (account, asset, microseconds): (its begin, units),
    ``claimed`` what one whose claims are limited ever bore, by (account, asset, market): units.
    ``pending`` are the positions of deposits that are not final yet. ``priced`` are the markets
    that have a price policy, ``funded`` those whose funding is computed, ``volatile`` those that
    have a volatility policy, ``owing`` those in which payments of funding are waited for.
    ``overridden`` are the scopes, by key, that a scenario takes out of
    the record: whatever their rulebook's mode, their ladder acts.
    """

    __slots__ = (
        "assets",
        "balances",
        "borne",
        "claimed",
        "documents",
        "funded",
        "latest",
        "markets",
        "overridden",
        "owing",
        "pending",
        "priced",
        "refused",
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
        self.borne: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.claimed: dict[tuple[int, int, int], int] = {}
        self.documents: dict[str, str] = {}
        self.scheduled: list[PendingRulebook] = []
        self.reversed: set[int] = set()
        self.refused: set[int] = set()
        self.pending: set[int] = set()
        self.overridden: set[tuple[int, int]] = set()
        self.priced: dict[int, Market] = {}
        self.funded: dict[int, Market] = {}
        self.volatile: dict[int, Market] = {}
        self.owing: dict[int, Market] = {}
        self.time = 0
        self.latest = 0
        self.timers: list[tuple[int, int, int]] = []

    def schedule(self, scope: Scope, at: int) -> None:
        """Have ``scope`` looked at again when fold time reaches ``at`` (microseconds)."""
        heappush(self.timers, (at, scope.account, scope.asset))

    def due_timers(self) -> list[tuple[int, Scope]]:
        """Take the timers due at or before fold time: (due time, scope), in order.

        What they were set for may have ended since.
        """
        due = []
        while self.timers and self.timers[0][0] <= self.time:
            at, account, asset = heappop(self.timers)
            due.append((at, self.scopes[account, asset]))
        return due

    def scope(self, account: int, asset: int) -> Scope:
        """Return the scope of an account in an asset, making it when first needed."""
        scope = self.scopes.get((account, asset))
        if scope is None:
            scope = Scope(account, asset)
            self.scopes[account, asset] = scope
            self.bind(scope)
        return scope

    def bind(self, scope: Scope) -> None:
        """Point a scope at its rules, and at the scope that its cash is collateral of.

        What its rungs remember is forgotten unless the ladder is the same, and so are its alerts.
        """
        before, scope.rules = scope.rules, self.rules_for(scope.account, scope.asset)
        keys = [None if rules is None else rules.ladder_key for rules in (before, scope.rules)]
        if keys[0] != keys[1]:
            scope.stays = {}
            scope.unsold = set()
            for auction in scope.auctions.values():
                auction.rung = 0
        said = [None if rules is None else rules.alerts for rules in (before, scope.rules)]
        first, second = ("" if alerts is None else alerts.key for alerts in said)
        if first != second:
            scope.alerts = set()
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

    def derives(self, scope: Scope) -> bool:
        """Whether the scope's ladder acts: by its rulebook's mode, or for a scenario's sake."""
        mode = self.assets[scope.asset].mode
        return mode == "derive" or (bool(self.overridden) and scope.key() in self.overridden)

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
        asset.follow_variation()
