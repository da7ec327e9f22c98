"""A small registry, and strategies of events that it accepts: one for each kind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st

from clearing.events import Event, EventRefused, Registry, encode, parse_event
from clearing.events.kinds import MARKET_STATES
from clearing.quantities import exact_decimal

_T = TypeVar("_T")
COMMON = {"source": "venue", "occurred_at": "2024-06-18T00:00:00Z"}
ASSETS = {"USD": 2, "BTC": 8, "WEI": 18}
MARKETS = {
    # name: settlement asset, lot (at size decimals), price, mark and size decimals
    "BTC-PERP": ("USD", 1, 1, 4, 3),
    "ETH-PERP": ("USD", 5, 2, 8, 2),
    "WEI-PERP": ("WEI", 10, 18, 18, 18),
}
ACCOUNTS = ("alice", "bob", "fund")
DECLARATIONS: list[dict[str, Any]] = [
    {"kind": "SourceDeclared", "name": "venue", "description": "the venue"},
    {"kind": "SourceDeclared", "name": "oracle", "description": "prices"},
    *({"kind": "AssetDeclared", "name": name, "decimals": n} for name, n in ASSETS.items()),
    *(
        {
            "kind": "MarketDeclared",
            "name": name,
            "settlement_asset": asset,
            "lot": str(exact_decimal(lot, size)),
            "price_decimals": price,
            "mark_decimals": mark,
            "size_decimals": size,
        }
        for name, (asset, lot, price, mark, size) in MARKETS.items()
    ),
    *({"kind": "AccountOpened", "account": name} for name in ACCOUNTS),
]


def event(kind: str, **fields: Any) -> Event:
    """An event of the venue with only the fields that matter."""
    return parse_event({"kind": kind, "external_id": "1", **COMMON, **fields})


def venue() -> Registry:
    """The registry after :data:`DECLARATIONS`."""
    registry = Registry()
    for n, fields in enumerate(DECLARATIONS):
        registry.apply(encode(event(external_id=f"declaration-{n}", **fields), registry))
    return registry


def outcome_of(call: Callable[[], _T]) -> _T | EventRefused:
    """What ``call`` returns, or how it refuses; any other exception is a failure."""
    try:
        return call()
    except EventRefused as refusal:
        return refusal


# Scaled integers of every size: within columns, at their edges, and wide.
_WIDE = 10**29
scaled = st.one_of(
    st.integers(1, 10**6),
    st.integers(1, _WIDE),
    st.sampled_from([2**63 - 1, 2**63, 2**63 + 1, 2**64]),
)


def decimals_of(numbers: st.SearchStrategy[int], decimals: int) -> st.SearchStrategy[Decimal]:
    """Decimals at a scale, with and without trailing zeros."""
    return st.builds(
        lambda n, normal: (
            exact_decimal(n, decimals).normalize() if normal else exact_decimal(n, decimals)
        ),
        numbers,
        st.booleans(),
    )


def positive(decimals: int) -> st.SearchStrategy[Decimal]:
    return decimals_of(scaled, decimals)


def signed(decimals: int) -> st.SearchStrategy[Decimal]:
    signs = st.sampled_from([1, -1])
    return decimals_of(st.builds(lambda n, sign: n * sign, scaled, signs), decimals)


interest_rates = st.integers(0, 10**13).map(lambda n: Decimal(n).scaleb(-12))


def sizes(market: str) -> st.SearchStrategy[Decimal]:
    _, lot, _, _, size = MARKETS[market]
    return decimals_of(scaled.map(lambda n: n * lot), size)


accounts = st.sampled_from([*ACCOUNTS, "not-opened", "nor:this"])
identifiers = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
times = st.integers(0, 7 * 10**15).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
names = st.from_regex(r"[a-z][a-z0-9._:/@+-]{0,9}", fullmatch=True)
new_names = names.map(lambda name: f"new.{name}")
references = st.fixed_dictionaries(
    {"source": st.sampled_from(["venue", "oracle", "unheard-of"]), "external_id": identifiers}
)
causes = st.sampled_from(["trade", "liquidation", "adl"])
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
positions = st.integers(1, 2**63 - 1)
people = {"author": identifiers, "approver": identifiers, "reason": texts}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def _kind(
    kind: str, needed: dict[str, Any], optional: dict[str, Any] | None = None
) -> st.SearchStrategy[Event]:
    base: dict[str, Any] = {
        "kind": st.just(kind),
        "source": st.sampled_from(["venue", "oracle"]),
        "external_id": identifiers,
        "occurred_at": times,
    }
    fields: dict[str, st.SearchStrategy[Any]] = {**base, **needed}
    made = st.fixed_dictionaries(fields, optional=optional or {})
    # A fund is not among its own providers.
    return made.filter(lambda told: told.get("fund") != told.get("account", "")).map(parse_event)


def _cash(kind: str, more: dict[str, Any], *, who: str = "account") -> st.SearchStrategy[Event]:
    return st.sampled_from(list(ASSETS)).flatmap(
        lambda asset: _kind(
            kind,
            {who: accounts, "asset": st.just(asset), "amount": positive(ASSETS[asset]), **more},
        )
    )


def _adjusted(asset: str) -> st.SearchStrategy[Event]:
    return _kind(
        "Adjusted",
        {
            "account": accounts,
            "asset": st.just(asset),
            "amount": signed(ASSETS[asset]),
            "category": names,
            **people,
        },
        {"contra_account": accounts, "reference": references},
    )


def _fees(market: str, *fields: str) -> st.SearchStrategy[dict[str, Any]]:
    settlement = MARKETS[market][0]
    return st.sampled_from([None, *ASSETS]).flatmap(
        lambda asset: st.fixed_dictionaries(
            {
                "fee_asset": st.just(asset),
                **{field: signed(ASSETS[asset or settlement]) for field in fields},
            }
        )
    )


def _with_fees(
    base: st.SearchStrategy[Event], market: str, *fields: str
) -> st.SearchStrategy[Event]:
    return st.builds(
        lambda plain, fees: parse_event({**plain.model_dump(), **fees}),
        base,
        _fees(market, *fields),
    )


def _filled(market: str) -> st.SearchStrategy[Event]:
    settlement, _, price, _, size = MARKETS[market]
    base = _kind(
        "Filled",
        {
            "account": accounts,
            "market": st.just(market),
            "side": st.sampled_from(["buy", "sell"]),
            "size": sizes(market),
            "price": positive(price),
        },
        {
            "trade_id": identifiers,
            "cause": causes,
            "reported_size_before": signed(size),
            "reported_pnl": signed(ASSETS[settlement]),
            "reported_cost": signed(ASSETS[settlement]),
        },
    )
    return base | _with_fees(base, market, "fee")


def _traded(market: str) -> st.SearchStrategy[Event]:
    base = _kind(
        "Traded",
        {
            "market": st.just(market),
            "buyer": accounts,
            "seller": accounts,
            "size": sizes(market),
            "price": positive(MARKETS[market][2]),
        },
        {"trade_id": identifiers, "buyer_cause": causes, "seller_cause": causes},
    )
    return base | _with_fees(base, market, "buyer_fee", "seller_fee")


def _marked() -> st.SearchStrategy[Event]:
    pairs = st.lists(st.sampled_from(list(MARKETS)), min_size=1, unique=True).flatmap(
        lambda markets: st.tuples(
            *(
                st.fixed_dictionaries(
                    {"market": st.just(market), "price": positive(MARKETS[market][3])}
                )
                for market in markets
            )
        )
    )
    return _kind("Marked", {"marks": pairs}, {"amends": references})


def _of_market(make: Any) -> st.SearchStrategy[Event]:
    return st.sampled_from(list(MARKETS)).flatmap(make)


def _pool(kind: str) -> st.SearchStrategy[Event]:
    """A pool's event that names shares, which have the asset's decimals."""
    return st.sampled_from(list(ASSETS)).flatmap(
        lambda asset: _kind(
            kind,
            {
                "account": accounts,
                "fund": accounts,
                "asset": st.just(asset),
                "shares": positive(ASSETS[asset]),
            },
        )
    )


EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "SourceDeclared": _kind(
        "SourceDeclared",
        {"name": new_names, "description": texts},
        {"clock_bound_seconds": st.integers(0, 86_400)},
    ),
    "AssetDeclared": _kind("AssetDeclared", {"name": new_names, "decimals": st.integers(0, 18)}),
    "MarketDeclared": st.integers(0, 18).flatmap(
        lambda size: _kind(
            "MarketDeclared",
            {
                "name": new_names,
                "settlement_asset": st.sampled_from(list(ASSETS)),
                "lot": positive(size),
                "price_decimals": st.integers(0, 18),
                "mark_decimals": st.integers(0, 18),
                "size_decimals": st.just(size),
            },
            {
                "multiplier": positive(18),
                "payoff": st.sampled_from(["linear", "inverse", "quanto", "option"]),
                "expires_at": times,
            },
        )
    ),
    "AccountOpened": _kind(
        "AccountOpened",
        {"account": new_names},
        {
            "account_class": names,
            "owner": names,
            "parent": st.sampled_from(ACCOUNTS),
            "isolates": st.lists(st.sampled_from(list(MARKETS)), unique=True),
        },
    ),
    "RulebookAdopted": _kind(
        "RulebookAdopted",
        {
            "name": names,
            "version": names,
            "document": st.dictionaries(texts, json_values, max_size=3),
            **people,
        },
        {
            "citations": st.lists(texts, max_size=2),
            "effective_position": positions,
            "confidence": st.sampled_from(["confirmed", "secondary", "unconfirmed", "own"]),
        },
    ),
    "MarketStateChanged": _kind(
        "MarketStateChanged",
        {
            "market": st.sampled_from(list(MARKETS)),
            "state": st.sampled_from(MARKET_STATES),
            **people,
        },
    ),
    "Deposited": _cash("Deposited", {"finality": st.sampled_from(["confirmed", "pending"])}),
    "DepositConfirmed": _kind("DepositConfirmed", {"deposit": references}),
    "Withdrawn": _cash("Withdrawn", {}),
    "Transferred": _cash("Transferred", {"to_account": accounts}),
    "FundContributed": _cash("FundContributed", {}, who="fund"),
    "FundWithdrawn": _cash("FundWithdrawn", people, who="fund"),
    "PoolJoined": _cash("PoolJoined", {"fund": accounts}),
    "PoolLeft": _pool("PoolLeft"),
    "PoolLeaveRequested": _pool("PoolLeaveRequested"),
    "PoolLeaveCancelled": _kind(
        "PoolLeaveCancelled",
        {"account": accounts, "fund": accounts, "asset": st.sampled_from(list(ASSETS))},
    ),
    "DeleveragingRanked": _of_market(
        lambda market: _kind(
            "DeleveragingRanked",
            {
                "market": st.just(market),
                "side": st.sampled_from(["long", "short"]),
                "accounts": st.lists(accounts, min_size=1, max_size=4, unique=True),
            },
        )
    ),
    "Adjusted": st.sampled_from(list(ASSETS)).flatmap(_adjusted),
    "Reversed": _kind("Reversed", {"target": references, **people}),
    "PositionCarried": _of_market(
        lambda market: _kind(
            "PositionCarried",
            {
                "account": accounts,
                "market": st.just(market),
                "size": st.builds(lambda n, s: n * s, sizes(market), st.sampled_from([1, -1])),
            },
            {"entry_price": positive(MARKETS[market][2])},
        )
    ),
    "Filled": _of_market(_filled),
    "Traded": _of_market(_traded),
    "LeverageSet": _of_market(
        lambda market: _kind(
            "LeverageSet",
            {"account": accounts, "market": st.just(market), "leverage": st.integers(1, 1000)},
        )
    ),
    "OrdersObserved": _of_market(
        lambda market: _kind(
            "OrdersObserved",
            {
                "account": accounts,
                "market": st.just(market),
                "buy_size": sizes(market),
                "sell_size": sizes(market) | st.just(0),
            },
        )
    ),
    "AuctionTaken": _of_market(
        lambda market: _kind(
            "AuctionTaken",
            {
                "taker": accounts,
                "account": accounts,
                "market": st.just(market),
                "size": sizes(market),
            },
            {"limit": positive(MARKETS[market][2])},
        )
    ),
    "AuctionBid": _of_market(
        lambda market: _kind(
            "AuctionBid",
            {
                "bidder": accounts,
                "account": accounts,
                "market": st.just(market),
                "size": sizes(market),
                "price": positive(MARKETS[market][2]),
            },
        )
    ),
    "OpenInterestObserved": _of_market(
        lambda market: _kind(
            "OpenInterestObserved", {"market": st.just(market), "size": sizes(market)}
        )
    ),
    "PriceObserved": _of_market(
        lambda market: _kind(
            "PriceObserved",
            {"market": st.just(market), "price": positive(MARKETS[market][3])},
            {"role": st.sampled_from(["index", "oracle", "last", "bid", "ask"])},
        )
    ),
    "Marked": _marked(),
    "PremiumSampled": _of_market(
        lambda market: _kind("PremiumSampled", {"market": st.just(market), "rate": signed(12)})
    ),
    "FundingSettled": _of_market(
        lambda market: _kind(
            "FundingSettled",
            {
                "market": st.just(market),
                "rate": signed(12),
                "price": positive(MARKETS[market][3]),
            },
            {"interval_seconds": st.integers(1, 31_622_400)},
        )
    ),
    "FundingPaid": _of_market(
        lambda market: _kind(
            "FundingPaid",
            {
                "account": accounts,
                "market": st.just(market),
                "amount": signed(ASSETS[MARKETS[market][0]]),
            },
        )
    ),
    "InterestSettled": st.sampled_from(list(ASSETS)).flatmap(
        lambda asset: _kind(
            "InterestSettled",
            {"asset": st.just(asset), "rate": interest_rates},
            {"credit_rate": interest_rates, "interval_seconds": st.integers(1, 31_622_400)},
        )
    ),
    "InterestPaid": st.sampled_from(list(ASSETS)).flatmap(
        lambda asset: _kind(
            "InterestPaid",
            {"account": accounts, "asset": st.just(asset), "amount": signed(ASSETS[asset])},
        )
    ),
    "MarketSettled": _of_market(
        lambda market: _kind(
            "MarketSettled",
            {"market": st.just(market), "price": positive(MARKETS[market][3]) | st.just(0)},
        )
    ),
    "DepthObserved": _of_market(
        lambda market: _kind(
            "DepthObserved",
            {
                "market": st.just(market),
                "bid_size": sizes(market),
                "ask_size": sizes(market) | st.just(0),
                "within": st.sampled_from(["0.001", "1"]),
            },
        )
    ),
    "RiskArrayPublished": _of_market(
        lambda market: _kind(
            "RiskArrayPublished",
            {
                "market": st.just(market),
                "producer": names,
                "version": names,
                "losses": st.lists(signed(MARKETS[market][3]), min_size=1, max_size=5),
            },
            {name: signed(12) for name in ("delta", "gamma", "vega", "theta")},
        )
    ),
    "RiskScored": _of_market(
        lambda market: _kind(
            "RiskScored",
            {
                "account": accounts,
                "market": st.just(market),
                "model": names,
                "score": st.integers(0, 10**12).map(
                    lambda units: f"{Decimal(units).scaleb(-12):f}"
                ),
            },
        )
    ),
    "ClockTicked": _kind("ClockTicked", {}),
    "StateCertified": _kind(
        "StateCertified",
        {
            "position": positions,
            "digest": digests,
            "rules_sha256": digests,
            "engine_version": identifiers,
            "author": identifiers,
        },
    ),
    "RestatementAccepted": _kind(
        "RestatementAccepted",
        {
            "position": positions,
            "old_digest": digests,
            "new_digest": digests,
            "engine_version": identifiers,
            **people,
        },
    ),
}
"""For each kind, events that :func:`venue` accepts."""

events = st.one_of(*EVENTS.values())
"""Any event that :func:`venue` accepts."""
