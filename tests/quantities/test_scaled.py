"""Scaled integers and decimal text: exact, or refused."""

from decimal import Decimal, getcontext, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.quantities import (
    MAX_PRECISION,
    NotExact,
    exact_decimal,
    format_exact,
    format_scaled,
    rescale,
    to_scaled,
)

integers = st.integers(-(10**60), 10**60)
scales = st.integers(0, 18)


@pytest.mark.parametrize(
    ("text", "decimals", "scaled"),
    [
        ("1.25", 2, 125),
        ("-0.05", 2, -5),
        ("1.500", 1, 15),
        ("1E+3", 2, 100_000),
        ("0E-30", 0, 0),
        ("-0", 0, 0),
        ("0.1", 18, 10**17),
        ("12345678901234567890123456789012345678901234567890", 0, int("1234567890" * 5)),
    ],
)
def test_text_to_integer(text: str, decimals: int, scaled: int) -> None:
    assert to_scaled(Decimal(text), decimals) == scaled


@pytest.mark.parametrize(
    ("text", "decimals", "why"),
    [
        ("0.001", 2, "0.001 has more than 2 decimals"),
        ("1E-400", 18, "1E-400 has more than 18 decimals"),
        ("0.5", 0, "0.5 has more than 0 decimals"),
        ("NaN", 2, "NaN is not a finite number"),
        ("-Infinity", 2, "-Infinity is not a finite number"),
        ("1E+999999999", 2, "needs more than 200 digits"),
        ("1" * 250, 0, "needs more than 200 digits"),
        ("0." + "1" * 250, 18, "has more than 18 decimals"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_rounded(text: str, decimals: int, why: str) -> None:
    with pytest.raises(NotExact, match=why):
        to_scaled(Decimal(text), decimals)


def test_an_integer_of_too_many_digits_is_refused() -> None:
    assert exact_decimal(10**MAX_PRECISION - 1, 2).as_tuple().digits == (9,) * MAX_PRECISION
    with pytest.raises(NotExact, match="more than 200 digits"):
        exact_decimal(10**MAX_PRECISION + 1, 2)


@given(integers, scales)
def test_there_and_back(value: int, decimals: int) -> None:
    assert to_scaled(exact_decimal(value, decimals), decimals) == value
    assert to_scaled(Decimal(format_scaled(value, decimals)), decimals) == value
    assert Decimal(format_exact(value, decimals)) == exact_decimal(value, decimals)


@given(integers, scales)
def test_formats_like_decimal(value: int, decimals: int) -> None:
    with localcontext() as context:
        context.prec = 100
        expected = format(Decimal(value).scaleb(-decimals), "f")
    assert format_scaled(value, decimals) == expected


@given(integers, scales, scales)
def test_one_amount_has_one_shortest_text(value: int, decimals: int, more: int) -> None:
    text = format_exact(value, decimals)
    assert format_exact(value * 10**more, decimals + more) == text
    assert text == text.strip()
    assert "." not in text or text[-1] not in "0."
    assert text != "-0"


@given(integers, scales, scales)
def test_rescaling_is_exact_or_refused(value: int, decimals: int, to_decimals: int) -> None:
    exact = exact_decimal(value, decimals)
    try:
        rescaled = rescale(value, decimals, to_decimals)
    except NotExact:
        with pytest.raises(NotExact):
            to_scaled(exact, to_decimals)
    else:
        assert exact_decimal(rescaled, to_decimals) == exact


@given(integers, scales)
def test_the_callers_decimal_context_does_not_matter(value: int, decimals: int) -> None:
    with localcontext() as context:
        context.prec = 3
        assert to_scaled(exact_decimal(value, decimals), decimals) == value
        assert getcontext().prec == 3
