"""Random ladders and waterfalls, valid by construction: every kind of rung, rule and layer."""

from random import Random
from typing import Any

from clearing.rulebook.waterfall import RANK_KEYS

VAULT = "vault"
"""An account that takes over and that nothing is asked of."""
FUNDS = ("insurance", "second")

Document = dict[str, Any]


def random_when(dice: Random, levels: list[str]) -> Document:
    """A condition at some level and factor, sometimes with a grace or a way out."""
    when: Document = {"level": dice.choice(levels), "comparator": dice.choice(["<", "<", "<="])}
    if dice.random() < 0.2:
        when["factor"] = dice.choice(["0.5", "1.2"])
    if dice.random() < 0.15:
        when["grace_seconds"] = dice.choice([1, 20])
    if dice.random() < 0.2:
        when["until"] = {"level": when["level"], "factor": "1.3"}
    return when


def random_ladder(dice: Random, levels: list[str], *, collateral: bool) -> list[Document]:
    """Warnings or none, some closing rungs or none, and one that ends it."""
    ladder: list[Document] = []
    if dice.random() < 0.2:
        ladder.append({"action": "notify", "when": random_when(dice, levels)})
    if dice.random() < 0.3:
        ladder.append(
            {
                "action": "margin_call",
                "when": {"level": dice.choice(levels), "factor": dice.choice(["1", "1.5"])},
                "grace_seconds": 30,
                "restore": dice.choice(levels),
                "on_missed": dice.choice(["notify", "liquidate"]),
            }
        )
    if dice.random() < 0.2:
        ladder.append({"action": "cancel_orders", "when": random_when(dice, levels)})
    if collateral and dice.random() < 0.4:
        ladder.append(_conversion(dice, levels))
    if collateral and dice.random() < 0.4:
        ladder.append(_seizure(dice, levels))
    if collateral and dice.random() < 0.3:
        ladder.append(_cover(dice, levels))
    ladder += [_reduction(dice, levels) for _ in range(dice.choice([0, 0, 1, 1, 2]))]
    ladder += [_auction(dice, levels) for _ in range(dice.choice([0, 0, 0, 1, 2]))]
    dice.shuffle(ladder)
    if dice.random() < 0.2:
        ladder.append(_takeover(dice, random_when(dice, levels)) | {"to": VAULT})
    comparator = dice.choice(["<", "<="])
    last = {"level": dice.choice(["maintenance", "maintenance", "zero"]), "comparator": comparator}
    end = {"action": "adl", "when": last} if dice.random() < 0.2 else _takeover(dice, last)
    return [*ladder, end]


def _takeover(dice: Random, when: Document) -> Document:
    rung: Document = {
        "action": "takeover",
        "when": when,
        "residual": dice.choice(["trader", "taker"]),
    }
    if dice.random() < 0.15:
        rung["only_debts"] = True
    penalty = {**_penalty(dice), "limit": "equity"}
    return rung | ({"penalty": penalty} if dice.random() < 0.3 else {})


def _penalty(dice: Random) -> Document:
    shares = [{"account": "insurance", "share": "0.3"}, {"account": VAULT, "share": "0.7"}]
    return {
        "rate": dice.choice(["0.005", "0.2"]),
        "limit": dice.choice(["equity", "surplus"]),
        "recipients": shares,
    }


def _conversion(dice: Random, levels: list[str]) -> Document:
    return {
        "action": "convert",
        "when": random_when(dice, levels),
        "amount": dice.choice(["shortfall", "all"]),
        "discount": dice.choice(["0", "0.07"]),
    }


def _seizure(dice: Random, levels: list[str]) -> Document:
    return {
        "action": "repay_and_seize",
        "when": random_when(dice, levels),
        "keeper": VAULT,
        "close_factor": dice.choice(["0.5", "1", "0.01"]),
        "bonus": dice.choice(["0", "0.05"]),
        "minimum_value": dice.choice(["0", "50"]),
    }


def _cover(dice: Random, levels: list[str]) -> Document:
    return {
        "action": "cover",
        "when": random_when(dice, levels),
        "level": dice.choice(levels),
        "factor": dice.choice(["1", "1.2"]),
    }


def unwinding(dice: Random, levels: list[str]) -> Document:
    """A reduction that sells gains on the way, for which PnL has to count by nested weights."""
    rung: Document = {
        "action": "reduce",
        "when": random_when(dice, levels),
        "quantity": {
            "op": "restore",
            "level": dice.choice(levels),
            "factor": dice.choice(["1", "1.2"]),
        },
        "price": _debtors_price(dice),
        "gains": {},
    }
    if dice.random() < 0.3:
        rung["gains"]["penalty"] = {**_penalty(dice), "limit": "equity"}
    if dice.random() < 0.3:
        rung["pause_seconds"] = dice.choice([1, 15])
        if dice.random() < 0.5:
            rung["gains"]["at_most"] = dice.choice(["0", "50"])
        if dice.random() < 0.5:
            rung["at_most"] = {"share": "0.3", "notional": "500"}
    return rung


def _reduction(dice: Random, levels: list[str]) -> Document:
    quantities: list[Document] = [
        {"op": "share", "share": dice.choice(["0.25", "0.5", "1", "0.013"])},
        {"op": "share", "share": "0.5", "of": "scope"},
        {"op": "all"},
        {"op": "restore", "level": dice.choice(levels), "factor": dice.choice(["1", "1.2"])},
        {"op": "tiers_down", "down": dice.choice([1, 2])},
        {"op": "cover", "level": dice.choice(levels), **_decimals(dice)},
    ]
    prices: list[Document] = [
        {"op": "mark", "spread": dice.choice(["0", "0.002"])},
        _debtors_price(dice),
        {"op": "fillable", "spread": "1.5", "adjustment": dice.choice(["1", "0.3"])},
        {"op": "bankruptcy"},
    ]
    price = dice.choice(prices)
    if dice.random() < 0.2:
        price["tick"] = dice.choice(["0.01", "0.5"])
    rung: Document = {
        "action": "reduce",
        "when": random_when(dice, levels),
        "quantity": dice.choice(quantities),
        "price": price,
    }
    if dice.random() < 0.3:
        rung["pause_seconds"] = dice.choice([1, 15])
        if dice.random() < 0.5:
            rung["at_most"] = {"share": "0.3", "notional": "500"}
    if dice.random() < 0.2:
        rung["at_least"] = {"notional": "40"}
    if dice.random() < 0.3:
        rung["minimum_notional"] = "30"
    if dice.random() < 0.2:
        rung["whole_up_to"] = "100"
    if dice.random() < 0.3:
        rung["pause_seconds"] = dice.choice([1, 15])
        rung["ramp"] = {
            "level": dice.choice(levels),
            "initial": dice.choice(["0", "0.1", "1"]),
            "seconds": dice.choice([1, 60]),
            "whole_below": dice.choice(["0", "20"]),
            **_decimals(dice),
        }
    if dice.random() < 0.3:
        rung["penalty"] = _penalty(dice)
        if dice.random() < 0.5:
            headroom = {"level": dice.choice(levels), "share": "0.95", **_decimals(dice)}
            rung["penalty"]["headroom"] = headroom
    if dice.random() < 0.2:
        rung["to"] = VAULT
    return rung


def _decimals(dice: Random) -> Document:
    return {"decimals": dice.choice([2, 6])} if dice.random() < 0.5 else {}


def _debtors_price(dice: Random) -> Document:
    """A price that may leave a debt, and that falls as time passes."""
    rising = {"per_second": "0.001", "after_seconds": dice.choice([0, 20]), "most": "0.05"}
    return {"op": "mark", "spread": "0.01", "floor": dice.choice(["equity", "none"])} | (
        {"rising": rising} if dice.random() < 0.5 else {}
    )


def _auction(dice: Random, levels: list[str]) -> Document:
    start, end = dice.choice(["1.05", "1", "1.3"]), dice.choice(["0.95", "0.8", "0"])
    span = {"duration_seconds": dice.choice([3, 30, 300])}
    dutch = {"start": start, "end": end, **span}
    steps = {**dutch, "step_seconds": dice.choice([1, 2])}
    methods: list[Document] = [
        {"op": "linear", **dutch},
        {"op": "stair", "step": dice.choice(["0.01", "0.3"]), **steps},
        {"op": "exponential", "cut": dice.choice(["0.99", "0.7"]), **steps},
        {"op": "sealed", "reserve": end, "pays": dice.choice(["own", "uniform"]), **span},
        {"op": "sealed", "reserve": "1", "pays": dice.choice(["own", "uniform"]), **span},
    ]
    rung: Document = {
        "action": "auction",
        "when": random_when(dice, levels),
        "method": dice.choice(methods),
        "ends_when_restored": dice.random() < 0.7,
    }
    bearing = dice.choice(["bankruptcy", "account", "waterfall"])
    rung |= {"floor": bearing} if bearing == "bankruptcy" else {"shortfall": bearing}
    if dice.random() < 0.3:
        rung["penalty"] = _penalty(dice)
    return rung


def random_layers(dice: Random, markets: tuple[str, ...]) -> list[Document]:
    """Up to five layers in any order, and the deficit."""
    once = [_fund(dice, markets), _fund(dice, markets), _adl(dice), _adl(dice)]
    once += [{"layer": "haircut"}, {"layer": "per_unit", **_decimals(dice)}, _backstop(dice)]
    layers = dice.sample(once, dice.randrange(0, 5))
    if not any(layer["layer"] == "adl" for layer in layers):
        layers.insert(dice.randrange(len(layers) + 1), _adl(dice))
    return [*layers, {"layer": "deficit"}]


def _backstop(dice: Random) -> Document:
    """Providers that are asked for nothing, and one that is margined like anybody else."""
    shares = dice.choice([("1", "0", "0"), ("0.5", "0.3", "0.2"), ("0.1", "0.1", "0.8")])
    names = (VAULT, "second", "dan")
    providers = [{"account": name, "share": s} for name, s in zip(names, shares, strict=True)]
    return {"layer": "backstop", "providers": providers}


def _fund(dice: Random, markets: tuple[str, ...]) -> Document:
    layer: Document = {
        "layer": "fund",
        "account": dice.choice(FUNDS),
        "by": dice.choice(["assuming", "paying"]),
        "capacity": dice.choice(["equity", "equity", "cash", "unlimited"]),
    }
    if dice.random() < 0.3 and layer["by"] == "assuming":
        layer["notional"] = "0.5"
    if dice.random() < 0.3 and layer["capacity"] != "unlimited":
        layer["reserve"] = "20"
    if dice.random() < 0.3:
        most = dice.choice([{"amount": "40"}, {"share": "0.3"}])
        layer["period"] = {"seconds": 60, **most}
    if dice.random() < 0.2:
        layer["claim"] = "60"
    if dice.random() < 0.3:
        layer["markets"] = dice.sample(markets, 2)
    return layer


def _adl(dice: Random) -> Document:
    layer: Document = {
        "layer": "adl",
        "rank": dice.choice(RANK_KEYS),
        "candidates": dice.choice(["all", "profitable", "overlapping"]),
        "allocation": dice.choice(["queue", "pro_rata"]),
        "price": dice.choice(["bankruptcy", "bankruptcy", "mark", "previous_mark", "adl"]),
    }
    if layer["rank"] == "recorded":
        layer["others"] = dice.choice(["last", "none"])
    if dice.random() < 0.3:
        layer |= {"most": dice.choice([1, 2]), "at_most": dice.choice(["0.3", "1"])}
    return layer | ({"seed": "dice"} if layer["rank"] == "random" else {})
