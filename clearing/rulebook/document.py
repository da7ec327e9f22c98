"""The document that a ``RulebookAdopted`` event carries: what people write and what is hashed.

Every part is a closed choice of named operators. A document that contradicts itself (tiers that do
not start at 0, initial margin below maintenance, a ladder without an end) is refused with the path
of the field. Numbers with a point are decimal strings.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.quantities import Rounding
from clearing.rulebook.collateral import CollateralDocument
from clearing.rulebook.derivation import DerivationDocument
from clearing.rulebook.fields import List, NamedRounding
from clearing.rulebook.funding import FundingRuleDocument, MarginBounds
from clearing.rulebook.ladder import LadderDocument, closes
from clearing.rulebook.operators import VolatilityRateDocument, walk_operators
from clearing.rulebook.portfolio import PortfolioDocument
from clearing.rulebook.prices import MarketPricesDocument
from clearing.rulebook.problems import problems_of
from clearing.rulebook.schedules import ScheduleDocument
from clearing.rulebook.volatility import VolatilityDocument
from clearing.rulebook.waterfall import WaterfallDocument

FORMAT = 1
"""The version of the document's shape."""


class InstrumentsDocument(Fact):
    """How positions are kept: average cost, or the average entry rounded as a venue does."""

    cost_basis: Literal["average", "rounded_entry"] = "average"


class FundingDocument(Fact):
    """How funding works in derive mode: by cumulative index or per account at once.

    ``markets`` are those whose funding is computed, each by its rule; that of others is told.
    """

    operator: Literal["index", "per_account"] = "index"
    markets: Annotated[
        dict[Name, FundingRuleDocument], Field(max_length=10_000, default_factory=dict)
    ]


class NumericsDocument(Fact):
    """The named roundings."""

    fill_cost: NamedRounding = Rounding.HALF_EVEN
    funding: NamedRounding = Rounding.TOWARD_ZERO
    bankruptcy: NamedRounding = Rounding.HALF_EVEN
    entry_price: NamedRounding = Rounding.TOWARD_ZERO
    interest: NamedRounding = Rounding.HALF_EVEN


class BindingDocument(Fact):
    """What holds for one class of accounts: a schedule per market (``*``: every other market).

    ``minimum``, by level, is the least asked of a scope that has positions, in the settlement
    asset, whatever its schedules ask. ``collateral`` names the policy by which other assets and
    unrealised PnL count; without one, settlement cash and unrealised PnL do, in full.
    ``portfolio`` names what is asked of positions together, on top of what schedules ask.
    """

    account_class: Name
    markets: Annotated[dict[str, Name], Field(max_length=10_000, default_factory=dict)]
    minimum: Annotated[dict[Name, NotNegativeAmount], Field(max_length=16, default_factory=dict)]
    ladder: Name | None = None
    waterfall: Name | None = None
    collateral: Name | None = None
    portfolio: Name | None = None


class RulebookDocument(Fact):
    """A rulebook: everything that holds for the scopes of one settlement asset.

    ``mode`` says whether venue outcomes are posted as told (``record``), also checked
    (``verify``), or derived by the ladder (``derive``). ``derivation`` says how the document was
    made, if a recipe made it; nothing depends on it.
    """

    format: Literal[1] = 1
    settlement_asset: Name
    mode: Literal["record", "verify", "derive"]
    instruments: InstrumentsDocument = InstrumentsDocument()
    schedules: Annotated[
        dict[Name, ScheduleDocument], Field(max_length=10_000, default_factory=dict)
    ]
    ladders: Annotated[dict[Name, LadderDocument], Field(max_length=1000, default_factory=dict)]
    waterfalls: Annotated[
        dict[Name, WaterfallDocument], Field(max_length=1000, default_factory=dict)
    ]
    collateral: Annotated[
        dict[Name, CollateralDocument], Field(max_length=1000, default_factory=dict)
    ]
    portfolios: Annotated[
        dict[Name, PortfolioDocument], Field(max_length=1000, default_factory=dict)
    ]
    prices: Annotated[
        dict[Name, MarketPricesDocument], Field(max_length=10_000, default_factory=dict)
    ]
    volatility: Annotated[
        dict[Name, VolatilityDocument], Field(max_length=10_000, default_factory=dict)
    ]
    funding: FundingDocument = FundingDocument(markets={})
    numerics: NumericsDocument = NumericsDocument()
    bindings: Annotated[tuple[BindingDocument, ...], List, Field(max_length=1000)] = ()
    derivation: DerivationDocument | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, policy in self.collateral.items():
            for asset, rule in policy.assets.items():
                if (asset == self.settlement_asset) is not (rule.market is None):
                    raise ValueError(
                        f"collateral.{name}.assets.{asset}.market: every asset but the settlement"
                        " asset needs a market that prices it"
                    )
        for name, portfolio in self.portfolios.items():
            self._check_portfolio(name, portfolio)
        for name, funded in self.funding.markets.items():
            self._check_funding(name, funded)
        classes = [binding.account_class for binding in self.bindings]
        if len(set(classes)) != len(classes):
            raise ValueError("bindings: an account class may be bound only once")
        for i, binding in enumerate(self.bindings):
            self._check_binding(f"bindings.{i}", binding)
        return self

    def _check_volatility(self, path: str, market: str, schedule: str) -> None:
        operators = self.schedules.get(schedule, {}).values()
        parts = (part for operator in operators for part in walk_operators(operator))
        if market in self.volatility or not any(
            isinstance(part, VolatilityRateDocument) for part in parts
        ):
            return
        raise ValueError(f"{path}: schedule {schedule!r} asks by volatility, which needs a policy")

    def _known_levels(self) -> set[str]:
        named = {level for schedule in self.schedules.values() for level in schedule}
        return named | {"initial", "maintenance"}

    def _check_portfolio(self, name: str, portfolio: PortfolioDocument) -> None:
        for level in portfolio.levels:
            if level not in self._known_levels():
                raise ValueError(f"portfolios.{name}.levels: no schedule has a level {level!r}")

    def _check_funding(self, market: str, rule: FundingRuleDocument) -> None:
        priced = self.prices[market].roles if market in self.prices else {}
        for role in sorted(rule.roles()):
            if role not in priced:
                raise ValueError(f"funding.markets.{market}: prices.{market} has no role {role}")
        cap = rule.cap
        if isinstance(cap, MarginBounds) and cap.schedule not in self.schedules:
            raise ValueError(
                f"funding.markets.{market}.cap.schedule: there is no schedule {cap.schedule!r}"
            )

    def _check_binding(self, path: str, binding: BindingDocument) -> None:
        if binding.account_class == "fund":
            raise ValueError(f"{path}.account_class: funds have no margin requirement")
        if not binding.markets and binding.portfolio is None:
            raise ValueError(f"{path}.markets: nothing is asked: name a schedule or a portfolio")
        if binding.portfolio is not None and binding.portfolio not in self.portfolios:
            raise ValueError(f"{path}.portfolio: there is no portfolio {binding.portfolio!r}")
        for market, schedule in binding.markets.items():
            self._check_volatility(f"{path}.markets.{market}", market, schedule)
            if schedule not in self.schedules:
                raise ValueError(f"{path}.markets.{market}: there is no schedule {schedule!r}")
            for level in binding.minimum:
                if level not in self.schedules[schedule]:
                    raise ValueError(f"{path}.minimum.{level}: {schedule!r} has no such level")
        if binding.collateral is not None and binding.collateral not in self.collateral:
            raise ValueError(f"{path}.collateral: there is no policy {binding.collateral!r}")
        nested = binding.collateral is not None and self.collateral[binding.collateral].nested
        if nested and binding.portfolio is not None:
            raise ValueError(
                f"{path}.collateral: policy {binding.collateral!r} is nested, which needs a"
                " requirement of each position; a portfolio has none"
            )
        if binding.waterfall is not None and binding.waterfall not in self.waterfalls:
            raise ValueError(f"{path}.waterfall: there is no waterfall {binding.waterfall!r}")
        if binding.ladder is not None:
            self._check_ladder(path, binding, binding.ladder)

    def _check_ladder(self, path: str, binding: BindingDocument, ladder: str) -> None:
        if ladder not in self.ladders:
            raise ValueError(f"{path}.ladder: there is no ladder {ladder!r}")
        self._check_levels(path, binding, ladder)
        if binding.waterfall is not None:
            self._check_deleveraging(path, ladder, binding.waterfall)
        elif closes(self.ladders[ladder]):
            raise ValueError(f"{path}.waterfall: its ladder closes positions, so it needs one")

    def _check_deleveraging(self, path: str, ladder: str, waterfall: str) -> None:
        """Refuse a rung ``adl`` where the waterfall has no such layer."""
        layers = [layer.layer for layer in self.waterfalls[waterfall].layers]
        for i, rung in enumerate(self.ladders[ladder]):
            if rung.action == "adl" and "adl" not in layers:
                raise ValueError(
                    f"{path}.waterfall: ladders.{ladder}.{i} deleverages, and {waterfall!r} has no"
                    " layer adl"
                )

    def _check_levels(self, path: str, binding: BindingDocument, ladder: str) -> None:
        """Refuse a ladder that looks at a level which one of the binding's schedules lacks."""
        rungs = self.ladders[ladder]
        named = [(level, i) for i, rung in enumerate(rungs) for level in rung.levels()]
        for level, i in named:
            for market, schedule in binding.markets.items():
                if level != "zero" and level not in self.schedules[schedule]:
                    raise ValueError(
                        f"{path}.ladder: ladders.{ladder}.{i} looks at level {level!r}, which"
                        f" schedule {schedule!r} of market {market} does not have"
                    )


def check_document(document: dict[str, Any]) -> tuple[RulebookDocument | None, list[str]]:
    """Return the parsed document, or None and the list of what is wrong, each with its path."""
    try:
        return RulebookDocument.model_validate(document), []
    except ValidationError as error:
        return None, problems_of(error, document)
