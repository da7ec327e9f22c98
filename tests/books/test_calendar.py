"""When a venue's day begins and ends."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.books import (
    CALENDARS,
    Calendar,
    PeriodUnclear,
    between,
    calendar_from,
    calendar_of,
    period_of,
)


def bounds(calendar: str, name: str) -> tuple[str, str]:
    period = period_of(calendar_of(calendar), name)
    return period.begins.strftime("%m-%d %H:%M"), period.ends.strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("calendar", "name", "begins", "ends"),
    [
        ("utc", "2024-06-18", "06-18 00:00", "06-19 00:00"),
        ("okx", "2024-06-18", "06-17 08:00", "06-18 08:00"),  # 16:00 in Hong Kong, UTC+8
        ("hkt", "2024-06-18", "06-17 16:00", "06-18 16:00"),
        ("utc", "2024-06-18T13", "06-18 13:00", "06-18 14:00"),
        ("dydx", "2024-06-18T23", "06-18 23:00", "06-19 00:00"),
        ("okx", "2024-06-18T13", "06-18 05:00", "06-18 06:00"),
        ("utc", "2024-02", "02-01 00:00", "03-01 00:00"),
        ("okx", "2024-02", "01-31 08:00", "02-29 08:00"),
        ("utc", "2024-12", "12-01 00:00", "01-01 00:00"),
        ("utc", "2024", "01-01 00:00", "01-01 00:00"),
    ],
)
def test_a_name_means_a_period(calendar: str, name: str, begins: str, ends: str) -> None:
    assert bounds(calendar, name) == (begins, ends)


@given(
    st.integers(-1439, 1439), st.integers(1, 1440), st.dates(date(1971, 1, 3), date(2199, 12, 29))
)
def test_days_follow_each_other_without_gaps(offset: int, ends: int, day: date) -> None:
    calendar = Calendar("any", offset, ends)
    begins, end = calendar.day(day)
    assert end - begins == timedelta(days=1)
    assert calendar.day(day + timedelta(days=1))[0] == end
    local = end + timedelta(minutes=offset)
    assert (local - timedelta(microseconds=1)).date() == day, "it is named by where it ends"
    month = period_of(calendar, f"{day:%Y-%m}")
    assert month.begins <= begins < end <= month.ends


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("2024-6-18", "is no 2024"),
        ("2024-02-30", "no period: day is out of range"),
        ("2024-13", "month must be in 1..12"),
        ("2024-06-18T24", "hours are from 00 to 23"),
        ("yesterday", "is no 2024"),
    ],
)
def test_what_is_no_period_is_said(name: str, reason: str) -> None:
    with pytest.raises(PeriodUnclear, match=reason):
        period_of(CALENDARS["utc"], name)


def test_a_calendar_of_ones_own_is_a_document() -> None:
    told = {"name": "desk", "offset": "-05:00", "ends": "17:00"}
    calendar = calendar_from(told, "desk.yaml")
    assert calendar == Calendar("desk", -300, 1020)
    assert period_of(calendar, "2024-06-18").ends == datetime(2024, 6, 18, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"name": "desk", "ends": 1020}, "desk.yaml: field ends: 1020 is no text"),
        ({"name": "desk", "offset": "5"}, "desk.yaml: field offset: '5'"),
        ({"name": "desk", "ends": "24:30"}, "desk.yaml: calendar desk: a day ends 1 to 1440"),
        ({"name": "Our Desk"}, "desk.yaml: calendar 'Our Desk': a name is of a-z"),
        ({"name": "desk", "zone": "HKT"}, "desk.yaml: field 'zone' is none of"),
        ([], "desk.yaml: a calendar is an object"),
        ({}, "desk.yaml: field name: None is no text"),
    ],
)
def test_a_calendar_that_is_none_is_refused(document: object, reason: str) -> None:
    with pytest.raises(PeriodUnclear, match=reason):
        calendar_from(document, "desk.yaml")


def test_a_period_needs_an_offset_and_an_end_after_its_beginning() -> None:
    noon = datetime(2024, 6, 18, 12, tzinfo=UTC)
    with pytest.raises(PeriodUnclear, match="needs an offset"):
        between(noon.replace(tzinfo=None), noon)
    with pytest.raises(PeriodUnclear, match="cannot end at"):
        between(noon, noon)
    with pytest.raises(PeriodUnclear, match="there is no calendar 'nyse'; there are dydx"):
        calendar_of("nyse")
