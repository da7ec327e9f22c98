"""Random margin schedules, valid by construction: initial is never below maintenance."""

from random import Random
from typing import Any

Schedule = dict[str, Any]


def random_schedule(dice: Random) -> Schedule:
    """A schedule of initial and maintenance margin."""
    return dice.choice([_flat, _tiers])(dice)


def _flat(dice: Random) -> Schedule:
    maintenance = dice.choice(["0.005", "0.03", "0.1"])
    return {
        "initial": {"op": "rate", "rate": dice.choice(["0.1", "0.25"])},
        "maintenance": {"op": "rate", "rate": maintenance},
    }


def _tiers(dice: Random) -> Schedule:
    floors = ["0", *sorted(dice.sample(["100", "500", "2000", "10000"], 2), key=int)]
    rates = ["0.01", "0.02", "0.05"]
    rows = [{"floor": f, "rate": r} for f, r in zip(floors, rates, strict=True)]
    return {
        "initial": {"op": "rate", "rate": "0.1"},
        "maintenance": {"op": "tiers", "tiers": rows},
    }
