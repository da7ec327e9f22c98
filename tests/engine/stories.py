"""Random days at a small venue, for properties that must hold whatever the rules are.

Dice choose payoffs, schedules, ladders and events. Every event goes through :class:`Venue`, which
applies it to an engine with the banded watch and to one with the naive watch and compares both.
"""

import json
from random import Random
from typing import Any

from clearing.engine.offers import rung_of
from clearing.events.kinds import MARKET_STATES
from clearing.rulebook import SealedMethod
from tests.engine.ladders import FUNDS, VAULT, random_ladder, random_layers, unwinding
from tests.engine.price_trees import ROLES, random_funding, random_impact, random_prices
from tests.engine.schedules import random_schedule
from tests.engine.venue import PERSON, Venue, deviations, rulebook

TRADERS = ("ada", "bob", "cyd", "dan")
KINDS = ["mark", "trade", "cash", "funding", "observe", "price", "adopt", "tick", "rare", "auction"]
KINDS += ["told"]
WEIGHTS = [50, 30, 8, 6, 6, 10, 2, 4, 3, 1, 5]
PRICES = {"LIN": 100_00, "QUA": 5_00, "INV": 20_000_00, "JUN": 104_00, "COIN-USD": 20_00}
MARKETS = ("LIN", "QUA", "INV", "JUN")


def random_policy(dice: Random) -> dict[str, Any] | None:
    """Coin and perhaps dollars weighed, or unrealised PnL, or nothing of the kind."""
    if dice.random() < 0.5:
        return None
    rows = [{"floor": "0", "weight": "0.95"}, {"floor": "300", "weight": "0.5"}]
    less = [{"floor": "0", "weight": "0.8"}, {"floor": "300", "weight": "0.4"}]
    weights = {"initial": less, "maintenance": dice.choice(["0.9", "1", rows])}
    coin: dict[str, Any] = {
        "market": "COIN-USD",
        "weights": weights,
        "liabilities": {"maintenance": dice.choice(["1", "1.25"])},
    }
    if dice.random() < 0.3:
        coin["cap"] = "150"
    assets = {"COIN": coin}
    if dice.random() < 0.3:
        assets["USD"] = {"weights": {"maintenance": "0.9"}, "liabilities": {"maintenance": "1.1"}}
    unrealised = {}
    if dice.random() < 0.5:
        unrealised = {
            "initial": {"gain": "0", "loss": "1.2"},
            "maintenance": {"gain": "0.8", "loss": "1.1"},
        }
    return {"assets": assets, "unrealised": unrealised, "nested": dice.random() < 0.3}


def add_volatility(dice: Random, book: dict[str, Any]) -> None:
    """Let every market's margin follow its volatility, too."""
    policy = {
        "sample_seconds": dice.choice([1, 7]),
        "decay": dice.choice(["0.5", "0.97"]),
        "multiple": dice.choice(["0.5", "3"]),
        "floor": "0.001",
        "cap": "0.1",
        "step": dice.choice(["0.0005", "0.01"]),
        "hysteresis": dice.choice(["0", "0.005"]),
    }
    book["volatility"] = dict.fromkeys(PRICES, policy)
    levels = book["schedules"]["majors"]
    rate = {"op": "volatility", "factor": dice.choice(["1", "0.3"])}
    for level in ("initial", "maintenance"):
        levels[level] = {"op": "sum", "of": [levels[level], rate]}
    book["bindings"][0]["markets"] = dict.fromkeys(PRICES, "majors")


def add_alerts(dice: Random, book: dict[str, Any]) -> None:
    """Let figures of positions warn: each has a forecast where volatility is published."""
    alerts: list[dict[str, Any]] = [
        {"figure": "distance", "threshold": "4", "until": dice.choice([None, "9"])},
        {"figure": "risk_score", "threshold": dice.choice(["0.01", "0.3"])},
        {"figure": "time_to_breach", "threshold": "600"},
        {"figure": "told_score", "model": "desk", "threshold": "0.5", "until": "0.2"},
    ]
    told = {"horizon_seconds": dice.choice([7, 600]), "sigmas": dice.choice(["1", "2.5"])}
    book["alerts"] = {"desk": {**told, "alerts": dice.sample(alerts, dice.randrange(1, 5))}}
    book["bindings"][0]["alerts"] = "desk"


def random_checks(dice: Random) -> dict[str, Any]:
    """What verify mode holds a venue to, and fees."""
    checks = {
        "price_tolerance": dice.choice([None, "0", "0.05"]),
        "quantity": dice.choice([None, "exact", "at_most"]),
        "adl_rank": dice.random() < 0.7,
        "liquidation_seconds": dice.choice([None, 0, 10]),
        "funding_seconds": dice.choice([None, 0, 30]),
    }
    fee = dice.choice([{"rate": "0.0003"}, {"maker": "-0.00011", "taker": "0.0007", "adl": "0"}])
    fees = {"trader": fee | {"rounding": dice.choice(["up", "half_even"])}}
    return {"verification": checks} | ({"fees": fees} if dice.random() < 0.5 else {})


def random_portfolio(dice: Random) -> dict[str, Any]:
    """One or two groups over some markets, with offsets, a floor or none."""
    moves = ["-0.2", "-0.03", "0.1"]
    first = {"a": {"markets": ["LIN", "JUN"], "offset": "0.8"}}
    if dice.random() < 0.5:
        first["b"] = {"markets": ["QUA"], "offset": dice.choice(["0", "1"])}
    groups: dict[str, Any] = {"first": {"moves": moves, "classes": first}}
    if dice.random() < 0.5:
        second = {"moves": ["-0.1", "0.1"], "classes": {"c": {"markets": ["INV"]}}}
        groups["second"] = second | ({"floor": "0.01"} if dice.random() < 0.5 else {})
    return {"groups": groups, "levels": {"initial": "1.2", "maintenance": "1"}}


class Story:
    """A venue with a linear, a quanto, an inverse and a dated market, in dollars; dice do the rest.

    Another asset, COIN, is bought and sold, may count as collateral and may be owed. With
    ``rounds`` false nothing that is asked is rounded to units, and marks are as told: no tree makes
    them.
    """

    def __init__(self, dice: Random, *, rounds: bool = True) -> None:
        self.dice = dice
        self.rounds = rounds
        self.venue = Venue(decimals=dice.choice([2, 6]))
        self.prices = dict(PRICES)
        venue = self.venue
        venue.market("LIN")
        venue.market("QUA", payoff="quanto", multiplier="0.1", lot="1", size_decimals=0)
        venue.market("INV", payoff="inverse", multiplier="20000", lot="1", size_decimals=0)
        venue.market("JUN", expires_at="2026-01-01T00:10:00Z")
        venue("AssetDeclared", name="COIN", decimals=8)
        venue.market("COIN-USD", payoff="spot", base_asset="COIN")
        venue.account(*TRADERS)
        venue.account(VAULT, account_class="vault")
        venue.account(*FUNDS[1:], account_class="fund")
        for name in (*FUNDS, VAULT):
            venue.deposit(name, str(dice.choice([1, 100, 5000])))
        venue.deposit("dan", "1000000")
        for name in TRADERS[:3]:
            venue.deposit(name, str(dice.randrange(50, 2000)))
        venue.mark(**{name: self.text(name) for name in PRICES})
        self.adopt()

    def text(self, market: str) -> str:
        """The market's price as text."""
        return f"{self.prices[market] // 100}.{self.prices[market] % 100:02}"

    def adopt(self) -> None:
        """Adopt rules at random."""
        dice = self.dice
        schedule = random_schedule(dice, rounds=self.rounds)
        levels = ["initial", "maintenance", *(set(schedule) - {"initial", "maintenance"})]
        policy = random_policy(dice)
        book = rulebook(
            ladder=random_ladder(dice, sorted(levels), collateral=policy is not None),
            layers=random_layers(dice, MARKETS),
            schedule=schedule,
            mode=dice.choice(["derive", "derive", "record", "verify"]),
            funding={"operator": dice.choice(["index", "per_account"])},
            instruments={"cost_basis": dice.choice(["average", "average", "net"])},
            funds={"below_zero": dice.choice(["allowed", "deviation"])},
            numerics={
                "penalty": dice.choice(["down", "up"]),
                "penalty_dust": dice.choice(["first", "last"]),
                "haircut": dice.choice(["up", "down"]),
            },
        )
        if policy is not None:
            book["collateral"] = {"some": policy}
            book["bindings"][0]["collateral"] = "some"
        if dice.random() < 0.2:
            add_volatility(dice, book)
            if dice.random() < 0.4:
                add_alerts(dice, book)
        if dice.random() < 0.2:
            book["portfolios"] = {"grid": random_portfolio(dice)}
            book["bindings"][0]["portfolio"] = "grid"
            if policy is not None:
                policy["nested"] = False
            if dice.random() < 0.5:
                book["bindings"][0]["markets"] = {"INV": "majors"}
        if policy is not None and policy["nested"] and dice.random() < 0.5:
            ladder = book["ladders"]["standard"]
            ladder.insert(dice.randrange(len(ladder)), unwinding(dice, sorted(levels)))
        if dice.random() < 0.5:
            book["impact"] = random_impact(dice, tuple(PRICES))
        if dice.random() < 0.3:
            markets = dice.choice([["*"], list(PRICES)[:1], list(PRICES)])
            fund = dice.choice([{}, {"fund": dice.choice(FUNDS)}])
            book["variation_margin"] = dict.fromkeys(markets, fund)
        if self.rounds:
            book["prices"] = random_prices(dice, tuple(PRICES))
            book["funding"]["markets"] = random_funding(dice, book["prices"])
        if dice.random() < 0.7:
            book |= random_checks(dice)
        named = book["bindings"][0]["markets"].keys() - {"*"}
        if "funding_to_come" in json.dumps(schedule):
            sampled = {"interval_seconds": 60, "premium": {"op": "samples"}}
            rules = book["funding"].setdefault("markets", {})
            rules.update({name: sampled for name in named if name not in rules})
        assert "rulebook_refused" not in deviations(self.venue.adopt(book))

    def observe(self, market: str) -> None:
        """Have an account choose a leverage or change its orders, or see the open interest."""
        dice, venue = self.dice, self.venue
        name, size = dice.choice(TRADERS), str(dice.choice([0, 3, 40, 4000]))
        seen = ["leverage", "orders", "interest", "premium", "state", "depth", "risk", "score"]
        match dice.choice(seen):
            case "leverage":
                leverage = dice.choice(["2", "3.5", "20"])
                venue("LeverageSet", account=name, market=market, leverage=leverage)
            case "orders":
                other = str(dice.choice([0, 0, 7]))
                venue("OrdersObserved", account=name, market=market, buy_size=size, sell_size=other)
            case "premium":
                rate = dice.choice(["0.001", "-0.0004", "0.000000000007"])
                venue("PremiumSampled", market=market, rate=rate)
            case "depth":
                within = {"bid_size": size, "ask_size": str(dice.choice([0, 50])), "within": "0.01"}
                venue("DepthObserved", market=market, **within)
            case "score":
                score = dice.choice(["0", "0.3", "0.7", "1"])
                venue("RiskScored", account=name, market=market, model="desk", score=score)
            case "risk" if market != "INV":
                losses = [str(dice.randrange(-9, 10)) for _ in range(dice.choice([2, 3, 3]))]
                told = {"producer": "desk", "version": "1", "losses": losses, "delta": "0.5"}
                venue("RiskArrayPublished", market=market, **told)
            case "state":
                state = dice.choice(["normal", *MARKET_STATES])
                venue("MarketStateChanged", market=market, state=state, **PERSON)
            case _:
                venue("OpenInterestObserved", market=market, size=size)

    def liquidated(self) -> list[str]:
        """The markets in which somebody in liquidation has a position."""
        markets = self.venue.engine.book.markets.values()
        return [
            market.spec.name
            for market in markets
            if any(scope.status == "liquidation" for scope in market.holders.values())
        ]

    def tell(self, market: str) -> None:
        """Have the venue say that it liquidated or deleveraged somebody, or paid funding."""
        dice, venue = self.dice, self.venue
        if dice.random() < 0.3:
            amount = dice.choice(["0.01", "-1.25", "3"])
            venue("FundingPaid", account=dice.choice(TRADERS), market=market, amount=amount)
            return
        ordinal = venue.registry.market_ordinals[market]
        spec = venue.registry.market(ordinal)
        holders = venue.engine.book.markets[ordinal].holders
        sizes = {
            venue.registry.account(account).name: scope.positions[ordinal].size
            for account, scope in sorted(holders.items())
        }
        due = [
            venue.registry.account(account).name
            for account, scope in sorted(holders.items())
            if scope.status == "liquidation"
        ]
        name = dice.choice(due or [*sizes, *TRADERS])
        size = sizes.get(name, 0)
        other = dice.choice([one for one in (*sizes, *TRADERS) if one != name])
        step = 10**spec.size_decimals
        most = abs(size) // step if spec.size_decimals else abs(size)
        told = {"market": market, "size": str(dice.choice([1, max(most, 1), max(most // 2, 1)]))}
        price = max(1, self.prices[market] * dice.choice([90, 99, 100, 101, 110]) // 100)
        told["price"] = f"{price // 100}.{price % 100:02}"
        cause, against = dice.choice([("liquidation", "trade"), ("liquidation", "adl")])
        sides = [(name, cause), (other, against)]
        if size > 0:
            sides.reverse()
        (buyer, bought), (seller, sold) = sides
        venue(
            "Traded",
            buyer=buyer,
            seller=seller,
            buyer_cause=bought,
            seller_cause=sold,
            **told,
        )

    def offers(self) -> list[tuple[int, int, bool]]:
        """Whose position in which market is auctioned off, and whether by sealed bids."""
        found = []
        for (account, _), scope in sorted(self.venue.engine.book.scopes.items()):
            for market, auction in sorted(scope.auctions.items()):
                rung = rung_of(scope, auction)
                assert rung is not None, "a test cancels what no rung holds any more"
                found.append((account, market, isinstance(rung.method, SealedMethod)))
        return found

    def auction(self, market: str) -> None:
        """Have somebody take or bid for what is auctioned off, now and then for what is not."""
        dice, venue = self.dice, self.venue
        name, sealed = dice.choice(TRADERS), dice.random() < 0.5
        offers = self.offers()
        if offers:
            account, ordinal, sealed = dice.choice(offers)
            name = venue.registry.account(account).name
            market = venue.registry.market(ordinal).name
        others = [other for other in (*TRADERS, VAULT, VAULT, "insurance") if other != name]
        told = {"account": name, "market": market, "size": str(dice.choice([1, 2, 7, 300]))}
        near = max(1, self.prices[market] * dice.choice([80, 97, 100, 103, 130]) // 100)
        price = f"{near // 100}.{near % 100:02}"
        if sealed is (dice.random() < 0.95):
            venue("AuctionBid", bidder=dice.choice(others), price=price, **told)
        else:
            limit = {"limit": price} if dice.random() < 0.2 else {}
            after = dice.choice([0, 1, 1, 20])
            venue("AuctionTaken", taker=dice.choice(others), after=after, **told, **limit)

    def rare(self, market: str) -> None:
        """Have interest settled or booked, coin bought with what may be owed, or a market end."""
        dice, venue = self.dice, self.venue
        match dice.choice(
            ["interest", "booked", "spot", "spot", "spot", "end", *3 * ["pool"], "rank"]
        ):
            case "interest":
                rates = {"rate": dice.choice(["0.001", "0.01"]), "credit_rate": "0.0000037"}
                venue("InterestSettled", asset=dice.choice(["USD", "COIN"]), **rates)
            case "pool":
                self.pool()
            case "rank":
                ranked = dice.sample(TRADERS, dice.randrange(1, 4))
                side = dice.choice(["long", "short"])
                venue("DeleveragingRanked", market=market, side=side, accounts=ranked)
            case "booked":
                name, amount = dice.choice(TRADERS), dice.choice(["-1.25", "0.75"])
                venue("InterestPaid", account=name, asset="USD", amount=amount)
            case "spot":
                buyer, seller = dice.sample(TRADERS, 2)
                size = dice.choice(["1.5", "10", "40"])
                venue.trade(buyer, seller, "COIN-USD", size, self.text("COIN-USD"))
            case _:
                ends = "JUN" if dice.random() < 0.8 else market
                venue("MarketSettled", market=ends, price=self.text(ends))

    def pool(self) -> None:
        """Have somebody join or leave a pooled fund, or change its mind about it."""
        dice = self.dice
        told = {"account": dice.choice(TRADERS), "fund": dice.choice(FUNDS), "asset": "USD"}
        amount = str(dice.choice([1, 7, 50]))
        joins = 4 * ["PoolJoined"]
        match dice.choice([*joins, "PoolLeft", "PoolLeaveRequested", "PoolLeaveRequested", ""]):
            case "PoolJoined":
                self.venue("PoolJoined", **told, amount=amount)
            case "":
                self.venue("PoolLeaveCancelled", **told)
            case kind:
                self.venue(kind, **told, shares=amount)

    def move(self, markets: list[str]) -> None:
        """Move the marks of some markets, a little or far."""
        for name in markets:
            move = self.dice.choice([-300, -50, -9, 9, 50, 300])
            self.prices[name] = max(1, self.prices[name] * (1000 + move) // 1000)
        self.venue.mark(**{name: self.text(name) for name in markets})

    def step(self) -> None:
        """Have one thing happen."""
        dice, venue = self.dice, self.venue
        market = dice.choice(MARKETS)
        kind = dice.choices(KINDS, WEIGHTS)[0]
        if dice.random() < 0.2 and (held := self.liquidated()):
            market, kind = dice.choice(held), "told"
        match "auction" if self.offers() and dice.random() < 0.3 else kind:
            case "mark":
                moved = dice.sample(list(PRICES), dice.choice([1, 1, 2, 3]))
                self.move(moved)
            case "trade":
                buyer, seller = dice.sample(TRADERS, 2)
                size = dice.choice([1, 2, 5, 20])
                venue.trade(buyer, seller, market, str(size), self.text(market))
            case "cash":
                name = dice.choice(TRADERS)
                asset, most = dice.choice([("USD", 400), ("USD", 100), ("COIN", 30)])
                amount = str(dice.randrange(1, most))
                if dice.random() < 0.6:
                    venue.deposit(name, amount, asset)
                else:
                    venue("Withdrawn", account=name, asset=asset, amount=amount)
            case "funding":
                rate = dice.choice(["0.0001", "-0.0003", "0.01", "0.0000007"])
                venue("FundingSettled", market=market, rate=rate, price=self.text(market))
            case "price":
                name, role = dice.choice(list(PRICES)), dice.choice(ROLES)
                price = max(1, self.prices[name] * dice.choice([700, 950, 1000, 1050]) // 1000)
                told = f"{price // 100}.{price % 100:02}"
                venue("PriceObserved", market=name, role=role, price=told)
            case "observe":
                self.observe(market)
            case "adopt":
                self.adopt()
            case "auction":
                self.auction(market)
            case "told":
                self.tell(market)
            case "rare":
                self.rare(market)
            case _:
                venue("ClockTicked", after=dice.choice([1, 20, 60]))
