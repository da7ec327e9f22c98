"""Bankruptcy amounts, fillable prices and sizes of liquidations.

What a whole position is handed over for is read off a takeover. Amounts of a part, prices before
they are rounded and limits of one step are asked of the reduction that would close it.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from clearing.engine.reduction import Reduction
from clearing.rulebook import ReduceRung
from tests.engine.venue import of_kind
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import quotient, text
from tests.vectors.units_dydx import ACCOUNT, ALWAYS, QUOTE, Dydx, part, quote, rate, rules, up

ASKED = "a size that somebody asks to close and that is refused: the ladder chooses sizes itself"


FREE = "a price of nothing is no price: the ledger has none to put on a tick"
WHOLE = "the least of a step is a limit in notional, of which the ledger closes whole sizes"


def run(row: Row) -> Outcome:
    if "error" in row.expected:
        return NotApplicable(ASKED)
    if row.has("subticks_per_tick"):
        return _ticks(row) if int(row.text("fillable_price_num")) else NotApplicable(FREE)
    if row.has("max_position_portion_liquidated_ppm"):
        return _sizes(row)
    stage = Dydx()
    schedules = stage.declare_all(row)
    stage.pay(ACCOUNT, quote(row.text("usdc_quote_quantums")))
    held = {position["perpetual_id"]: position for position in row.inputs["positions"]}
    for name, position in held.items():
        stage.take(f"P{name}", position["quantums"])
    market = f"P{row.text('perpetual_id')}"
    closes = -int(row.text("delta_quantums"))
    if row.topic != "bankruptcy":
        return _fillable(row, stage, schedules, market)
    if closes == int(held[row.text("perpetual_id")]["quantums"]):
        entries = stage.adopt(rules(schedules, rung=ALWAYS))
        amounts = {entry["market"]: entry["amount"] for entry in of_kind(entries, "bankruptcy")}
        amount = amounts.get(stage.of_market(market).ordinal)
        return Found({"bankruptcy_delta_quote_quantums": amount})
    reduction = _reduction(stage, schedules, market)
    return Found({"bankruptcy_delta_quote_quantums": -reduction.surplus_of(abs(closes), 0)})


def _reduction(stage: Dydx, schedules: dict[str, Any], market: str, **rung: Any) -> Reduction:
    """Return the reduction that a rung would make of the account's position in a market."""
    never = {"level": "maintenance", "grace_seconds": 31_622_400}
    step = {"action": "reduce", "when": never, "quantity": {"op": "all"}, **rung}
    document = rules(schedules, rung={**ALWAYS, "when": never})
    document["ladders"]["standard"].insert(0, step)
    stage.adopt(document)
    scope = stage.of_account(ACCOUNT)
    assert scope.rules is not None
    found = scope.rules.ladder[0]
    assert isinstance(found, ReduceRung)
    return Reduction(stage.engine.book, scope, stage.of_market(market), found)


def _fillable(row: Row, stage: Dydx, schedules: dict[str, Any], market: str) -> Outcome:
    price = {
        "op": "fillable",
        "adjustment": text(row.number("bankruptcy_adjustment_ppm").scaleb(QUOTE)),
        "spread": text(row.number("spread_to_maintenance_margin_ratio_ppm").scaleb(QUOTE)),
    }
    found = _reduction(stage, schedules, market, price=price).price(1)
    # Quote quantums for a base quantum.
    exact = found * Fraction(10) ** (-QUOTE + stage.resolutions[market])
    return Found(
        {
            "fillable_price_num": exact.numerator,
            "fillable_price_den": exact.denominator,
            "fillable_price_usd_per_coin": quotient(found),
        }
    )


def _ticks(row: Row) -> Outcome:
    """A coin of one base quantum, safe enough to close at its mark, put on the tick."""
    exponent = int(row.text("quantum_conversion_exponent"))
    subtick = Decimal(1).scaleb(exponent + QUOTE)
    price = quotient(Fraction(row.text("fillable_price_num")) / int(row.text("fillable_price_den")))
    places = max(-(exponent + QUOTE), 12)
    stage = Dydx()
    market = stage.declare("0", 0, text(price.scaleb(places + QUOTE)), -places)
    levels = {"initial": up(rate("200000")), "maintenance": up(part("initial", "500000"))}
    stage.pay(ACCOUNT, Decimal(round(price)))
    stage.take(market, "1" if row.inputs["is_liquidating_long"] else "-1")
    tick = text(row.number("subticks_per_tick") * subtick)
    found = _reduction(stage, {market: levels}, market, price={"op": "mark", "tick": tick})
    return Found({"subticks": quotient(found.price(1) / Fraction(subtick))})


def _sizes(row: Row) -> Outcome:
    """The least and the most of one step: by a share of nothing to speak of, and of everything."""
    stage = Dydx()
    price = row.inputs["oracle_price_value"], int(row.inputs["oracle_price_exponent"])
    market = stage.declare("0", int(row.inputs["base_atomic_resolution"]), *price)
    levels = {"initial": up(rate("200000")), "maintenance": up(part("initial", "500000"))}
    stage.take(market, row.text("position_quantums"))
    least = {"notional": text(quote(row.text("min_position_notional_liquidated")))}
    most = {"share": text(row.number("max_position_portion_liquidated_ppm").scaleb(QUOTE))}
    limits = {"at_least": least, "at_most": most, "pause_seconds": 1}
    figures: dict[str, Decimal] = {}
    skipped: dict[str, str] = {}
    for name, share in (("min", "0.000000000001"), ("max", "1")):
        quantity = {"op": "share", "share": share}
        reduction = _reduction(stage, {market: levels}, market, quantity=quantity, **limits)
        notional = reduction.quantity() * reduction.step_notional
        figures[f"{name}_notional_liquidatable"] = stage.quantums(notional)
        beside = {"min_notional_liquidatable": WHOLE} if reduction.quantity() == 1 else {}
        skipped |= beside
    return Found(figures, skipped)
