"""The comparison sees what it is there to see: folds that differ in one small rule do not agree.

The fault is planted in the second ledger; which of the two is wrong makes no difference.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest

from tests.auditor import margin
from tests.auditor.margin import Measure
from tests.auditor.numbers import ceiling, floor, half_even, toward_zero
from tests.auditor.rules import Rung
from tests.auditor.run import compare
from tests.auditor.state import Book, Scope

SEEDS = (51, 49, 15, *range(1, 61))
"""Seeds that show the rarest of the faults come first: most of the time goes into looking."""


def first_difference(seeds: Sequence[int]) -> str:
    """What differs in the first of ``seeds`` that differs."""
    for seed in seeds:
        if difference := compare(seed, 120).difference:
            return difference
    return ""


def not_strict(rung: Rung, numbers: Measure) -> bool:
    """A condition that ignores its comparator."""
    return numbers.equity < rung.factor * numbers.level(rung.level)


def with_cash(book: Book, scope: Scope) -> Fraction:
    """The due in order of equity alone."""
    return margin.measure(book, scope.account, scope.asset).equity


FAULTS: dict[str, tuple[str, Callable[..., object]]] = {
    "a taker's part rounds up": ("waterfall.floor", ceiling),
    "the deficit's mark value rounds down": ("waterfall.half_even", floor),
    "released cost rounds to even": ("fills.toward_zero", half_even),
    "a close factor rounds down to a lot": ("liquidation.ceiling", floor),
    "a penalty rounds up": ("liquidation.floor", ceiling),
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, replacement = FAULTS[fault]
    monkeypatch.setattr(f"tests.auditor.{place}", replacement)
    assert first_difference(SEEDS)
