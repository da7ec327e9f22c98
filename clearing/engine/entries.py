"""Entries: what the fold derives from an event, as plain tuples.

An entry is its kind followed by the fields named in :data:`ENTRY_FIELDS`. Integers are at a
declared scale; text is an exact decimal or a word. The meaning of each field is in
``docs/semantics.md``, section 10. The digest chain is over their canonical JSON.
"""

import hashlib
import json
from typing import Final

Entry = tuple[str | int, ...]
"""An entry: its kind, then its fields in the order of :data:`ENTRY_FIELDS`."""

ENTRY_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "late": ("microseconds",),
    "posting": (
        "purpose",
        "asset",
        "payer_kind",
        "payer",
        "payee_kind",
        "payee",
        "amount",
        "market",
    ),
    "position": (
        "holder_kind",
        "holder",
        "market",
        "size",
        "cost",
        "entry_known",
        "funding_index",
        "accrued",
    ),
    "waiting": ("account", "market", "size"),
    "remainder": ("operation", "market", "asset", "holder_kind", "holder", "amount"),
    "mark": ("market", "price", "effective"),
    "impact": ("market", "size", "quoted", "before", "after"),
    "price": ("market", "role", "price"),
    "price_status": ("market", "status"),
    "funding": ("market", "rate", "price", "interval_seconds", "index", "moved"),
    "short_index": ("market", "index"),
    "funding_computed": ("market", "stamp", "premium", "rate", "status"),
    "funding_coming": ("market", "payment"),
    "interest": ("asset", "rate", "credit_rate", "interval_seconds", "moved"),
    "interest_left": ("account", "asset", "amount"),
    "market_settled": ("market", "price"),
    "breaker": ("market", "number", "mark", "reference", "resumes_at"),
    "market_state": ("market", "state"),
    "leverage": ("account", "market", "leverage"),
    "orders": ("account", "market", "buys", "sells"),
    "open_interest": ("market", "size"),
    "margin_rate": ("market", "deviation", "rate"),
    "depth": ("market", "bids", "asks", "within"),
    "risk_array": ("market", "producer", "version", "losses", "greeks"),
    "rulebook": ("asset", "name", "version", "document_sha256", "status"),
    "transition": (
        "account",
        "asset",
        "from_status",
        "to_status",
        "equity",
        "initial",
        "maintenance",
    ),
    "margin_call": (
        "account",
        "asset",
        "outcome",
        "amount_due",
        "level",
        "requirement",
        "equity",
        "due_at",
    ),
    "withheld": ("account", "asset", "action"),
    "notice": (
        "account",
        "asset",
        "rung",
        "equity",
        "comparator",
        "level",
        "factor",
        "threshold",
    ),
    "venue_liquidation": (
        "account",
        "asset",
        "market",
        "size",
        "price",
        "mark",
        "method",
        "equity",
        "maintenance",
    ),
    "alert": (
        "account",
        "asset",
        "market",
        "number",
        "figure",
        "value",
        "threshold",
        "holds",
    ),
    "risk_score": ("account", "market", "model", "score"),
    "liquidation": (
        "account",
        "asset",
        "rung",
        "action",
        "equity",
        "comparator",
        "level",
        "factor",
        "threshold",
        "maintenance",
    ),
    "auction": (
        "account",
        "asset",
        "market",
        "rung",
        "outcome",
        "taker",
        "size",
        "price",
        "ends_at",
    ),
    "bankruptcy": (
        "account",
        "asset",
        "market",
        "size",
        "mark",
        "amount",
        "maintenance",
        "equity_share",
    ),
    "closed": (
        "account",
        "asset",
        "market",
        "layer",
        "taker",
        "size",
        "amount",
        "mark",
        "loss",
    ),
    "adl": (
        "account",
        "asset",
        "market",
        "rank",
        "candidate",
        "size",
        "pnl",
        "notional",
        "equity",
        "taken",
    ),
    "haircut": ("account", "asset", "market", "payer", "gain", "paid"),
    "per_unit": ("account", "market", "amount", "open_interest", "each"),
    "loss": (
        "account",
        "asset",
        "loss",
        "fund",
        "adl",
        "socialised",
        "deficit",
        "rounding",
        "kept",
    ),
    "fund": ("account", "asset", "cash", "inventory", "equity"),
    "shares": ("account", "asset", "provider", "shares", "total"),
    "leave_request": ("account", "asset", "provider", "shares", "worth"),
    "adl_order": ("market", "side", "accounts"),
    "deviation": ("code", "account", "market", "asset", "expected", "found", "detail"),
}
"""The fields of each kind of entry, in order."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

GENESIS_HASH: Final = bytes(32)
"""The entry hash of an empty log."""


def chain(previous: bytes, position: int, entries: list[Entry]) -> bytes:
    """Return the entry hash after the event at ``position``, whose entries are given."""
    text = _encode([position, entries])
    return hashlib.sha256(previous + text.encode("ascii")).digest()
