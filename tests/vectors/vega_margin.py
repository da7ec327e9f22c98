"""Margin by the worse side of position and open orders, in the asset's units.

Maintenance is rounded up and every other level is a factor of it, rounded down. Factors above 1 are
ratios of the plain notional.
"""

from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

COMING = "margin_funding_factor_times_funding_payment"
FUNDED: dict[str, Any] = {
    "prices": {"PERP": {"roles": {"index": {"op": "source", "source": "venue", "price": "index"}}}},
    "funding": {
        "markets": {
            "PERP": {
                "interval_seconds": 86_400,
                "premium": {"op": "prices", "average": "last"},
                "pays_at": "reference",
            }
        }
    },
}
"""Funding that pays mark less index, so that a row's payment is told as an index."""

LEVELS = ("search", "initial", "release")
FINEST = Decimal("1e-12")
"""The finest step of a rulebook's rates; the source's factors may be quotients of more digits."""


def run(row: Row) -> Outcome:
    stage = Stage(decimals=0)
    places = int(row.inputs.get("position_decimal_places", "0"))
    stage.perpetual(size_decimals=max(0, places))
    stage.account("alice")
    coming = row.number(COMING, "0")
    rules = rulebook(mode="verify", schedule=_schedule(row))
    stage.adopt(rules | (FUNDED if coming else {}))
    mark = row.text("mark_price")
    stage.mark(PERP=mark)
    if coming:
        index = text(Decimal(mark) - coming)
        stage("PriceObserved", market="PERP", role="index", price=index)
    sizes = [
        row.number(name).scaleb(-places)
        for name in ("position", "open_buy_order_volume", "open_sell_order_volume")
    ]
    if sizes[0]:
        stage.fill("alice", "PERP", sizes[0], mark)
    buys, sells = (text(size) for size in sizes[1:])
    stage("OrdersObserved", account="alice", market="PERP", buy_size=buys, sell_size=sells)
    asked = {name: Decimal(stage.asked("alice", name)) for name in (*LEVELS, "maintenance")}
    return Found(asked)


def _schedule(row: Row) -> dict[str, Any]:
    sides = {
        side: _side(row.number("linear_slippage_factor"), row.number(f"risk_factor_{side}"))
        for side in ("long", "short")
    }
    asked: dict[str, Any] = {"op": "worst_side", **sides}
    if row.number(COMING, "0"):
        asked = {"op": "sum", "of": [asked, {"op": "funding_to_come", "factor": "1"}]}
    levels: dict[str, Any] = {
        "notional": {"op": "rate", "rate": "1"},
        "maintenance": {"op": "rounded", "of": asked},
    }
    for name in LEVELS:
        ratio = {"op": "ratio", "level": "maintenance", "factor": row.text(f"{name}_factor")}
        levels[name] = {"op": "rounded", "rounding": "down", "of": ratio}
    return levels


def _rate(factor: Decimal) -> Decimal:
    return factor.quantize(FINEST) if factor % FINEST else factor


def _side(slippage: Decimal, risk: Decimal) -> dict[str, Any]:
    """Return what one side asks: slippage and risk of the position, risk of the orders."""
    parts: list[dict[str, Any]] = [
        {"op": "ratio", "level": "notional", "factor": text(_rate(factor))}
        for factor in (slippage, risk)
        if factor
    ]
    return {"op": "sum", "of": [*parts, {"op": "orders", "rate": text(_rate(risk))}]}
