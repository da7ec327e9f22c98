"""Random days at a small venue, for properties that must hold whatever the rules are.

Dice choose payoffs, schedules, ladders and events. Every event goes through :class:`Venue`, which
applies it to an engine with the banded watch and to one with the naive watch and compares both.
"""

from random import Random
from typing import Any

from tests.engine.schedules import random_schedule
from tests.engine.venue import TAKEOVER, Venue, rulebook

TRADERS = ("ada", "bob", "cyd", "dan")
KINDS = ["mark", "trade", "cash", "funding", "observe", "adopt", "tick"]
WEIGHTS = [50, 30, 8, 6, 6, 2, 4]
PRICES = {"LIN": 100_00, "QUA": 5_00, "INV": 20_000_00}


def random_ladder(dice: Random, levels: list[str]) -> list[dict[str, Any]]:
    """A margin call or not, a reduction or not, a takeover; each at some level and factor."""
    ladder: list[dict[str, Any]] = []
    if dice.random() < 0.4:
        ladder.append(
            {
                "action": "margin_call",
                "when": {"level": dice.choice(levels), "factor": dice.choice(["1", "1.5"])},
                "grace_seconds": 30,
                "restore": dice.choice(levels),
                "on_missed": dice.choice(["notify", "liquidate"]),
            }
        )
    if dice.random() < 0.5:
        ladder.append(
            {
                "action": "reduce",
                "when": {"level": dice.choice(levels)},
                "close_factor": dice.choice(["0.25", "0.5", "1"]),
                "spread": dice.choice(["0", "0.002"]),
            }
        )
    comparator = dice.choice(["<", "<="])
    ladder.append({**TAKEOVER, "when": {"level": "maintenance", "comparator": comparator}})
    return ladder


class Story:
    """A venue with a linear, a quanto and an inverse market, in dollars, and what the dice do."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.venue = Venue(decimals=dice.choice([2, 6]))
        self.prices = dict(PRICES)
        venue = self.venue
        venue.market("LIN")
        venue.market("QUA", payoff="quanto", multiplier="0.1", lot="1", size_decimals=0)
        venue.market("INV", payoff="inverse", multiplier="20000", lot="1", size_decimals=0)
        venue.account(*TRADERS)
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
        schedule = random_schedule(dice)
        levels = ["initial", "maintenance", *(set(schedule) - {"initial", "maintenance"})]
        book = rulebook(
            ladder=random_ladder(dice, sorted(levels)),
            schedule=schedule,
            mode=dice.choice(["derive", "derive", "record", "verify"]),
            funding={"operator": dice.choice(["index", "per_account"])},
        )
        self.venue.adopt(book)

    def observe(self, market: str) -> None:
        """Have an account choose a leverage or change its orders, or see the open interest."""
        dice, venue = self.dice, self.venue
        name, size = dice.choice(TRADERS), str(dice.choice([0, 3, 40, 4000]))
        match dice.choice(["leverage", "orders", "interest"]):
            case "leverage":
                leverage = dice.choice(["2", "3.5", "20"])
                venue("LeverageSet", account=name, market=market, leverage=leverage)
            case "orders":
                other = str(dice.choice([0, 0, 7]))
                venue("OrdersObserved", account=name, market=market, buy_size=size, sell_size=other)
            case _:
                venue("OpenInterestObserved", market=market, size=size)

    def step(self) -> None:
        """Have one thing happen."""
        dice, venue = self.dice, self.venue
        market = dice.choice(list(PRICES))
        match dice.choices(KINDS, WEIGHTS)[0]:
            case "mark":
                moved = dice.sample(list(PRICES), dice.choice([1, 1, 2, 3]))
                for name in moved:
                    move = dice.choice([-300, -50, -9, 9, 50, 300])
                    self.prices[name] = max(1, self.prices[name] * (1000 + move) // 1000)
                venue.mark(**{name: self.text(name) for name in moved})
            case "trade":
                buyer, seller = dice.sample(TRADERS, 2)
                size = dice.choice([1, 2, 5, 20])
                venue.trade(buyer, seller, market, str(size), self.text(market))
            case "cash":
                name = dice.choice(TRADERS)
                if dice.random() < 0.5:
                    venue.deposit(name, str(dice.randrange(1, 400)))
                else:
                    amount = str(dice.randrange(1, 100))
                    venue("Withdrawn", account=name, asset="USD", amount=amount)
            case "funding":
                rate = dice.choice(["0.0001", "-0.0003", "0.01", "0.0000007"])
                venue("FundingSettled", market=market, rate=rate, price=self.text(market))
            case "observe":
                self.observe(market)
            case "adopt":
                self.adopt()
            case _:
                venue("ClockTicked", after=dice.choice([1, 20, 60]))
