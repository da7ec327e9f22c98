"""Liquidation prices of positions, by each venue's maintenance.

An isolated account is opened with the margin that its leverage asks at entry; one in cross margin
with its wallet, and with what its other positions leave of it. Maintenance is a rate of the
notional at the mark less a published amount, or with a closing fee, or a rate at the entry.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, quotient, text

PLACES = 18
KNOWN = {
    "buffer",
    "entry_price",
    "exchange_liquidation_price",
    "leverage",
    "maintenance_amount",
    "maintenance_margin_rate",
    "margin_mode",
    "other_maintenance",
    "other_unrealised_pnl",
    "side",
    "size",
    "taker_fee_rate",
    "wallet_balance",
}


def run(row: Row) -> Outcome:
    if row.has("buffer"):
        return NotApplicable("how much earlier a bot closes is its own policy")
    unknown = row.inputs.keys() - KNOWN
    assert not unknown, f"{row.id}: inputs that nobody reads: {sorted(unknown)}"
    stage = Stage(decimals=PLACES)
    stage.perpetual()
    stage.account("alice")
    levels = {"initial": {"op": "user_leverage", "default": row.text("leverage")}}
    stage.adopt(rulebook(mode="verify", schedule={**levels, "maintenance": _maintenance(row)}))
    sign = 1 if row.inputs["side"] == "long" else -1
    size, entry = row.number("size"), row.number("entry_price")
    stage.pay("alice", _wallet(row, size * entry))
    stage.fill("alice", "PERP", size * sign, text(entry))
    stage.mark(PERP=text(entry))
    return Found({"liquidation_price": stage.liquidates_at("alice", "PERP")})


def _wallet(row: Row, notional: Decimal) -> Decimal:
    """Return what stands behind the position, to the asset's unit."""
    if row.text("margin_mode") == "cross":
        others = row.number("other_unrealised_pnl", "0") - row.number("other_maintenance", "0")
        return row.number("wallet_balance") + others
    return round(quotient(Fraction(notional) / Fraction(row.number("leverage"))), PLACES)


def _maintenance(row: Row) -> dict[str, Any]:
    flat = {"op": "rate", "rate": row.text("maintenance_margin_rate")}
    if row.has("taker_fee_rate"):
        return {"op": "sum", "of": [flat, {"op": "rate", "rate": row.text("taker_fee_rate")}]}
    if row.has("maintenance_amount"):
        return _less(row.number("maintenance_margin_rate"), row.number("maintenance_amount"))
    return {"op": "tiers", "on": "entry", "tiers": [{"floor": "0", "rate": flat["rate"]}]}


def _less(rate: Decimal, amount: Decimal) -> dict[str, Any]:
    """Return the bracket of a rate and its amount, from where it would ask for anything."""
    least = Decimal(1).scaleb(-12)
    floor = quotient(Fraction(amount) / Fraction(rate - least)).quantize(
        Decimal("0.01"), "ROUND_UP"
    )
    below = {"floor": "0", "rate": text(least)}
    bracket = {"floor": text(floor), "rate": text(rate), "amount": text(amount)}
    return {"op": "tiers", "mode": "whole", "tiers": [below, bracket] if amount else [below]}
