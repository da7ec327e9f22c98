"""Strategies of events for the adapters' tests: one of every kind, with any legal content."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from clearing.events import Event, parse_event

AT = datetime(2024, 6, 18, tzinfo=UTC)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,20}", fullmatch=True)
identifiers = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)
times = st.integers(0, 7 * 10**15).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
positive = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(1, 10**20),
    st.integers(0, 18),
)
rates = st.integers(0, 10**7).map(lambda n: Decimal(n).scaleb(-6))
amounts = st.builds(lambda value, negative: -value if negative else value, positive, st.booleans())
references = st.fixed_dictionaries({"source": names, "external_id": identifiers})
decimals = st.integers(0, 18)
causes = st.sampled_from(["trade", "liquidation", "adl"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
marks = st.lists(
    st.fixed_dictionaries({"market": names, "price": positive}),
    min_size=1,
    max_size=4,
    unique_by=lambda mark: mark["market"],
)
who = {"author": identifiers, "approver": identifiers, "reason": texts}
money = {"account": names, "asset": names, "amount": positive}


def _kind(
    kind: str, needed: dict[str, Any], optional: dict[str, Any] | None = None
) -> st.SearchStrategy[Event]:
    base: dict[str, Any] = {
        "kind": st.just(kind),
        "source": names,
        "external_id": identifiers,
        "occurred_at": times,
    }
    fields: dict[str, Any] = {**base, **needed}
    made = st.fixed_dictionaries(fields, optional=optional or {})
    # A fund is not among its own providers.
    return made.filter(lambda told: told.get("fund") != told.get("account", "")).map(parse_event)


events: st.SearchStrategy[Event] = st.one_of(
    _kind("SourceDeclared", {"name": names, "description": texts}),
    _kind("AssetDeclared", {"name": names, "decimals": decimals}),
    _kind(
        "MarketDeclared",
        {
            "name": names,
            "settlement_asset": names,
            "lot": positive,
            "price_decimals": decimals,
            "mark_decimals": decimals,
            "size_decimals": decimals,
        },
        {"multiplier": positive, "expires_at": times},
    ),
    _kind("AccountOpened", {"account": names}, {"owner": names, "parent": names}),
    _kind(
        "RulebookAdopted",
        {
            "name": names,
            "version": names,
            "document": st.dictionaries(texts, json_values, max_size=3),
            **who,
        },
        {"citations": st.lists(texts, max_size=2), "effective_position": st.integers(1, 10**12)},
    ),
    _kind(
        "MarketStateChanged",
        {"market": names, "state": st.sampled_from(["normal", "halted"]), **who},
    ),
    _kind("Deposited", money),
    _kind("DepositConfirmed", {"deposit": references}),
    _kind("Withdrawn", money),
    _kind("Transferred", {**money, "to_account": names}),
    _kind("FundContributed", {"fund": names, "asset": names, "amount": positive}),
    _kind("FundWithdrawn", {"fund": names, "asset": names, "amount": positive, **who}),
    _kind(
        "Adjusted",
        {**money, "amount": amounts, "category": names, **who},
        {"contra_account": names, "reference": references},
    ),
    _kind("Reversed", {"target": references, **who}),
    _kind(
        "PositionCarried",
        {"account": names, "market": names, "size": amounts},
        {"entry_price": positive},
    ),
    _kind(
        "Filled",
        {
            "account": names,
            "market": names,
            "side": st.sampled_from(["buy", "sell"]),
            "size": positive,
            "price": positive,
        },
        {
            "fee": amounts,
            "fee_asset": names,
            "trade_id": identifiers,
            "cause": causes,
            "method": names,
            "reported_size_before": amounts,
            "reported_pnl": amounts,
            "reported_cost": amounts,
        },
    ),
    _kind(
        "Traded",
        {"market": names, "buyer": names, "seller": names, "size": positive, "price": positive},
        {"buyer_fee": amounts, "seller_cause": causes, "trade_id": identifiers},
    ),
    _kind("LeverageSet", {"account": names, "market": names, "leverage": st.integers(1, 1000)}),
    _kind(
        "OrdersObserved",
        {"account": names, "market": names, "buy_size": positive, "sell_size": positive},
    ),
    _kind(
        "AuctionTaken",
        {"taker": names, "account": names, "market": names, "size": positive},
        {"limit": positive},
    ),
    _kind(
        "AuctionBid",
        {"bidder": names, "account": names, "market": names, "size": positive, "price": positive},
    ),
    _kind("OpenInterestObserved", {"market": names, "size": positive}),
    _kind("PremiumSampled", {"market": names, "rate": amounts}),
    _kind("PriceObserved", {"market": names, "price": positive}),
    _kind("Marked", {"marks": marks}, {"amends": references}),
    _kind(
        "FundingSettled",
        {"market": names, "rate": amounts, "price": positive},
        {"interval_seconds": st.integers(1, 86_400)},
    ),
    _kind("FundingPaid", {"account": names, "market": names, "amount": amounts}),
    _kind("InterestSettled", {"asset": names, "rate": rates}, {"credit_rate": rates}),
    _kind("InterestPaid", {"account": names, "asset": names, "amount": amounts}),
    _kind("MarketSettled", {"market": names, "price": positive}),
    _kind(
        "DepthObserved",
        {
            "market": names,
            "bid_size": positive,
            "ask_size": positive,
            "within": st.sampled_from(["0.01", "1"]),
        },
    ),
    _kind(
        "RiskArrayPublished",
        {
            "market": names,
            "producer": names,
            "version": names,
            "losses": st.lists(amounts, min_size=1, max_size=4),
        },
        {"delta": amounts, "vega": amounts},
    ),
    _kind(
        "RiskScored",
        {"account": names, "market": names, "model": names, "score": st.just("0.25")},
    ),
    _kind(
        "DeleveragingRanked",
        {"market": names, "side": st.just("long"), "accounts": st.just(["bob", "ada"])},
    ),
    _kind("PoolJoined", {"account": names, "fund": names, "asset": names, "amount": positive}),
    _kind("PoolLeft", {"account": names, "fund": names, "asset": names, "shares": positive}),
    _kind(
        "PoolLeaveRequested",
        {"account": names, "fund": names, "asset": names, "shares": positive},
    ),
    _kind("PoolLeaveCancelled", {"account": names, "fund": names, "asset": names}),
    _kind("ClockTicked", {}),
    _kind(
        "StateCertified",
        {
            "position": st.integers(1, 10**15),
            "digest": st.just("0" * 64),
            "rules_sha256": st.just("f" * 64),
            "engine_version": identifiers,
            "author": identifiers,
        },
    ),
    _kind(
        "RestatementAccepted",
        {
            "position": st.integers(1, 10**15),
            "old_digest": st.just("0" * 64),
            "new_digest": st.just("f" * 64),
            "engine_version": identifiers,
            **who,
        },
    ),
)
"""Any event at all."""
