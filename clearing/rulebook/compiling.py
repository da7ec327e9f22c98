"""From a document to rules: names resolved to ordinals, decimals to scaled integers."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from clearing.events.canonical import canonical_json
from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import Registry
from clearing.quantities import NotExact, to_scaled
from clearing.rulebook.alerts import Alerts
from clearing.rulebook.collateral import (
    DEFAULT_LEVEL,
    CollateralAsset,
    CollateralDocument,
    CollateralPolicy,
    CollateralRule,
    UnrealisedWeights,
    WeightTable,
    by_level,
)
from clearing.rulebook.document import BindingDocument, RulebookDocument, check_document
from clearing.rulebook.funding import FundingRule
from clearing.rulebook.impact import ImpactRule
from clearing.rulebook.ladder import Condition, ConditionDocument, Penalty, PenaltyDocument, Rung
from clearing.rulebook.operators import (
    FundingToComeDocument,
    LevelDocument,
    Operator,
    walk_operators,
)
from clearing.rulebook.portfolio import (
    Portfolio,
    PortfolioClass,
    PortfolioDocument,
    PortfolioGroup,
)
from clearing.rulebook.prices import PricePolicy
from clearing.rulebook.rules import (
    NO_LEVEL,
    ClassRules,
    Regime,
    Rulebook,
    Schedule,
)
from clearing.rulebook.schedules import REQUIRED, level_pieces, sorted_levels
from clearing.rulebook.variation import VariationRule
from clearing.rulebook.verification import Fees, Verification
from clearing.rulebook.volatility import VolatilityRule
from clearing.rulebook.waterfall import (
    AdlLayer,
    AdlLayerDocument,
    BackstopLayer,
    BackstopLayerDocument,
    FundLayer,
    FundLayerDocument,
    Layer,
    LayerDocument,
    PayingLayer,
    PeriodDocument,
    PerUnitLayerDocument,
    Waterfall,
    WaterfallDocument,
)


class RulebookRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A rulebook cannot take effect; ``problems`` names each field and what is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
        self.levels = sorted_levels({n for s in document.schedules.values() for n in s})
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
            key: [rung.compile(f"ladders.{key}.{i}", i + 1, self) for i, rung in enumerate(rungs)]
            for key, rungs in document.ladders.items()
        }
        waterfalls = {
            key: self.waterfall(f"waterfalls.{key}", value)
            for key, value in document.waterfalls.items()
        }
        policies = {
            key: self.collateral(f"collateral.{key}", value)
            for key, value in document.collateral.items()
        }
        portfolios = {
            key: self.portfolio(f"portfolios.{key}", value)
            for key, value in document.portfolios.items()
        }
        prices, funding, volatility = self.prices(), self.funding(), self.volatility()
        impact, variation = self.impact(), self.variation()
        classes = {
            binding.account_class: self.binding(
                i, binding, schedules, ladders, waterfalls, policies, portfolios
            )
            for i, binding in enumerate(document.bindings)
        }
        if self.problems:
            raise RulebookRefused(self.problems)
        numerics, checks = document.numerics, document.verification
        regime = Regime(
            document.mode,
            document.instruments.cost_basis == "rounded_entry",
            document.funding.operator == "index",
            document.interest.operator == "index",
            numerics.fill_cost,
            numerics.funding,
            numerics.bankruptcy,
            numerics.entry_price,
            numerics.interest,
            net_cost=document.instruments.cost_basis == "net",
        )
        return Rulebook(
            name,
            version,
            sha256,
            self.asset,
            regime,
            classes,
            prices,
            funding,
            self.margins_funding(),
            volatility,
            impact,
            variation,
            solvent=document.funds.below_zero == "deviation",
            verification=None if checks is None else Verification(checks),
            fees={name: Fees(told) for name, told in document.fees.items()},
        )

    def schedule(self, path: str, name: str, document: dict[str, LevelDocument]) -> Schedule:
        levels = _Levels(self, path, document)
        operators = [
            levels.level(f"{path}.{level}", level) if level in document else None
            for level in self.levels
        ]
        return Schedule(name, operators)

    def place(self, level: str) -> int:
        return NO_LEVEL if level == "zero" else self.levels.index(level)

    def condition(self, document: ConditionDocument) -> Condition:
        end = document.until
        until = None
        if end is not None:
            until = Condition(end.level, self.place(end.level), _rate(end.factor), False)
        return Condition(
            document.level,
            self.place(document.level),
            _rate(document.factor),
            document.comparator == "<=",
            document.grace_seconds * 1_000_000,
            until,
        )

    def units(self, path: str, value: Decimal) -> int:
        try:
            return to_scaled(value, self.decimals)
        except NotExact:
            self.problems.append(f"{path}: {value} has more than {self.decimals} decimals")
            return 0

    def fund(self, path: str, name: str) -> int:
        ordinal = self.account(path, name)
        if ordinal and self.registry.account(ordinal).account_class != "fund":
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
        headroom = document.headroom
        return Penalty(
            _rate(document.rate),
            recipients,
            document.limit == "surplus",
            None if headroom is None else headroom.compile(self.place),
            self.document.numerics.penalty,
            dust_last=self.document.numerics.penalty_dust == "last",
        )

    def ladder_key(self, name: str) -> str:
        return canonical_json(
            [rung.model_dump(mode="json") for rung in self.document.ladders[name]]
        )

    def waterfall(self, path: str, document: WaterfallDocument) -> Waterfall:
        fund = self.fund(f"{path}.fund", document.fund)
        layers = [
            self.layer(f"{path}.layers.{i}", i + 1, layer, fund)
            for i, layer in enumerate(document.layers)
        ]
        return Waterfall(fund, layers)

    def layer(self, path: str, number: int, document: LayerDocument, fund: int) -> Layer:
        if isinstance(document, AdlLayerDocument):
            return AdlLayer(
                number,
                document.rank,
                document.seed or "",
                document.candidates,
                document.allocation == "pro_rata",
                document.price,
                listed_only=document.others == "none",
                most=document.most or 0,
                at_most=_rate(document.at_most),
            )
        if isinstance(document, BackstopLayerDocument):
            providers = [
                (self.account(f"{path}.providers.{i}.account", told.account), _rate(told.share))
                for i, told in enumerate(document.providers)
            ]
            return BackstopLayer(number, providers)
        if not isinstance(document, FundLayerDocument):
            decimals = document.decimals if isinstance(document, PerUnitLayerDocument) else None
            down = self.document.numerics.haircut == "down"
            return PayingLayer(number, document.layer, decimals, down=down)
        if document.account is not None:
            fund = self.fund(f"{path}.account", document.account)
        markets = [
            self.own_market(f"{path}.markets.{i}", name) for i, name in enumerate(document.markets)
        ]
        period = document.period
        return FundLayer(
            number,
            fund,
            document.by == "assuming",
            document.capacity,
            0 if document.notional is None else _rate(document.notional),
            self.units(f"{path}.reserve", document.reserve),
            0 if period is None else period.seconds * 1_000_000,
            self.units(f"{path}.period.amount", _amount(period)),
            frozenset(markets),
            None if document.claim is None else self.units(f"{path}.claim", document.claim),
            0 if period is None or period.share is None else _rate(period.share),
        )

    def binding(
        self,
        index: int,
        document: BindingDocument,
        schedules: dict[str, Schedule],
        ladders: dict[str, list[Rung]],
        waterfalls: dict[str, Waterfall],
        policies: dict[str, CollateralPolicy],
        portfolios: dict[str, Portfolio],
    ) -> ClassRules:
        bound: dict[int, Schedule] = {}
        for market, schedule in document.markets.items():
            if market == "*":
                continue
            ordinal = self.own_market(f"bindings.{index}.markets.{market}", market)
            bound[ordinal] = schedules[schedule]
        other = document.markets.get("*")
        minima = [
            (self.levels.index(level), self.units(f"bindings.{index}.minimum.{level}", amount))
            for level, amount in document.minimum.items()
        ]
        return ClassRules(
            document.account_class,
            self.levels,
            bound,
            None if other is None else schedules[other],
            [] if document.ladder is None else ladders[document.ladder],
            "" if document.ladder is None else self.ladder_key(document.ladder),
            None if document.waterfall is None else waterfalls[document.waterfall],
            minima,
            None if document.collateral is None else policies[document.collateral],
            None if document.portfolio is None else portfolios[document.portfolio],
            None if document.alerts is None else self.alerts(document.alerts),
        )

    def alerts(self, name: str) -> Alerts:
        document = self.document.alerts[name]
        return Alerts(document, canonical_json(document.model_dump(mode="json")))

    def portfolio(self, path: str, document: PortfolioDocument) -> Portfolio:
        groups = []
        for name, group in document.groups.items():
            classes = []
            for key, members in group.classes.items():
                ordinals = [
                    self.own_market(f"{path}.groups.{name}.classes.{key}.markets.{i}", market)
                    for i, market in enumerate(members.markets)
                ]
                classes.append(PortfolioClass(sorted(ordinals), _rate(members.offset)))
            moves = [_rate(move) for move in group.moves]
            floor = 0 if group.floor is None else _rate(group.floor)
            groups.append(PortfolioGroup(name, moves, classes, floor))
        factors = [
            (self.levels.index(level), _rate(factor)) for level, factor in document.levels.items()
        ]
        return Portfolio(groups, sorted(factors))

    def collateral(self, path: str, document: CollateralDocument) -> CollateralPolicy:
        rules = [
            self.collateral_rule(f"{path}.assets.{name}", name, asset)
            for name, asset in document.assets.items()
        ]
        known = {DEFAULT_LEVEL: UnrealisedWeights(), **document.unrealised}
        unrealised = [
            (_rate(pair.gain), _rate(pair.loss))
            for pair in (by_level(known, level) for level in self.levels)
        ]
        return CollateralPolicy(
            sorted(rules, key=lambda rule: rule.asset), unrealised, nested=document.nested
        )

    def collateral_rule(self, path: str, name: str, document: CollateralAsset) -> CollateralRule:
        asset = self.registry.asset_ordinals.get(name, 0)
        if not asset:
            self.problems.append(f"{path}: asset {name!r} is not declared")
        market = decimals = 0
        if document.market is not None:
            market = self.price_market(f"{path}.market", document.market)
        if asset and market:
            spec = self.registry.market(market)
            decimals = self.registry.asset(asset).decimals
            decimals += spec.mark_decimals + spec.multiplier_decimals
        cap = None if document.cap is None else self.units(f"{path}.cap", document.cap)
        tables = [
            WeightTable(
                [
                    (self.units(f"{path}.weights.{level}.{i}.floor", row.floor), _rate(row.weight))
                    for i, row in enumerate(by_level(document.weights, level))
                ],
                _rate(by_level(document.liabilities, level)),
                cap,
            )
            for level in self.levels
        ]
        return CollateralRule(asset, market, decimals, tables)

    def prices(self) -> dict[int, PricePolicy]:
        found = {}
        for name, document in self.document.prices.items():
            path = f"prices.{name}"
            found[self.own_market(path, name)] = document.compile(path, _Prices(self))
        return found

    def funding(self) -> dict[int, FundingRule]:
        found = {}
        for name, document in self.document.funding.markets.items():
            path = f"funding.markets.{name}"
            ordinal = self.own_market(path, name)
            found[ordinal] = document.compile(path, self.account, self.margin_gap)
        return found

    def volatility(self) -> dict[int, VolatilityRule]:
        return {
            self.own_market(f"volatility.{name}", name): VolatilityRule(document)
            for name, document in self.document.volatility.items()
        }

    def impact(self) -> dict[int, ImpactRule]:
        found = {}
        for name, document in self.document.impact.items():
            path = f"impact.{name}"
            ordinal = self.own_market(path, name)
            depth = 0
            if ordinal and document.depth is not None:
                depth = self.steps(f"{path}.depth", ordinal, document.depth)
            found[ordinal] = ImpactRule(document, depth)
        return found

    def variation(self) -> dict[int, VariationRule]:
        found = {}
        down = self.document.numerics.haircut == "down"
        for name, document in self.document.variation_margin.items():
            path = f"variation_margin.{name}"
            ordinal = 0 if name == "*" else self.own_market(path, name)
            fund = 0 if document.fund is None else self.fund(f"{path}.fund", document.fund)
            found[ordinal] = VariationRule(fund, down=down)
        return found

    def steps(self, path: str, market: int, size: Decimal) -> int:
        """Return a size in a market's steps; one that is finer than them is a problem."""
        decimals = self.registry.market(market).size_decimals
        try:
            return to_scaled(size, decimals)
        except NotExact:
            self.problems.append(f"{path}: {size} has more than {decimals} decimals")
            return 0

    def margins_funding(self) -> bool:
        levels = (op for schedule in self.document.schedules.values() for op in schedule.values())
        return any(
            isinstance(part, FundingToComeDocument) for op in levels for part in walk_operators(op)
        )

    def margin_gap(self, path: str, schedule: str) -> tuple[Fraction, Fraction]:
        """Return the initial and maintenance rates of a schedule at the smallest notional."""
        levels = self.document.schedules[schedule]
        rates = []
        for level in REQUIRED:
            pieces = level_pieces(levels, level)
            if pieces is None:
                self.problems.append(
                    f"{path}: {level} of {schedule!r} depends on more than notional, so it has no"
                    " rate to take"
                )
                return Fraction(0), Fraction(0)
            _, rate = pieces.at(Fraction(0))
            rates.append(Fraction(rate))
        return rates[0], rates[1]

    def account(self, path: str, name: str) -> int:
        ordinal = self.registry.account_ordinals.get(name, 0)
        if not ordinal:
            self.problems.append(f"{path}: account {name!r} is not declared")
        return ordinal

    def taker(self, path: str, name: str) -> int:
        ordinal = self.account(path, name)
        account_class = self.registry.account(ordinal).account_class if ordinal else ""
        if account_class in {binding.account_class for binding in self.document.bindings}:
            self.problems.append(
                f"{path}: {name!r} is of class {account_class!r}, of which something is asked by"
                " this rulebook; name an account of a class that it does not bind"
            )
        return ordinal

    def own_market(self, path: str, name: str) -> int:
        ordinal = self.registry.market_ordinals.get(name, 0)
        if not ordinal:
            self.problems.append(f"{path}: market {name!r} is not declared")
        elif self.registry.market(ordinal).settlement_asset != self.asset:
            self.problems.append(f"{path}: {name!r} settles in another asset")
        return ordinal

    def price_market(self, path: str, name: str) -> int:
        ordinal = self.own_market(path, name)
        if ordinal and self.registry.market(ordinal).payoff == "inverse":
            self.problems.append(f"{path}: {name!r} is inverse; a price is linear")
        return ordinal


def _amount(period: PeriodDocument | None) -> Decimal:
    return Decimal(0) if period is None or period.amount is None else period.amount


def _rate(value: Decimal) -> int:
    return to_scaled(value, RATE_DECIMALS)


class _Prices:
    """Resolves the sources of one market's price trees, and numbers what remembers."""

    def __init__(self, compiler: _Compiler) -> None:
        self._compiler = compiler
        self._numbers = 0

    def source(self, path: str, name: str) -> int:
        ordinal = self._compiler.registry.source_ordinals.get(name, 0)
        if not ordinal:
            self._compiler.problems.append(f"{path}: source {name!r} is not declared")
        return ordinal

    def number(self) -> int:
        self._numbers += 1
        return self._numbers


class _Levels:
    """The levels of one schedule, compiled when they are first referred to."""

    def __init__(self, compiler: _Compiler, path: str, documents: dict[str, LevelDocument]) -> None:
        self._compiler = compiler
        self._path = path
        self._documents = documents
        self._compiled: dict[str, Operator] = {}

    @property
    def asset_decimals(self) -> int:
        return self._compiler.decimals

    def units(self, path: str, value: Decimal) -> int:
        return self._compiler.units(path, value)

    def level(self, path: str, name: str) -> Operator:
        del path  # that the level exists was checked with the document
        found = self._compiled.get(name)
        if found is None:
            document = self._documents[name]
            found = self._compiled[name] = document.compile(f"{self._path}.{name}", self)
        return found
