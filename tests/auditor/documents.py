"""Random rulebook documents, and now and then one that must be refused."""

from random import Random
from typing import Any

Document = dict[str, Any]
LAYERS = (
    ("fund", "adl", "deficit"),
    ("fund", "deficit"),
    ("adl", "deficit"),
    ("deficit",),
    ("adl", "fund", "deficit"),
    ("fund", "adl", "deficit"),
)
LEVELS = ("maintenance", "maintenance", "maintenance", "maintenance", "initial", "zero")


def decimal(number: int, places: int) -> str:
    """``number`` at ``places`` decimals as text."""
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def operator(rng: Random, basis_points: int) -> Document:
    """A rate, or tiers that begin at it."""
    if rng.randrange(2):
        return {"op": "rate", "rate": decimal(basis_points, 4)}
    floors = [0, *sorted(rng.sample(range(200, 12_000), rng.randrange(1, 4)))]
    rates = [basis_points + step * rng.randrange(1, 150) for step in range(len(floors))]
    tiers = [
        {"floor": str(base), "rate": decimal(rate, 4)}
        for base, rate in zip(floors, sorted(rates), strict=True)
    ]
    return {"op": "tiers", "mode": "marginal", "tiers": tiers}


def schedule(rng: Random) -> Document:
    """Initial and maintenance; the first is never below the second."""
    base = rng.randrange(50, 600) if rng.randrange(8) else rng.randrange(1, 9)
    maintenance = operator(rng, base)
    top = base + 600
    return {"initial": operator(rng, top + rng.randrange(0, 400)), "maintenance": maintenance}


def penalty(rng: Random, accounts: list[str]) -> Document:
    count = rng.randrange(1, min(3, len(accounts)) + 1)
    names = rng.sample(accounts, count)
    shares = {1: ["1"], 2: ["0.7", "0.3"], 3: ["0.35", "0.33", "0.32"]}[count]
    recipients = [{"account": n, "share": s} for n, s in zip(names, shares, strict=True)]
    return {"rate": decimal(rng.randrange(1, 300), 4), "recipients": recipients}


def when(rng: Random, level: str, factors: tuple[str, ...]) -> Document:
    condition: Document = {"level": level}
    if level != "zero" and rng.randrange(4):
        condition["factor"] = rng.choice(factors)
    if level == "zero" or rng.randrange(2):
        condition["comparator"] = rng.choice(["<", "<="])
    return condition


def margin_call(rng: Random) -> Document:
    return {
        "when": when(rng, rng.choice(["maintenance", "initial"]), ("1.5", "2", "1.25")),
        "action": "margin_call",
        "grace_seconds": rng.choice([0, 1, 60, 3600]),
        "restore": rng.choice(["initial", "maintenance"]),
        "on_missed": rng.choice(["notify", "liquidate"]),
    }


def reduction(rng: Random, accounts: list[str], decimals: int) -> Document:
    rung: Document = {
        "when": when(rng, rng.choice(LEVELS), ("1", "0.9", "1.1", "0.6")),
        "action": "reduce",
        "quantity": {"op": "share", "share": rng.choice(["0.5", "0.25", "0.1", "1", "0.333"])},
    }
    if rng.randrange(2):
        rung["price"] = {"op": "mark", "spread": rng.choice(["0.002", "0.05", "0.0001"])}
    if rng.randrange(2):
        rung["minimum_notional"] = rng.choice(["100", "1000", "50.5" if decimals else "20"])
    if rng.randrange(2):
        rung["penalty"] = penalty(rng, accounts)
    return rung


def takeover(rng: Random, accounts: list[str]) -> Document:
    level = rng.choice(["zero", "maintenance", "maintenance", rng.choice(LEVELS)])
    rung: Document = {"when": when(rng, level, ("1", "0.5", "0.8")), "action": "takeover"}
    if rng.randrange(3):
        rung["residual"] = rng.choice(["trader", "taker"])
    if rng.randrange(2):
        rung["penalty"] = penalty(rng, accounts)
    return rung


def ladder(rng: Random, accounts: list[str], decimals: int) -> list[Document]:
    """A margin call (mostly first), reductions, and the takeover that ends every ladder."""
    rungs = [reduction(rng, accounts, decimals) for _ in range(rng.randrange(3))]
    if rng.randrange(3):
        place = 0 if rng.randrange(4) else rng.randrange(len(rungs) + 1)
        rungs.insert(place, margin_call(rng))
    if len(rungs) == 1 and rungs[0]["action"] == "margin_call" and not rng.randrange(4):
        return rungs
    return [*rungs, takeover(rng, accounts)]


def waterfall(rng: Random, funds: list[str]) -> Document:
    layers: list[Document] = []
    for name in rng.choice(LAYERS):
        layer: Document = {"layer": name}
        if name == "fund" and rng.randrange(2):
            layer["capacity"] = "unlimited" if not rng.randrange(4) else "equity"
        layers.append(layer)
    return {"fund": rng.choice(funds), "layers": layers}


def rulebook(
    rng: Random,
    asset: str,
    decimals: int,
    markets: list[str],
    accounts: list[str],
    funds: list[str],
) -> Document:
    """A rulebook for ``asset``; ``accounts`` may be recipients, ``funds`` take over."""
    mode = rng.choice(["derive", "derive", "derive", "record", "verify"])
    bare = mode != "derive" and not rng.randrange(3)
    document: Document = {
        "format": 1,
        "settlement_asset": asset,
        "mode": mode,
        "schedules": {"a": schedule(rng), "b": schedule(rng)},
        "bindings": [],
    }
    if not bare:
        document["ladders"] = {key: ladder(rng, accounts, decimals) for key in "st"}
        document["waterfalls"] = {"s": waterfall(rng, funds), "t": waterfall(rng, funds)}
    if rng.randrange(2):
        basis = rng.choice(["average", "rounded_entry"])
        document["instruments"] = {"cost_basis": basis}
    document["funding"] = {"operator": rng.choice(["index", "per_account"])}
    if not rng.randrange(3):
        names = ["half_even", "toward_zero", "down", "up", "away_from_zero", "half_away"]
        picked = rng.sample(
            ["fill_cost", "funding", "bankruptcy", "entry_price"], rng.randrange(1, 5)
        )
        document["numerics"] = {name: rng.choice(names) for name in picked}
    for account_class in rng.sample(["trader", "maker", "vip"], rng.randrange(1, 4)):
        named: Document = {"*": rng.choice("ab")} if not markets or rng.randrange(4) else {}
        if markets and (not named or rng.randrange(2)):
            named[rng.choice(markets)] = rng.choice("ab")
        binding: Document = {"account_class": account_class, "markets": named}
        if not bare:
            binding |= {"ladder": rng.choice("st"), "waterfall": rng.choice("st")}
        document["bindings"].append(binding)
    return document


def spoiled(rng: Random, document: Document) -> Document:
    """A document that names what is not declared, or says what does not exist."""
    wrong = dict(document)
    if "waterfalls" in wrong and rng.randrange(2):
        name = rng.choice("st")
        other = {**wrong["waterfalls"][name], "fund": "nobody"}
        wrong["waterfalls"] = {**wrong["waterfalls"], name: other}
    elif rng.randrange(2):
        wrong["mode"] = "guess"
    else:
        first = {**wrong["bindings"][0], "markets": {"no-such-market": "a"}}
        wrong["bindings"] = [first, *wrong["bindings"][1:]]
    return wrong
