"""What else a generated rulebook may say, beside schedules, ladders and waterfalls."""

from random import Random
from typing import Any

from tests.auditor.documents import penalty, when

Document = dict[str, Any]
GAINS = (("0", "0.5"), ("0.5", "0.8"), ("0.9", "0.95"), ("0.3", "1"), ("0", "0"))
"""What a gain counts at initial and at maintenance."""


def enrich(
    rng: Random, document: Document, markets: list[str], accounts: list[str], funds: list[str]
) -> None:
    """Add to a rulebook, each now and then, the parts that it may do without."""
    if not rng.randrange(2):
        add_policy(rng, document, accounts, funds)
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


def add_policy(rng: Random, document: Document, accounts: list[str], funds: list[str]) -> None:
    """Weights of cash and PnL, and ladders that sell gains and cover debts by them."""
    policy = weights(rng, document["settlement_asset"])
    document["collateral"] = {"some": policy}
    if not rng.randrange(3):
        document["instruments"] = {"cost_basis": "net"}
    if "ladders" in document:
        document["ladders"]["u"] = unwinding(rng, accounts, nested=policy["nested"])
        document["waterfalls"]["u"] = paying(rng, funds)
    for binding in document["bindings"]:
        if rng.randrange(4):
            binding["collateral"] = "some"
            if "ladders" in document and rng.randrange(4):
                binding |= {"ladder": "u", "waterfall": "u"}


def unwind(rng: Random, document: Document, accounts: list[str], funds: list[str]) -> None:
    """Have every account's gains count for less than cash, and sold where they have to be."""
    if "ladders" not in document:
        return
    document["mode"] = "derive"
    if rng.randrange(4):
        document.pop("variation_margin", None)
    gain = rng.choice(["0.8", "0.5", "0.9", "0"])
    unrealised = {"maintenance": {"gain": gain}}
    if rng.randrange(2):
        unrealised["initial"] = {"gain": rng.choice(["0", gain])}
    policy = {"nested": True, "unrealised": unrealised, "assets": {}}
    document["collateral"] = {"some": policy}
    rung = _restoring(rng, accounts, nested=True)
    rung.setdefault("gains", {})
    if rng.randrange(3):
        rung["when"] = {"level": rung["quantity"]["level"]}
    document["ladders"]["u"] = [rung, *unwinding(rng, accounts, nested=True)]
    document["waterfalls"]["u"] = paying(rng, funds)
    for binding in document["bindings"]:
        binding |= {"collateral": "some", "ladder": "u", "waterfall": "u"}


def weights(rng: Random, asset: str) -> Document:
    """What cash and PnL count; a debt never less than the same amount of cash."""
    policy: Document = {"nested": bool(rng.randrange(4)), "unrealised": {}, "assets": {}}
    if rng.randrange(5):
        gains = rng.choice(GAINS)
        losses = rng.choice([("1", "1"), ("1.2", "1.1")])
        policy["unrealised"] = {
            level: {"gain": gain, "loss": loss}
            for level, gain, loss in zip(("initial", "maintenance"), gains, losses, strict=True)
        }
    if not rng.randrange(3):
        rows = [{"floor": "0", "weight": "0.95"}, {"floor": "300", "weight": "0.5"}]
        own: Document = {"weights": {"initial": "0.4", "maintenance": rng.choice(["0.9", rows])}}
        if rng.randrange(2):
            own["liabilities"] = {"maintenance": "1.1"}
        if rng.randrange(2):
            own["cap"] = "900"
        policy["assets"] = {asset: own}
    return policy


def unwinding(rng: Random, accounts: list[str], *, nested: bool) -> list[Document]:
    """Reductions that restore a level, some by selling gains, then cover; debts alone are taken."""
    rungs = [_restoring(rng, accounts, nested=nested) for _ in range(rng.randrange(1, 3))]
    rungs.insert(rng.randrange(len(rungs) + 1), covering(rng))
    end = {"when": {"level": "zero"}, "action": "takeover", "only_debts": True}
    return [*rungs, end]


def covering(rng: Random) -> Document:
    """A cover rung."""
    return {
        "when": when(rng, rng.choice(["maintenance", "initial", "zero"]), ("1.1", "0.9")),
        "action": "cover",
        "level": rng.choice(["initial", "maintenance"]),
    }


def _restoring(rng: Random, accounts: list[str], *, nested: bool) -> Document:
    condition = when(rng, rng.choice(["maintenance", "initial"]), ("1", "0.9"))
    quantity = {"op": "restore", "level": rng.choice(["maintenance", "initial"])}
    if not rng.randrange(3):
        quantity["factor"] = rng.choice(["1.1", "1.3"])
    price: Document = {"op": "mark", "spread": rng.choice(["0", "0.002", "0.05"])}
    if rng.randrange(3):
        price["floor"] = "none"
    rung: Document = {"when": condition, "action": "reduce", "quantity": quantity, "price": price}
    if not rng.randrange(3):
        rung["penalty"] = penalty(rng, accounts)
    if not rng.randrange(3):
        rung["pause_seconds"] = rng.choice([1, 60])
        if rng.randrange(2):
            rung["at_most"] = rng.choice(
                [{"share": "0.3"}, {"notional": "150"}, {"share": "0.5", "notional": "300"}]
            )
    if nested and rng.randrange(4):
        gains: Document = {}
        if rng.randrange(2):
            gains["penalty"] = penalty(rng, accounts)
            if not rng.randrange(3):
                gains["penalty"]["rate"] = rng.choice(["0.3", "0.6"])
        if "pause_seconds" in rung and rng.randrange(2):
            gains["at_most"] = rng.choice(["0", "20", "150"])
        rung["gains"] = gains
    return rung


def paying(rng: Random, funds: list[str]) -> Document:
    """A waterfall whose layers pay: a fund, gains, the house."""
    layers: list[Document] = []
    if rng.randrange(4):
        capacity = rng.choice(["cash", "equity", "unlimited"])
        layers.append({"layer": "fund", "by": "paying", "capacity": capacity})
        if rng.randrange(2):
            layers[0]["account"] = rng.choice(funds)
    if rng.randrange(2):
        layers.insert(rng.randrange(len(layers) + 1), {"layer": "haircut"})
    return {"fund": rng.choice(funds), "layers": [*layers, {"layer": "deficit"}]}
