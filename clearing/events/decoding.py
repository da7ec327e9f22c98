"""Rows to events: ordinals become names again, scaled integers become decimals."""

import json
from decimal import Decimal
from typing import Any, Final

from clearing.events.encoding import DEFAULT_INTERVAL_SECONDS, GREEKS
from clearing.events.fields import from_microseconds
from clearing.events.kinds import CAUSES, FINALITIES, MARKET_STATES, RATE_DECIMALS, Kind
from clearing.events.models import Event, parse_event
from clearing.events.registry import MarketSpec, Registry
from clearing.events.row import EventRow
from clearing.events.upcast import upcast
from clearing.quantities import exact_decimal


class _Decoder:
    """One row on its way back to an event."""

    __slots__ = ("detail", "registry", "row", "wide")

    def __init__(self, row: EventRow, registry: Registry) -> None:
        self.row = row
        self.registry = registry
        self.detail: dict[str, Any] = json.loads(row.detail) if row.detail else {}
        self.wide: dict[str, str] = self.detail.get("wide", {})

    def number(self, column: str) -> int:
        wide = self.wide.get(column)
        return int(getattr(self.row, column)) if wide is None else int(wide)

    def decimal(self, column: str, decimals: int) -> Decimal:
        return exact_decimal(self.number(column), decimals)

    def account(self, field: str, ordinal: int) -> str:
        if ordinal:
            return self.registry.account(ordinal).name
        return str(self.detail["unknown"][field])

    @property
    def market(self) -> MarketSpec:
        return self.registry.market(self.row.market)

    def settlement_decimals(self) -> int:
        return self.registry.asset(self.market.settlement_asset).decimals

    def cash(self) -> dict[str, Any]:
        asset = self.registry.asset(self.row.asset)
        return {"asset": asset.name, "amount": self.decimal("amount", asset.decimals)}

    def reference(self, field: str) -> dict[str, Any] | None:
        stored = self.detail.get(field)
        if stored is None:
            return None
        source, external_id = stored
        name = self.registry.source(source).name if source else self.detail["unknown"][field]
        return {"source": name, "external_id": external_id}

    def authorised(self) -> dict[str, Any]:
        return {field: self.detail[field] for field in ("author", "approver", "reason")}


def decode(row: EventRow, registry: Registry) -> Event:
    """Return the event that ``row`` stores, in the names of ``registry``.

    What comes back is the event's normal form. It differs from what was sent only so: decimals are
    at their declared scale (an amount of 1.5 in a two-decimal asset as 1.50, which compares equal);
    the market's settlement asset is not named as fee asset; marks are in the order in which their
    markets were declared. Encoding it again gives the same row.

    Raises :class:`~clearing.events.upcast.UnknownVersion` for a row that a newer program wrote, and
    :class:`KeyError` for an ordinal that ``registry`` does not have.
    """
    row = upcast(row)
    decoder = _Decoder(row, registry)
    kind = Kind(row.kind)
    fields: dict[str, Any] = _DECODERS[kind](decoder)
    source = registry.source(row.source).name if row.source else fields["name"]
    document = {
        "kind": kind.name,
        "source": source,
        "external_id": row.external_id,
        "occurred_at": from_microseconds(row.occurred_at),
        **{name: value for name, value in fields.items() if value is not None},
    }
    return parse_event(document)


def _stored(decoder: _Decoder) -> dict[str, Any]:
    """Declarations of sources and assets, certifications: the detail is the fields."""
    return dict(decoder.detail)


def _market(decoder: _Decoder) -> dict[str, Any]:
    registry, row = decoder.registry, decoder.row
    detail = dict(decoder.detail)
    if "expires_at" in detail:
        detail["expires_at"] = from_microseconds(detail["expires_at"])
    if row.contra:
        detail["base_asset"] = registry.asset(row.contra).name
    return {**detail, "settlement_asset": registry.asset(row.asset).name}


def _account(decoder: _Decoder) -> dict[str, Any]:
    detail, parent = decoder.detail, decoder.row.contra
    return {
        "account": detail["name"],
        "account_class": detail["class"],
        "owner": detail.get("owner"),
        "parent": decoder.registry.account(parent).name if parent else None,
        "isolates": [
            decoder.registry.market(ordinal).name for ordinal in detail.get("isolates", ())
        ],
    }


def _state(decoder: _Decoder) -> dict[str, Any]:
    state = MARKET_STATES[decoder.row.flags]
    return {"market": decoder.market.name, "state": state, **decoder.authorised()}


def _cash(decoder: _Decoder) -> dict[str, Any]:
    return {"account": decoder.account("account", decoder.row.account), **decoder.cash()}


def _deposit(decoder: _Decoder) -> dict[str, Any]:
    return {**_cash(decoder), "finality": FINALITIES[decoder.row.flags]}


def _confirm(decoder: _Decoder) -> dict[str, Any]:
    return {"deposit": decoder.reference("deposit")}


def _transfer(decoder: _Decoder) -> dict[str, Any]:
    return {**_cash(decoder), "to_account": decoder.account("to_account", decoder.row.contra)}


def _contribute(decoder: _Decoder) -> dict[str, Any]:
    return {"fund": decoder.account("fund", decoder.row.account), **decoder.cash()}


def _withdraw(decoder: _Decoder) -> dict[str, Any]:
    return {**_contribute(decoder), **decoder.authorised()}


def _adjust(decoder: _Decoder) -> dict[str, Any]:
    contra = None
    if decoder.row.contra or "contra_account" in decoder.detail.get("unknown", {}):
        contra = decoder.account("contra_account", decoder.row.contra)
    return {
        **_cash(decoder),
        **decoder.authorised(),
        "category": decoder.detail["category"],
        "contra_account": contra,
        "reference": decoder.reference("reference"),
    }


def _reverse(decoder: _Decoder) -> dict[str, Any]:
    return {**decoder.authorised(), "target": decoder.reference("target")}


def _carry(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    price = decoder.number("price")
    return {
        "account": decoder.account("account", decoder.row.account),
        "market": market.name,
        "size": decoder.decimal("quantity", market.size_decimals),
        "entry_price": exact_decimal(price, market.price_decimals) if price else None,
    }


def _execution(decoder: _Decoder) -> dict[str, Any]:
    row, market = decoder.row, decoder.market
    return {
        "market": market.name,
        "price": decoder.decimal("price", market.price_decimals),
        "fee_asset": decoder.registry.asset(row.asset).name if row.asset else None,
        "trade_id": row.trade_id or None,
    }


def _fee(decoder: _Decoder, column: str) -> Decimal:
    asset = decoder.row.asset or decoder.market.settlement_asset
    return decoder.decimal(column, decoder.registry.asset(asset).decimals)


def _fill(decoder: _Decoder) -> dict[str, Any]:
    row, market, detail = decoder.row, decoder.market, decoder.detail
    size = decoder.number("quantity")
    before, pnl = detail.get("reported_size_before"), detail.get("reported_pnl")
    cost = detail.get("reported_cost")
    settlement = decoder.settlement_decimals()
    return {
        **_execution(decoder),
        "account": decoder.account("account", row.account),
        "side": "buy" if size > 0 else "sell",
        "size": exact_decimal(abs(size), market.size_decimals),
        "fee": _fee(decoder, "fee"),
        "cause": CAUSES[row.flags & 15],
        "reported_size_before": None
        if before is None
        else exact_decimal(int(before), market.size_decimals),
        "reported_pnl": None if pnl is None else exact_decimal(int(pnl), settlement),
        "method": detail.get("method"),
        "reported_cost": None if cost is None else exact_decimal(int(cost), settlement),
    }


def _trade(decoder: _Decoder) -> dict[str, Any]:
    row, market = decoder.row, decoder.market
    return {
        **_execution(decoder),
        "buyer": decoder.account("buyer", row.account),
        "seller": decoder.account("seller", row.contra),
        "size": decoder.decimal("quantity", market.size_decimals),
        "buyer_fee": _fee(decoder, "fee"),
        "seller_fee": _fee(decoder, "amount"),
        "buyer_cause": CAUSES[row.flags & 15],
        "seller_cause": CAUSES[row.flags >> 4 & 15],
    }


def _leverage(decoder: _Decoder) -> dict[str, Any]:
    return {
        "account": decoder.account("account", decoder.row.account),
        "market": decoder.market.name,
        "leverage": decoder.decimal("quantity", RATE_DECIMALS),
    }


def _rank(decoder: _Decoder) -> dict[str, Any]:
    return {
        "market": decoder.market.name,
        "side": decoder.detail["side"],
        "accounts": [
            decoder.account(f"accounts.{i}", ordinal)
            for i, ordinal in enumerate(decoder.detail["accounts"])
        ],
    }


def _join(decoder: _Decoder) -> dict[str, Any]:
    return {**_cash(decoder), "fund": decoder.account("fund", decoder.row.contra)}


def _provider(decoder: _Decoder) -> dict[str, Any]:
    told = _join(decoder)
    del told["amount"]  # shares, if any
    return told


def _leave(decoder: _Decoder) -> dict[str, Any]:
    asset = decoder.registry.asset(decoder.row.asset)
    return {**_provider(decoder), "shares": decoder.decimal("quantity", asset.decimals)}


def _risk_score(decoder: _Decoder) -> dict[str, Any]:
    return {
        "account": decoder.account("account", decoder.row.account),
        "market": decoder.market.name,
        "model": decoder.detail["model"],
        "score": decoder.decimal("quantity", RATE_DECIMALS),
    }


def _orders(decoder: _Decoder) -> dict[str, Any]:
    decimals = decoder.market.size_decimals
    return {
        "account": decoder.account("account", decoder.row.account),
        "market": decoder.market.name,
        "buy_size": decoder.decimal("quantity", decimals),
        "sell_size": decoder.decimal("amount", decimals),
    }


def _take(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    limit = decoder.number("price")
    return {
        "taker": decoder.account("taker", decoder.row.account),
        "account": decoder.account("account", decoder.row.contra),
        "market": market.name,
        "size": decoder.decimal("quantity", market.size_decimals),
        "limit": exact_decimal(limit, market.price_decimals) if limit else None,
    }


def _bid(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    return {
        "bidder": decoder.account("bidder", decoder.row.account),
        "account": decoder.account("account", decoder.row.contra),
        "market": market.name,
        "size": decoder.decimal("quantity", market.size_decimals),
        "price": decoder.decimal("price", market.price_decimals),
    }


def _open_interest(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    return {"market": market.name, "size": decoder.decimal("quantity", market.size_decimals)}


def _observe(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    price = decoder.decimal("price", market.mark_decimals)
    return {"market": market.name, "role": decoder.detail["role"], "price": price}


def _mark(decoder: _Decoder) -> dict[str, Any]:
    pairs = decoder.detail.get("marks")
    if pairs is None:
        pairs = [[decoder.row.market, decoder.row.price]]
    marks = []
    for ordinal, price in pairs:
        market = decoder.registry.market(ordinal)
        value = exact_decimal(int(price), market.mark_decimals)
        marks.append({"market": market.name, "price": value})
    return {"marks": marks, "amends": decoder.reference("amends")}


def _settle(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    return {
        "market": market.name,
        "rate": decoder.decimal("quantity", RATE_DECIMALS),
        "price": decoder.decimal("price", market.mark_decimals),
        "interval_seconds": decoder.detail.get("interval_seconds", DEFAULT_INTERVAL_SECONDS),
    }


def _sample(decoder: _Decoder) -> dict[str, Any]:
    return {"market": decoder.market.name, "rate": decoder.decimal("quantity", RATE_DECIMALS)}


def _pay(decoder: _Decoder) -> dict[str, Any]:
    return {
        "account": decoder.account("account", decoder.row.account),
        "market": decoder.market.name,
        "amount": decoder.decimal("amount", decoder.settlement_decimals()),
    }


def _interest(decoder: _Decoder) -> dict[str, Any]:
    return {
        "asset": decoder.registry.asset(decoder.row.asset).name,
        "rate": decoder.decimal("quantity", RATE_DECIMALS),
        "credit_rate": decoder.decimal("price", RATE_DECIMALS),
        "interval_seconds": decoder.detail.get("interval_seconds", DEFAULT_INTERVAL_SECONDS),
    }


def _settle_market(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    return {"market": market.name, "price": decoder.decimal("price", market.mark_decimals)}


def _depth(decoder: _Decoder) -> dict[str, Any]:
    market = decoder.market
    return {
        "market": market.name,
        "bid_size": decoder.decimal("quantity", market.size_decimals),
        "ask_size": decoder.decimal("amount", market.size_decimals),
        "within": decoder.decimal("price", RATE_DECIMALS),
    }


def _risk_array(decoder: _Decoder) -> dict[str, Any]:
    market, detail = decoder.market, decoder.detail
    greeks: dict[str, Any] = {
        name: exact_decimal(int(detail[name]), RATE_DECIMALS) for name in GREEKS if name in detail
    }
    return {
        "market": market.name,
        "producer": detail["producer"],
        "version": detail["version"],
        "losses": [exact_decimal(int(loss), market.mark_decimals) for loss in detail["losses"]],
        **greeks,
    }


_DECODERS: Final[dict[Kind, Any]] = {
    Kind.SourceDeclared: _stored,
    Kind.AssetDeclared: _stored,
    Kind.MarketDeclared: _market,
    Kind.AccountOpened: _account,
    Kind.RulebookAdopted: _stored,
    Kind.MarketStateChanged: _state,
    Kind.Deposited: _deposit,
    Kind.Withdrawn: _cash,
    Kind.Transferred: _transfer,
    Kind.FundContributed: _contribute,
    Kind.FundWithdrawn: _withdraw,
    Kind.Adjusted: _adjust,
    Kind.Reversed: _reverse,
    Kind.DepositConfirmed: _confirm,
    Kind.InterestSettled: _interest,
    Kind.InterestPaid: _cash,
    Kind.PositionCarried: _carry,
    Kind.Filled: _fill,
    Kind.Traded: _trade,
    Kind.LeverageSet: _leverage,
    Kind.OrdersObserved: _orders,
    Kind.AuctionTaken: _take,
    Kind.AuctionBid: _bid,
    Kind.MarketSettled: _settle_market,
    Kind.PriceObserved: _observe,
    Kind.Marked: _mark,
    Kind.FundingSettled: _settle,
    Kind.FundingPaid: _pay,
    Kind.OpenInterestObserved: _open_interest,
    Kind.DepthObserved: _depth,
    Kind.RiskArrayPublished: _risk_array,
    Kind.RiskScored: _risk_score,
    Kind.DeleveragingRanked: _rank,
    Kind.PoolJoined: _join,
    Kind.PoolLeft: _leave,
    Kind.PoolLeaveRequested: _leave,
    Kind.PoolLeaveCancelled: _provider,
    Kind.PremiumSampled: _sample,
    Kind.ClockTicked: _stored,
    Kind.StateCertified: _stored,
    Kind.RestatementAccepted: _stored,
}
