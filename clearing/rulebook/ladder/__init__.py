"""Ladders: what is done to a scope that falls short, rung by rung.

A rung is a condition and an action with its parameters: what people write is in :mod:`documents`,
the same ready for the engine in :mod:`rungs`, how much is closed in :mod:`quantities`, at which
price in :mod:`close_prices`, how auctions find theirs in :mod:`auctions`, a small class for each.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from clearing.rulebook.fields import List
from clearing.rulebook.ladder.auctions import AuctionMethod, DutchMethod, SealedMethod
from clearing.rulebook.ladder.close_prices import (
    ClosePrice,
    Closing,
    RecordedPriceDocument,
)
from clearing.rulebook.ladder.conditions import Condition, ConditionDocument
from clearing.rulebook.ladder.documents import (
    AdlDocument,
    AuctionDocument,
    CancelOrdersDocument,
    ConvertDocument,
    CoverDocument,
    GainsDocument,
    LimitDocument,
    MarginCallDocument,
    NotifyDocument,
    ReduceDocument,
    RepayAndSeizeDocument,
    RungDocument,
    TakeoverDocument,
)
from clearing.rulebook.ladder.pacing import Ramp, RampDocument, RisingDocument
from clearing.rulebook.ladder.penalty import HeadroomDocument, Penalty, PenaltyDocument
from clearing.rulebook.ladder.quantities import Closable, PlaceOf, Quantity
from clearing.rulebook.ladder.rungs import (
    AuctionRung,
    CancelOrdersRung,
    ConvertRung,
    CoverRung,
    Gains,
    Limit,
    MarginCallRung,
    NotifyRung,
    ReduceRung,
    RepayAndSeizeRung,
    Rung,
    TakeoverRung,
)

WARNING = ("notify", "margin_call", "cancel_orders")
"""Actions that take nothing from a scope."""

ENDING = ("takeover", "adl")
"""Actions after which a scope has no positions left."""


def closes(ladder: tuple[RungDocument, ...]) -> bool:
    """Whether any rung takes positions or collateral."""
    return any(rung.action not in WARNING for rung in ladder)


def _check(rungs: tuple[RungDocument, ...]) -> tuple[RungDocument, ...]:
    closing = [rung for rung in rungs if rung.action not in WARNING]
    if closing and closing[-1].action not in ENDING:
        raise ValueError(
            "a ladder that closes positions must end its closing rungs with takeover or adl, or a"
            " loss would have nobody to bear it"
        )
    if sum(rung.action == "margin_call" for rung in rungs) > 1:
        raise ValueError("margin_call may stand only once")
    return rungs


LadderDocument = Annotated[
    tuple[RungDocument, ...], List, Field(min_length=1, max_length=32), AfterValidator(_check)
]
"""The rungs of a ladder, in the order in which they act."""

__all__ = [
    "AdlDocument",
    "AuctionDocument",
    "AuctionMethod",
    "AuctionRung",
    "CancelOrdersDocument",
    "CancelOrdersRung",
    "Closable",
    "ClosePrice",
    "Closing",
    "Condition",
    "ConditionDocument",
    "ConvertDocument",
    "ConvertRung",
    "CoverDocument",
    "CoverRung",
    "DutchMethod",
    "Gains",
    "GainsDocument",
    "HeadroomDocument",
    "LadderDocument",
    "Limit",
    "LimitDocument",
    "MarginCallDocument",
    "MarginCallRung",
    "NotifyDocument",
    "NotifyRung",
    "Penalty",
    "PenaltyDocument",
    "PlaceOf",
    "Quantity",
    "Ramp",
    "RampDocument",
    "RecordedPriceDocument",
    "ReduceDocument",
    "ReduceRung",
    "RepayAndSeizeDocument",
    "RepayAndSeizeRung",
    "RisingDocument",
    "Rung",
    "RungDocument",
    "SealedMethod",
    "TakeoverDocument",
    "TakeoverRung",
    "closes",
]
