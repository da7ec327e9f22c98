"""Sequences of fills: netting, cycles and a flip, with commissions as the source tells them.

The source's figures begin again when a position opens from flat; a ledger's balances go on, so they
are read from where the position opened.
"""

from decimal import Decimal
from typing import Any

from tests.vectors.outcome import Found, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text


def run(row: Row) -> Outcome:
    stage = Stage(decimals=row.decimals)
    stage.perpetual()
    stage.account("alice")
    checks: dict[str, Any] = {}
    opened = paid = Decimal(0)
    for event in row.inputs["events"]:
        if event["type"] == "checkpoint":
            expected = row.expected["checks"][event["n"]]
            checks[event["n"]] = _check(stage, opened, paid, expected.get("at_mark"))
            continue
        if not stage.holds("alice", "PERP"):
            opened, paid = stage.balance("alice"), Decimal(stage.ledger("fees"))
        size = Decimal(event["quantity"])
        size = size if event["side"] == "buy" else -size
        stage.fill("alice", "PERP", size, event["price"], fee=event["commission"])
    return Found({"checks": checks})


def _check(stage: Stage, opened: Decimal, paid: Decimal, mark: str | None) -> dict[str, Decimal]:
    size = stage.holds("alice", "PERP")
    found = {
        "position_size": size,
        "realised_pnl": stage.balance("alice") - opened,
        "commissions": Decimal(stage.ledger("fees")) - paid,
    }
    if size:
        found["average_entry"] = stage.average_entry("alice", "PERP")
    if mark is not None:
        stage.mark(PERP=mark)
        found["at_mark"] = Decimal(text(Decimal(mark)))
        found["unrealised_pnl"] = stage.money(stage.gain("alice", "PERP"))
        found["total_pnl"] = stage.money(stage.measured("alice").equity) - opened
    return found
