"""Closing accounts against the other side, at the bankruptcy price or at the oracle price.

At the oracle price is what the end of a market is: everybody is closed at it. Whoever is named as
the other side is bound to rules without a ladder, so that it is not due itself.
"""

from decimal import Decimal
from typing import Any

from tests.engine.venue import of_kind
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import text
from tests.vectors.units_dydx import ALWAYS, Dydx, quote, rules

ASKED = "a size or a side that somebody asks for and that is refused: the ladder chooses itself"
ENDS = "the end of a market closes everybody, whoever is left with a debt"


def run(row: Row) -> Outcome:
    if row.has("subaccount"):
        return _whether(row)
    if row.expected.get("error") == "ErrInvalidPerpetualPositionSizeDelta":
        return NotApplicable(ASKED)
    if row.inputs.get("price_basis") == "oracle price":
        return _at_oracle(row)
    if row.has("subaccounts"):
        return _offset(row)
    return _pair(row)


def _venue(row: Row, accounts: dict[str, Any], liquidated: str) -> tuple[Dydx, dict[str, Any]]:
    """Return the accounts as they were, with one that is liquidated, and the schedules."""
    stage = Dydx()
    stage.account(liquidated)
    others = [name for name in accounts if name != liquidated]
    stage.account(*others, account_class="other")
    told = row.inputs.get("perpetuals") or [row.inputs["perpetual"]]
    schedules = stage.declare_all(row, told)
    for name, account in accounts.items():
        stage.pay(name, quote(account["usdc_quote_quantums"]))
        for position in account["positions"]:
            stage.take(f"P{position['perpetual_id']}", position["quantums"], account=name)
    return stage, schedules


def _deleverages(schedules: dict[str, Any], when: dict[str, Any]) -> dict[str, Any]:
    """Return rules that close accounts against whoever would not end below nothing by it."""
    document = rules(schedules, rung={"action": "adl", "when": when})
    markets = dict(document["bindings"][0]["markets"])
    document["bindings"].append({"account_class": "other", "markets": markets})
    layers = [{"layer": "adl", "candidates": "overlapping"}, {"layer": "deficit"}]
    document["waterfalls"]["standard"]["layers"] = layers
    return document


def _whether(row: Row) -> Outcome:
    """Below nothing at the bankruptcy price; else, where its market ends, at the oracle's."""
    name = "alice"
    stage, schedules = _venue(row, {}, "bob")
    account = row.inputs["subaccount"]
    stage.pay(name, quote(account["usdc_quote_quantums"]))
    for position in account["positions"]:
        stage.take(f"P{position['perpetual_id']}", position["quantums"], account=name)
    before = stage.measured(name).equity
    entries = stage.adopt(_deleverages(schedules, {"level": "zero"}))
    bankrupt = bool(of_kind(entries, "bankruptcy"))
    ended = False
    if row.inputs["market_in_final_settlement"]:
        held = stage.holds(name, "P0")
        stage("MarketSettled", market="P0", price=text(stage.prices["P0"]))
        ended = bool(held) and not stage.holds(name, "P0")
    return Found(
        {
            "net_collateral_quote_quantums": stage.quantums(before),
            "deleverage_at_bankruptcy_price": bankrupt,
            "deleverage_at_oracle_price": ended,
        }
    )


def _pair(row: Row) -> Outcome:
    accounts = {"liquidated": row.inputs["liquidated"], "offsetting": row.inputs["offsetting"]}
    stage, schedules = _venue(row, accounts, "liquidated")
    document = _deleverages(schedules, ALWAYS["when"])
    entries = stage.adopt(document)
    if not of_kind(entries, "adl"):
        return Found({"error": "ErrFailedToUpdateSubaccounts"})
    return Found({name: stage.account_after(name) for name in accounts})


def _at_oracle(row: Row) -> Outcome:
    if "error" in row.expected:
        return NotApplicable(ENDS)
    accounts = {"liquidated": row.inputs["liquidated"], "offsetting": row.inputs["offsetting"]}
    stage, _ = _venue(row, accounts, "liquidated")
    stage("MarketSettled", market="P0", price=text(stage.prices["P0"]))
    return Found({name: stage.account_after(name) for name in accounts})


def _offset(row: Row) -> Outcome:
    accounts: dict[str, Any] = row.inputs["subaccounts"]
    liquidated = row.text("liquidated")
    stage, schedules = _venue(row, accounts, liquidated)
    entries = stage.adopt(_deleverages(schedules, ALWAYS["when"]))
    names = {stage.ordinal(name): name for name in accounts}
    taken = [
        (names[int(entry["candidate"])], Decimal(int(entry["taken"])))
        for entry in of_kind(entries, "adl")
        if entry["taken"]
    ]
    left = row.number("delta_quantums") - sum((size for _, size in taken), Decimal(0))
    opened = row.number("open_interest_before")
    return Found(
        {
            "fills": [{"offsetting": name, "fill_quantums": size} for name, size in taken],
            "quantums_remaining": left,
            "open_interest_after": opened - sum((size for _, size in taken), Decimal(0)),
            "subaccounts_after": {
                name: stage.account_after(name) for name in row.expected["subaccounts_after"]
            },
        }
    )
