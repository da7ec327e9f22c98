"""A reconciliation: coverage first, then matching, balances and positions, then the record of it.

It is of one ledger account and one venue, or of what came from outside and a chain or a bank. The
same inputs give the same result and change nothing in the records.
"""

from collections.abc import Callable
from datetime import datetime

from clearing.audit.moments import Moment
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection
from clearing.reconcile.answers import Reconciliation
from clearing.reconcile.carried import NOTHING, carried_into, first_stated
from clearing.reconcile.comparing import Compared
from clearing.reconcile.coverage import (
    Coverage,
    Covered,
    covered,
    imports,
    judged,
    overlaps,
    time_gaps,
)
from clearing.reconcile.periods import Period, around, news_from
from clearing.reconcile.proposals import tolerances_in_force
from clearing.reconcile.recording import record
from clearing.reconcile.sides import load_ours, load_theirs, wanted_of
from clearing.reconcile.taking import Leg
from clearing.reconcile.tolerances import Tolerances


class NothingToCompare(ValueError):  # noqa: N818 - reads as the statement that it is
    """There is no statement of what was to be reconciled."""


def reconcile(
    connection: Connection,
    moment: Moment,
    leg: Leg,
    venue: str,
    account: str,
    *,
    person: str,
    since: datetime | None = None,
    until: datetime | None = None,
    news: bool = False,
    dry_run: bool = False,
    with_matches: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Reconciliation:
    """Compare the ledger with the statements of a leg, and record what differs.

    ``since`` and ``until`` (not included) bound what is compared, by default all that statements
    cover; what breaks and matches lie outside stay as they are. With ``news`` it begins earlier
    where anything earlier is new since the last one that left nothing new aside, or is open.
    Raises :class:`NothingToCompare` where no statement covers anything. A ``dry_run`` says the same
    and records nothing.
    """
    say = progress or _silent
    of = (leg, venue, account)
    cut = None if until is None else to_microseconds(until) - 1
    every = imports(connection, leg, venue, account)
    views = [view for view in every if view.withdrawn is None]
    latest = max((view.number for view in every), default=0)
    tolerances = Tolerances(tolerances_in_force(connection), venue)
    start = None if since is None else to_microseconds(since)
    if news and start is not None:
        new = news_from(connection, moment, of, every, tolerances)
        start = None if new is None else min(start, new)
    whole = covered(connection, leg, venue, account, cut if start is None else None)
    reached = None if whole is None else whole.reaches(cut)
    if news and start is not None and reached is not None:
        start = min(start, reached)  # statements that end before say at least how far they go
    period = None if whole is None or reached is None else _period(whole, start, reached)
    if whole is None or period is None:
        raise NothingToCompare(
            f"no {leg} statement of {venue or 'anybody'} for {account} was taken in and counts"
            + ("" if since is None else f" that covers anything from {since.isoformat()} on")
            + ("" if until is None else f" that covers anything before {until.isoformat()}")
        )
    span = whole if start is None else around(whole, period, views, tolerances)
    say("reading the ledger")
    ours = load_ours(connection, moment, leg, account, span, whole=start is None)
    say("reading the statements")
    theirs = load_theirs(connection, span)
    carried = NOTHING
    if start is not None:
        needed = first_stated(theirs.balances, period.since)
        wanted = wanted_of(leg, account, span)
        carried = carried_into(connection, moment, of, views, needed, wanted, span.since)
        views = [view for view in views if view.number in span.imports]
    say(f"matching {len(ours.movements):,} movements with {len(theirs.movements):,}")
    result = Compared(connection, span, ours, theirs, tolerances, period, carried)
    uncovered = filter(result.touches, time_gaps(span, result.uncovered))
    gaps = judged(connection, of, (*uncovered, *result.gaps()))
    answer = Reconciliation(
        *of,
        from_microseconds(period.since),
        from_microseconds(period.until),
        moment.position,
        0,
        False,
        Coverage(*of, tuple(views), gaps, tuple(overlaps(views))),
        *result.counts(),
        result.rules(),
        result.versions,
        result.residuals(),
        tuple(result.totals()),
        tuple(result.view(one) for one in result.differences),
        tuple(result.match_views()) if with_matches else (),
        None,
    )
    if dry_run:
        return answer
    say("recording")
    return record(connection, result, answer, person, latest if news or start is None else None)


def _period(whole: Covered, since: int | None, last: int) -> Period | None:
    """Return the time that is asked about, as far as statements cover it; None if they do not."""
    first = whole.since if since is None else max(whole.since, since)
    return Period(first, last) if first <= last else None


def _silent(text: str) -> None:
    del text
