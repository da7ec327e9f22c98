"""Agreement on numbers of many digits, and on what the edge will not take at all."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.auditor.generate import generate
from tests.auditor.run import compare_events
from tests.auditor.widen import times, widen


def test_the_engine_and_the_second_ledger_agree_far_beyond_63_bits() -> None:
    differences, refused = [], 0
    for seed in range(2001, 2016):
        outcome = compare_events(seed, widen(seed, generate(seed, 100), 20))
        refused += outcome.counts["refused at the edge"]
        if outcome.difference:
            differences.append(f"seed {seed}: {outcome.difference}")
    assert not differences, "\n".join(differences)
    assert not refused


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False),
    st.integers(0, 30),
)
def test_times_is_exact(number: Decimal, places: int) -> None:
    text = times(f"{number:f}", places)
    assert Decimal(text) == number.scaleb(places)
