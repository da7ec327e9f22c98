"""Rules as data: the document a rulebook is, and its form ready for use.

A rulebook is a closed set of named operators with parameters, never code. It reaches the ledger in
an event, so it is a fact like any other and holds from a position of the log. :mod:`document`
is what people write and what is hashed; :mod:`rules` are the same with names resolved to
ordinals and decimals to scaled integers (by :mod:`compiling`), which is what the engine reads.
Nothing here knows an account's state or a database.
"""

from clearing.rulebook.collateral import CollateralPolicy, CollateralRule
from clearing.rulebook.compiling import RulebookRefused, compile_rulebook
from clearing.rulebook.document import RulebookDocument, check_document
from clearing.rulebook.ladder import (
    AuctionRung,
    CancelOrdersRung,
    Closable,
    ClosePrice,
    Closing,
    Condition,
    ConvertRung,
    CoverRung,
    DutchMethod,
    Gains,
    Limit,
    MarginCallRung,
    NotifyRung,
    Penalty,
    Quantity,
    Ramp,
    ReduceRung,
    RepayAndSeizeRung,
    Rung,
    SealedMethod,
    TakeoverRung,
)
from clearing.rulebook.operators import (
    RATE_SCALE,
    Bound,
    Exposure,
    MarginalTiers,
    Operator,
    Tier,
    always_examine,
)
from clearing.rulebook.rules import (
    DEFAULT_REGIME,
    INITIAL,
    MAINTENANCE,
    NO_LEVEL,
    ClassRules,
    Regime,
    Rulebook,
    Schedule,
)
from clearing.rulebook.waterfall import (
    AdlLayer,
    BackstopLayer,
    FundLayer,
    Layer,
    PayingLayer,
    Waterfall,
)

__all__ = [
    "DEFAULT_REGIME",
    "INITIAL",
    "MAINTENANCE",
    "NO_LEVEL",
    "RATE_SCALE",
    "AdlLayer",
    "AuctionRung",
    "BackstopLayer",
    "Bound",
    "CancelOrdersRung",
    "ClassRules",
    "Closable",
    "ClosePrice",
    "Closing",
    "CollateralPolicy",
    "CollateralRule",
    "Condition",
    "ConvertRung",
    "CoverRung",
    "DutchMethod",
    "Exposure",
    "FundLayer",
    "Gains",
    "Layer",
    "Limit",
    "MarginCallRung",
    "MarginalTiers",
    "NotifyRung",
    "Operator",
    "PayingLayer",
    "Penalty",
    "Quantity",
    "Ramp",
    "ReduceRung",
    "Regime",
    "RepayAndSeizeRung",
    "Rulebook",
    "RulebookDocument",
    "RulebookRefused",
    "Rung",
    "Schedule",
    "SealedMethod",
    "TakeoverRung",
    "Tier",
    "Waterfall",
    "always_examine",
    "check_document",
    "compile_rulebook",
]
