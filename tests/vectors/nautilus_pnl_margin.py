"""Linear and inverse PnL and margin: one fill, one mark, what the engine says of them.

Margin divides a rate by leverage (``user_leverage``) and is rounded to the asset's decimals.
"""

from fractions import Fraction

from tests.engine.venue import rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, quotient, text

TOLD = "a fill's fee is told by its source, so reading it back would say nothing"


def run(row: Row) -> Outcome:
    if row.inputs.get("margin_in_quote"):
        return NotApplicable("an inverse contract is margined in the coin that it settles in")
    stage = Stage(decimals=row.decimals)
    stage.perpetual(payoff=row.text("contract"))
    stage.account("alice")
    return _pnl(row, stage) if row.has("mark_price") else _margin(row, stage)


def _margin(row: Row, stage: Stage) -> Outcome:
    asked = {
        "op": "rounded",
        "rounding": "half_even",
        "of": {"op": "user_leverage", "rate": row.text("margin_rate"), "default": "1"},
    }
    schedule = {"initial": asked, "maintenance": asked}
    stage.adopt(rulebook(mode="verify", schedule=schedule))
    stage("LeverageSet", account="alice", market="PERP", leverage=row.text("leverage"))
    stage.fill("alice", "PERP", row.number("quantity"), row.text("price"))
    stage.mark(PERP=row.text("price"))
    return Found({"margin": stage.money(stage.measured("alice").initial)})


def _pnl(row: Row, stage: Stage) -> Outcome:
    size = row.number("quantity") * (1 if row.inputs["side"] == "long" else -1)
    stage.fill("alice", "PERP", size, row.text("entry_price"), fee=_fee(row))
    stage.mark(PERP=row.text("mark_price"))
    figures = {
        "unrealised_pnl": stage.money(stage.gain("alice", "PERP"), row.decimals),
        "realised_pnl": stage.balance("alice"),
        "total_pnl": stage.money(stage.measured("alice").equity, row.decimals),
        "notional": abs(stage.money(stage.worth("alice", "PERP"), row.decimals)),
    }
    return Found(figures, {"commission": TOLD})


def _fee(row: Row) -> str:
    """Return the commission that the source tells with a fill, rounded as it does."""
    size, price = Fraction(row.number("quantity")), Fraction(row.number("entry_price"))
    notional = size * price if row.inputs["contract"] == "linear" else size / price
    exact = quotient(notional * Fraction(row.number("entry_fee_rate", "0")))
    return text(round(exact, row.decimals))
