"""Entries as people and programs read them: names for ordinals, decimals for scaled integers."""

from decimal import Decimal
from typing import Any, Final

from clearing.audit.losses import plain
from clearing.events import Registry
from clearing.events.fields import from_microseconds
from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import MarketSpec
from clearing.quantities import format_exact, format_scaled

_ACCOUNTS: Final = frozenset({"account", "taker", "candidate", "payer", "provider"})
_SIZES: Final = frozenset(
    {"size", "size_before", "taken", "buys", "sells", "bids", "asks", "open_interest"}
)
_MARKS: Final = frozenset({"price", "mark", "before", "after", "quoted", "reference"})
_UNITS: Final = frozenset(
    {
        "cost",
        "cost_before",
        "amount",
        "amount_due",
        "balance",
        "balance_before",
        "gain",
        "paid",
        "cash",
        "shares",
        "total",
        "worth",
    }
)
_TIMES: Final = frozenset({"due_at", "stamp", "ends_at", "resumes_at"})
_OTHERS: Final = {
    ("remainder", "amount"): "exact",
    ("interest_left", "amount"): "exact",
    ("venue_liquidation", "price"): "traded",
    ("auction", "price"): "traded",
    ("funding", "rate"): "rate",
}
"""Fields that are not what their name is in other entries."""

_HIDDEN: Final = frozenset({"position", "line", "side"})


def entry_fields(registry: Registry, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a row of a history, each as its meaning wants it.

    Accounts, assets and markets are names (empty: none), amounts, sizes and prices exact decimals
    as text, times in ISO form (empty: none), conditions true or false, counts integers. A posting
    has its ledger account with the balance before and after, a position its size and cost before.
    """
    if kind == "posting":
        row = {**row, "balance_before": row["balance"] - row["amount"]}
    reader = _Reader(registry, kind, row)
    return {name: reader.read(name, row[name]) for name in row if name not in _HIDDEN}


class _Reader:
    """One row, and what scales its numbers have."""

    __slots__ = ("_kind", "_market", "_registry", "_row")

    def __init__(self, registry: Registry, kind: str, row: dict[str, Any]) -> None:
        self._registry = registry
        self._kind = kind
        self._row = row
        market = row.get("market", 0)
        self._market = registry.market(market) if market else None

    def read(self, name: str, value: Any) -> Any:
        if name in _ACCOUNTS:
            return self._account(value)
        if name in ("ordinal", "counter_ordinal"):
            return self._owner(self._row[name.replace("ordinal", "ledger")], value)
        if name == "holder":
            return self._owner(self._row["holder_kind"], value)
        if name == "market":
            return "" if self._market is None else self._market.name
        if name == "asset":
            return self._registry.asset(value).name if value else ""
        if name in _TIMES:
            return from_microseconds(value).isoformat().replace("+00:00", "Z") if value else ""
        return self._number(name, value) if isinstance(value, Decimal) else value

    def _account(self, ordinal: int) -> str:
        return self._registry.account(ordinal).name if ordinal else ""

    def _owner(self, kind: str, ordinal: int) -> str:
        """Return whose ledger account or position it is: an account's or a market's, by name."""
        if kind in ("account", "pending"):
            return self._account(ordinal)
        return self._registry.market(ordinal).name if ordinal else ""

    def _number(self, name: str, value: Decimal) -> str:
        how = _OTHERS.get((self._kind, name), "")
        market = self._market
        if how == "rate":
            return format_exact(int(value), RATE_DECIMALS)
        if name in _UNITS and how != "exact":
            return format_scaled(int(value), self._decimals())
        if market is not None and name in _SIZES:
            return format_exact(int(value), market.size_decimals)
        if market is not None and name in _MARKS:
            return format_scaled(int(value), self._price_decimals(market, how))
        return plain(value)

    def _price_decimals(self, market: MarketSpec, how: str) -> int:
        return market.price_decimals if how == "traded" else market.mark_decimals

    def _decimals(self) -> int:
        """Return the decimals of the asset that an amount is in."""
        asset = self._row.get("asset", 0)
        if not asset and self._market is not None:
            asset = self._market.settlement_asset
        return self._registry.asset(asset).decimals if asset else 0
