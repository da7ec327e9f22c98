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

from clearing.events.auctions import AuctionBid, AuctionTaken
from clearing.events.certification import RestatementAccepted, StateCertified
from clearing.events.declarations import (
    AccountOpened,
    AssetDeclared,
    MarketDeclared,
    MarketStateChanged,
    RulebookAdopted,
    SourceDeclared,
)
from clearing.events.encoder import WIDE, Encoder
from clearing.events.fields import to_microseconds
from clearing.events.kinds import CAUSES, FINALITIES, MARKET_STATES, RATE_DECIMALS, Kind
from clearing.events.models import Event
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
from clearing.events.refused import EventRefused
from clearing.events.registry import AssetSpec, MarketSpec, Registry
from clearing.events.row import EventRow
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    MarketSettled,
    PositionCarried,
    Traded,
)

DEFAULT_INTERVAL_SECONDS: Final = 28_800
"""The interval of a settlement of funding or interest that states no other; it is not stored."""

GREEKS: Final = ("delta", "gamma", "vega", "theta")
"""What a risk array may say besides its losses."""


def encode(event: Event, registry: Registry) -> EventRow:
    """Return the stored form of ``event`` (its position still 0).

    Raises :class:`EventRefused` for a name that is not declared (accounts excepted), a name
    declared twice, more decimals than declared, a size that is not a multiple of the lot, and
    numbers too large.
    """
    kind, fill_in = _BY_NAME[event.kind]
    encoder = Encoder(event, kind, registry)
    fill_in(encoder, event)
    return encoder.finish()


def _new_name(encoder: Encoder, field: str, name: str, known: dict[str, int]) -> None:
    if name in known:
        raise EventRefused(field, name, "is declared already; a declaration never changes")
    encoder.detail["name"] = name


def _source(encoder: Encoder, event: SourceDeclared) -> None:
    _new_name(encoder, "name", event.name, encoder.registry.source_ordinals)
    if not encoder.row.source and event.source != event.name:
        raise EventRefused(
            "source", event.source, f"is not a declared source; {event.name} may declare itself"
        )
    encoder.detail.pop("source", None)
    encoder.detail["description"] = event.description
    encoder.detail["clock_bound_seconds"] = event.clock_bound_seconds


def _asset(encoder: Encoder, event: AssetDeclared) -> None:
    _new_name(encoder, "name", event.name, encoder.registry.asset_ordinals)
    encoder.detail["decimals"] = event.decimals


def _market(encoder: Encoder, event: MarketDeclared) -> None:
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
    if event.expires_at is not None:
        detail["expires_at"] = to_microseconds(event.expires_at)
    if event.base_asset is not None:
        base = encoder.asset(event.base_asset, "base_asset")
        if event.size_decimals > base.decimals:
            raise EventRefused(
                "size_decimals",
                str(event.size_decimals),
                f"are more than the {base.decimals} decimals of {base.name}, which sizes move",
            )
        encoder.row.contra = base.ordinal


def _account(encoder: Encoder, event: AccountOpened) -> None:
    _new_name(encoder, "account", event.account, encoder.registry.account_ordinals)
    encoder.detail["class"] = event.account_class
    if event.owner is not None:
        encoder.detail["owner"] = event.owner
    if event.parent is not None:
        parent = encoder.registry.account_ordinals.get(event.parent, 0)
        if not parent:
            raise EventRefused("parent", event.parent, "is not a declared account; open it first")
        encoder.row.contra = parent
    if event.isolates:
        markets = (encoder.market(name, f"isolates.{i}") for i, name in enumerate(event.isolates))
        encoder.detail["isolates"] = sorted(market.ordinal for market in markets)


def _rulebook(encoder: Encoder, event: RulebookAdopted) -> None:
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


def _state(encoder: Encoder, event: MarketStateChanged) -> None:
    encoder.authorised(event)
    encoder.row.market = encoder.market(event.market).ordinal
    encoder.row.flags = MARKET_STATES.index(event.state)


def _deposit(encoder: Encoder, event: Deposited) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.flags = FINALITIES.index(event.finality)


def _confirm(encoder: Encoder, event: DepositConfirmed) -> None:
    encoder.reference("deposit", event.deposit)


def _withdraw(encoder: Encoder, event: Withdrawn) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)


def _transfer(encoder: Encoder, event: Transferred) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.contra = encoder.account("to_account", event.to_account)


def _fund(encoder: Encoder, event: FundContributed | FundWithdrawn) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("fund", event.fund)
    if isinstance(event, FundWithdrawn):
        encoder.authorised(event)


def _adjust(encoder: Encoder, event: Adjusted) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)
    if event.contra_account is not None:
        encoder.row.contra = encoder.account("contra_account", event.contra_account)
    encoder.authorised(event)
    encoder.detail["category"] = event.category
    encoder.reference("reference", event.reference)


def _reverse(encoder: Encoder, event: Reversed) -> None:
    encoder.authorised(event)
    encoder.reference("target", event.target)


def _has_positions(market: MarketSpec, field: str) -> None:
    if market.payoff == "spot":
        raise EventRefused(field, market.name, "is a spot market, which has no positions")


def _carry(encoder: Encoder, event: PositionCarried) -> None:
    market = encoder.market(event.market)
    _has_positions(market, "market")
    encoder.row.market = market.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.quantity = encoder.size("size", event.size, market)
    if event.entry_price is not None:
        encoder.row.price = encoder.price("entry_price", event.entry_price, market)


def _fee_asset(encoder: Encoder, name: str | None, market: MarketSpec) -> AssetSpec:
    """Return the fee's asset; the market's settlement asset is stored as 0 even when named."""
    if name is None:
        return encoder.registry.asset(market.settlement_asset)
    asset = encoder.asset(name, "fee_asset")
    if asset.ordinal != market.settlement_asset:
        encoder.row.asset = asset.ordinal
    return asset


def _fill(encoder: Encoder, event: Filled) -> None:
    market = encoder.market(event.market)
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("account", event.account)
    row.flags = CAUSES.index(event.cause)
    row.trade_id = event.trade_id or ""
    size = encoder.size("size", event.size, market)
    row.quantity = size if event.side == "buy" else -size
    row.price = encoder.price("price", event.price, market)
    asset = _fee_asset(encoder, event.fee_asset, market)
    row.fee = encoder.amount("fee", event.fee, asset)
    if event.method is not None:
        encoder.detail["method"] = event.method
    for field in ("reported_size_before", "reported_pnl"):
        if getattr(event, field) is not None:
            _has_positions(market, field)
    if event.reported_size_before is not None:
        before = encoder.scaled(
            "reported_size_before",
            event.reported_size_before,
            market.size_decimals,
            "sizes",
            market.name,
        )
        encoder.detail["reported_size_before"] = str(before)
    if event.reported_pnl is not None:
        settlement = encoder.registry.asset(market.settlement_asset)
        pnl = encoder.amount("reported_pnl", event.reported_pnl, settlement)
        encoder.detail["reported_pnl"] = str(pnl)
    if event.reported_cost is not None:
        settlement = encoder.registry.asset(market.settlement_asset)
        cost = encoder.amount("reported_cost", event.reported_cost, settlement)
        encoder.detail["reported_cost"] = str(cost)


def _trade(encoder: Encoder, event: Traded) -> None:
    market = encoder.market(event.market)
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("buyer", event.buyer)
    row.contra = encoder.account("seller", event.seller)
    row.flags = CAUSES.index(event.buyer_cause) | CAUSES.index(event.seller_cause) << 4
    row.trade_id = event.trade_id or ""
    row.quantity = encoder.size("size", event.size, market)
    row.price = encoder.price("price", event.price, market)
    asset = _fee_asset(encoder, event.fee_asset, market)
    row.fee = encoder.amount("buyer_fee", event.buyer_fee, asset)
    row.amount = encoder.amount("seller_fee", event.seller_fee, asset)


def _leverage(encoder: Encoder, event: LeverageSet) -> None:
    encoder.row.market = encoder.market(event.market).ordinal
    encoder.row.account = encoder.account("account", event.account)
    leverage = encoder.scaled("leverage", event.leverage, RATE_DECIMALS, "a leverage")
    encoder.row.quantity = leverage


def _orders(encoder: Encoder, event: OrdersObserved) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.quantity = encoder.size("buy_size", event.buy_size, market)
    encoder.row.amount = encoder.size("sell_size", event.sell_size, market)


def _take(encoder: Encoder, event: AuctionTaken) -> None:
    market = encoder.market(event.market)
    _has_positions(market, "market")
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("taker", event.taker)
    row.contra = encoder.account("account", event.account)
    row.quantity = encoder.size("size", event.size, market)
    if event.limit is not None:
        row.price = encoder.price("limit", event.limit, market)


def _bid(encoder: Encoder, event: AuctionBid) -> None:
    market = encoder.market(event.market)
    _has_positions(market, "market")
    row = encoder.row
    row.market = market.ordinal
    row.account = encoder.account("bidder", event.bidder)
    row.contra = encoder.account("account", event.account)
    row.quantity = encoder.size("size", event.size, market)
    row.price = encoder.price("price", event.price, market)


def _open_interest(encoder: Encoder, event: OpenInterestObserved) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.quantity = encoder.size("size", event.size, market)


def _observe(encoder: Encoder, event: PriceObserved) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.price = encoder.mark("price", event.price, market)
    encoder.detail["role"] = event.role


def _mark(encoder: Encoder, event: Marked) -> None:
    pairs = []
    for i, mark in enumerate(event.marks):
        market = encoder.market(mark.market, f"marks.{i}.market")
        pairs.append((market.ordinal, encoder.mark(f"marks.{i}.price", mark.price, market)))
    if len(pairs) == 1 and pairs[0][1] < WIDE:
        encoder.row.market, encoder.row.price = pairs[0]
    else:
        encoder.detail["marks"] = [[market, str(price)] for market, price in sorted(pairs)]
    encoder.reference("amends", event.amends)


def _settle(encoder: Encoder, event: FundingSettled) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.quantity = encoder.scaled("rate", event.rate, RATE_DECIMALS, "a funding rate")
    encoder.row.price = encoder.mark("price", event.price, market)
    if event.interval_seconds != DEFAULT_INTERVAL_SECONDS:
        encoder.detail["interval_seconds"] = event.interval_seconds


def _sample(encoder: Encoder, event: PremiumSampled) -> None:
    encoder.row.market = encoder.market(event.market).ordinal
    encoder.row.quantity = encoder.scaled("rate", event.rate, RATE_DECIMALS, "a premium")


def _pay(encoder: Encoder, event: FundingPaid) -> None:
    market = encoder.market(event.market)
    asset = encoder.registry.asset(market.settlement_asset)
    encoder.row.market = market.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.amount = encoder.amount("amount", event.amount, asset)


def _interest(encoder: Encoder, event: InterestSettled) -> None:
    encoder.row.asset = encoder.asset(event.asset).ordinal
    encoder.row.quantity = encoder.scaled("rate", event.rate, RATE_DECIMALS, "an interest rate")
    encoder.row.price = encoder.scaled(
        "credit_rate", event.credit_rate, RATE_DECIMALS, "an interest rate"
    )
    if event.interval_seconds != DEFAULT_INTERVAL_SECONDS:
        encoder.detail["interval_seconds"] = event.interval_seconds


def _pay_interest(encoder: Encoder, event: InterestPaid) -> None:
    encoder.cash(event.amount, event.asset)
    encoder.row.account = encoder.account("account", event.account)


def _settle_market(encoder: Encoder, event: MarketSettled) -> None:
    market = encoder.market(event.market)
    _has_positions(market, "market")
    if market.payoff == "inverse" and not event.price:
        raise EventRefused("price", str(event.price), "is no price of an inverse contract")
    encoder.row.market = market.ordinal
    encoder.row.price = encoder.mark("price", event.price, market)


def _depth(encoder: Encoder, event: DepthObserved) -> None:
    market = encoder.market(event.market)
    encoder.row.market = market.ordinal
    encoder.row.quantity = encoder.size("bid_size", event.bid_size, market)
    encoder.row.amount = encoder.size("ask_size", event.ask_size, market)
    encoder.row.price = encoder.scaled("within", event.within, RATE_DECIMALS, "a distance")


def _rank(encoder: Encoder, event: DeleveragingRanked) -> None:
    market = encoder.market(event.market)
    _has_positions(market, "market")
    encoder.row.market = market.ordinal
    encoder.detail["side"] = event.side
    encoder.detail["accounts"] = [
        encoder.account(f"accounts.{i}", name) for i, name in enumerate(event.accounts)
    ]


def _pool(
    encoder: Encoder, event: PoolJoined | PoolLeft | PoolLeaveRequested | PoolLeaveCancelled
) -> None:
    asset = encoder.asset(event.asset)
    encoder.row.asset = asset.ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.contra = encoder.account("fund", event.fund)
    if isinstance(event, PoolJoined):
        encoder.row.amount = encoder.amount("amount", event.amount, asset)
    elif not isinstance(event, PoolLeaveCancelled):
        encoder.row.quantity = encoder.amount("shares", event.shares, asset)


def _risk_score(encoder: Encoder, event: RiskScored) -> None:
    encoder.row.market = encoder.market(event.market).ordinal
    encoder.row.account = encoder.account("account", event.account)
    encoder.row.quantity = encoder.scaled("score", event.score, RATE_DECIMALS, "a score")
    encoder.detail["model"] = event.model


def _risk_array(encoder: Encoder, event: RiskArrayPublished) -> None:
    market = encoder.market(event.market)
    if market.payoff == "inverse":
        raise EventRefused(
            "market",
            event.market,
            "is an inverse market, whose losses are in no unit of its price; publish none, and"
            " portfolios revalue it at its moved price",
        )
    encoder.row.market = market.ordinal
    detail = encoder.detail
    detail["producer"] = event.producer
    detail["version"] = event.version
    detail["losses"] = [
        str(encoder.mark(f"losses.{i}", loss, market)) for i, loss in enumerate(event.losses)
    ]
    for name in GREEKS:
        value = getattr(event, name)
        if value is not None:
            detail[name] = str(encoder.scaled(name, value, RATE_DECIMALS, "a Greek"))


def _tick(encoder: Encoder, event: ClockTicked) -> None:
    del encoder, event  # a tick is its time and nothing else


def _certify(encoder: Encoder, event: StateCertified | RestatementAccepted) -> None:
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
    Kind.Deposited: _deposit,
    Kind.Withdrawn: _withdraw,
    Kind.Transferred: _transfer,
    Kind.FundContributed: _fund,
    Kind.FundWithdrawn: _fund,
    Kind.Adjusted: _adjust,
    Kind.Reversed: _reverse,
    Kind.DepositConfirmed: _confirm,
    Kind.InterestSettled: _interest,
    Kind.InterestPaid: _pay_interest,
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
    Kind.PoolJoined: _pool,
    Kind.PoolLeft: _pool,
    Kind.PoolLeaveRequested: _pool,
    Kind.PoolLeaveCancelled: _pool,
    Kind.PremiumSampled: _sample,
    Kind.ClockTicked: _tick,
    Kind.StateCertified: _certify,
    Kind.RestatementAccepted: _certify,
}

_BY_NAME: Final = {kind.name: (int(kind), encoder) for kind, encoder in _ENCODERS.items()}


def _text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
