"""What a preset is: a venue's rules as a rulebook, where they were read, what they leave out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Document = dict[str, Any]
Confidence = Literal["confirmed", "secondary", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a ledger that a preset's document is written with.

    ``asset`` is the settlement asset and ``fund`` an account of class ``fund``. ``keeper``, of a
    class that the document does not bind, is who liquidates for a reward, where the venue has such.
    Where the venue lends, ``collateral`` is the asset that is borrowed against and ``price_market``
    the market whose mark prices it. ``account_class`` is the class that the rules hold for,
    ``mode`` the rulebook's.
    """

    asset: str
    fund: str = "insurance"
    keeper: str = "keeper"
    account_class: str = "trader"
    mode: Literal["record", "verify", "derive"] = "derive"
    collateral: str = "WETH"
    price_market: str = "WETH-USD"


@dataclass(frozen=True, slots=True)
class Preset:
    """One venue's rules.

    ``confidence`` is that of the least certain of them; ``citations`` say where they were read,
    ``limits`` what the document does not express or had to choose. Rates and tiers are those of one
    market of the venue: ``market`` says which. ``lends``: accounts have debts and collateral,
    no positions.
    """

    name: str
    title: str
    market: str
    confidence: Confidence
    citations: tuple[str, ...]
    limits: tuple[str, ...]
    build: Callable[[Names], Document]
    lends: bool = False


def document(
    names: Names,
    schedule: Document,
    ladder: list[Document],
    layers: list[Document],
    *,
    minimum: Document | None = None,
    **sections: Document,
) -> Document:
    """Return a rulebook that asks by one schedule of every market of the asset.

    ``sections`` are further parts of the document, as they are.
    """
    binding: Document = {
        "account_class": names.account_class,
        "markets": {"*": "standard"},
        "ladder": "standard",
        "waterfall": "standard",
    }
    if minimum is not None:
        binding["minimum"] = minimum
    return {
        "format": 1,
        "settlement_asset": names.asset,
        "mode": names.mode,
        "schedules": {"standard": schedule},
        "ladders": {"standard": ladder},
        "waterfalls": {"standard": {"fund": names.fund, "layers": layers}},
        "bindings": [binding],
        **sections,
    }


def rate(value: str) -> Document:
    """Return the operator of a flat rate."""
    return {"op": "rate", "rate": value}


def ratio(factor: str, level: str = "maintenance") -> Document:
    """Return the operator of a multiple of another level."""
    return {"op": "ratio", "level": level, "factor": factor}


def at_most_leverage(default: str, least: Document) -> Document:
    """Return the operator of the account's own leverage, open orders in it, and at least ``least``.

    ``default`` is the leverage of accounts that chose none.
    """
    chosen = {"op": "user_leverage", "default": default}
    return {"op": "with_orders", "of": {"op": "max", "of": [chosen, least]}}


def when(level: str = "maintenance", factor: str = "1", **fields: Any) -> Document:
    """Return a condition: equity below ``factor`` × ``level``."""
    return {"level": level, "factor": factor, **fields}


CANCEL_ORDERS: Document = {"action": "cancel_orders", "when": when()}
NOTHING_LEFT: Document = {
    "action": "takeover",
    "when": {"level": "zero", "comparator": "<="},
}
"""Equality included: with no equity at all nothing else could close a position."""
DEFICIT: Document = {"layer": "deficit"}


def to_fund(names: Names, share: str, limit: str = "equity") -> Document:
    """Return a penalty of a share of the closed notional that the fund receives."""
    recipients = [{"account": names.fund, "share": "1"}]
    return {"rate": share, "limit": limit, "recipients": recipients}
