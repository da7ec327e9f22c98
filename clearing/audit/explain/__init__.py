"""Why a number is what it is: its working down to the events that its facts come from.

The functions that compute a number explain it; here their workings are given names, sources and a
rulebook's clauses.
"""

from clearing.audit.explain.clauses import Clause
from clearing.audit.explain.liquidation import (
    CloseStep,
    LiquidationExplained,
    RungStep,
    explain_liquidation,
)
from clearing.audit.explain.nodes import Node, Source
from clearing.audit.explain.price import Observation, PriceExplained, explain_price
from clearing.audit.explain.questions import (
    Explanation,
    explain_equity,
    explain_fund,
    explain_funding,
    explain_margin,
)

__all__ = [
    "Clause",
    "CloseStep",
    "Explanation",
    "LiquidationExplained",
    "Node",
    "Observation",
    "PriceExplained",
    "RungStep",
    "Source",
    "explain_equity",
    "explain_fund",
    "explain_funding",
    "explain_liquidation",
    "explain_margin",
    "explain_price",
]
