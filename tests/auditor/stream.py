"""What happens on a generated venue: money, trades, prices and people's decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.auditor import decisions, mechanisms
from tests.auditor.decisions import adopt
from tests.auditor.documents import decimal

if TYPE_CHECKING:
    from tests.auditor.generate import Traded, World


def tell(world: World, length: int) -> None:
    """Opening money, perhaps rulebooks, then ``length`` events of mixed kinds."""
    rng = world.rng
    for account in world.accounts:
        for asset in world.decimals:
            if rng.randrange(8):
                high = 1500 if account not in world.funds else rng.choice([20, 300, 4000])
                amount = world.money(asset, 0, high)
                if account in world.funds:
                    world.say("FundContributed", fund=account, asset=asset, amount=amount)
                else:
                    world.say("Deposited", account=account, asset=asset, amount=amount)
    if rng.randrange(4):
        for asset in world.decimals:
            adopt(world, asset)
    for _ in range(rng.choice([0, 0, 0, 2, 6])):
        carry(world)
    marked = rng.choice([2, 6, 6, 6])
    for market in world.markets:
        if rng.randrange(marked):
            world.say("Marked", marks=[quote(market)])
    taste = {name: weight * rng.choice([0, 1, 1, 2, 4]) for name, weight in WEIGHTS.items()}
    taste["trade"], taste["mark"] = max(taste["trade"], 10), max(taste["mark"], 10)
    names = list(taste)
    for _ in range(length):
        world.wait()
        (name,) = rng.choices(names, [taste[name] for name in names])
        ACTIONS[name](world)
        if not world.more.randrange(3 if world.unwinds else 15):
            pay_out(world)
        mechanisms.happen(world)


def pay_out(world: World) -> None:
    """A position gains, and its holder withdraws that, as if it were cash already, or more."""
    rng = world.more
    held = sorted(key for key, size in world.holdings.items() if size and key[0] in world.accounts)
    if not held:
        return
    account, name = rng.choice(held)
    market = next(market for market in world.markets if market.name == name)
    size, gain = world.holdings[account, name], rng.randrange(10, 250)
    move(market, gain if size > 0 else -gain)
    world.marks.append(world.say("Marked", marks=[quote(market)]))
    won = market.worth(size) * gain // 1000
    amount = world.money(market.asset, 0, 1, rng=rng)
    if won < 10**6:
        amount = world.money(market.asset, won // 2, 2 * won + rng.choice([20, 900]), rng=rng)
    world.ids.append(world.say("Withdrawn", account=account, asset=market.asset, amount=amount))


def quote(market: Traded) -> dict[str, str]:
    return {"market": market.name, "price": decimal(market.price, market.mark_decimals)}


def cause(world: World) -> str:
    return world.rng.choice(["trade"] * 12 + ["liquidation", "adl"])


def fees(world: World, market: Traded, *names: str) -> dict[str, str]:
    """Fees now and then, now and then in another asset."""
    rng = world.rng
    if rng.randrange(3):
        return {}
    asset = market.asset if rng.randrange(3) else rng.choice(list(world.decimals))
    fields = {"fee_asset": asset} if asset != market.asset or rng.randrange(2) else {}
    unit = 10 ** world.decimals[asset]
    for name in names:
        fields[name] = decimal(rng.randrange(-unit, 3 * unit), world.decimals[asset])
    return fields


def trade(world: World) -> None:
    """An execution, told by both sides at once or by one; a market keeps to one of the two."""
    rng = world.rng
    market = rng.choice(world.markets)
    size = market.lots(rng, rng.choice([300, 2000, 6000]))
    buyer, seller = world.trader(), world.trader()
    if not rng.randrange(4):
        held = [key for key, size in world.holdings.items() if size and key[1] == market.name]
        if held:
            key = rng.choice(held)
            size = abs(world.holdings[key])
            sold = world.holdings[key] > 0
            buyer, seller = (seller, key[0]) if sold else (key[0], seller)
    alone = market.name in world.filled
    if not rng.randrange(60):
        alone = not alone
    fields = {"market": market.name, "size": market.size(size), "price": market.fill_price(rng)}
    back = 90 if not rng.randrange(25) else 0
    if not alone:
        charged = fees(world, market, "buyer_fee", "seller_fee")
        causes = {"buyer_cause": cause(world), "seller_cause": cause(world)}
        sides = {"buyer": buyer, "seller": seller}
        name = world.say("Traded", back=back, **sides, **fields, **charged, **causes)
        hold(world, buyer, market, size)
        hold(world, seller, market, -size)
    else:
        name = fill(world, market, buyer, size, {**fields, "back": back})
    world.ids.append(name)


def fill(world: World, market: Traded, account: str, size: int, fields: dict[str, Any]) -> str:
    rng = world.rng
    buys = bool(rng.randrange(2))
    before = world.holdings.get((account, market.name), 0)
    if not rng.randrange(4):
        fields["reported_size_before"] = market.size(before)
    if not rng.randrange(4):
        unit = 10 ** world.decimals[market.asset]
        pnl = rng.choice([0, rng.randrange(-100 * unit, 100 * unit)])
        fields["reported_pnl"] = decimal(pnl, world.decimals[market.asset])
    hold(world, account, market, size if buys else -size)
    side = "buy" if buys else "sell"
    charged = fees(world, market, "fee")
    return world.say("Filled", account=account, side=side, cause=cause(world), **fields, **charged)


def hold(world: World, account: str, market: Traded, size: int) -> None:
    key = (account, market.name)
    world.holdings[key] = world.holdings.get(key, 0) + size


def carry(world: World) -> None:
    rng = world.rng
    market = rng.choice(world.markets)
    account = world.trader()
    size = market.lots(rng, 1500) * rng.choice([1, -1])
    fields = {"entry_price": market.fill_price(rng)} if rng.randrange(2) else {}
    name = world.say(
        "PositionCarried", account=account, market=market.name, size=market.size(size), **fields
    )
    hold(world, account, market, size)
    world.ids.append(name)


def move(market: Traded, thousandths: int) -> None:
    market.price = max(1, market.price * (1000 + thousandths) // 1000)


def mark(world: World) -> None:
    """One market's mark or several at once; now and then late, or amending another."""
    rng = world.rng
    count = rng.randrange(1, len(world.markets) + 1) if rng.randrange(2) else 1
    markets = rng.sample(world.markets, count)
    for market in markets:
        move(market, rng.randrange(-30, 31) + market.drift)
    fields: dict[str, Any] = {"marks": [quote(m) for m in markets]}
    if world.marks and not rng.randrange(10):
        target = world.marks[-1] if rng.randrange(2) else rng.choice(world.marks)
        fields["amends"] = {"source": "venue", "external_id": target}
    back = rng.choice([1, 45, 4000]) if not rng.randrange(12) else 0
    world.marks.append(world.say("Marked", back=back, **fields))


def crash(world: World) -> None:
    """A market jumps; half the time it goes on moving that way for a while."""
    rng = world.rng
    market = rng.choice(world.markets)
    size = rng.choice([60, 120, 250, 450])
    move(market, rng.choice([-size, size]))
    market.drift = rng.choice([0, 0, 25, -25, 60, -60])
    world.marks.append(world.say("Marked", marks=[quote(market)]))


def tick(world: World) -> None:
    world.say("ClockTicked", back=world.rng.choice([0, 0, 0, 20]))


def deposit(world: World) -> None:
    asset = world.rng.choice(list(world.decimals))
    amount = world.money(asset, 0, world.rng.choice([5, 200, 1000]))
    world.ids.append(world.say("Deposited", account=world.trader(), asset=asset, amount=amount))


def withdraw(world: World) -> None:
    asset = world.rng.choice(list(world.decimals))
    amount = world.money(asset, 0, world.rng.choice([20, 300, 900]))
    world.ids.append(world.say("Withdrawn", account=world.trader(), asset=asset, amount=amount))


def transfer(world: World) -> None:
    asset = world.rng.choice(list(world.decimals))
    amount = world.money(asset, 0, world.rng.choice([20, 300]))
    names = {"account": world.trader(), "to_account": world.trader()}
    world.ids.append(world.say("Transferred", **names, asset=asset, amount=amount))


def funding(world: World) -> None:
    rng = world.rng
    market = rng.choice(world.markets)
    fields = {"market": market.name, "rate": decimal(rng.randrange(-9000, 9001), 6)}
    fields["price"] = decimal(market.price, market.mark_decimals)
    seconds = {"interval_seconds": 3600} if rng.randrange(2) else {}
    world.say("FundingSettled", **fields, **seconds)


def funding_paid(world: World) -> None:
    rng = world.rng
    market = rng.choice(world.markets)
    amount = world.money(market.asset, 0, 12)
    signed = amount if rng.randrange(2) else f"-{amount}"
    fields = {"account": world.trader(), "market": market.name, "amount": signed}
    world.ids.append(world.say("FundingPaid", **fields))


def observe(world: World) -> None:
    market = world.rng.choice(world.markets)
    world.say("PriceObserved", **quote(market))


ACTIONS = {
    "trade": trade,
    "mark": mark,
    "crash": crash,
    "carry": carry,
    "tick": tick,
    "deposit": deposit,
    "withdraw": withdraw,
    "transfer": transfer,
    "fund_move": decisions.fund_move,
    "adjust": decisions.adjust,
    "reverse": decisions.reverse,
    "funding": funding,
    "funding_paid": funding_paid,
    "state": decisions.state,
    "observe": observe,
    "adoption": decisions.adoption,
    "opening": decisions.opening,
    "certify": decisions.certify,
}
WEIGHTS = {
    "trade": 16,
    "mark": 14,
    "crash": 7,
    "carry": 2,
    "tick": 3,
    "deposit": 4,
    "withdraw": 3,
    "transfer": 2,
    "fund_move": 2,
    "adjust": 2,
    "reverse": 4,
    "funding": 4,
    "funding_paid": 2,
    "state": 2,
    "observe": 1,
    "adoption": 2,
    "opening": 2,
    "certify": 1,
}
