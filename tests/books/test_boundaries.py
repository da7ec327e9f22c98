"""To which day what happened exactly at its end belongs: to the next, once, and to no other."""

from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from clearing.books import Calendar, Period, between, calendar_of, period_of
from clearing.events import Event
from clearing.ledger import Ledger
from tests.books.day import cash, mark, trade
from tests.log.small import declarations

BEFORE = timedelta(microseconds=1)
CALENDARS = (
    calendar_of("utc"),
    calendar_of("okx"),
    Calendar("desk", offset=-5 * 60, ends=17 * 60),
)
NAMES = ("2024-06-17", "2024-06-18", "2024-06-19")


def told(moment: datetime) -> dict[str, str]:
    return {"at": moment.isoformat().replace("+00:00", "Z")}


def around(day: Period) -> list[Event]:
    """Deposits of 1 just before a day, 2 as it begins, 4 just before it ends, 8 as it ends."""
    moments = (day.begins - BEFORE, day.begins, day.ends - BEFORE, day.ends)
    return [
        cash(number, "Deposited", "ada", amount, **told(moment))
        for number, amount, moment in zip(
            (10, 11, 12, 13), ("1.00", "2.00", "4.00", "8.00"), moments, strict=True
        )
    ]


def days(calendar: Calendar) -> tuple[Period, ...]:
    return tuple(period_of(calendar, name) for name in NAMES)


def deposits(ledger: Ledger, subject: str | None, period: Period) -> tuple[str, int, str, str]:
    """What a statement says was deposited, in how many postings, and cash at both ends."""
    (usd,) = ledger.statement(subject, period).figures["assets"]
    if subject is None:
        (line,) = [one for one in usd["ledgers"] if one["ledger"] == "accounts"]
        movements, opening, closing = line["movements"], line["opening"], line["closing"]
    else:
        movements = usd["movements"]
        opening, closing = usd["opening"]["cash"], usd["closing"]["cash"]
    (moved,) = [one for one in movements if one["kind"] == "deposits"]
    return moved["amount"], moved["count"], opening, closing


@pytest.mark.parametrize("late", [False, True], ids=["told in time", "told late"])
@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
def test_a_day_has_its_first_moment_and_not_its_last(
    database_url: str, calendar: Calendar, late: bool
) -> None:
    """Of the account and of the house, whether the log was told in order or not."""
    three = days(calendar)
    events = around(three[1])
    if late:
        events.reverse()
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *events])
        ledger.project()
        assert bool(ledger.statement("ada", three[2]).drawn.late_facts) is late
        for subject in ("ada", None):
            assert [deposits(ledger, subject, day) for day in three] == [
                ("1", 1, "0", "1"),
                ("6", 2, "1", "7"),
                ("8", 1, "7", "15"),
            ]


def test_an_hour_and_two_moments_of_ones_own_are_cut_alike(database_url: str) -> None:
    hour = period_of(calendar_of("utc"), "2024-06-18T13")
    with Ledger.open(database_url) as ledger:
        ledger.append([*declarations(), *around(hour)])
        ledger.project()
        for period in (hour, between(hour.begins, hour.ends)):
            assert deposits(ledger, "ada", period) == ("6", 2, "1", "7")
        last = between(hour.begins, hour.ends + BEFORE)
        assert deposits(ledger, "ada", last) == ("14", 3, "1", "15")


@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
def test_a_result_at_the_end_of_a_day_is_the_next_days(
    database_url: str, calendar: Calendar
) -> None:
    """Ada holds 10 from 100.00 on; the mark goes to 110.00 just as the day ends."""
    _, day, following = days(calendar)
    with Ledger.open(database_url) as ledger:
        ledger.append(
            [
                *declarations(),
                *around(day)[:1],
                cash(14, "Deposited", "bob", "9000.00", **told(day.begins - BEFORE)),
                cash(15, "Deposited", "ada", "2000.00", **told(day.begins - BEFORE)),
                mark(20, "100.00", **told(day.begins)),
                trade(21, "ada", "bob", "10", "100.00", buyer_fee="1.00", **told(day.begins)),
                mark(22, "110.00", **told(day.ends)),
            ]
        )
        ledger.project()
        whole = between(day.begins, following.ends)
        parts = [
            {part.part: part.amount for part in ledger.attribution("ada", period)[0].parts}
            for period in (day, following, whole)
        ]
        sizes = [
            ledger.statement("ada", period).figures["assets"][0]["closing"]["unrealised"]
            for period in (day, following)
        ]
    assert parts == [{"fees": "-1"}, {"price": "100"}, {"price": "100", "fees": "-1"}]
    assert [Fraction(text) for text in sizes] == [0, 100]
