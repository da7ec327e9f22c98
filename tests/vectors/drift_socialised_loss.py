"""A debt that the insurance vault, the fee pool and then every unit of both sides bear.

The bankrupt account has lost what it owes in the market and holds nothing any more.
"""

from decimal import Decimal
from typing import Any

from clearing.engine import Entry
from tests.engine.venue import of_kind, rulebook
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

MARKET, BANKRUPT, POOL = "PERP", "bankrupt", "fee-pool"
SIZE, QUOTE, RATE = -9, -6, -9
UNCHARGED = "a loss for which nobody can be charged is refused there; here the next layer bears it"
DEPOSITS = "an index of a lending pool's deposits: the ledger keeps balances, and has no such index"


def run(row: Row) -> Outcome:
    if row.has("accounts"):
        return _scenario(row)
    if row.has("total_deposits"):
        return NotApplicable(DEPOSITS)
    stage = _staged()
    interest = sum(abs(row.number(f"open_interest_{side}")) for side in ("long", "short"))
    if interest:
        # The source's own pool takes what one side has more; in a ledger both sides are equal.
        for holder, sign in (("longs", 1), ("shorts", -1)):
            stage.account(holder)
            size = interest.scaleb(SIZE) / 2
            stage.fill(holder, MARKET, sign * size, "1")
    loss = abs(row.number("loss")).scaleb(QUOTE)
    entries = _resolve(stage, loss, Decimal(0))
    if "error" in row.expected:
        (told,) = of_kind(entries, "loss")
        assert Decimal(str(told["deficit"])) == loss
        return NotApplicable(UNCHARGED)
    (charged,) = of_kind(entries, "per_unit")
    return Found({"funding_rate_delta": Decimal(str(charged["each"])).scaleb(-RATE)})


def _staged() -> Stage:
    stage = Stage(decimals=-QUOTE)
    stage.perpetual(MARKET, finest=-QUOTE, size_decimals=-SIZE + 1)
    stage.account(BANKRUPT)
    stage.account(POOL, account_class="fund")
    return stage


def _resolve(stage: Stage, loss: Decimal, vault: Decimal) -> list[Entry]:
    """Let the account have lost so much, and everybody bear it; return what that left."""
    if vault:
        stage("FundContributed", fund="insurance", asset="USD", amount=text(vault))
    stage.fill(BANKRUPT, MARKET, Decimal(1), "1", reported_cost=text(loss))
    stage.fill(BANKRUPT, MARKET, Decimal(-1), "1", reported_cost="0")
    layers: list[dict[str, Any]] = [
        {"layer": "fund", "by": "paying", "capacity": "cash", "reserve": "0.000001"},
        {"layer": "fund", "account": POOL, "by": "paying", "capacity": "cash"},
        {"layer": "per_unit", "decimals": -QUOTE},
        {"layer": "deficit"},
    ]
    debts = {"action": "takeover", "when": {"level": "zero"}, "only_debts": True}
    whole: dict[str, Any] = {"unrealised": {"maintenance": {}}}
    document = rulebook(ladder=[debts], layers=layers, collateral={"whole": whole})
    document["bindings"][0]["collateral"] = "whole"
    return stage.adopt(document)


def _scenario(row: Row) -> Outcome:
    stage, told = _staged(), row.inputs["accounts"]
    holders = {name: account for name, account in told.items() if Decimal(account["base"])}
    for name, account in holders.items():
        stage.account(name)
        cost = text(-Decimal(account["quote"]))
        stage.fill(name, MARKET, Decimal(account["base"]), "1", reported_cost=cost)
    _others(stage, row.inputs["market"], holders)
    pool = row.number("fee_pool_before")
    if pool:
        stage("FundContributed", fund=POOL, asset="USD", amount=text(pool))
    settled: dict[str, Decimal] = {}
    figures: dict[str, Any] = {}
    for event in row.inputs["events"]:
        name = event["account"]
        if event["type"] == "settle_funding":
            settled[name] = stage.accrued(name, MARKET)
            continue
        vault, debt = Decimal(event["insurance_vault"]), -Decimal(told[name]["quote"])
        (loss,) = of_kind(_resolve(stage, debt, vault), "loss")
        insured = vault - stage.balance("insurance")
        figures["market_social_loss"] = loss["socialised"]
        figures[name] = {
            "base": stage.holds(name, MARKET),
            "quote": stage.balance(name),
            "socialised": Decimal(str(loss["loss"])) - insured,
        }
    for name in holders:
        paid = -settled.get(name, Decimal(0))
        spent = Decimal(stage.position(name, MARKET).cost).scaleb(QUOTE)
        figures[name] = {
            "base": stage.holds(name, MARKET),
            "quote": stage.balance(name) - spent - paid,
            "funding_paid": paid,
        }
    # The ledger's indexes begin at 0, the row's where its market had come to.
    moved = stage.of_market(MARKET)
    for side, index in (("long", moved.index), ("short", moved.short_index)):
        name = f"cumulative_funding_rate_{side}"
        change = Decimal(index).scaleb(-moved.index_decimals)
        figures[name] = Decimal(row.inputs["market"][name]) + change
    figures["fee_pool_after"] = stage.balance(POOL)
    return Found({**figures, "accounts": {name: figures.pop(name) for name in told}})


def _others(stage: Stage, market: dict[str, str], holders: dict[str, Any]) -> None:
    """Let others hold what of the market's open interest no account of the row has."""
    for side, sign in (("long", 1), ("short", -1)):
        bases = [Decimal(holder["base"]) for holder in holders.values()]
        held = sum((base for base in bases if base * sign > 0), Decimal(0))
        rest = Decimal(market[f"open_interest_{side}"]) - held
        if rest:
            stage.account(f"other-{side}")
            stage.fill(f"other-{side}", MARKET, rest, "1")
