"""Values of statements: exact at any length, clocks only with what they need, nothing guessed."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.values import (
    clock_field,
    milliseconds_field,
    minus,
    number_field,
    total,
)

UNITS = st.integers(-(10**60), 10**60)


def amount(units: int) -> Decimal:
    """So many units of the thirty-fifth decimal, which no context rounds."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(36, "0")
    return Decimal(f"{sign}{digits[:-35]}.{digits[-35:]}")


@given(UNITS)
@example(10**60 + 1)
@example(-(10**64) - 1)
def test_a_number_is_what_was_written(units: int) -> None:
    assert number_field("amount", f"{amount(units):f}") == amount(units)
    assert number_field("amount", f"{amount(units):e}") == amount(units)


@given(st.lists(UNITS, max_size=6))
@example([10**60, 1, -(10**60)])
def test_sums_and_opposites_are_exact(units: list[int]) -> None:
    amounts = [amount(one) for one in units]
    assert total(*amounts) == amount(sum(units))
    assert total(*amounts, *(minus(one) for one in amounts)) == 0


def test_a_negative_zero_is_zero() -> None:
    assert str(number_field("fee", "-0.0")) == "0.0"
    assert str(minus(Decimal(0))) == "0"


@pytest.mark.parametrize(
    "value", ["", ".", "1.", "+1", "1,5", " 1", "NaN", "Infinity", "1e400", "1e-99", "0x1", "１"]
)
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(FieldRefused, match=r"amount: .* is not a decimal") as refused:
        number_field("amount", value)
    assert refused.value.value == value


def test_clocks_and_milliseconds() -> None:
    assert clock_field("at", "2024-05-01 10:00:00.5", "+02:00").isoformat() == (
        "2024-05-01T08:00:00.500000+00:00"
    )
    assert milliseconds_field("at", "1714550412333").isoformat() == (
        "2024-05-01T08:00:12.333000+00:00"
    )


@pytest.mark.parametrize("value", ["1714550412333000", "-1", "1.5", "", "soon"])
def test_what_is_no_moment_in_milliseconds_is_refused(value: str) -> None:
    with pytest.raises(FieldRefused, match="at: "):
        milliseconds_field("at", value)
