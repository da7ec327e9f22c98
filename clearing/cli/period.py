"""The period that a command is about: a day of a calendar, or from one moment to another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from cyclopts import Parameter

from clearing.books import (
    CALENDARS,
    Calendar,
    Period,
    PeriodUnclear,
    between,
    calendar_from,
    calendar_of,
    period_of,
)
from clearing.events.fields import parse_time

_DAY = "the day, month, year or hour by the calendar: 2024-06-18, 2024-06, 2024, 2024-06-18T13"
_CALENDAR = f"whose days: {', '.join(sorted(CALENDARS))}, or a YAML file with name, offset, ends"
_FROM = "instead of --day: from this moment on, with an offset (2024-06-18T16:00:00+08:00)"


@Parameter(name="*")
@dataclass
class Span:
    """The period that a question is about."""

    day: Annotated[str | None, Parameter(help=_DAY)] = None
    calendar: Annotated[str, Parameter(help=_CALENDAR)] = "utc"
    begins: Annotated[str | None, Parameter(name="--from", help=_FROM)] = None
    ends: Annotated[str | None, Parameter(name="--to", help="with --from: before this one")] = None


def asked_period(span: Span | None) -> Period:
    """Return the period that the options mean; :class:`PeriodUnclear` for a contradiction."""
    told = span or Span()
    if told.day is not None:
        if told.begins is not None or told.ends is not None:
            raise PeriodUnclear("name one period: --day, or --from and --to")
        return period_of(_calendar(told.calendar), told.day)
    if told.begins is None or told.ends is None:
        raise PeriodUnclear("name a period: --day 2024-06-18, or --from and --to")
    return between(parse_time(told.begins), parse_time(told.ends))


def _calendar(name: str) -> Calendar:
    if not name.endswith((".yaml", ".yml")):
        return calendar_of(name)
    try:
        document: Any = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PeriodUnclear(f"{name}: cannot be read: {error}") from error
    return calendar_from(document, name)
