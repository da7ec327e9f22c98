"""Events that declare names, rules and states: what later events may refer to."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from clearing.events.base import Authorised, EventBase
from clearing.events.canonical import canonical_json, document_hash, normalise_document
from clearing.events.fields import Digest, ListAsTuple, Name, Position, PositiveAmount, Text, Time
from clearing.quantities import MAX_DECIMALS

Decimals = Annotated[int, Field(ge=0, le=MAX_DECIMALS)]
MAX_DOCUMENT_BYTES = 512 * 1024
"""The largest rulebook document an event may carry, as canonical JSON."""


class SourceDeclared(EventBase):
    """Declares a source of events; the first event of a source may be its own declaration.

    ``clock_bound_seconds``: how far ahead of our clock its ``occurred_at`` may be; an event
    further ahead is refused at the edge.
    """

    kind: Literal["SourceDeclared"] = "SourceDeclared"
    name: Name
    description: Text
    clock_bound_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60


class AssetDeclared(EventBase):
    """Declares an asset: what is paid in. ``decimals`` fixes its smallest unit for ever."""

    kind: Literal["AssetDeclared"] = "AssetDeclared"
    name: Name
    decimals: Decimals


class MarketDeclared(EventBase):
    """Declares a market: what is traded.

    ``payoff`` says how a position's value in ``settlement_asset`` follows the mark: ``linear`` is
    size × price × ``multiplier`` (the quote asset per unit of size); ``quanto`` is the same with
    a multiplier that turns a price in one asset into another asset at a fixed rate; ``inverse`` is
    −size × ``multiplier`` / price, for contracts of a fixed quote amount paid in the coin, whose
    PnL from E to P is size × multiplier × (1/E − 1/P); ``option`` is linear in the option's own
    price. In a ``spot`` market there are no positions: a fill exchanges ``base_asset`` for
    ``settlement_asset``, at a multiplier of 1. ``expires_at`` says when a dated future or an option
    ends; ``MarketSettled`` settles it. ``lot`` is the smallest step of size. Prices of fills fit
    ``price_decimals``, marks ``mark_decimals``, sizes ``size_decimals``. Scales never change: a new
    scale is a new market.
    """

    kind: Literal["MarketDeclared"] = "MarketDeclared"
    name: Name
    payoff: Literal["linear", "inverse", "quanto", "option", "spot"] = "linear"
    settlement_asset: Name
    base_asset: Name | None = None
    expires_at: Time | None = None
    multiplier: PositiveAmount = Decimal(1)
    lot: PositiveAmount
    price_decimals: Decimals
    mark_decimals: Decimals
    size_decimals: Decimals

    @model_validator(mode="after")
    def _spot(self) -> Self:
        spot = self.payoff == "spot"
        if spot and self.base_asset is None:
            raise ValueError("base_asset: is missing; a spot market exchanges it")
        if not spot and self.base_asset is not None:
            raise ValueError(f"base_asset: is {self.base_asset}; only spot markets have one")
        if spot and self.base_asset == self.settlement_asset:
            raise ValueError("base_asset: is the settlement asset")
        if spot and self.multiplier != 1:
            raise ValueError(f"multiplier: is {self.multiplier}; in a spot market it is 1")
        if spot and self.expires_at is not None:
            raise ValueError("expires_at: a spot market does not expire")
        return self


class AccountOpened(EventBase):
    """Opens an account: who trades, or a fund.

    ``account`` is an opaque id. ``account_class`` binds it to a rulebook; the class ``fund`` has
    no margin requirement and may take over positions. ``owner`` groups accounts, ``parent`` names
    the account this one belongs to. ``isolates`` names the only markets it may trade in: one for
    an isolated position, several for a group that is margined apart. Margin is added to it and
    taken from it by ``Transferred``.
    """

    kind: Literal["AccountOpened"] = "AccountOpened"
    account: Name
    account_class: Name = "trader"
    owner: Name | None = None
    parent: Name | None = None
    isolates: Annotated[tuple[Name, ...], ListAsTuple, Field(max_length=1000)] = ()

    @field_validator("isolates")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a market may stand only once")
        return value


class RulebookAdopted(EventBase, Authorised):
    """Adopts a rulebook: from ``effective_position`` on, or from its own position if none is named.

    ``document`` is the whole rulebook as JSON (numbers with a point as decimal strings);
    ``document_sha256`` is the digest of its canonical JSON and is filled in when absent.
    A later version under the same ``name`` replaces the earlier one. ``citations`` say where the
    rules were read, ``confidence`` how sure we are.
    """

    kind: Literal["RulebookAdopted"] = "RulebookAdopted"
    name: Name
    version: Name
    document: dict[str, Any]
    document_sha256: Digest = ""
    effective_position: Position | None = None
    citations: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    confidence: Literal["confirmed", "secondary", "unconfirmed", "own"] = "own"

    @field_validator("citations", mode="before")
    @classmethod
    def _citations(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("document")
    @classmethod
    def _document(cls, value: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = normalise_document(value)
        size = len(canonical_json(document).encode())
        if size > MAX_DOCUMENT_BYTES:
            raise ValueError(f"is {size} bytes; at most {MAX_DOCUMENT_BYTES} are accepted")
        return document

    @model_validator(mode="before")
    @classmethod
    def _fill_hash(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("document"), dict):
            data = dict(data)
            if not data.get("document_sha256"):
                try:
                    data["document_sha256"] = document_hash(normalise_document(data["document"]))
                except ValueError:
                    # The field's own validator says what is wrong, with the path.
                    data.pop("document_sha256", None)
        return data

    @model_validator(mode="after")
    def _check_hash(self) -> Self:
        right = document_hash(self.document)
        if self.document_sha256 != right:
            raise ValueError(f"document_sha256: is not the document's, which is {right}")
        return self


class MarketStateChanged(EventBase, Authorised):
    """Changes a market's state.

    ``normal`` permits everything, ``reduce_only`` and ``final_settlement`` (until
    ``MarketSettled``) only what makes positions smaller, the ladder included. In
    ``liquidations_paused`` people trade and the ladder closes nothing; in ``halted`` and
    ``auction`` (orders wait to be matched at its end) nothing trades and nothing is closed. In
    every state marks value; resuming tests with the last mark.
    """

    kind: Literal["MarketStateChanged"] = "MarketStateChanged"
    market: Name
    state: Literal[
        "normal", "reduce_only", "liquidations_paused", "halted", "auction", "final_settlement"
    ]
