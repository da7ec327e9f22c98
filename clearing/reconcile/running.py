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
from clearing.reconcile.comparing import Compared
from clearing.reconcile.coverage import Coverage, covered, imports, overlaps, time_gaps
from clearing.reconcile.recording import record
from clearing.reconcile.sides import load_ours, load_theirs
from clearing.reconcile.signoff import tolerances_in_force
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
    until: datetime | None = None,
    dry_run: bool = False,
    with_matches: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Reconciliation:
    """Compare the ledger with the statements of a leg, and record what differs.

    ``until`` cuts off what is compared. Raises :class:`NothingToCompare` where no statement covers
    anything. A ``dry_run`` says the same and records nothing.
    """
    say = progress or _silent
    cut = None if until is None else to_microseconds(until) - 1
    span = covered(connection, leg, venue, account, cut)
    if span is None or span.until < span.since:
        raise NothingToCompare(
            f"no {leg} statement of {venue or 'anybody'} for {account} was taken in"
            + ("" if until is None else f" that covers anything before {until.isoformat()}")
        )
    say("reading the ledger")
    ours = load_ours(connection, moment, leg, account, span)
    say("reading the statements")
    theirs = load_theirs(connection, span)
    tolerances = Tolerances(tolerances_in_force(connection), venue)
    say(f"matching {len(ours.movements):,} movements with {len(theirs.movements):,}")
    result = Compared(connection, span, ours, theirs, tolerances)
    views = imports(connection, leg, venue, account)
    gaps = (*time_gaps(views), *result.gaps())
    answer = Reconciliation(
        leg,
        venue,
        account,
        from_microseconds(span.since),
        from_microseconds(span.until),
        moment.position,
        0,
        False,
        Coverage(leg, venue, account, tuple(views), gaps, tuple(overlaps(views))),
        len(ours.movements) + len(ours.fills),
        len(theirs.movements) + len(theirs.fills),
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
    return record(connection, result, answer, person)


def _silent(text: str) -> None:
    del text
