"""Margin by the worse side of position and open orders, in the asset's units.

Maintenance is rounded up and every other level is a factor of it, rounded down. Factors above 1 are
ratios of the plain notional.
"""

from decimal import Decimal
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.lists import FUNDING_MARGIN
from tests.vectors.outcome import Found, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

LEVELS = ("search", "initial", "release")
FINEST = Decimal("1e-12")
"""The finest step of a rulebook's rates; the source's factors may be quotients of more digits."""


def run(row: Row) -> Outcome:
    if row.number("margin_funding_factor_times_funding_payment", "0"):
        return Pending(FUNDING_MARGIN)
    stage = Stage(decimals=0)
    places = int(row.inputs.get("position_decimal_places", "0"))
    stage.perpetual(size_decimals=max(0, places))
    stage.account("alice")
    stage.adopt(rulebook(mode="verify", schedule=_schedule(row)))
    mark = row.text("mark_price")
    stage.mark(PERP=mark)
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
    levels: dict[str, Any] = {
        "notional": {"op": "rate", "rate": "1"},
        "maintenance": {"op": "rounded", "of": {"op": "worst_side", **sides}},
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
