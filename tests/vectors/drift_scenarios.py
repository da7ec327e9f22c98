"""Whole liquidations: orders cancelled, part closed by the ramp, fees, time passing between calls.

The rung acts when it is due, so that a call of the row is a moment at which the ledger is looked
at. What a keeper is willing to take at most is the rung's limit at that call.
"""

from decimal import Decimal
from typing import Any

from clearing.engine.scope import Stay
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import text
from tests.vectors.units_drift import (
    BASE,
    FEE,
    KEEPER,
    MARKET,
    QUOTE,
    RATIO,
    SLOT,
    USER,
    Drift,
    amount,
    coins,
    penalty,
    rate,
    rules,
)

WEALTH = Decimal(1_000_000)
"""What the keeper has, which no row says."""
CHARGE = Decimal("0.01")
"""What an open order asks, whatever its size."""


def run(row: Row) -> Outcome:
    told = Liquidation(row, "net")
    figures = told.run()
    if "user_quote_entry" in row.expected:
        # A ledger keeps one cost of a position: what was paid net, or the average entry's.
        averaged = Liquidation(row, "average")
        averaged.run()
        cost = averaged.stage.position(USER, MARKET).cost
        figures["user_quote_entry"] = -cost
    if "checks" in row.expected:
        return Found({**figures, "checks": told.checks})
    return Found(figures)


class Liquidation:
    """One row's account, and what its calls make of it."""

    def __init__(self, row: Row, cost_basis: str) -> None:
        self.row = row
        self.cost_basis = cost_basis
        self.stage = Drift(lot=text(coins(row.text("order_step"))))
        self.checks: dict[str, dict[str, Any]] = {}
        self.most: Decimal | None = None
        account = row.inputs["account"]
        self.deposit = amount(account["quote_deposit"])
        stage = self.stage
        stage.mark(**{MARKET: text(amount(row.text("oracle_price")))})
        stage.hold(coins(account["base"]), -amount(account["quote"]))
        stage.pay(USER, self.deposit)
        stage.pay(KEEPER, WEALTH)
        self.worth = self._worth()
        sizes = {side: coins(account.get(f"open_{side}_base", "0")) for side in ("bid", "ask")}
        self.orders = int(account.get("open_orders", "0"))
        if self.orders:
            buys, sells = text(abs(sizes["bid"])), text(abs(sizes["ask"]))
            told = {"buy_size": buys, "sell_size": sells}
            stage("OrdersObserved", account=USER, market=MARKET, **told)

    def run(self) -> dict[str, Any]:
        """Make every call, and return what is there at the end."""
        events = self.row.inputs["events"]
        start = min(int(event["slot"]) for event in events if "slot" in event)
        for event in events:
            if event["type"] == "checkpoint":
                self.checks[event["n"]] = self.figures()
                continue
            self._call(coins(event["max_base"]), int(event["slot"]) - start)
            assert self._worth() == self.worth, "what all have together changed"
        return self.figures()

    def _call(self, most: Decimal, slots: int) -> None:
        """Let the keeper take up to ``most`` some slots after liquidation began."""
        stage, first = self.stage, self.most is None
        if most != self.most:
            # A new ladder remembers nothing; a keeper's other wish is none, so its stays go on.
            engines = (stage.engine, stage.oracle)
            remembered = [self._stays(engine) for engine in engines]
            stage.pause()
            stage.adopt(self._rules(most))
            for engine, stays in zip(engines, remembered, strict=True):
                self._stays(engine).update(stays)
            stage.resume()
            self.most = most
        if not first:
            stage.at_slot(slots)

    def _stays(self, engine: Any) -> dict[int, Stay]:
        scope = engine.book.scope(self.stage.ordinal(USER), self.stage.asset.ordinal)
        found: dict[int, Stay] = scope.stays
        return found

    def _worth(self) -> int:
        """What the user, the keeper and the fund are worth together."""
        stage = self.stage
        worth = sum(stage.measured(who).equity for who in (USER, KEEPER))
        return worth + int(stage.balance("insurance").scaleb(-QUOTE)) * stage.asset.lift

    def _rules(self, most: Decimal) -> dict[str, Any]:
        row = self.row
        margin = Decimal(rate(row.text("maintenance_margin_ratio"), RATIO))
        buffer = Decimal(rate(row.text("liquidation_buffer_ratio"), RATIO))
        price = amount(row.text("oracle_price"))
        rung = {
            "when": {"level": "maintenance", "until": {"level": "exit"}},
            "quantity": {"op": "cover", "level": "exit", "decimals": -QUOTE},
            "price": {
                "op": "mark",
                "spread": rate(row.text("liquidator_fee")),
                "floor": "none",
            },
            "ramp": {
                "level": "exit",
                "initial": rate(row.text("initial_pct_to_liquidate"), RATIO),
                "seconds": int(row.text("liquidation_duration_slots")) * SLOT,
                "whole_below": "50",
                "decimals": -RATIO,
            },
            "whole_up_to": "50",
            "at_most": {"notional": text((most * price).quantize(Decimal("1e-6")))},
            "pause_seconds": 1,
            **penalty(rate(row.text("max_insurance_fee")), "exit"),
        }
        levels = {"maintenance": self._asked(margin), "exit": self._asked(margin + buffer)}
        return rules(levels, rung, buffer=text(buffer), instruments={"cost_basis": self.cost_basis})

    def _asked(self, share: Decimal) -> dict[str, Any]:
        margin = {"op": "with_orders", "of": {"op": "rate", "rate": text(share)}}
        if not self.orders:
            return margin
        charged = {"op": "orders", "amount": text(CHARGE * self.orders)}
        return {"op": "sum", "of": [margin, charged]}

    def figures(self) -> dict[str, Any]:
        """Return both accounts as the venue writes them, and what the fund received."""
        stage = self.stage
        freed = [stay.freed for stay in self._stays(stage.engine).values()]
        return {
            "user_base": stage.holds(USER, MARKET).scaleb(-BASE),
            "user_quote": self._quote(USER, self.deposit),
            "liquidator_base": stage.holds(KEEPER, MARKET).scaleb(-BASE),
            "liquidator_quote": self._quote(KEEPER, WEALTH),
            "insurance_fees": stage.balance("insurance").scaleb(-FEE),
            "margin_freed": stage.money(sum(freed)).scaleb(-QUOTE),
        }

    def _quote(self, account: str, deposit: Decimal) -> Decimal:
        """What the account has beside its deposit and its coins, both at cost."""
        units = (self.stage.balance(account) - deposit).scaleb(-QUOTE)
        return units - self.stage.position(account, MARKET).cost
