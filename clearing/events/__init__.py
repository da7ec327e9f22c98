"""The vocabulary: what can be said to the ledger, and its exact stored form.

A model per event says what is accepted, with units and signs. :mod:`encoding` turns an event into
the lean row that is stored and hashed, against the :mod:`registry` of declared names and scales;
:mod:`decoding` turns it back, :mod:`upcast` reads rows of older versions. :mod:`lines` is the JSON
that people and programs exchange, :mod:`documents` the YAML and JSON that people write themselves,
:mod:`schema` the published JSON Schema of events. This room knows no rule and no storage.
"""

from clearing.events.auctions import AuctionBid, AuctionTaken
from clearing.events.base import Reference
from clearing.events.certification import RestatementAccepted, StateCertified
from clearing.events.codec import decode, encode
from clearing.events.declarations import (
    AccountOpened,
    AssetDeclared,
    MarketDeclared,
    MarketStateChanged,
    RulebookAdopted,
    SourceDeclared,
)
from clearing.events.kinds import Kind
from clearing.events.lines import format_line, parse_line
from clearing.events.models import EVENT_ADAPTER, EVENT_MODELS, Event, parse_event
from clearing.events.movements import (
    Adjusted,
    DepositConfirmed,
    Deposited,
    FundContributed,
    FundWithdrawn,
    InterestPaid,
    InterestSettled,
    Reversed,
    Transferred,
    Withdrawn,
)
from clearing.events.observations import (
    DeleveragingRanked,
    DepthObserved,
    LeverageSet,
    OpenInterestObserved,
    OrdersObserved,
    PremiumSampled,
    PriceObserved,
    RiskArrayPublished,
    RiskScored,
)
from clearing.events.pools import PoolJoined, PoolLeaveCancelled, PoolLeaveRequested, PoolLeft
from clearing.events.refused import EventRefused, Problem
from clearing.events.registry import AccountSpec, AssetSpec, MarketSpec, Registry, SourceSpec
from clearing.events.row import ROW_FIELDS, EventRow, pack, unpack
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    MarketPrice,
    MarketSettled,
    PositionCarried,
    Traded,
)
from clearing.events.upcast import UnknownVersion, upcast

__all__ = [
    "EVENT_ADAPTER",
    "EVENT_MODELS",
    "ROW_FIELDS",
    "AccountOpened",
    "AccountSpec",
    "Adjusted",
    "AssetDeclared",
    "AssetSpec",
    "AuctionBid",
    "AuctionTaken",
    "ClockTicked",
    "DeleveragingRanked",
    "DepositConfirmed",
    "Deposited",
    "DepthObserved",
    "Event",
    "EventRefused",
    "EventRow",
    "Filled",
    "FundContributed",
    "FundWithdrawn",
    "FundingPaid",
    "FundingSettled",
    "InterestPaid",
    "InterestSettled",
    "Kind",
    "LeverageSet",
    "Marked",
    "MarketDeclared",
    "MarketPrice",
    "MarketSettled",
    "MarketSpec",
    "MarketStateChanged",
    "OpenInterestObserved",
    "OrdersObserved",
    "PoolJoined",
    "PoolLeaveCancelled",
    "PoolLeaveRequested",
    "PoolLeft",
    "PositionCarried",
    "PremiumSampled",
    "PriceObserved",
    "Problem",
    "Reference",
    "Registry",
    "RestatementAccepted",
    "Reversed",
    "RiskArrayPublished",
    "RiskScored",
    "RulebookAdopted",
    "SourceDeclared",
    "SourceSpec",
    "StateCertified",
    "Traded",
    "Transferred",
    "UnknownVersion",
    "Withdrawn",
    "decode",
    "encode",
    "format_line",
    "pack",
    "parse_event",
    "parse_line",
    "unpack",
    "upcast",
]
