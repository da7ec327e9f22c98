"""Margin operators: the closed set of named arithmetic that a level's requirement is made of.

One file an operator (or family). A new one is a document and an operator there, a place in
:data:`LevelDocument`, and its scenario under ``tests/engine``; nothing else changes.
"""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import Field

from clearing.rulebook.operators.amount import AmountDocument
from clearing.rulebook.operators.base import (
    RATE_SCALE,
    Bound,
    Compiling,
    Exposure,
    Operator,
    OperatorDocument,
    always_examine,
)
from clearing.rulebook.operators.combined import CombinedDocument
from clearing.rulebook.operators.depth import DepthDocument
from clearing.rulebook.operators.funding_to_come import FundingToComeDocument
from clearing.rulebook.operators.open_interest import OpenInterestDocument
from clearing.rulebook.operators.orders import (
    OrdersDocument,
    WithOrdersDocument,
    WorstSideDocument,
)
from clearing.rulebook.operators.rate import RateDocument
from clearing.rulebook.operators.ratio import RatioDocument
from clearing.rulebook.operators.rounded import RoundedDocument
from clearing.rulebook.operators.size_premium import SizePremiumDocument
from clearing.rulebook.operators.tiers import MarginalTiers, Tier, TiersDocument
from clearing.rulebook.operators.user_leverage import UserLeverageDocument
from clearing.rulebook.operators.volatility import VolatilityRateDocument

LevelDocument = Annotated[
    RateDocument
    | TiersDocument
    | RatioDocument
    | CombinedDocument
    | RoundedDocument
    | AmountDocument
    | SizePremiumDocument
    | OpenInterestDocument
    | UserLeverageDocument
    | WithOrdersDocument
    | WorstSideDocument
    | OrdersDocument
    | FundingToComeDocument
    | DepthDocument
    | VolatilityRateDocument,
    Field(discriminator="op"),
]
"""A level's requirement, told apart by ``op``."""

_NESTING: Final = (CombinedDocument, RoundedDocument, WithOrdersDocument, WorstSideDocument)
for _document in _NESTING:
    _document.model_rebuild(_types_namespace={"LevelDocument": LevelDocument})


def walk_operators(document: OperatorDocument) -> Iterable[OperatorDocument]:
    """Yield an operator and all those that it is made of."""
    yield document
    for part in document.parts():
        yield from walk_operators(part)


__all__ = [
    "RATE_SCALE",
    "Bound",
    "Compiling",
    "DepthDocument",
    "Exposure",
    "FundingToComeDocument",
    "LevelDocument",
    "MarginalTiers",
    "OpenInterestDocument",
    "Operator",
    "OperatorDocument",
    "SizePremiumDocument",
    "Tier",
    "VolatilityRateDocument",
    "always_examine",
    "walk_operators",
]
