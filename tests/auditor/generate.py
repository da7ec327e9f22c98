"""Small random venues and what happens on them, from a seed and by integers alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.auditor import stream
from tests.auditor.documents import decimal
from tests.auditor.fold import Auditor

Document = dict[str, Any]
DESK = ("Adjusted", "FundContributed", "Deposited", "Withdrawn", "Reversed")
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Traded:
    """A market as the generator knows it: its scales and its last price."""

    name: str
    asset: str
    lot: int
    multiplier: int
    multiplier_decimals: int
    price_decimals: int
    mark_decimals: int
    size_decimals: int
    price: int
    drift: int = 0

    def lots(self, rng: Random, worth: int) -> int:
        """A size (scaled) of about ``worth`` whole units of notional, at least a lot."""
        scale = int(10 ** (self.mark_decimals + self.size_decimals + self.multiplier_decimals))
        per_lot = self.price * self.lot * self.multiplier
        count: int = worth * scale // max(1, per_lot)
        count = min(count, 10**13)
        return self.lot * max(1, count * rng.randrange(20, 180) // 100)

    def worth(self, size: int) -> int:
        """About how many whole units ``size`` (scaled) is worth at the last price."""
        scale = int(10 ** (self.mark_decimals + self.size_decimals + self.multiplier_decimals))
        return abs(size) * self.price * self.multiplier // scale

    def fill_price(self, rng: Random) -> str:
        """A price near the mark, at price decimals."""
        ticks = self.price // int(10 ** (self.mark_decimals - self.price_decimals))
        ticks = ticks * rng.randrange(970, 1031) // 1000
        return decimal(max(1, ticks), self.price_decimals)

    def size(self, scaled: int) -> str:
        return decimal(scaled, self.size_decimals)


class World:
    """A venue being told: its names, its clock, and the documents of its events so far."""

    def __init__(
        self,
        rng: Random,
        *,
        unwinds: bool = False,
        mechanisms: tuple[str, ...] = (),
        further: Random | None = None,
    ) -> None:
        self.rng = rng
        self.mechanisms = mechanisms
        """What it has besides, by name: see :mod:`tests.auditor.mechanisms`."""
        self.further = further or rng
        self.watcher = Auditor()
        """Folds what happened so far, for what has to fit it; see :attr:`watched`."""
        self.watched = 0
        """How many events that is."""
        self.trees: dict[str, Document] = {}
        """What the index of each market was last made of."""
        self.unwinds = unwinds
        """Whether most of what happens is that positions gain and rules have gains sold."""
        self.more = Random(rng.random())  # noqa: S311 - test cases, not secrets
        self.events: list[Document] = []
        self.now = START
        self.decimals: dict[str, int] = {}
        self.markets: list[Traded] = []
        self.accounts: list[str] = []
        self.funds: list[str] = []
        self.ids: list[str] = []
        self.marks: list[str] = []
        self.holdings: dict[tuple[str, str], int] = {}
        self.filled: set[str] = set()

    def say(self, kind: str, *, back: Any = 0, **fields: Any) -> str:
        """Append an event; ``back`` seconds late."""
        name = f"e{len(self.events) + 1}"
        moment = self.now - timedelta(seconds=back)
        source = "desk" if kind in DESK and self.rng.randrange(2) else "venue"
        document = {"kind": kind, "source": source, "external_id": name, "occurred_at": moment}
        self.events.append({**document, **fields})
        return name

    def wait(self) -> None:
        """Time passes, and sometimes it does not."""
        steps = (0, 0, 1, 1, 5, 30, 61, 600, 3700)
        self.now += timedelta(seconds=self.rng.choice(steps))

    def money(self, asset: str, low: int, high: int, rng: Random | None = None) -> str:
        """An amount between two whole numbers, at the asset's decimals, never zero."""
        unit = 10 ** self.decimals[asset]
        drawn = (rng or self.rng).randrange(low * unit, high * unit)
        return decimal(drawn + 1, self.decimals[asset])

    def trader(self) -> str:
        """An account that trades, or now and then one that nobody declared, or a fund."""
        turn = self.rng.randrange(60)
        if turn == 0:
            return "ghost"
        if turn == 1:
            return self.rng.choice(self.funds)
        traders = [name for name in self.accounts if name not in self.funds]
        return self.rng.choice(traders)

    def market(self, name: str) -> None:
        """Declare a market of random scales."""
        rng = self.rng
        price_decimals = rng.choice([0, 1, 2, 4, 8])
        mark_decimals = price_decimals + rng.choice([0, 0, 2, 4])
        size_decimals = rng.choice([0, 1, 3, 5, 8])
        multiplier, places = rng.choice([(1, 0), (1, 0), (1, 2), (10, 0), (5, 1), (3, 4)])
        lot = rng.choice([1, 1, 5, 10])
        asset = rng.choice(list(self.decimals))
        self.say(
            "MarketDeclared",
            name=name,
            settlement_asset=asset,
            multiplier=decimal(multiplier, places),
            lot=decimal(lot, size_decimals),
            price_decimals=price_decimals,
            mark_decimals=mark_decimals,
            size_decimals=size_decimals,
        )
        if rng.randrange(2):
            self.filled.add(name)
        base = rng.choice([7, 40, 900, 5000]) * int(10**mark_decimals)
        price = max(1, base * rng.randrange(50, 200) // 100)
        self.markets.append(
            Traded(
                name,
                asset,
                lot,
                multiplier,
                places,
                price_decimals,
                mark_decimals,
                size_decimals,
                price,
            )
        )


def declare(world: World) -> None:
    """Assets, markets and accounts, in an order that their names do not tell."""
    rng = world.rng
    world.say("SourceDeclared", name="venue", description="a venue")
    world.say("SourceDeclared", name="desk", description="people")
    for name in rng.sample(["USD", "EUR", "COIN"], rng.randrange(1, 3)):
        world.decimals[name] = rng.choice([0, 2, 2, 6, 8, 18])
        world.say("AssetDeclared", name=name, decimals=world.decimals[name])
    for name in rng.sample(["ZEB", "ANT", "BTC", "OWL"], rng.randrange(1, 5)):
        world.market(name)
    count, funds = rng.randrange(2, 9), rng.randrange(1, 3)
    names = rng.sample(["zoe", "amy", "bob", "kim", "lea", "max", "ned", "pia"], count)
    classes = {name: rng.choice(["trader", "trader", "maker", "vip", "stray"]) for name in names}
    classes |= dict.fromkeys(["fund-b", "fund-a"][:funds], "fund")
    order = sorted(classes)
    rng.shuffle(order)
    for name in order:
        world.say("AccountOpened", account=name, account_class=classes[name])
        world.accounts.append(name)
        if classes[name] == "fund":
            world.funds.append(name)


def generate(
    seed: int, length: int = 120, *, unwinds: bool = False, mechanisms: tuple[str, ...] = ()
) -> list[Document]:
    """The documents of one venue's events, the same for the same seed; see :class:`World`."""
    rng = Random(seed)  # noqa: S311 - test cases, not secrets
    further = Random(f"{seed} further")  # noqa: S311 - test cases, not secrets
    world = World(rng, unwinds=unwinds, mechanisms=mechanisms, further=further)
    declare(world)
    stream.tell(world, length)
    return world.events
