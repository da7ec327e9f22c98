"""A long log to ask questions of: made once, taken up where it was left, and kept.

It is the sample's incident day with more trades, so any number of events is one day's. Making ten
million of them takes the better part of an hour; asking them does not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from clearing.database import connect, migrate
from clearing.log import Connection, LogWriter, read_head
from clearing.projectors import Generation, live_generation, project
from clearing.samples import incident_day

_EVENTS_PER_RATE: Final = 1388
"""About how many events a long incident day has for each trade of an ordinary minute."""

_EVERY: Final = 15
"""Seconds between two lines that say how far the making is."""


@contextmanager
def long_log(url: str, events: int, accounts: int = 300) -> Iterator[tuple[Connection, Generation]]:
    """Have a log of about ``events`` in the database at ``url``, projected, and yield it.

    What is there already is kept: only what is missing is appended and projected. The database must
    hold nothing else.
    """
    migrate(url)
    with connect(url, autocommit=True) as connection:
        _append(connection, max(1, events // _EVENTS_PER_RATE), accounts)
        length = read_head(connection).position
        before = live_generation(connection)
        project(connection, progress=_said("projected", length))
        if before is None or before.position < length:
            connection.execute("VACUUM ANALYZE")
        live = live_generation(connection)
        if live is None:
            raise RuntimeError("nothing was projected")
        yield connection, live


def _append(connection: Connection, trades_per_minute: int, accounts: int) -> None:
    """Append what is missing of the day."""
    there = read_head(connection).position
    day = incident_day(accounts=accounts, trades_per_minute=trades_per_minute)
    said = _said("appended", None)
    for receipt in LogWriter(connection).append_many(islice(day, there, None), batch=20_000):
        said(receipt.last_position)


def _said(what: str, total: int | None) -> Callable[[int], None]:
    """Return what prints a line now and then: how far, and at what rate."""
    began = last = time.monotonic()
    start: int | None = None

    def say(position: int) -> None:
        nonlocal last, start
        now = time.monotonic()
        start = position if start is None else start
        if now - last >= _EVERY:
            last = now
            of = "" if total is None else f" of {total:,}"
            rate = (position - start) / (now - began)
            print(f"{what} {position:,}{of}, {rate:,.0f} a second", flush=True)

    return say
