"""What the rows of one venue have in common: its integers, its clock in slots, its rung.

Sizes are in 10^-9 coins, amounts and prices in 10^-6 of the asset, margin ratios in 10^-4, fees in
10^-6. A slot is a thousand seconds here, so that a second between two calls of one slot is nothing.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from clearing.engine.reduction import Reduction
from clearing.rulebook import ReduceRung
from tests.engine.venue import PERSON, rulebook
from tests.vectors.stage import Stage, text

USER, KEEPER, MARKET = "user", "keeper", "PERP"
BASE, QUOTE, RATIO, FEE = -9, -6, -4, -6
SLOT = 1000
"""Seconds in a slot."""
NEVER = 31_622_400
"""A grace that no row outlasts, so that a rung is asked and does not act by itself."""


def amount(units: str | int) -> Decimal:
    """Return an amount or a price in the asset."""
    return Decimal(units).scaleb(QUOTE)


def coins(units: str | int) -> Decimal:
    """Return a size."""
    return Decimal(units).scaleb(BASE)


def rate(units: str | int, exponent: int = FEE) -> str:
    """Return a rate as rulebooks write it."""
    return text(Decimal(units).scaleb(exponent))


class Drift(Stage):
    """A venue with a trader, a keeper who liquidates, and a market in 10^-9 coins."""

    def __init__(self, *, lot: str = "0.000000001") -> None:
        super().__init__(decimals=-QUOTE)
        self.account(USER)
        self.account(KEEPER, account_class="keeper")
        self.perpetual(MARKET, finest=-QUOTE, size_decimals=-BASE, price_decimals=18, lot=lot)

    def hold(self, size: Decimal, cost: Decimal) -> None:
        """Let the trader have a position that cost so much (signed as the size)."""
        price = text((abs(cost) / abs(size)).quantize(Decimal("1e-18")))
        self.fill(USER, MARKET, size, price, reported_cost=text(cost))

    def at_slot(self, slots: int) -> None:
        """Let the clock come to so many slots after the mark, or a second further than it is."""
        book = self.engine.book
        due = self.of_market(MARKET).mark_time + slots * SLOT * 1_000_000
        moment = max(due, book.time + 1_000_000)
        self("ClockTicked", at=datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment))

    def pause(self) -> None:
        """Let nothing be closed any more."""
        self("MarketStateChanged", market=MARKET, state="liquidations_paused", **PERSON)

    def resume(self) -> None:
        """Let positions be closed again."""
        self("MarketStateChanged", market=MARKET, state="normal", **PERSON)

    def reduction(self) -> Reduction:
        """Return the reduction that the rulebook's first closing rung would make."""
        scope = self.of_account(USER)
        assert scope.rules is not None
        found = scope.rules.closing[0]
        assert isinstance(found, ReduceRung)
        return Reduction(self.engine.book, scope, self.of_market(MARKET), found)


def rules(
    levels: dict[str, Any], rung: dict[str, Any], *, buffer: str = "0", **sections: Any
) -> dict[str, Any]:
    """Return a rulebook with a rung that a keeper stands behind, and cancelled orders before it.

    What is owed once nothing is held waits for ever. ``buffer`` makes losses greater at ``exit``.
    """
    whole = {"gain": "1", "loss": "1"}
    weights = {"maintenance": whole}
    if "exit" in levels:
        weights["exit"] = {"gain": "1", "loss": text(1 + Decimal(buffer))}
    ladder = [
        {"action": "cancel_orders", "when": {"level": "maintenance"}},
        {"action": "reduce", "when": {"level": "maintenance"}, "to": KEEPER, **rung},
        {"action": "takeover", "when": {"level": "zero", "grace_seconds": NEVER}},
    ]
    ladder[2]["only_debts"] = True
    schedule = {"initial": levels["maintenance"], **levels}
    document = rulebook(ladder=ladder, schedule=schedule, collateral={"cross": {}}, **sections)
    document["collateral"]["cross"] = {"assets": {}, "unrealised": weights}
    document["bindings"][0]["collateral"] = "cross"
    return document


def penalty(most: str, level: str, **headroom: Any) -> dict[str, Any]:
    """Return the insurance fee: at most ``most``, within 95 % of the headroom; none for nothing."""
    if not Decimal(most):
        return {}
    limit = {"level": level, "share": "0.95", "decimals": -FEE, **headroom}
    recipients = [{"account": "insurance", "share": "1"}]
    return {"penalty": {"rate": most, "headroom": limit, "recipients": recipients}}
