"""Events to rows: names become ordinals, decimals become scaled integers.

What does not fit the registry is refused, with the field named. Numbers beyond 63 bits keep their
column at 0 and stand in ``detail`` under ``wide``. An account that is not declared keeps ordinal 0
and stands there under ``unknown``: its money goes to suspense instead of being refused. So does the
source of a reference to an event of a source that is not declared.

Content has one stored form, so that sending it again is a duplicate: the market's settlement asset
is stored as fee asset 0, named or not; marks stand in the order of their markets; decimals are
integers at their declared scale; times are in UTC.
"""

from decimal import Decimal
from typing import Any, Final

from clearing.events.base import EventBase, Reference
from clearing.events.canonical import MAX_DIGITS, canonical_json
from clearing.events.certification import RestatementAccepted, StateCertified
from clearing.events.declarations import (
    AccountOpened,
    AssetDeclared,
    MarketDeclared,
    MarketStateChanged,
    RulebookAdopted,
    SourceDeclared,
)
from clearing.events.fields import to_microseconds
from clearing.events.kinds import CAUSES, MARKET_STATES, RATE_DECIMALS, Kind
from clearing.events.models import Event
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
from clearing.events.registry import AssetSpec, MarketSpec, Registry
from clearing.events.row import EventRow
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    PositionCarried,
    PriceObserved,
    Traded,
)
from clearing.quantities import NotExact, exact_decimal, to_scaled

VERSION: Final = 1
"""The version of the event schemas written now."""

_WIDE: Final = 1 << 63
_TOO_LARGE: Final = 10**MAX_DIGITS
DEFAULT_INTERVAL_SECONDS: Final = 28_800
"""The interval of a ``FundingSettled`` that does not state another; it is not stored."""


class _Encoder:
    """One event on its way into a row."""

    __slots__ = ("detail", "registry", "row", "unknown", "wide")

    def __init__(self, event: EventBase, kind: int, registry: Registry) -> None:
        self.registry = registry
        self.detail: dict[str, Any] = {}
        self.unknown: dict[str, str] = {}
        self.wide: dict[str, str] = {}
        source = registry.source_ordinals.get(event.source, 0)
        if not source and kind != Kind.SourceDeclared:
            raise EventRefused("source", event.source, "is not a declared source")
        occurred_at = to_microseconds(event.occurred_at)
        self.row = EventRow(
            0,
            kind,
            VERSION,
            0,
            source,
            0,
            0,
            0,
            0,
            occurred_at,
            0,
            0,
            0,
            0,
            event.external_id,
            "",
            "",
        )
        if not source:
            self.detail["source"] = event.source

    def finish(self) -> EventRow:
        if self.unknown:
            self.detail["unknown"] = self.unknown
        if self.wide:
            self.detail["wide"] = self.wide
        if self.detail:
            self.row.detail = canonical_json(self.detail)
        return self.row

    def account(self, field: str, name: str) -> int:
        ordinal = self.registry.account_ordinals.get(name, 0)
        if not ordinal:
            self.unknown[field] = name
        return ordinal

    def asset(self, name: str, field: str = "asset") -> AssetSpec:
        ordinal = self.registry.asset_ordinals.get(name, 0)
        if not ordinal:
            raise EventRefused(field, name, "is not a declared asset")
        return self.registry.asset(ordinal)

    def market(self, name: str, field: str = "market") -> MarketSpec:
        ordinal = self.registry.market_ordinals.get(name, 0)
        if not ordinal:
            raise EventRefused(field, name, "is not a declared market")
        return self.registry.market(ordinal)

    def scaled(self, field: str, value: Decimal, decimals: int, what: str) -> int:
        try:
            scaled = to_scaled(value, decimals)
        except NotExact:
            right = f"at most {decimals} are allowed"
            raise EventRefused(
                field, str(value), f"has more decimals than {what}; {right}"
            ) from None
        if not -_TOO_LARGE < scaled < _TOO_LARGE:
            raise EventRefused(
                field,
                str(value),
                f"is too large at the {decimals} decimals of {what}; at most {MAX_DIGITS} digits"
                " are accepted, decimals included",
            )
        return scaled

    def put(self, column: str, value: int) -> None:
        if -_WIDE <= value < _WIDE:
            setattr(self.row, column, value)
        else:
            self.wide[column] = str(value)

    def size(self, field: str, value: Decimal, market: MarketSpec) -> int:
        size = self.scaled(field, value, market.size_decimals, f"{market.name}'s sizes")
        if size % market.lot:
            lot = exact_decimal(market.lot, market.size_decimals)
            raise EventRefused(field, str(value), f"is not a multiple of {market.name}'s lot {lot}")
        return size

    def price(self, field: str, value: Decimal, market: MarketSpec) -> int:
        return self.scaled(field, value, market.price_decimals, f"{market.name}'s prices")

    def mark(self, field: str, value: Decimal, market: MarketSpec) -> int:
        return self.scaled(field, value, market.mark_decimals, f"{market.name}'s marks")

    def amount(self, field: str, value: Decimal, asset: AssetSpec) -> int:
        return self.scaled(field, value, asset.decimals, asset.name)

    def cash(self, value: Decimal, name: str) -> None:
        asset = self.asset(name)
        self.row.asset = asset.ordinal
        self.put("amount", self.amount("amount", value, asset))

    def reference(self, field: str, reference: Reference | None) -> None:
        if reference is not None:
            ordinal = self.registry.source_ordinals.get(reference.source, 0)
            if not ordinal:
                self.unknown[field] = reference.source
            self.detail[field] = [ordinal, reference.external_id]

    def authorised(self, event: Any) -> None:
        for field in ("author", "approver", "reason"):
            self.detail[field] = getattr(event, field)


def encode(event: Event, registry: Registry) -> EventRow:
    """Return the stored form of ``event`` (its position still 0).

    Raises :class:`EventRefused` for a name that is not declared (accounts excepted), a name
    declared twice, more decimals than declared, a size that is not a multiple of the lot, and
    numbers too large.
    """
    kind = Kind[event.kind]
    encoder = _Encoder(event, int(kind), registry)
    _ENCODERS[kind](encoder, event)
    return encoder.finish()


def _new_name(encoder: _Encoder, field: str, name: str, known: dict[str, int]) -> None:
    if name in known:
        raise EventRefused(field, name, "is declared already; a declaration never changes")
    encoder.detail["name"] = name


def _source(encoder: _Encoder, event: SourceDeclared) -> None:
    _new_name(encoder, "name", event.name, encoder.registry.source_ordinals)
    if not encoder.row.source and event.source != event.name:
        raise EventRefused("source", event.source, "is not a declared source")
    encoder.detail.pop("source", None)
    encoder.detail["description"] = event.description
    encoder.detail["clock_bound_seconds"] = event.clock_bound_seconds


def _asset(encoder: _Encoder, event: AssetDeclared) -> None:
    _new_name(encoder, "name", event.name, encoder.registry.asset_ordinals)
    encoder.detail["decimals"] = event.decimals


def _market(encoder: _Encoder, event: MarketDeclared) -> None:
    _new_name(encoder, "name", event.name, encoder.registry.market_ordinals)
    asset = encoder.asset(event.settlement_asset, "settlement_asset")
    encoder.row.asset = asset.ordinal
    encoder.scaled("lot", event.lot, event.size_decimals, "its sizes")
    encoder.scaled("multiplier", event.multiplier, 18, "a multiplier")
    detail = encoder.detail
    detail["payoff"] = event.payoff
    detail["multiplier"] = _text(event.multiplier)
    detail["lot"] = _text(event.lot)
    detail["price_decimals"] = event.price_decimals
    detail["mark_decimals"] = event.mark_decimals
    detail["size_decimals"] = event.size_decimals


def _account(encoder: _Encoder, event: AccountOpened) -> None:
    _new_name(encoder, "account", event.account, encoder.registry.account_ordinals)
    encoder.detail["class"] = event.account_class
    if event.owner is not None:
        encoder.detail["owner"] = event.owner
    if event.parent is not None:
        parent = encoder.registry.account_ordinals.get(event.parent, 0)
        if not parent:
            raise EventRefused("parent", event.parent, "is not a declared account")
        encoder.row.contra = parent


def _rulebook(encoder: _Encoder, event: RulebookAdopted) -> None:
    encoder.authorised(event)
    detail = encoder.detail
    detail["name"] = event.name
    detail["version"] = event.version
    detail["document"] = event.document
    detail["document_sha256"] = event.document_sha256
    detail["confidence"] = event.confidence
    if event.citations:
        detail["citations"] = list(event.citations)
    if event.effective_position is not None:
        detail["effective_position"] = event.effective_position


def _state(encoder: _Encoder, event: MarketStateChanged) -> None:
    encoder.authorised(event)
    encoder.row.market = encoder.market(event.market).ordinal
    encoder.row.flags = MARKET_STATES.index(event.state)


def _cash(encoder: _Encoder, event: Deposited | Withdrawn) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)


def _transfer(encoder: _Encoder, event: Transferred) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.contra = encoder.account("to_account", event.to_account)


def _fund(encoder: _Encoder, event: FundContributed | FundWithdrawn) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("fund", event.fund)
    if isinstance(event, FundWithdrawn):
        encoder.authorised(event)


def _adjust(encoder: _Encoder, event: Adjusted) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)
    if event.contra_account is not None:
        encoder.row.contra = encoder.account("contra_account", event.contra_account)
    encoder.authorised(event)
    encoder.detail["category"] = event.category
    encoder.reference("reference", event.reference)


def _reverse(encoder: _Encoder, event: Reversed) -> None:
    encoder.authorised(event)
    encoder.reference("target", event.target)


def _carry(encoder: _Encoder, event: PositionCarried) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.put("quantity", encoder.size("size", event.size, market))
    if event.entry_price is not None:
        encoder.put("price", encoder.price("entry_price", event.entry_price, market))


def _fee_asset(encoder: _Encoder, name: str | None, market: MarketSpec) -> AssetSpec:
    """Return the fee's asset; the market's settlement asset is stored as 0 even when named."""
    if name is None:
        return encoder.registry.asset(market.settlement_asset)
    asset = encoder.asset(name, "fee_asset")
    if asset.ordinal != market.settlement_asset:
        encoder.row.asset = asset.ordinal
    return asset


def _fill(encoder: _Encoder, event: Filled) -> None:
    market = encoder.market(event.market)
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("account", event.account)
    row.flags = CAUSES.index(event.cause)
    row.trade_id = event.trade_id or ""
    size = encoder.size("size", event.size, market)
    encoder.put("quantity", size if event.side == "buy" else -size)
    encoder.put("price", encoder.price("price", event.price, market))
    asset = _fee_asset(encoder, event.fee_asset, market)
    encoder.put("fee", encoder.amount("fee", event.fee, asset))
    if event.reported_size_before is not None:
        before = encoder.scaled(
            "reported_size_before", event.reported_size_before, market.size_decimals, "its sizes"
        )
        encoder.detail["reported_size_before"] = str(before)
    if event.reported_pnl is not None:
        settlement = encoder.registry.asset(market.settlement_asset)
        pnl = encoder.amount("reported_pnl", event.reported_pnl, settlement)
        encoder.detail["reported_pnl"] = str(pnl)


def _trade(encoder: _Encoder, event: Traded) -> None:
    market = encoder.market(event.market)
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("buyer", event.buyer)
    row.contra = encoder.account("seller", event.seller)
    row.flags = CAUSES.index(event.buyer_cause) | CAUSES.index(event.seller_cause) << 4
    row.trade_id = event.trade_id or ""
    encoder.put("quantity", encoder.size("size", event.size, market))
    encoder.put("price", encoder.price("price", event.price, market))
    asset = _fee_asset(encoder, event.fee_asset, market)
    encoder.put("fee", encoder.amount("buyer_fee", event.buyer_fee, asset))
    encoder.put("amount", encoder.amount("seller_fee", event.seller_fee, asset))


def _observe(encoder: _Encoder, event: PriceObserved) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.put("price", encoder.mark("price", event.price, market))
    encoder.detail["role"] = event.role


def _mark(encoder: _Encoder, event: Marked) -> None:
    pairs = []
    for i, mark in enumerate(event.marks):
        market = encoder.market(mark.market, f"marks.{i}.market")
        pairs.append((market.ordinal, encoder.mark(f"marks.{i}.price", mark.price, market)))
    if len(pairs) == 1 and pairs[0][1] < _WIDE:
        encoder.row.market, encoder.row.price = pairs[0]
    else:
        encoder.detail["marks"] = [[market, str(price)] for market, price in sorted(pairs)]
    encoder.reference("amends", event.amends)


def _settle(encoder: _Encoder, event: FundingSettled) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.put("quantity", encoder.scaled("rate", event.rate, RATE_DECIMALS, "a funding rate"))
    encoder.put("price", encoder.mark("price", event.price, market))
    if event.interval_seconds != DEFAULT_INTERVAL_SECONDS:
        encoder.detail["interval_seconds"] = event.interval_seconds


def _pay(encoder: _Encoder, event: FundingPaid) -> None:
    market = encoder.market(event.market)
    asset = encoder.registry.asset(market.settlement_asset)
    encoder.row.market = market.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.put("amount", encoder.amount("amount", event.amount, asset))


def _tick(encoder: _Encoder, event: ClockTicked) -> None:
    del encoder, event  # a tick is its time and nothing else


def _certify(encoder: _Encoder, event: StateCertified | RestatementAccepted) -> None:
    for field in type(event).model_fields:
        if field not in _COMMON:
            encoder.detail[field] = getattr(event, field)


_COMMON: Final = frozenset({"kind", "source", "external_id", "occurred_at"})

_ENCODERS: Final[dict[Kind, Any]] = {
    Kind.SourceDeclared: _source,
    Kind.AssetDeclared: _asset,
    Kind.MarketDeclared: _market,
    Kind.AccountOpened: _account,
    Kind.RulebookAdopted: _rulebook,
    Kind.MarketStateChanged: _state,
    Kind.Deposited: _cash,
    Kind.Withdrawn: _cash,
    Kind.Transferred: _transfer,
    Kind.FundContributed: _fund,
    Kind.FundWithdrawn: _fund,
    Kind.Adjusted: _adjust,
    Kind.Reversed: _reverse,
    Kind.PositionCarried: _carry,
    Kind.Filled: _fill,
    Kind.Traded: _trade,
    Kind.PriceObserved: _observe,
    Kind.Marked: _mark,
    Kind.FundingSettled: _settle,
    Kind.FundingPaid: _pay,
    Kind.ClockTicked: _tick,
    Kind.StateCertified: _certify,
    Kind.RestatementAccepted: _certify,
}


def _text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
