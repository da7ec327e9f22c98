"""A perpetual position closed and its gain sold, until health is restored or a limit is met.

The source keeps the quote of a position, which is the negative of its cost. What it keeps there
of a position that is closed is cash in the ledger.
"""

from decimal import Decimal
from typing import Any

from clearing.engine import Entry
from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

NEVER = 10_000_000
USER = "alice"


class Mango(Stage):
    """A market with whole lots beside the settlement asset, and other collateral at a price of 1.

    Positions have net costs. The rules come last, when the account stands as the row has it.
    """

    def __init__(self) -> None:
        super().__init__(decimals=6)
        self("AssetDeclared", name="COIN", decimals=6)
        self.perpetual(size_decimals=0)
        self.market("COIN-USD", lot="0.000001", size_decimals=6)
        self.account(USER, "maker")
        self.mark(**{"PERP": "1", "COIN-USD": "1"})

    def owns(self, other: str) -> None:
        """Give the account other collateral, or let it owe some."""
        kind = "Withdrawn" if other.startswith("-") else "Deposited"
        if other.strip("-0."):
            self(kind, account=USER, asset="COIN", amount=other.removeprefix("-"))

    def rules(
        self,
        rate: str,
        gain: str,
        ladder: list[dict[str, Any]],
        layers: list[dict[str, Any]],
        own: dict[str, Any] | None = None,
    ) -> list[Entry]:
        """Adopt rules that ask ``rate`` of a notional and count ``gain`` of a gain."""
        flat = {"op": "rate", "rate": rate}
        assets = {"COIN": {"market": "COIN-USD", "weights": {"maintenance": "1"}}}
        policy = {
            "assets": assets if own is None else {**assets, "USD": own},
            "unrealised": {"maintenance": {"gain": gain}},
            "nested": True,
        }
        end = {"action": "takeover", "when": {"level": "zero", "grace_seconds": NEVER}}
        document = rulebook(
            instruments={"cost_basis": "net"},
            schedule={"initial": flat, "maintenance": flat},
            collateral={"mango": policy},
            ladder=[*ladder, end],
            layers=layers,
        )
        document["bindings"][0]["collateral"] = "mango"
        return self.adopt(document)


def run(row: Row) -> Outcome:
    account = row.inputs["account"]
    stage = Mango()
    settle = Decimal(account["settle_token"])
    stage.pay(USER, settle)
    stage.owns(account["other_collateral"])
    size, quote = Decimal(account["base"]), Decimal(account["perp_quote"])
    if size:
        stage.fill(USER, "PERP", size, "1", reported_cost=text(-quote))
    gains: dict[str, Any] = {"at_most": row.text("max_pnl_transfer")}
    fee = row.number("positive_pnl_liquidation_fee")
    if fee:
        recipients = [{"account": "insurance", "share": "1"}]
        gains["penalty"] = {"rate": text(fee), "recipients": recipients}
    rung = {
        "action": "reduce",
        "when": {"level": "maintenance"},
        "quantity": {"op": "restore"},
        "price": {"op": "mark", "floor": "none"},
        "pause_seconds": NEVER,
        "gains": gains,
    }
    most = abs(row.number("max_base_transfer"))
    if most:
        rung["at_most"] = {"notional": text(most)}
    rate = text(1 - row.number("base_asset_weight"))
    stage.rules(rate, row.text("pnl_overall_asset_weight"), [rung], [{"layer": "deficit"}])
    cash, held = stage.balance(USER), stage.position(USER, "PERP")
    left = -stage.money(held.cost * stage.asset.lift)
    figures = {"settle_token": cash, "base": stage.holds(USER, "PERP"), "perp_quote": left}
    if size and not held.size:
        figures |= {"settle_token": settle, "perp_quote": cash - settle}
    return Found(figures)
