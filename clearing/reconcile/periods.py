"""Which time a reconciliation compares: all of it, a period, or what is new since the last one.

What happened shortly before and after a period is looked at with it, because it may belong to what
is in it; nothing is said or recorded of it.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from clearing.audit.moments import Moment
from clearing.audit.movements import Wanted, fills, movements, position_changes
from clearing.events.fields import to_microseconds
from clearing.log import Connection
from clearing.reconcile.coverage import Covered, ImportView
from clearing.reconcile.matches import TIMING
from clearing.reconcile.taking import EVERY
from clearing.reconcile.tolerances import Tolerances


class Period(NamedTuple):
    """A time of which a reconciliation says what differs, both ends included (microseconds)."""

    since: int
    until: int

    def has(self, at: int) -> bool:
        """Whether a moment lies in it."""
        return self.since <= at <= self.until


def around(
    whole: Covered, period: Period, views: Sequence[ImportView], tolerances: Tolerances
) -> Covered:
    """Return what has to be looked at for a period: as much around it as may belong to it.

    With all of every time between statements that it touches, whose gap counts what lies in it.
    """
    margin = max(TIMING, tolerances.widest_window)
    since, until = period.since - margin, period.until + margin
    for (_, reached), (following, _) in pairwise(whole.spans):
        if reached <= period.until and following >= period.since:
            since, until = min(since, reached), max(until, following)
    since, until = max(whole.since, since), min(whole.until, until)
    numbers = [
        view.number
        for view in views
        if view.since is not None
        and view.until is not None
        and to_microseconds(view.since) <= until
        and to_microseconds(view.until) >= since
    ]
    return whole._replace(imports=tuple(numbers), since=since, until=until)


def news_from(
    connection: Connection,
    moment: Moment,
    of: tuple[str, str, str],
    views: Sequence[ImportView],
    tolerances: Tolerances,
) -> int | None:
    """Return from when on something is new since the last run that left nothing before it aside.

    New is what no run has compared yet, what the ledger or a statement got since then, whenever it
    happened, what a statement said that was withdrawn since then, and what is an open break.
    ``views`` are all statements, also the withdrawn ones. None where everything is: there is no
    such run, or other tolerances were in force.
    """
    last = connection.execute(_LAST, of).fetchone()
    if last is None:
        return None
    summary = json.loads(last[2])
    if tuple(summary["tolerances"]) != tolerances.versions:
        return None
    moments = [int(last[1]) + 1]
    moments += _new_here(connection, moment, of, int(last[0]))
    after, gone = summary["news_after_import"], set(summary["withdrawn"])
    moments += [
        to_microseconds(view.since)
        for view in views
        if view.since is not None
        and (view.number > after or (view.withdrawn is not None and view.number not in gone))
    ]
    row = connection.execute(_OLDEST_OPEN, of).fetchone()
    if row is not None and row[0] is not None:
        moments.append(int(row[0]))
    return min(moments)


_LAST: Final = (
    "SELECT log_position, until_at, summary FROM clearing.recon_run"
    " WHERE leg = %s AND venue = %s AND account = %s"
    " AND summary::jsonb ? 'news_after_import' ORDER BY id DESC LIMIT 1"
)

_OLDEST_OPEN: Final = (
    "SELECT min(b.at) FROM clearing.recon_break b JOIN LATERAL (SELECT what"
    " FROM clearing.recon_history WHERE break = b.id AND what IN ('opened', 'closed', 'reopened',"
    " 'written_off', 'overridden') ORDER BY id DESC LIMIT 1) s ON s.what IN ('opened', 'reopened')"
    " WHERE b.leg = %s AND b.venue = %s AND b.account = %s"
)


def _new_here(
    connection: Connection, moment: Moment, of: tuple[str, str, str], position: int
) -> Iterator[int]:
    """Yield when what the ledger got after a log position happened."""
    leg, _, account = of
    wanted = Wanted(
        "" if account == EVERY else account, external=leg != "venue", first=position + 1
    )
    yield from (row.occurred_at for row in movements(connection, moment, wanted))
    if leg == "venue":
        yield from (row.occurred_at for row in position_changes(connection, moment, wanted))
        yield from (row.occurred_at for row in fills(connection, moment, wanted))
