"""Random price policies over one source, for random days at a small venue."""

from random import Random
from typing import Any

ROLES = ("oracle", "index", "last")


def _told(dice: Random) -> dict[str, Any]:
    told: dict[str, Any] = {"op": "source", "source": "venue", "price": dice.choice(ROLES)}
    if dice.random() < 0.4:
        told["fresh_seconds"] = dice.choice([0, 5, 60])
    return told


def random_tree(dice: Random, depth: int = 3) -> dict[str, Any]:
    """A tree at most ``depth`` deep."""
    if depth == 1 or dice.random() < 0.3:
        return {"op": "recorded"} if dice.random() < 0.4 else _told(dice)
    parts = [random_tree(dice, depth - 1) for _ in range(dice.choice([1, 2, 3]))]
    match dice.choice(["among", "weighted", "ema", "clamp", "add"]):
        case "among":
            return {"op": dice.choice(["median", "min", "max", "first"]), "of": parts}
        case "weighted":
            weights = [dice.choice(["1", "2", "0.5"]) for _ in parts]
            tree: dict[str, Any] = {"of": parts, "weights": weights}
            tree["op"] = dice.choice(["weighted_median", "mean"])
            if dice.random() < 0.5:
                tree["outliers"] = {"beyond": "0.05", "at_most": dice.choice([0, 1])}
            return tree
        case "ema":
            over = dice.choice(["ema", "twap", "delayed"])
            return {"op": over, "price": parts[0], "seconds": dice.choice([3, 40])}
        case "clamp":
            return {"op": "clamp", "price": parts[0], "around": parts[-1], "within": "0.05"}
        case _:
            share = {1: "1", 2: "0.5", 3: "0.25"}[len(parts)]
            return {"op": "add", "of": [{"price": part, "factor": share} for part in parts]}


def _breaker(dice: Random) -> dict[str, Any]:
    states = ["auction", "reduce_only", "liquidations_paused", "halted"]
    return {
        "up": dice.choice([None, "0.02", "0.1"]),
        "down": dice.choice(["0.02", "0.1"]),
        "state": dice.choice(states),
        "seconds": dice.choice([1, 5, 60]),
    }


def random_prices(dice: Random, markets: tuple[str, ...]) -> dict[str, Any]:
    """Policies for some of ``markets``, each with trees for some roles."""
    policies: dict[str, Any] = {}
    for market in markets:
        if dice.random() < 0.5:
            continue
        roles = {"index": random_tree(dice)}
        for role in ("mark", "trigger", "collateral", "close"):
            if dice.random() < 0.35:
                roles[role] = random_tree(dice)
        forbids = {"divergent": dice.choice([["liquidate"], ["value"], ["margin_call"]])}
        if dice.random() < 0.5:
            forbids["stale"] = ["liquidate", "margin_call"]
        validity = {"divergence": "0.2", "stale_seconds": 40, "forbids": forbids}
        policies[market] = {"roles": roles, "validity": validity}
        if dice.random() < 0.4:
            policies[market]["breakers"] = [_breaker(dice)]
    return policies


def random_impact(dice: Random, markets: tuple[str, ...]) -> dict[str, Any]:
    """By how much forced closes move some of ``markets``."""
    return {
        market: {
            "op": dice.choice(["linear", "square_root"]),
            "coefficient": dice.choice(["0.01", "0.3"]),
            "depth": dice.choice([None, "5", "100"]),
            "ceiling": dice.choice(["0.02", "0.5"]),
            "closes": dice.choice([["reduce"], ["reduce", "takeover"], ["reduce", "takeover"]]),
            "fades_seconds": dice.choice([0, 3, 90]),
        }
        for market in markets
        if dice.random() < 0.8
    }


def random_funding(dice: Random, prices: dict[str, Any]) -> dict[str, Any]:
    """Rules of computed funding for some of the markets that have an index."""
    rules: dict[str, Any] = {}
    for market in prices:
        if dice.random() < 0.4:
            continue
        premium = {
            "op": "prices",
            "average": dice.choice(["twap", "last"]),
            "rounding": dice.choice([None, "down"]),
        }
        rule: dict[str, Any] = {
            "interval_seconds": 60,
            "per_seconds": dice.choice([60, 480]),
            "lag_seconds": dice.choice([0, 0, 7]),
            "premium": dice.choice([premium, {"op": "samples", "expected": 3}]),
            "interest": "0.0001",
            "cap": {"low": "-0.02", "high": "0.02"},
            "rate_decimals": dice.choice([None, 6]),
        }
        if dice.random() < 0.4:
            rule["band"] = {"low": "-0.0005", "high": "0.0005"}
        if dice.random() < 0.4:
            rule["pause"] = {"states": ["halted"]}
        if dice.random() < 0.4:
            share = dice.choice([None, "0.1"])
            sides = {"long": {"pays": "0.7"}, "short": {"receives": "0.9"}, "residual": "insurance"}
            rule["sides"] = {**sides, "residual_share": share}
        rules[market] = rule
    return rules
