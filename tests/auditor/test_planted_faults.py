"""The comparison sees what it is there to see: folds that differ in one small rule do not agree.

The fault is planted in the second ledger; which of the two is wrong makes no difference.
"""

from collections.abc import Sequence
from fractions import Fraction

import pytest

from tests.auditor import margin
from tests.auditor.collateral import Policy
from tests.auditor.margin import Measure
from tests.auditor.numbers import ceiling, down, floor, half_even, toward_zero
from tests.auditor.rules import Rung
from tests.auditor.run import compare
from tests.auditor.state import Book, Scope

SEEDS = (51, 49, 15, *range(1, 61))
"""Seeds that show the rarest of the faults come first: most of the time goes into looking."""
UNWOUND = (44, *range(1, 41))
"""The same, of stories in which gains are sold."""


def first_difference(
    seeds: Sequence[int], *, unwinds: bool = False, mechanisms: tuple[str, ...] = ()
) -> str:
    """What differs in the first of ``seeds`` that differs."""
    for seed in seeds:
        outcome = compare(seed, 120, unwinds=unwinds, mechanisms=mechanisms)
        if difference := outcome.difference:
            return difference
    return ""


def not_strict(rung: Rung, numbers: Measure) -> bool:
    """A condition that ignores its comparator."""
    return numbers.equity < rung.factor * numbers.level(rung.level)


def with_cash(book: Book, scope: Scope) -> Fraction:
    """The due in order of equity alone."""
    return margin.measure(book, scope.account, scope.asset).equity


def not_nested(
    policy: Policy, level: str, cash: int, pairs: list[tuple[Fraction, Fraction]], unit: int
) -> Fraction:
    """PnL weighed without what the level asks of its position."""
    pnls = sum(policy.of_pnl(level, pnl) for pnl, _ in pairs)
    return policy.of_cash(level, cash, unit) + pnls


missing = margin.missing


def one_more(book: Book, scope: Scope, restores: tuple[str, Fraction]) -> int:
    """What is missing, and a unit."""
    lacks = missing(book, scope, restores)
    return lacks + 1 if lacks else 0


FAULTS: dict[str, tuple[str, object]] = {
    "a taker's part rounds up": ("waterfall.floor", ceiling),
    "the deficit's mark value rounds down": ("waterfall.half_even", floor),
    "released cost rounds to even": ("fills.toward_zero", half_even),
    "a close factor rounds down to a lot": ("reductions.ceiling", floor),
    "a penalty rounds up": ("reductions.floor", ceiling),
    "amount due rounds to even": ("margin.ceiling", half_even),
    "the withdrawal limit rounds up": ("facts.floor", ceiling),
    "a bankruptcy share rounds toward zero": ("liquidation.half_even", toward_zero),
    "at the threshold is not below it": ("margin.below", not_strict),
    "the due go by equity alone": ("liquidation._urgency", with_cash),
    "accrued funding is no equity": ("state.Book.accrued", lambda *where: where[-1].accrued),
    "a halted market closes": ("margin.may_close", lambda market: market.mark is not None),
    "a position's end keeps its fraction": ("fills.drop_fraction", lambda *_: None),
    "nothing waits for a first price": ("executions.price_waiting", lambda *_: None),
    "variation margin rounds down": ("variation.toward_zero", floor),
    "cuts of gains round down": ("variation.ceiling", floor),
    "what fills realised is no flow": ("fills.paid_at_marks", lambda *_: False),
    "a position comes at what it is handed over for": ("waterfall.assumed", lambda *a: a[-1]),
    "funding is not shared": ("variation.share_paid", lambda *_: None),
    "calls never fall due": ("fold.fire", lambda *_: None),
}


OF_GAINS: dict[str, tuple[str, object]] = {
    "weights are not nested": ("margin._counts", not_nested),
    "gains are never sold": ("reductions.Sale.settle", lambda _: None),
    "nothing is closed to sell what it frees": (
        "reductions.Sale.restored_with_gains",
        lambda _: True,
    ),
    "a gain that counts for nothing is worth a close": (
        "reductions.Sale.gain_counts",
        lambda _: True,
    ),
    "a sale that does not help is made": ("reductions.Sale.helps", lambda *_: True),
    "a limit below a lot closes nothing": ("reductions.Step.least", 0),
    "cover gives a unit more": ("margin.missing", one_more),
    "a debt is no status": ("margin.owes", lambda *_: False),
    "cover counts nobody's gains": ("covering._by_gains", lambda *_: 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, replacement = FAULTS[fault]
    monkeypatch.setattr(f"tests.auditor.{place}", replacement)
    assert first_difference(SEEDS)


@pytest.mark.parametrize("fault", OF_GAINS)
def test_a_fault_in_selling_gains_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, replacement = OF_GAINS[fault]
    monkeypatch.setattr(f"tests.auditor.{place}", replacement)
    assert first_difference(UNWOUND, unwinds=True)


OF_MECHANISMS: dict[str, tuple[str, str, object]] = {
    "no breaker trips": ("breakers", "price_rules.Breaker.trips", lambda *_: False),
    "a stay never ages": ("ramps", "reductions.Step.elapsed", lambda _: 0),
    "a taker pays less": ("auctions", "auctions.ceiling", floor),
    "moves are halved": ("impact", "impact.down", lambda value, places: down(value / 2, places)),
    "shares round up": ("pools", "pools.floor", ceiling),
    "no claim is counted": ("claims", "waterfall.HandOver.limits_claim_of", lambda *_: False),
}


@pytest.mark.parametrize("fault", OF_MECHANISMS)
def test_a_fault_in_a_mechanism_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mechanism, place, replacement = OF_MECHANISMS[fault]
    monkeypatch.setattr(f"tests.auditor.{place}", replacement)
    assert first_difference(range(11, 41), mechanisms=(mechanism,))
