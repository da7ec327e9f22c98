"""Amounts and moments as exports write them: exact, in every notation, and refused by name."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.adapters import OptionRefused
from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.values import (
    amount_field,
    amount_if_told,
    legs,
    millisecond_field,
    offset_setting,
    positive_field,
    reckoned_field,
    total,
    wall_time_field,
)

UNITS = st.integers(-(10**70) + 1, 10**70 - 1)
"""Amounts in the last of forty decimals."""


def exact(units: int) -> Decimal:
    return Decimal(f"{units}E-40")


@given(UNITS, st.integers(0, 20))
def test_an_amount_is_the_same_in_every_notation(units: int, zeros: int) -> None:
    plain = f"{exact(units):f}"
    for text in (plain, plain + "0" * zeros, f"{exact(units):E}"):
        assert amount_field("Change", text) == exact(units)


@given(st.lists(UNITS, max_size=4))
def test_a_total_is_exact(units: list[int]) -> None:
    assert total(*map(exact, units)) == exact(sum(units))


@pytest.mark.parametrize(
    "text", ["", "--", "1,5", "1.5 ", "0x1", "NaN", "Infinity", "1e400", ".5", "1E-41", "1E30"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        amount_field("Change", text)
    assert (refused.value.field, refused.value.value) == ("Change", text)


def test_a_cell_that_tells_no_amount_is_none() -> None:
    assert amount_if_told("Quantity", "--") is None
    assert amount_if_told("Quantity", "") is None
    assert amount_if_told("Quantity", "0") == 0


def test_parts_that_are_zero_make_no_leg_but_one_always_stays() -> None:
    parts = legs(
        "USDT", Decimal(9), ("trade", Decimal(2)), ("fee", Decimal(-1)), ("adl", Decimal(0))
    )
    assert [(leg.kind, leg.amount, leg.balance) for leg in parts] == [
        ("trade", Decimal(2), None),
        ("fee", Decimal(-1), Decimal(9)),
    ]
    (only,) = legs("USDT", Decimal(9), ("trade", Decimal(0)), ("fee", Decimal(0)))
    assert (only.kind, only.amount, only.balance) == ("trade", Decimal(0), Decimal(9))


def test_a_time_on_the_wall_is_put_back_to_utc() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    three = offset_setting("okx-history", "+03:00")
    assert wall_time_field("Time", "2024-05-01 15:00:00", three) == noon
    assert wall_time_field("Time", "24-05-01 12:00:00.500", timedelta()) == noon + timedelta(
        seconds=0.5
    )
    assert wall_time_field("Time", "2024-05-01 06:30:00", offset_setting("x", "-05:30")) == noon
    assert millisecond_field("ts", "1714564800000") == noon


@pytest.mark.parametrize("text", ["", "2024-05-01", "2024-13-01 12:00:00", "01.05.2024 12:00"])
def test_what_is_no_time_on_the_wall_is_refused(text: str) -> None:
    with pytest.raises(FieldRefused):
        wall_time_field("Time", text, timedelta())


@pytest.mark.parametrize("text", ["", "1.5", "-1", "99999999999999"])
def test_what_is_no_count_of_milliseconds_is_refused(text: str) -> None:
    with pytest.raises(FieldRefused):
        millisecond_field("ts", text)


@pytest.mark.parametrize("text", ["", "3", "UTC+3", "+15:00", "+03:0"])
def test_what_is_no_offset_is_refused_before_anything_is_read(text: str) -> None:
    with pytest.raises(OptionRefused, match="utc_offset"):
        offset_setting("okx-history", text)


def test_a_moment_that_is_none_is_named_as_it_stood() -> None:
    with pytest.raises(FieldRefused) as refused:
        wall_time_field("Time", "2026-02-30 10:00:05", timedelta())
    assert refused.value.value == "2026-02-30 10:00:05"
    with pytest.raises(FieldRefused) as refused:
        millisecond_field("time", "9999999999999")
    assert refused.value.value == "9999999999999"


def test_a_size_is_greater_than_zero() -> None:
    assert positive_field("sz", "1.5") == Decimal("1.5")
    for text in ("0.0", "-1"):
        with pytest.raises(FieldRefused, match="greater than zero") as refused:
            positive_field("sz", text)
        assert refused.value.value == text


@given(st.integers(-(10**48) + 1, 10**48 - 1), st.integers(0, 10**12))
def test_what_a_venue_reckoned_is_cut_after_eighteen_decimals(units: int, more: int) -> None:
    """What a venue's arithmetic left over beyond them changes nothing, and is never rounded up."""
    written = f"{Decimal(f'{units}E-18'):f}"
    longer = (written if "." in written else f"{written}.") + "0" * 18
    longer = longer[: longer.index(".") + 19] + f"{more:012d}"
    assert reckoned_field("payment", longer) == Decimal(written)
    assert reckoned_field("payment", f"{Decimal(written):E}") == Decimal(written)


@pytest.mark.parametrize("text", ["", "NaN", "1,5", "1E40"])
def test_what_was_not_reckoned_is_refused(text: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        reckoned_field("payment", text)
    assert refused.value.value == text


def test_what_is_beyond_cutting_is_zero() -> None:
    assert str(reckoned_field("payment", "-4.5E-30")) == "0"
