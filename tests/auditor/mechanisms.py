"""Mechanisms that a generated venue has only if asked: what they add to rules and to what happens.

Each draws from a generator of its own, so that venues without them stay what they were.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clearing.events import EventRefused, parse_event
from tests.auditor.documents import decimal, penalty, reduction

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.auditor.generate import Traded, World
    from tests.auditor.state import Book

Document = dict[str, Any]
ROUNDINGS = ("half_even", "toward_zero", "up", "half_away")


def priced(market: Traded, thousandths: int) -> dict[str, str]:
    """A price ``thousandths`` away from the market's."""
    away = max(1, market.price * (1000 + thousandths) // 1000)
    return {"market": market.name, "price": decimal(away, market.mark_decimals)}


def index_tree(world: World) -> Document:
    """What the index is made of: what a source tells, or the mark of a while ago."""
    rng = world.further
    told: Document = {"op": "source", "source": rng.choice(["venue", "desk"]), "price": "index"}
    if not rng.randrange(3):
        told["fresh_seconds"] = rng.choice([1, 60, 3600])
    seconds = rng.choice([1, 30, 600, 3700])
    delayed = {"op": "delayed", "price": {"op": "recorded"}, "seconds": seconds}
    if not rng.randrange(4):
        delayed["price"] = told
    return rng.choice([told, delayed, delayed, {"op": "first", "of": [told, delayed]}])


def break_rules(world: World, document: Document) -> None:
    """Breakers, strictest first, of most markets; now and then none, or an index alone."""
    rng = world.further
    if document["mode"] != "derive" and rng.randrange(3):
        document["mode"] = "derive"
    prices = document.setdefault("prices", {})
    for market in world.markets:
        if market.asset != document["settlement_asset"] or not rng.randrange(5):
            continue
        tree = world.trees.get(market.name)
        if tree is None or not rng.randrange(3):
            tree = world.trees[market.name] = index_tree(world)
        policy: Document = {"roles": {"index": tree}, "breakers": []}
        for _ in range(rng.randrange(4)):
            breaker: Document = {
                "state": rng.choice(["auction", "reduce_only", "liquidations_paused", "halted"]),
                "seconds": rng.choice([1, 30, 120, 900]),
            }
            sides = rng.choice([("up",), ("down",), ("up", "down"), ("up", "down")])
            breaker |= {side: rng.choice(["0.01", "0.05", "0.2"]) for side in sides}
            policy["breakers"].append(breaker)
        prices[market.name] = policy


def tell_index(world: World) -> None:
    """A source tells the index, now and then late."""
    rng = world.further
    market = rng.choice(world.markets)
    fields = priced(market, rng.choice([-100, -30, -10, 0, 0, 10, 30, 100]))
    back = rng.choice([0, 0, 0, 0, 20, 400])
    world.say("PriceObserved", back=back, role=rng.choice(["index", "index", "last"]), **fields)


def ramped(world: World) -> Document:
    """A reduction that covers what is short, more of it the longer it lasts."""
    rng = world.further
    level = rng.choice(["maintenance", "maintenance", "initial"])
    rung: Document = {
        "action": "reduce",
        "when": {"level": rng.choice([level, "maintenance"])},
        "quantity": {"op": "cover", "level": level},
        "price": {"op": "mark", "spread": rng.choice(["0", "0.002", "0.01"])},
        "pause_seconds": rng.choice([1, 1, 30, 600]),
    }
    if not rng.randrange(3):
        rung["quantity"]["decimals"] = rng.choice([0, 2, 6])
    if rng.randrange(2):
        factor = rng.choice(["1", "1.1", "1.5"])
        rung["when"]["until"] = {"level": rng.choice([level, "initial"]), "factor": factor}
    if not rng.randrange(3):
        rung["when"]["grace_seconds"] = rng.choice([1, 5, 600])
    if rng.randrange(5):
        rung["ramp"] = {
            "level": rng.choice([level, level, "initial"]),
            "initial": rng.choice(["0", "0", "0.1", "0.5"]),
            "seconds": rng.choice([60, 600, 7200]),
        }
        if not rng.randrange(4):
            rung["ramp"]["whole_below"] = rng.choice(["1", "30"])
        if not rng.randrange(2):
            rung["ramp"]["decimals"] = rng.choice([1, 2, 4])
    if not rng.randrange(3):
        rising = {"per_second": rng.choice(["0.0001", "0.00001"]), "most": "0.1"}
        rung["price"]["rising"] = {**rising, "after_seconds": rng.choice([0, 60])}
    if not rng.randrange(3):
        rung["price"]["floor"] = "none"
    if rng.randrange(2):
        rung["penalty"] = penalty(rng, world.accounts)
        if rng.randrange(3):
            headroom: Document = {"level": level, "share": rng.choice(["1", "0.5", "0.95"])}
            if rng.randrange(2):
                headroom["decimals"] = rng.choice([2, 4, 6])
            rung["penalty"]["headroom"] = headroom
    return rung


def ramp_rules(world: World, document: Document) -> None:
    """Most classes are closed by ramped reductions, the last of which nothing is left of."""
    rng = world.further
    if "ladders" not in document:
        return
    document["mode"] = "derive"
    rungs = [ramped(world) for _ in range(rng.randrange(1, 3))]
    zero = {"level": "zero", "comparator": "<="}
    document["ladders"]["r"] = [*rungs, {"action": "takeover", "when": zero}]
    for binding in document["bindings"]:
        if rng.randrange(5):
            binding |= {"ladder": "r", "waterfall": rng.choice("st")}


def shake(world: World) -> None:
    """A mark that moves a little, so that what lasts goes on."""
    rng = world.further
    market = rng.choice(world.markets)
    fields = priced(market, rng.choice([-60, -20, -5, 0, 5, 20, 60]))
    world.marks.append(world.say("Marked", marks=[fields]))


def auctioned(world: World) -> Document:
    """A rung that puts up whatever is held."""
    rng = world.further
    duration = rng.choice([120, 1800, 7200])
    start, end = rng.choice(["1.2", "1.05", "1"]), rng.choice(["0.5", "0.9", "0"])
    falls: Document = {"start": start, "end": end, "duration_seconds": duration}
    methods = (
        {"op": "linear", **falls},
        {"op": "stair", **falls, "step": rng.choice(["0.01", "0.07"]), "step_seconds": 7},
        {"op": "exponential", **falls, "cut": rng.choice(["0.99", "0.9173"]), "step_seconds": 3},
        {
            "op": "sealed",
            "duration_seconds": duration,
            "reserve": rng.choice(["0.8", "0.95"]),
            "pays": rng.choice(["own", "uniform"]),
        },
    )
    condition: Document = {"level": rng.choice(["maintenance", "maintenance", "initial"])}
    rung: Document = {"action": "auction", "when": condition, "method": rng.choice(methods)}
    if not rng.randrange(3):
        condition["until"] = {"level": "initial", "factor": rng.choice(["1", "1.2"])}
    if not rng.randrange(3):
        rung["ends_when_restored"] = False
    turn = rng.randrange(3)
    if turn:
        rung |= {"floor": "bankruptcy"} if turn == 1 else {"shortfall": "waterfall"}
    if rng.randrange(2):
        rung["penalty"] = penalty(rng, world.accounts)
        if rng.randrange(2):
            rung["penalty"]["limit"] = "surplus"
    return rung


def auction_rules(world: World, document: Document) -> None:
    """Most classes' positions are put up before they are taken over."""
    rng = world.further
    if "ladders" not in document:
        return
    document["mode"] = "derive"
    rungs = [auctioned(world)]
    if not rng.randrange(3):
        rungs.insert(rng.randrange(2), reduction(rng, world.accounts, 0))
    if not rng.randrange(4):
        rungs.append(auctioned(world))
    zero = {"level": rng.choice(["zero", "maintenance"]), "comparator": "<="}
    document["ladders"]["q"] = [*rungs, {"action": "takeover", "when": zero}]
    for binding in document["bindings"]:
        if rng.randrange(5):
            binding |= {"ladder": "q", "waterfall": rng.choice("st")}


def so_far(world: World) -> Book:
    """The book of what happened so far, as the second ledger has it."""
    for document in world.events[world.watched :]:
        with suppress(EventRefused):
            world.watcher.apply(parse_event(document))
    world.watched = len(world.events)
    return world.watcher.book


def kinds(book: Book, account: str, market: str) -> set[str]:
    """The methods of what is put up of an account in a market."""
    return {
        rung.auction.op
        for (a, m), auction in book.auctions.items()
        if (book.accounts[a - 1].name, book.markets[m - 1].name) == (account, market)
        for rung in auction.ladder[auction.rung : auction.rung + 1]
        if rung.auction
    }


def squeeze(world: World) -> None:
    """A market goes against somebody; then some want what may be put up."""
    rng = world.further
    held = sorted(key for key, size in world.holdings.items() if size)
    if not held:
        return
    account, name = rng.choice(held)
    book = so_far(world)
    names = sorted((book.accounts[a - 1].name, book.markets[m - 1].name) for a, m in book.auctions)
    if names and rng.randrange(5):
        account, name = rng.choice(names)
    market = next(market for market in world.markets if market.name == name)
    size = world.holdings.get((account, name), 0)
    if names:
        place = book.account(account), book.market(name)
        size = book.position(
            ("account", place[0].ordinal if place[0] else 0), place[1].ordinal
        ).size
    if not rng.randrange(4 if names else 2):
        loss = rng.randrange(10, 300)
        market.price = max(1, market.price * (1000 + (-loss if size > 0 else loss)) // 1000)
        world.marks.append(world.say("Marked", marks=[priced(market, 0)]))
    for _ in range(rng.randrange(1, 5)):
        world.now += timedelta(seconds=rng.choice([0, 0, 3, 11, 29]))
        lots = max(1, abs(size) // market.lot * rng.choice([20, 50, 100, 150]) // 100)
        about = {"account": account, "market": name, "size": market.size(lots * market.lot)}
        who = rng.choice([*world.accounts, *world.funds, *world.funds])
        away = market.price * rng.randrange(850, 1150) // 1000
        steps = max(1, away // int(10 ** (market.mark_decimals - market.price_decimals)))
        price = decimal(steps, market.price_decimals)
        if rng.randrange(2) if not names else "sealed" not in kinds(book, account, name):
            limit = {"limit": price} if not rng.randrange(3) else {}
            world.say("AuctionTaken", taker=who, **about, **limit)
        else:
            world.say("AuctionBid", bidder=who, **about, price=price)


def impact_rules(world: World, document: Document) -> None:
    """Forced closes move most markets' marks."""
    rng = world.further
    document["mode"] = "derive"
    rules = document["impact"] = {}
    for market in world.markets:
        if market.asset != document["settlement_asset"] or not rng.randrange(5):
            continue
        rule: Document = {
            "op": rng.choice(["linear", "square_root"]),
            "coefficient": rng.choice(["0.02", "0.1", "0.3"]),
            "closes": rng.choice([["reduce"], ["takeover"], ["reduce", "takeover"]]),
        }
        if rng.randrange(2):
            rule["depth"] = market.size(market.lots(rng, 3000))
        if rng.randrange(2):
            rule["ceiling"] = rng.choice(["0.05", "0.2"])
        if rng.randrange(2):
            rule["fades_seconds"] = rng.choice([30, 600, 7200])
        rules[market.name] = rule


def tell_depth(world: World) -> None:
    """How much a market's order book takes; now and then nothing."""
    rng = world.further
    market = rng.choice(world.markets)
    sizes = [market.lots(rng, 3000) if rng.randrange(6) else 0 for _ in range(2)]
    about = {"bid_size": market.size(sizes[0]), "ask_size": market.size(sizes[1])}
    world.say("DepthObserved", market=market.name, **about, within="0.01")


def pool_rules(_: World, __: Document) -> None:
    """Any fund may be a pool: rules say nothing of it."""


def visit_pool(world: World) -> None:
    """Somebody joins a fund, asks to leave it, stays or leaves."""
    rng = world.further
    asset = rng.choice(list(world.decimals))
    names = [name for name in world.accounts if name not in world.funds]
    name, fund = rng.choice(names), rng.choice(world.funds)
    if not rng.randrange(30):
        name, fund = rng.choice([("ghost", fund), (name, "nobody"), (name, rng.choice(names))])
    if name == fund:
        return
    about = {"account": name, "fund": fund, "asset": asset}
    amount = world.money(asset, 0, rng.choice([5, 100, 400]), rng=rng)
    turn = rng.randrange(8)
    if turn < 4:
        world.say("PoolJoined", **about, amount=amount)
    elif turn == 7:
        world.say("PoolLeaveCancelled", **about)
    else:
        kind = "PoolLeft" if turn == 4 or rng.randrange(2) else "PoolLeaveRequested"
        world.say(kind, **about, shares=amount)


def claim_rules(world: World, document: Document) -> None:
    """Funds that bear no more than so much: of a market, in a time, beyond a reserve."""
    rng = world.further
    if "waterfalls" not in document:
        return
    document["mode"] = "derive"
    for key in "st":
        layers: list[Document] = []
        for _ in range(rng.randrange(1, 3)):
            capacity = rng.choice(["equity", "equity", "cash", "unlimited"])
            layer: Document = {"layer": "fund", "capacity": capacity}
            if rng.randrange(2):
                layer["account"] = rng.choice(world.funds)
            if rng.randrange(3):
                layer["claim"] = rng.choice(["5", "40", "300"])
            if not rng.randrange(3):
                amounts = rng.choice([{"amount": rng.choice(["3", "60"])}, {"share": "0.3"}])
                layer["period"] = {"seconds": rng.choice([60, 7200]), **amounts}
            if capacity != "unlimited" and not rng.randrange(3):
                layer["reserve"] = rng.choice(["10", "200"])
            if not rng.randrange(4):
                layer["notional"] = rng.choice(["1", "5"])
            layers.append(layer)
        if rng.randrange(2):
            layers.insert(rng.randrange(len(layers) + 1), {"layer": "adl"})
        document["waterfalls"][key]["layers"] = [*layers, {"layer": "deficit"}]
    late = {"level": "zero", "comparator": "<="}
    document["ladders"]["c"] = [{"action": "takeover", "when": late}]
    for binding in document["bindings"]:
        if rng.randrange(4):
            binding |= {"ladder": "c", "waterfall": rng.choice("st")}
        elif binding.get("waterfall") == "u":
            binding["waterfall"] = "s"


def squeeze_more(world: World) -> None:
    """A market jumps, so that somebody is bankrupt."""
    rng = world.further
    market = rng.choice(world.markets)
    market.price = max(1, market.price * (1000 + rng.choice([-300, -150, 150, 400])) // 1000)
    world.marks.append(world.say("Marked", marks=[priced(market, 0)]))


RULES: dict[str, Callable[[World, Document], None]] = {
    "breakers": break_rules,
    "ramps": ramp_rules,
    "auctions": auction_rules,
    "impact": impact_rules,
    "pools": pool_rules,
    "claims": claim_rules,
}
EVENTS: dict[str, tuple[Callable[[World], None], ...]] = {
    "breakers": (tell_index,),
    "ramps": (shake,),
    "auctions": (squeeze, squeeze, shake),
    "impact": (tell_depth, shake),
    "pools": (visit_pool, visit_pool),
    "claims": (squeeze_more,),
}


def add_rules(world: World, document: Document) -> None:
    """What the world's mechanisms add to a rulebook."""
    for name in world.mechanisms:
        RULES[name](world, document)


def happen(world: World) -> None:
    """One more event of each mechanism, now and then."""
    for name in world.mechanisms:
        if not world.further.randrange(3):
            world.further.choice(EVENTS[name])(world)
