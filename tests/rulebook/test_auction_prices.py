"""Factors of declining prices: powers by squaring, to 27 decimals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.rulebook.ladder.auctions import power


@given(st.integers(1, 10**12 - 1), st.integers(0, 100_000))
def test_a_power_is_as_near_as_its_roundings_let_it_be(base: int, exponent: int) -> None:
    """Each product is off by half of the last digit at most; squaring doubles what it is off by."""
    exact = Fraction(base, 10**12) ** (exponent % 64)
    assert abs(power(Fraction(base, 10**12), exponent % 64) - exact) <= Fraction(64, 10**27)
    assert 0 <= power(Fraction(base, 10**12), exponent) <= 1


@pytest.mark.parametrize(
    ("base", "exponent", "found"),
    [
        (Fraction(1, 3), 0, Fraction(1)),
        (Fraction(99, 100), 1, Fraction(99, 100)),
        (Fraction(99, 100), 2, Fraction(9801, 10_000)),
        (Fraction(5, 10**14), 2, Fraction(3, 10**27)),
    ],
)
def test_powers_and_what_ties_are_rounded_to(
    base: Fraction, exponent: int, found: Fraction
) -> None:
    """The square of 5e-14 is 2.5 of the last digit: 3 of them."""
    assert power(base, exponent) == found
