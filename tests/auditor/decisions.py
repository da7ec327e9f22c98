"""What people decide on a generated venue: rules, corrections, states, and new names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearing.events.kinds import MARKET_STATES
from tests.auditor.documents import rulebook, spoiled
from tests.auditor.mechanisms import add_rules
from tests.auditor.parts import enrich, unwind

if TYPE_CHECKING:
    from tests.auditor.generate import World

PERSON = {"author": "ann", "approver": "ben", "reason": "because"}


def adopt(world: World, asset: str) -> None:
    rng = world.rng
    markets = [m.name for m in world.markets if m.asset == asset]
    decimals = world.decimals[asset]
    document = rulebook(rng, asset, decimals, markets, world.accounts, world.funds)
    enrich(world.more, document, markets, world.accounts, world.funds)
    if world.unwinds:
        unwind(world.more, document, world.accounts, world.funds)
    add_rules(world, document)
    if not rng.randrange(25):
        document = spoiled(rng, document)
    fields: dict[str, Any] = {"name": "rules", "version": f"v{len(world.events)}"}
    turn = rng.randrange(8)
    if turn < 2:
        now = len(world.events) + 1
        later = (now, now + 2, now + 7, now + 10 - now % 10)
        fields["effective_position"] = later[rng.randrange(4)]
    if turn == 2:
        fields["effective_position"] = rng.randrange(1, len(world.events) + 1)
    world.say("RulebookAdopted", document=document, **fields, **PERSON)


def adoption(world: World) -> None:
    adopt(world, world.rng.choice(list(world.decimals)))


def fund_move(world: World) -> None:
    rng = world.rng
    asset = rng.choice(list(world.decimals))
    fund = rng.choice(world.funds) if rng.randrange(6) else world.trader()
    amount = world.money(asset, 0, rng.choice([20, 600]))
    if rng.randrange(2):
        name = world.say("FundContributed", fund=fund, asset=asset, amount=amount)
    else:
        name = world.say("FundWithdrawn", fund=fund, asset=asset, amount=amount, **PERSON)
    world.ids.append(name)


def adjust(world: World) -> None:
    rng = world.rng
    asset = rng.choice(list(world.decimals))
    amount = world.money(asset, 0, 150)
    fields: dict[str, Any] = {"amount": amount if rng.randrange(2) else f"-{amount}"}
    if rng.randrange(2):
        fields["contra_account"] = world.trader()
    fields |= {"account": world.trader(), "asset": asset, "category": "refund"}
    world.ids.append(world.say("Adjusted", **fields, **PERSON))


def reverse(world: World) -> None:
    """A reversal of something recent, of anything, or of nothing that exists."""
    rng = world.rng
    target = "nothing"
    if world.ids and rng.randrange(12):
        target = rng.choice(world.ids[-6:] if rng.randrange(2) else world.ids)
    elif rng.randrange(3):
        target = str(rng.choice(world.events)["external_id"])
    sources = {e["external_id"]: e["source"] for e in world.events}
    source = sources.get(target, "venue") if rng.randrange(15) else "desk"
    reference = {"source": source, "external_id": target}
    world.ids.append(world.say("Reversed", target=reference, **PERSON))


def state(world: World) -> None:
    rng = world.rng
    market = rng.choice(world.markets).name
    chosen = rng.choice(["normal", *MARKET_STATES])
    world.say("MarketStateChanged", market=market, state=chosen, **PERSON)


def opening(world: World) -> None:
    """A new account or market; the account that nobody had declared may turn up too."""
    rng = world.rng
    turn = rng.randrange(4)
    if turn == 0 and len(world.markets) < 6:
        world.market(f"NEW{len(world.markets)}")
        return
    name = "ghost" if turn == 1 else f"new{len(world.accounts)}"
    if name not in world.accounts:
        account_class = rng.choice(["trader", "maker", "vip", "stray"])
        world.say("AccountOpened", account=name, account_class=account_class)
        world.accounts.append(name)


def certify(world: World) -> None:
    """Certifications change nothing in the book."""
    rng = world.rng
    position = rng.randrange(1, len(world.events) + 1)
    fields = {"position": position, "engine_version": "1"}
    if rng.randrange(2):
        digests = {"digest": "0" * 64, "rules_sha256": "1" * 64}
        world.say("StateCertified", author="ann", **fields, **digests)
    else:
        digests = {"old_digest": "0" * 64, "new_digest": "1" * 64}
        world.say("RestatementAccepted", **fields, **digests, **PERSON)
