"""Roundings, against the decimal module's own as the oracle."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.quantities import Rounding, divide

ORACLE = {
    Rounding.DOWN: decimal.ROUND_FLOOR,
    Rounding.UP: decimal.ROUND_CEILING,
    Rounding.TOWARD_ZERO: decimal.ROUND_DOWN,
    Rounding.AWAY_FROM_ZERO: decimal.ROUND_UP,
    Rounding.HALF_EVEN: decimal.ROUND_HALF_EVEN,
    Rounding.HALF_AWAY: decimal.ROUND_HALF_UP,
}

integers = st.integers(-(10**40), 10**40)
roundings = st.sampled_from(Rounding)


@pytest.mark.parametrize(
    # in the order of Rounding: down, up, toward zero, away from zero, half even, half away
    ("halves", "rounded"),
    [
        (-7, (-4, -3, -3, -4, -4, -4)),
        (-6, (-3, -3, -3, -3, -3, -3)),
        (-5, (-3, -2, -2, -3, -2, -3)),
        (-1, (-1, 0, 0, -1, 0, -1)),
        (0, (0, 0, 0, 0, 0, 0)),
        (1, (0, 1, 0, 1, 0, 1)),
        (5, (2, 3, 2, 3, 2, 3)),
        (7, (3, 4, 3, 4, 4, 4)),
    ],
)
def test_halves(halves: int, rounded: tuple[int, ...]) -> None:
    assert tuple(divide(halves, 2, rounding) for rounding in Rounding) == rounded


@given(integers, st.sampled_from([1, 2, 4, 5, 8, 10, 1000, 10**18]), roundings)
def test_rounds_like_decimal(numerator: int, denominator: int, rounding: Rounding) -> None:
    # these denominators have finite decimals, so the exact quotient is a decimal
    with decimal.localcontext() as context:
        context.prec = 200
        exact = Decimal(numerator) / denominator
        expected = exact.quantize(Decimal(1), rounding=ORACLE[rounding])
    assert divide(numerator, denominator, rounding) == int(expected)


@given(integers, st.integers(1, 10**20), roundings)
def test_the_remainder_is_less_than_one_and_on_the_named_side(
    numerator: int, denominator: int, rounding: Rounding
) -> None:
    error = divide(numerator, denominator, rounding) - Fraction(numerator, denominator)
    if rounding in (Rounding.HALF_EVEN, Rounding.HALF_AWAY):
        assert abs(error) <= Fraction(1, 2)
        return
    assert abs(error) < 1
    away = error if numerator > 0 else -error
    on_the_right_side = {
        Rounding.DOWN: error <= 0,
        Rounding.UP: error >= 0,
        Rounding.TOWARD_ZERO: away <= 0,
        Rounding.AWAY_FROM_ZERO: away >= 0,
    }
    assert on_the_right_side[rounding]


@given(integers, st.integers(1, 10**20))
def test_opposites_round_to_opposites(numerator: int, denominator: int) -> None:
    for one, other in (
        (Rounding.DOWN, Rounding.UP),
        (Rounding.TOWARD_ZERO, Rounding.TOWARD_ZERO),
        (Rounding.AWAY_FROM_ZERO, Rounding.AWAY_FROM_ZERO),
        (Rounding.HALF_EVEN, Rounding.HALF_EVEN),
        (Rounding.HALF_AWAY, Rounding.HALF_AWAY),
    ):
        assert divide(-numerator, denominator, one) == -divide(numerator, denominator, other)


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_sign_belongs_to_the_numerator(denominator: int) -> None:
    with pytest.raises(ValueError, match=f"denominator must be positive, not {denominator}"):
        divide(1, denominator, Rounding.DOWN)
