"""The numbers by which stored events name their kind, and the words beside them.

A number is forever: it is part of the hashed content. New kinds take new numbers.
"""

from enum import IntEnum


class Kind(IntEnum):
    """The kind of a stored event (column ``kind``)."""

    SourceDeclared = 1
    AssetDeclared = 2
    MarketDeclared = 3
    AccountOpened = 4
    RulebookAdopted = 5
    MarketStateChanged = 6
    Deposited = 10
    Withdrawn = 11
    Transferred = 12
    FundContributed = 13
    FundWithdrawn = 14
    Adjusted = 15
    Reversed = 16
    DepositConfirmed = 17
    InterestSettled = 18
    InterestPaid = 19
    PositionCarried = 20
    Filled = 21
    Traded = 22
    LeverageSet = 23
    OrdersObserved = 24
    MarketSettled = 25
    AuctionTaken = 26
    AuctionBid = 27
    PriceObserved = 30
    Marked = 31
    FundingSettled = 32
    FundingPaid = 33
    OpenInterestObserved = 34
    DepthObserved = 35
    RiskArrayPublished = 36
    PremiumSampled = 37
    RiskScored = 38
    ClockTicked = 40
    StateCertified = 50
    RestatementAccepted = 51
    PoolJoined = 60
    PoolLeft = 61
    DeleveragingRanked = 62
    PoolLeaveRequested = 63
    PoolLeaveCancelled = 64


REGISTRY_KINDS = frozenset(
    {Kind.SourceDeclared, Kind.AssetDeclared, Kind.MarketDeclared, Kind.AccountOpened}
)
"""Kinds that declare a name; the order of declaration gives the ordinal."""

RATE_DECIMALS = 12
"""Decimals of a funding rate (a fraction of notional for the interval settled)."""

CAUSES = ("trade", "liquidation", "adl")
"""Why a fill happened, as its source says; the index is what the row's flags carry."""

FINALITIES = ("confirmed", "pending")
"""Whether a deposit can still be undone where it was made; the index is what row flags carry."""

MARKET_STATES = (
    "normal",
    "reduce_only",
    "liquidations_paused",
    "halted",
    "auction",
    "final_settlement",
)
"""States of a market; the index is what the row's flags carry, so new ones come last.

What each permits is :data:`clearing.engine.market_states.PERMITTED`.
"""
