"""How fast an average forgets, against the decimal library's own exponential."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.quantities import DECAY_SCALE, decay


@given(st.integers(0, 10**12), st.integers(1, 10**10))
def test_it_is_the_exponential_or_one_digit_too_low(elapsed: int, constant: int) -> None:
    with localcontext(prec=60):
        exact = (-Decimal(elapsed) / constant).exp() * DECAY_SCALE
    off = int(exact) - decay(elapsed, constant)
    assert 0 <= off <= 1 or elapsed > 50 * constant


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**8))
def test_more_time_never_leaves_more(one: int, other: int, constant: int) -> None:
    less, more = sorted((one, other))
    assert decay(more, constant) <= decay(less, constant)


def test_nothing_is_forgotten_at_once_and_all_in_the_end() -> None:
    assert decay(0, 7) == DECAY_SCALE
    assert decay(351, 7) == 0


@pytest.mark.parametrize(("elapsed", "constant"), [(-1, 5), (1, 0), (1, -5)])
def test_what_makes_no_sense_is_refused(elapsed: int, constant: int) -> None:
    with pytest.raises(ValueError, match="must be at least 0"):
        decay(elapsed, constant)
