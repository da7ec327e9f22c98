"""Entries of the fold in names and decimals, as people and programs outside read them."""

from collections.abc import Callable
from typing import Final

from clearing.engine import ENTRY_FIELDS, Entry
from clearing.events import Registry
from clearing.events.fields import from_microseconds
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import format_exact

Value = str | int

_ACCOUNTS: Final = frozenset({"account", "taker", "candidate", "provider"})
_TIMES: Final = frozenset({"due_at", "ends_at", "resumes_at", "stamp"})
_SIZES: Final = frozenset({"size", "buys", "sells", "open_interest", "bids", "asks", "taken"})
_MARKS: Final = frozenset({"mark", "quoted", "before", "after", "reference"})
_CASH: Final = frozenset(
    {"amount", "amount_due", "cash", "cost", "gain", "paid", "worth", "shares"}
)
_LEDGERS_OF_ACCOUNTS: Final = frozenset({"account", "pending"})
_LEDGERS_OF_MARKETS: Final = frozenset({"clearing", "funding", "control", "spot", "contested"})


def entry_view(registry: Registry, entry: Entry) -> dict[str, Value]:
    """Return an entry as an object: ``entry`` is its kind, then its fields by name.

    Ordinals become names (empty where there is none), scaled integers exact decimals, times ISO
    8601; text stays as it is.
    """
    kind = str(entry[0])
    fields = dict(zip(ENTRY_FIELDS[kind], entry[1:], strict=True))
    market = int(fields.get("market", 0) or 0)
    asset = int(fields.get("asset", 0) or 0)
    if not asset and market:
        asset = registry.market(market).settlement_asset
    shown: dict[str, Value] = {"entry": kind}
    for name, value in fields.items():
        shown[name] = _value(registry, kind, name, value, fields, market, asset)
    return shown


def _value(
    registry: Registry,
    kind: str,
    name: str,
    value: Value,
    fields: dict[str, Value],
    market: int,
    asset: int,
) -> Value:
    if isinstance(value, str):
        return value
    if name in ("payer", "payee", "holder") and kind != "haircut":
        return _ledger(registry, str(fields[f"{name}_kind"]), value)
    if name in _ACCOUNTS or name == "payer":
        return registry.account(value).name if value else ""
    if name == "market":
        return registry.market(value).name if value else ""
    if name == "asset":
        return registry.asset(value).name if value else ""
    if name in _TIMES:
        return from_microseconds(value).isoformat().replace("+00:00", "Z") if value else ""
    decimals = _decimals(registry, kind, name, market, asset)
    return value if decimals is None else format_exact(value, decimals)


def _decimals(registry: Registry, kind: str, name: str, market: int, asset: int) -> int | None:
    """Return at how many decimals a field's integers are; None: it is a plain number."""
    if name in _SIZES or (kind == "per_unit" and name == "open_interest"):
        return registry.market(market).size_decimals if market else None
    if name == "price":
        spec = registry.market(market)
        told = kind in ("venue_liquidation", "auction")
        return spec.price_decimals if told else spec.mark_decimals
    if name in _MARKS and market:
        return registry.market(market).mark_decimals
    if name == "rate" and kind == "funding":
        return RATE_DECIMALS
    if name in _CASH and asset:
        return registry.asset(asset).decimals
    return None


def _ledger(registry: Registry, kind: str, ordinal: int) -> str:
    name: Callable[[int], str] | None = None
    if kind in _LEDGERS_OF_ACCOUNTS and ordinal:
        name = lambda one: registry.account(one).name  # noqa: E731 - chosen by what the ledger is of
    elif kind in _LEDGERS_OF_MARKETS and ordinal:
        name = lambda one: registry.market(one).name  # noqa: E731 - likewise
    return "" if name is None else name(ordinal)
