"""A venue that does what its rulebook says leaves no deviation; one that does otherwise does.

What the ladder derives on one ledger is told to another in verify mode, fill by fill.
"""

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clearing.engine import Entry
from clearing.quantities import format_exact
from tests.engine.venue import Venue, of_kind, rulebook

CHECKS = {"price_tolerance": "0.000001", "adl_rank": True, "quantity": "exact"}
"""A tolerance, because each close is rounded to units and moves what the next one should be."""

INITIAL: dict[str, Any] = {"op": "rate", "rate": "0.1"}
FLAT: dict[str, Any] = {"initial": INITIAL, "maintenance": {"op": "rate", "rate": "0.04"}}
TIERS: dict[str, Any] = {
    "initial": INITIAL,
    "maintenance": {
        "op": "tiers",
        "tiers": [{"floor": "0", "rate": "0.03"}, {"floor": "2000", "rate": "0.05"}],
    },
}
"""With tiers only where the fund takes positions whole: the share of the loss that the rest of one
has is another once part of it, and of a tier, is gone."""


def random_rungs(dice: Random) -> list[dict[str, Any]]:
    """A reduction by some rule, or none, and a takeover."""
    quantity = dice.choice(
        [
            {"op": "share", "share": "0.37"},
            {"op": "restore", "level": "maintenance", "factor": "1.2"},
            {"op": "tiers_down", "down": 1},
            {"op": "all"},
        ]
    )
    price = dice.choice([{"op": "mark", "spread": "0.004"}, {"op": "bankruptcy"}])
    reduce: dict[str, Any] = {"action": "reduce", "when": {"level": "maintenance"}}
    takeover: dict[str, Any] = {"action": "takeover", "residual": "taker"}
    when = {"level": "maintenance", "factor": dice.choice(["0.5", "1"])}
    rungs = [{**takeover, "when": when}]
    if dice.random() < 0.7:
        rungs.insert(0, {**reduce, "quantity": quantity, "price": price})
    return rungs


def crowd(dice: Random, mode: str, rules: dict[str, Any], checks: dict[str, Any]) -> Venue:
    """Ada long in two markets, against three who opened at other prices, and a fund."""
    v = Venue(decimals=6)
    for market in ("BTC", "ETH"):
        v.market(market, lot="1", price_decimals=12)
    v.account("ada", "bob", "cyd", "dan")
    v.deposit("ada", str(dice.randrange(150, 400)))
    for name in ("bob", "cyd", "dan"):
        v.deposit(name, str(dice.randrange(900, 3000)))
    schedule, amount = dice.choice([(FLAT, "1"), (FLAT, "100000"), (TIERS, "100000")])
    v("FundContributed", fund="insurance", asset="USD", amount=amount)
    v.adopt(rulebook(mode=mode, schedule=schedule, **rules) | {"verification": checks})
    for name in ("bob", "cyd", "dan"):
        price = dice.choice(["96", "100", "103"])
        v.mark(BTC=price, ETH="10")
        v.trade("ada", name, "BTC", str(dice.randrange(2, 12)), price)
        v.trade("ada", name, "ETH", str(dice.randrange(2, 12)), "10")
    return v


def fills(v: Venue, entries: list[Entry]) -> list[dict[str, Any]]:
    """What the ladder closed, as a venue would tell it: prices rounded to the market's decimals."""
    told = []
    for closed in of_kind(entries, "closed"):
        spec = v.registry.market(int(closed["market"]))
        size = abs(int(closed["size"]))
        price = Decimal(abs(int(closed["amount"]))) / size * Decimal(10) ** (spec.size_decimals - 6)
        adl = closed["layer"] == "adl"
        told.append(
            {
                "market": spec.name,
                "buyer": v.registry.account(int(closed["taker"])).name,
                "seller": v.registry.account(int(closed["account"])).name,
                "size": format_exact(size, spec.size_decimals),
                "price": str(round(price, 12)),
                "seller_cause": "liquidation",
                "buyer_cause": "adl" if adl else "trade",
            }
        )
    return told


class Told:
    """A day on two ledgers: what the ladder of one closes is told to the other.

    ``fills`` are empty where the ladder does nothing, or did something before the last mark.
    """

    def __init__(self, seed: int, mark: int) -> None:
        dice = Random(seed)  # noqa: S311 - dice
        self.rules = {"ladder": random_rungs(dice)}
        self.mark = str(mark)
        self.day = dice.getrandbits(32)
        derived = self.crowd("derive", {})
        before = derived.margin("ada")
        fills_ = fills(derived, derived.mark(BTC=self.mark, ETH="9"))
        untouched = self.crowd("record", {}).margin("ada") == before
        self.fills = fills_ if untouched else []

    def crowd(self, mode: str, checks: dict[str, Any]) -> Venue:
        return crowd(Random(self.day), mode, self.rules, checks)  # noqa: S311 - dice

    def verifying(self) -> Venue:
        """The other ledger just before it is told. One position may come in several fills."""
        deleveraged = any(fill["buyer_cause"] == "adl" for fill in self.fills)
        v = self.crowd("verify", CHECKS | {"quantity": "at_most" if deleveraged else "exact"})
        v.mark(BTC=self.mark, ETH="9")
        return v


def said(entries: list[Entry]) -> list[dict[str, str | int]]:
    """The deviations, but for those that say that somebody has less than nothing."""
    left = {"negative_balance", "fund_below_zero"}
    return [d for d in of_kind(entries, "deviation") if d["code"] not in left]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(60, 92))
def test_what_the_ladder_does_is_what_verify_mode_expects(seed: int, mark: int) -> None:
    told = Told(seed, mark)
    assume(told.fills)
    venue = told.verifying()
    for fill in told.fills:
        assert said(venue("Traded", after=0, **fill)) == [], fill


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["0.97", "1.03"]))
def test_another_price_is_found(seed: int, off: str) -> None:
    told = Told(seed, 84)
    # With one rung there is one price that is right.
    assume(told.fills and len(told.rules["ladder"]) == 1)
    first = told.fills[0]
    price = round(Decimal(first["price"]) * Decimal(off), 12)
    (found,) = said(told.verifying()("Traded", **{**first, "price": format(price, "f")}))
    assert found["code"] == "liquidation_price"
    assert abs(Decimal(str(found["expected"])) - Decimal(first["price"])) < Decimal("0.001")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_another_counterparty_is_found(seed: int) -> None:
    """Whoever the ladder took second is told to be the first."""
    told = Told(seed, 80)
    taken = [fill for fill in told.fills if fill["buyer_cause"] == "adl"]
    assume(len({fill["buyer"] for fill in taken[:2]}) == 2)
    first, second = taken[:2]
    assume(first["market"] == second["market"])
    venue = told.verifying()
    for fill in told.fills[: told.fills.index(first)]:
        venue("Traded", after=0, **fill)
    (found,) = said(venue("Traded", after=0, **{**second, "price": first["price"]}))
    ordinal = str(venue.ordinal(first["buyer"]))
    assert [found[k] for k in ("code", "expected", "found", "detail")] == [
        "adl_rank",
        "1",
        "2",
        ordinal,
    ]
