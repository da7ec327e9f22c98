"""Calendars: when a venue's day begins and ends, and which period a name means.

A day is named by the date on which it ends, where the venue is: on a calendar whose day ends at
16:00 in UTC+8, ``2024-06-18`` begins on the 17th at 16:00 there. A day that ends at midnight
(24:00) is the date itself. ``2024-06`` and ``2024`` are all days that end in it; ``2024-06-18T13``
is the hour from 13:00, by the venue's clock. A period has its beginning and not its end.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final


class PeriodUnclear(ValueError):  # noqa: N818 - reads as the statement that it is
    """A name means no period, or there is no such calendar; the message says what would be one."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a venue's day ends: ``offset`` minutes ahead of UTC, ``ends`` minutes into the date.

    ``ends`` is from 1 to 1440 (midnight). The offset is fixed: a venue that keeps summer time has
    two calendars.
    """

    name: str
    offset: int = 0
    ends: int = 1440
    note: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", self.name):
            raise PeriodUnclear(f"calendar {self.name!r}: a name is of a-z, 0-9, - and _")
        if not -1440 < self.offset < 1440:
            raise PeriodUnclear(f"calendar {self.name}: offset {self.offset} is not within a day")
        if not 1 <= self.ends <= 1440:
            raise PeriodUnclear(
                f"calendar {self.name}: a day ends 1 to 1440 minutes into it, not {self.ends}"
            )

    def moment(self, day: date, minutes: int) -> datetime:
        """Return the moment so many minutes into a date there, in UTC."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return midnight + timedelta(minutes=minutes - self.offset)

    def day(self, day: date) -> tuple[datetime, datetime]:
        """Return when the day that ends on a date begins and ends."""
        return self.moment(day, self.ends - 1440), self.moment(day, self.ends)


CALENDARS: Final = {
    calendar.name: calendar
    for calendar in (
        Calendar("utc", note="days end at 00:00 UTC, as most venues' do"),
        Calendar("okx", 8 * 60, 16 * 60, "the day of OKX's reserves ends at 16:00 in Hong Kong"),
        Calendar("dydx", note="settles by the hour; its days end at 00:00 UTC"),
        Calendar("hkt", 8 * 60, note="midnight in Hong Kong and Singapore"),
    )
}
"""The calendars that are known by name."""


@dataclass(frozen=True, slots=True)
class Period:
    """From ``begins`` on, before ``ends``; ``name`` is empty where two moments were named."""

    calendar: str
    name: str
    begins: datetime
    ends: datetime

    def __post_init__(self) -> None:
        if self.ends <= self.begins:
            raise PeriodUnclear(f"a period that begins at {self.begins} cannot end at {self.ends}")

    def label(self) -> str:
        """Return what people call it: its name and calendar, or its two moments."""
        if self.name:
            return f"{self.name} ({self.calendar})"
        return f"{iso(self.begins)} to {iso(self.ends)}"


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def between(begins: datetime, ends: datetime) -> Period:
    """Return the period between two moments, which must have an offset."""
    if begins.tzinfo is None or ends.tzinfo is None:
        raise PeriodUnclear("a moment needs an offset: 2024-06-18T16:00:00+08:00")
    return Period("", "", begins.astimezone(UTC), ends.astimezone(UTC))


def calendar_of(name: str) -> Calendar:
    """Return a calendar by name; :class:`PeriodUnclear` with those that there are."""
    found = CALENDARS.get(name)
    if found is None:
        have = ", ".join(sorted(CALENDARS))
        raise PeriodUnclear(f"there is no calendar {name!r}; there are {have}")
    return found


def calendar_from(document: Any, where: str) -> Calendar:
    """Return the calendar that a document says: ``name``, ``offset`` (+08:00), ``ends`` (16:00).

    Raises :class:`PeriodUnclear`, which names ``where`` the document is from, field and value.
    """
    if not isinstance(document, dict):
        raise PeriodUnclear(f"{where}: a calendar is an object with name, offset and ends")
    unknown = sorted(set(document) - {"name", "offset", "ends", "note"})
    if unknown:
        raise PeriodUnclear(f"{where}: field {unknown[0]!r} is none of name, offset, ends, note")
    told = {name: document.get(name, usual) for name, usual in _USUAL.items()}
    for name, value in told.items():
        if not isinstance(value, str):
            raise PeriodUnclear(f"{where}: field {name}: {value!r} is no text; put it in quotes")
    offset = re.fullmatch(r"([+-])(\d\d):([0-5]\d)", told["offset"])
    if offset is None:
        raise PeriodUnclear(f"{where}: field offset: {told['offset']!r} is no +08:00 or -05:00")
    ends = re.fullmatch(r"(\d\d):([0-5]\d)", told["ends"])
    if ends is None:
        raise PeriodUnclear(f"{where}: field ends: {told['ends']!r} is no time like 16:00 or 24:00")
    ahead = int(offset[2]) * 60 + int(offset[3])
    try:
        return Calendar(
            told["name"],
            -ahead if offset[1] == "-" else ahead,
            int(ends[1]) * 60 + int(ends[2]),
            told["note"],
        )
    except PeriodUnclear as error:
        raise PeriodUnclear(f"{where}: {error}") from None


_USUAL: Final[dict[str, Any]] = {"name": None, "offset": "+00:00", "ends": "24:00", "note": ""}


def period_of(calendar: Calendar, name: str) -> Period:
    """Return the year, month, day or hour of that name; :class:`PeriodUnclear` if it is none."""
    parts = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d))?)?)?", name)
    if parts is None:
        raise PeriodUnclear(f"{name!r} is no 2024, 2024-06, 2024-06-18 or 2024-06-18T13")
    year, month, day, hour = (None if part is None else int(part) for part in parts.groups())
    if hour is not None and hour > 23:
        raise PeriodUnclear(f"{name!r} is no period: hours are from 00 to 23")
    try:
        first = date(year or 0, month or 1, day or 1)
        begins, ends = _bounds(calendar, first, month, day, hour)
    except (ValueError, OverflowError) as error:
        raise PeriodUnclear(f"{name!r} is no period: {error}") from None
    return Period(calendar.name, name, begins, ends)


def _bounds(
    calendar: Calendar, first: date, month: int | None, day: int | None, hour: int | None
) -> tuple[datetime, datetime]:
    if hour is not None:
        return calendar.moment(first, hour * 60), calendar.moment(first, hour * 60 + 60)
    if day is not None:
        return calendar.day(first)
    if month is None:
        following = date(first.year + 1, 1, 1)
    else:
        following = date(first.year + month // 12, month % 12 + 1, 1)
    return calendar.day(first)[0], calendar.day(following)[0]
