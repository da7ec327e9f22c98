"""Sequences of deposits, fills and marks, with both sides of every fill.

A mark moves no money here: what its source pays at once stays unrealised, so its accounts are
compared as equity. How much of it the source sets apart as margin is its own allocation.
"""

from decimal import Decimal
from typing import Any

from tests.vectors.lists import LATER
from tests.vectors.outcome import Found, Outcome, Pending
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

PLAIN = {"initial_mark", "deposit", "fill", "mark", "checkpoint"}
ALLOCATED = "the row does not say what the source's margin is made of; what it leaves is compared"


def run(row: Row) -> Outcome:
    events = row.inputs["events"]
    fees = any(row.number(name) for name in row.inputs if name.endswith("_fee_factor"))
    if fees or {event["type"] for event in events} - PLAIN:
        return Pending(LATER)
    places = int(row.inputs.get("position_decimal_places", "0"))
    stage = Stage(decimals=0)
    stage.perpetual(size_decimals=max(0, places))
    deposits: dict[str, Decimal] = {}
    checks: dict[str, Any] = {}
    for event in events:
        if event["type"] == "checkpoint":
            checks[event["n"]] = _check(stage, row.expected["checks"][event["n"]], deposits)
        elif event["type"] == "deposit":
            _deposit(stage, deposits, event["party"], Decimal(event["amount"]))
        elif event["type"] == "fill":
            size = text(Decimal(event["volume"]).scaleb(-places))
            stage.trade(event["buyer"], event["seller"], "PERP", size, event["price"])
        else:
            stage.mark(PERP=event["price"])
    return Found({"checks": checks}, {"margin": ALLOCATED})


def _deposit(stage: Stage, deposits: dict[str, Decimal], party: str, amount: Decimal) -> None:
    if party not in deposits:
        stage.account(party)
    deposits[party] = deposits.get(party, Decimal(0)) + amount
    stage.pay(party, amount)


def _check(stage: Stage, expected: dict[str, Any], deposits: dict[str, Decimal]) -> dict[str, Any]:
    totals = {party: stage.money(stage.measured(party).equity) for party in deposits}
    split = expected.get("margin_general_split_asserted_by_peer", {})
    return {
        "account_totals": totals,
        "sum_of_all_accounts": sum(totals.values(), Decimal(stage.ledger("fees"))),
        "insurance_pool": stage.balance("insurance"),
        "margin_general_split_asserted_by_peer": {
            party: {"general": totals[party] - Decimal(parts["margin"])}
            for party, parts in split.items()
        },
        "pnl": {
            party: {
                "volume": stage.holds(party, "PERP"),
                "unrealised": stage.money(stage.gain(party, "PERP")),
                "realised": stage.balance(party) - deposits[party],
            }
            for party in deposits
        },
    }
