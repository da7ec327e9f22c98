"""The document that a ``RulebookAdopted`` event carries: what people write and what is hashed.

Every part is a closed choice of named operators. A document that contradicts itself (tiers that do
not start at 0, initial margin below maintenance, a ladder without an end) is refused with the path
of the field. Numbers with a point are decimal strings.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.quantities import Rounding
from clearing.rulebook.alerts import AlertsDocument
from clearing.rulebook.collateral import CollateralDocument
from clearing.rulebook.consistency import contradictions
from clearing.rulebook.derivation import DerivationDocument
from clearing.rulebook.fields import List, NamedRounding
from clearing.rulebook.funding import FundingRuleDocument
from clearing.rulebook.impact import ImpactDocument
from clearing.rulebook.ladder import LadderDocument
from clearing.rulebook.portfolio import PortfolioDocument
from clearing.rulebook.prices import MarketPricesDocument
from clearing.rulebook.problems import problems_of
from clearing.rulebook.schedules import ScheduleDocument
from clearing.rulebook.variation import VariationDocument
from clearing.rulebook.verification import FeesDocument, VerificationDocument
from clearing.rulebook.volatility import VolatilityDocument
from clearing.rulebook.waterfall import WaterfallDocument

FORMAT = 1
"""The version of the document's shape."""


class InstrumentsDocument(Fact):
    """How positions are kept: average cost, the average entry rounded as a venue does, or net.

    ``net``: what was paid less what was received, so that nothing is realised before a position is
    flat. Source: Drift v2, controller/position (quote_asset_amount).
    """

    cost_basis: Literal["average", "rounded_entry", "net"] = "average"


class FundingDocument(Fact):
    """How funding works in derive mode: by cumulative index or per account at once.

    ``markets`` are those whose funding is computed, each by its rule; that of others is told.
    """

    operator: Literal["index", "per_account"] = "index"
    markets: Annotated[
        dict[Name, FundingRuleDocument], Field(max_length=10_000, default_factory=dict)
    ]


class InterestDocument(Fact):
    """What happens to the fraction of a unit that interest comes to, in derive mode.

    ``per_account`` rounds each settlement; by ``index`` the fraction stays accrued with the balance
    and joins the next settlement.
    """

    operator: Literal["per_account", "index"] = "per_account"


class NumericsDocument(Fact):
    """The named roundings."""

    fill_cost: NamedRounding = Rounding.HALF_EVEN
    funding: NamedRounding = Rounding.TOWARD_ZERO
    bankruptcy: NamedRounding = Rounding.HALF_EVEN
    entry_price: NamedRounding = Rounding.TOWARD_ZERO
    interest: NamedRounding = Rounding.HALF_EVEN
    penalty: NamedRounding = Rounding.DOWN
    haircut: Literal["up", "down"] = "up"
    penalty_dust: Literal["first", "last"] = "first"


class FundsDocument(Fact):
    """What holds for every fund: whether its equity falling below zero is a deviation.

    It may by marks of what it holds, by what it bears without a limit, or by what is taken out. It
    is said when a line of the fund's history is written: after events that change its cash or its
    positions.
    """

    below_zero: Literal["allowed", "deviation"] = "allowed"


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
    alerts: Name | None = None


def _whole(value: Any) -> Any:
    """Let ``true`` not pass for 1."""
    if isinstance(value, bool):
        raise ValueError("must be 1")
    return value


class RulebookDocument(Fact):
    """A rulebook: everything that holds for the scopes of one settlement asset.

    ``mode`` says whether venue outcomes are posted as told (``record``), also checked
    (``verify``), or derived by the ladder (``derive``). ``derivation`` says how the document was
    made, if a recipe made it; nothing depends on it. ``variation_margin`` names the markets (``*``:
    every other one) whose gains and losses are paid at every mark, in derive mode. ``verification``
    says what is checked in verify mode, ``fees`` what each account class pays, to check it.
    """

    format: Annotated[Literal[1], BeforeValidator(_whole)] = 1
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
    alerts: Annotated[dict[Name, AlertsDocument], Field(max_length=1000, default_factory=dict)]
    prices: Annotated[
        dict[Name, MarketPricesDocument], Field(max_length=10_000, default_factory=dict)
    ]
    volatility: Annotated[
        dict[Name, VolatilityDocument], Field(max_length=10_000, default_factory=dict)
    ]
    impact: Annotated[dict[Name, ImpactDocument], Field(max_length=10_000, default_factory=dict)]
    variation_margin: Annotated[
        dict[str, VariationDocument], Field(max_length=10_000, default_factory=dict)
    ]
    verification: VerificationDocument | None = None
    fees: Annotated[dict[Name, FeesDocument], Field(max_length=1000, default_factory=dict)]
    funding: FundingDocument = FundingDocument(markets={})
    interest: InterestDocument = InterestDocument()
    numerics: NumericsDocument = NumericsDocument()
    funds: FundsDocument = FundsDocument()
    bindings: Annotated[tuple[BindingDocument, ...], List, Field(max_length=1000)] = ()
    derivation: DerivationDocument | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = list(contradictions(self))
        if found:
            raise ValueError("\n".join(found))
        return self


def check_document(document: dict[str, Any]) -> tuple[RulebookDocument | None, list[str]]:
    """Return the parsed document, or None and the list of what is wrong, each with its path."""
    try:
        return RulebookDocument.model_validate(document), []
    except ValidationError as error:
        return None, problems_of(error, document)
