"""Three-way: movements from and to the outside, as ledger, venue, and chain or bank have them.

A movement agrees where every leg that covers its time has a match for it. What a leg does not cover
it cannot confirm, and that is said.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from clearing.audit.moments import Moment
from clearing.audit.movements import MovementRow, Wanted, movements
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.quantities import format_scaled
from clearing.reconcile.coverage import ImportView, imports
from clearing.reconcile.taking import EVERY, LEGS
from clearing.reconcile.withdrawing import withdrawals

State = Literal["matched", "missing", "not covered"]


@dataclass(frozen=True, slots=True)
class ThreeWayLine:
    """A movement of the ledger and what each leg says of it.

    ``amount`` is exact (positive: into the account). A leg is ``matched`` (with the rule in
    ``rules``), ``missing`` where its statements cover the time and have no match, or ``not
    covered``. ``agrees`` where it is matched on the venue's leg or the venue's is not covered, and
    on a chain or a bank.
    """

    log_position: int
    occurred_at: datetime
    external_id: str
    account: str
    kind: str
    asset: str
    amount: str
    legs: dict[str, State]
    rules: dict[str, str]
    agrees: bool


def three_way(
    connection: Connection, moment: Moment, account: str, *, until: datetime | None = None
) -> list[ThreeWayLine]:
    """Return every movement of an account (``*``: of all) from or to the outside, in log order.

    It goes by the matches that the last reconciliations made: reconcile each leg first.
    """
    wanted = Wanted("" if account == EVERY else account, external=True)
    found = _matched(connection, account)
    counting = [view for view in imports(connection) if view.withdrawn is None]
    views = {leg: [view for view in counting if view.leg == leg] for leg in LEGS}
    lines = []
    for row in movements(connection, moment, wanted):
        at = from_microseconds(row.occurred_at)
        if until is not None and at >= until:
            continue
        lines.append(_line(row, at, found, views))
    return lines


def _line(
    row: MovementRow,
    at: datetime,
    found: dict[str, dict[int, str]],
    views: dict[str, list[ImportView]],
) -> ThreeWayLine:
    legs: dict[str, State] = {}
    rules = {}
    for leg in LEGS:
        rule = found[leg].get(row.position)
        if rule is not None:
            legs[leg], rules[leg] = "matched", rule
        elif _covers(views[leg], row.account, at):
            legs[leg] = "missing"
        else:
            legs[leg] = "not covered"
    outside = "matched" in (legs["chain"], legs["bank"])
    return ThreeWayLine(
        row.position,
        at,
        row.external_id,
        row.account,
        row.kind,
        row.asset,
        format_scaled(row.amount, row.decimals),
        legs,
        rules,
        outside and legs["venue"] != "missing",
    )


def _covers(views: Iterable[ImportView], account: str, at: datetime) -> bool:
    """Whether any statement of the account covers a moment."""
    return any(
        view.account in (account, EVERY)
        and view.since is not None
        and view.until is not None
        and view.since <= at <= view.until
        for view in views
    )


def _matched(connection: Connection, account: str) -> dict[str, dict[int, str]]:
    """Return, by leg, the log positions whose matches are in force and the rule that made them.

    A match with a line of a statement that was withdrawn is none any more.
    """
    found: dict[str, dict[int, str]] = defaultdict(dict)
    gone = withdrawals(connection)
    rows: Iterable[Any] = connection.execute(
        "SELECT leg, rule, ours, theirs FROM clearing.recon_match_in_force WHERE side = 'cash'"
        " AND (%(account)s IN (account, '*') OR account = '*') ORDER BY key",
        {"account": account},
    )
    for leg, rule, ours, theirs in rows:
        if any(int(ref["import"]) in gone for ref in json.loads(theirs)):
            continue
        for ref in json.loads(ours):
            found[leg][int(ref["log_position"])] = rule
    return found
