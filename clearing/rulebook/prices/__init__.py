"""Prices by role: trees of named operators over what sources told.

A market's index, mark, trigger, funding, collateral, close, ADL and settlement prices are each a
tree: sources at the leaves, medians, means, bounds and averages over time above them. Trees are
data in a rulebook; what they remember between events is the engine's. One file a family of
operators; a new one is a document and a node there and a place in :mod:`tree`.
"""

from clearing.rulebook.prices.base import (
    PRICE_DECIMALS,
    PRICE_LIFT,
    Memory,
    PriceCompiling,
    PriceNode,
    Readings,
)
from clearing.rulebook.prices.breakers import Breaker
from clearing.rulebook.prices.policy import MarketPricesDocument, PricePolicy, ValidityDocument
from clearing.rulebook.prices.tree import PriceTree
from clearing.rulebook.prices.working import PriceWorking

__all__ = [
    "PRICE_DECIMALS",
    "PRICE_LIFT",
    "Breaker",
    "MarketPricesDocument",
    "Memory",
    "PriceCompiling",
    "PriceNode",
    "PricePolicy",
    "PriceTree",
    "PriceWorking",
    "Readings",
    "ValidityDocument",
]
