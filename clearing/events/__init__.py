"""The vocabulary: what can be said to the ledger, and its exact stored form.

A model per event says what is accepted, with units and signs. :mod:`encoding` turns an event into
the lean row that is stored and hashed, against the :mod:`registry` of declared names and scales;
:mod:`decoding` turns it back. This room knows no rule and no storage.
"""

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
from clearing.events.models import EVENT_ADAPTER, Event, parse_event
from clearing.events.movements import (
    Adjusted,
    Deposited,
    FundContributed,
    FundWithdrawn,
    Reversed,
    Transferred,
    Withdrawn,
)
from clearing.events.refused import EventRefused
from clearing.events.registry import AccountSpec, AssetSpec, MarketSpec, Registry, SourceSpec
from clearing.events.row import ROW_FIELDS, EventRow, pack
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    MarketPrice,
    PositionCarried,
    PriceObserved,
    Traded,
)

__all__ = [
    "EVENT_ADAPTER",
    "ROW_FIELDS",
    "AccountOpened",
    "AccountSpec",
    "Adjusted",
    "AssetDeclared",
    "AssetSpec",
    "ClockTicked",
    "Deposited",
    "Event",
    "EventRefused",
    "EventRow",
    "Filled",
    "FundContributed",
    "FundWithdrawn",
    "FundingPaid",
    "FundingSettled",
    "Kind",
    "Marked",
    "MarketDeclared",
    "MarketPrice",
    "MarketSpec",
    "MarketStateChanged",
    "PositionCarried",
    "PriceObserved",
    "Reference",
    "Registry",
    "RestatementAccepted",
    "Reversed",
    "RulebookAdopted",
    "SourceDeclared",
    "SourceSpec",
    "StateCertified",
    "Traded",
    "Transferred",
    "Withdrawn",
    "decode",
    "encode",
    "pack",
    "parse_event",
]
