"""What else a generated rulebook may say, beside schedules, ladders and waterfalls."""

from random import Random
from typing import Any

Document = dict[str, Any]


def enrich(rng: Random, document: Document, markets: list[str], funds: list[str]) -> None:
    """Add to a rulebook, each now and then, the parts that it may do without."""
    if not rng.randrange(3):
        document["variation_margin"] = variation_margin(rng, markets, funds)
    if not rng.randrange(6):
        numerics = document.setdefault("numerics", {})
        numerics["haircut"] = rng.choice(["up", "down"])


def variation_margin(rng: Random, markets: list[str], funds: list[str]) -> Document:
    """Markets whose gains and losses are paid at every mark, with or without a fund."""
    names = ["*"] if not markets or rng.randrange(3) else [rng.choice(markets)]
    if markets and not rng.randrange(4):
        names = ["*", rng.choice(markets)]
    return {name: {"fund": rng.choice(funds)} if rng.randrange(3) else {} for name in names}
