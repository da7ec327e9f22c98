"""Random margin schedules, valid by construction: initial is never below maintenance."""

from random import Random
from typing import Any

Schedule = dict[str, Any]

TIERS = [("0", "0.01"), ("500", "0.02"), ("5000", "0.05")]


def random_schedule(dice: Random, *, rounds: bool = True) -> Schedule:
    """A schedule of initial and maintenance margin, sometimes with a third level."""
    if dice.random() < 0.3:
        return dice.choice([_flat, _tiers])(dice)
    maintenance = random_level(dice, 2, rounds=rounds)
    schedule = {
        "initial": {"op": "sum", "of": [maintenance, random_level(dice, 2, rounds=rounds)]},
        "maintenance": maintenance,
    }
    if dice.random() < 0.5:
        schedule["release"] = {"op": "ratio", "level": "initial", "factor": "1.3"}
        schedule["initial"] = {"op": "ratio", "level": "maintenance", "factor": "1.50000000001"}
    return schedule


def random_level(dice: Random, depth: int, *, rounds: bool = True) -> dict[str, Any]:
    """One level's requirement; ``depth`` bounds how deep operators may nest.

    ``rounds`` false leaves out what rounds to units.
    """
    on = dice.choice(["mark", "mark", "entry"])
    tiers = [{"floor": floor, "rate": rate} for floor, rate in TIERS]
    simple: list[dict[str, Any]] = [
        {"op": "rate", "rate": dice.choice(["0.005", "0.03", "0.0123456789"]), "on": on},
        {"op": "tiers", "on": on, "tiers": tiers},
        {"op": "tiers", "mode": "whole", "on": on, "tiers": tiers},
        {"op": "amount", "amount": dice.choice(["1", "25"])},
        {
            "op": "size_premium",
            "rate": "0.02",
            "coefficient": dice.choice(["0.000317", "0.01"]),
            "share": dice.choice(["1", "0.8"]),
        },
        {
            "op": "open_interest",
            "rate": "0.02",
            "lower": "1000",
            "upper": dice.choice(["5000", "1000000"]),
            "step": dice.choice(["0.000001", "0.01"]),
        },
        {"op": "user_leverage", "default": "10", "rate": dice.choice(["1", "0.05"]), "on": on},
        {"op": "orders", "rate": "0.02"},
        {"op": "funding_to_come", "factor": dice.choice(["1", "0.3"])},
        {"op": "depth", "coefficient": dice.choice(["0.5", "0.01"]), "ceiling": "0.2"},
    ]
    if not depth or dice.random() < 0.5:
        return dice.choice(simple)
    inner = random_level(dice, depth - 1, rounds=rounds)
    other = random_level(dice, depth - 1, rounds=rounds)
    rounded: list[dict[str, Any]] = [
        {"op": "rounded", "of": inner, "rounding": dice.choice(["up", "down", "half_even"])},
        {"op": "rounded", "of": inner, "decimals": 0},
    ]
    return dice.choice(
        [
            *(rounded if rounds else []),
            {"op": dice.choice(["sum", "max", "min"]), "of": [inner, other]},
            {"op": "with_orders", "of": inner},
            {"op": "worst_side", "long": inner, "short": other},
        ]
    )


def _flat(dice: Random) -> Schedule:
    maintenance = dice.choice(["0.005", "0.03", "0.1"])
    return {
        "initial": {"op": "rate", "rate": dice.choice(["0.1", "0.25"])},
        "maintenance": {"op": "rate", "rate": maintenance},
    }


def _tiers(dice: Random) -> Schedule:
    del dice  # this one is always the same
    return {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "tiers", "tiers": [{"floor": f, "rate": r} for f, r in TIERS]},
    }
