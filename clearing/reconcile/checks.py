"""Breaks that comparing a statement cannot find: what was charged or done against the rules.

A check looks at one thing (what the venue did by its rulebook, its fees, its funding, who approved)
and records what it found as breaks of its own, beside those of statements. What another one tells
already is told once: a line whose fee differs from the ledger's is a break of its statement, and
only once that is settled one of the fee schedule.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Final, Literal, get_args

from clearing.audit.authorised import AuthorisedEvent
from clearing.audit.deviating import MEANINGS, Deviated
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.events.canonical import canonical_json
from clearing.events.fields import to_microseconds
from clearing.events.registry import Registry
from clearing.log import Connection
from clearing.reconcile.acting import acting, one_at_a_time
from clearing.reconcile.breaks import BreakView, Found, Recorded, breaks, record_breaks
from clearing.reconcile.lines import scaled
from clearing.reconcile.recompute import FeeLine, FundingLine

Check = Literal["rules", "fees", "funding", "approvals"]
"""What a check looks at; it stands where breaks of statements name their leg."""

CHECKS: Final[tuple[str, ...]] = get_args(Check)

_ABOUT: Final = 3_600_000_000
"""Funding of one market within so many microseconds is of one settlement."""

_RESIDUAL: Final = re.compile(r":residual-([0-9]+)-[0-9]+-[0-9]+$")

_FUNDING: Final = frozenset(
    {"funding_mismatch", "funding_unannounced", "funding_unpaid", "funding_rate_mismatch"}
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found and what that changed in the records.

    ``found`` counts what it found, ``told`` what was left out because a break of another one tells
    it. ``run`` is the number under which it was recorded; without ``recorded`` the very same was.
    """

    check: str
    account: str
    found: int
    told: int
    run: int
    recorded: Recorded | None


def fee_breaks(lines: Iterable[FeeLine]) -> list[Found]:
    """Return fills that were not charged by a schedule as breaks."""
    made = []
    for one in lines:
        words = f"by the schedule {one.rate} of {one.notional}"
        theirs = {"file": one.file, "line": one.line, "native_id": one.trade_id}
        known = one.trade_id or [one.file, one.line]
        made.append(
            _found(
                "fee",
                one.fee_asset,
                -Decimal(one.overcharged),
                to_microseconds(one.at),
                ("fee", one.expected, one.charged, words),
                theirs=[{**theirs, "market": one.market}],
                known_by=[one.market, known],
            )
        )
    return made


def funding_breaks(lines: Iterable[FundingLine]) -> list[Found]:
    """Return settlements at which another amount was charged than was due as breaks."""
    made = []
    for one in lines:
        words = f"{one.verdict}: rate {one.rate} on {one.size} at {one.price}" if one.rate else ""
        made.append(
            _found(
                "funding",
                one.asset,
                -Decimal(one.overcharged),
                to_microseconds(one.at),
                ("funding", one.due, one.charged, words or f"{one.verdict}: nothing was due"),
                theirs=[{"market": one.market, "native_id": ""}],
                known_by=[one.market, one.asset, to_microseconds(one.at), one.verdict],
            )
        )
    return made


def rule_breaks(deviated: Iterable[Deviated]) -> list[Found]:
    """Return what a venue did against its rulebook as breaks.

    A fee that differs is of type ``fee``, funding of type ``funding``, anything else a
    ``rule_deviation``. Only of deviations that verifying finds: what says that a fact cannot be
    (an unknown name, a balance below zero) is no deed of a venue's.
    """
    made = []
    for one in deviated:
        view = one.deviation
        if view.code not in MEANINGS:
            continue
        kind = "rule_deviation"
        amount = Decimal(0)
        if view.code == "fee_mismatch":
            kind, amount = "fee", _less(view.expected, view.found)
        elif view.code in _FUNDING:
            kind = "funding"
            if view.code != "funding_rate_mismatch":
                amount = _less(view.found, view.expected)
        detail = f" ({view.detail})" if view.detail else ""
        event = {
            "log_position": view.log_position,
            "line": one.line,
            "source": one.source,
            "external_id": one.external_id,
            "market": view.market,
        }
        made.append(
            _found(
                kind,
                one.asset or view.market,
                amount,
                one.occurred_at,
                (view.code, view.expected, view.found, f"{MEANINGS[view.code]}{detail}"),
                ours=[event],
                known_by=[one.source, one.external_id, one.line],
            )
        )
    return made


def approval_breaks(connection: Connection, events: Iterable[AuthorisedEvent]) -> list[Found]:
    """Return adjustments and rulebooks of which no approval is recorded as breaks.

    The amount is what a balance would be without it, less what it is.
    """
    approved = _approved(connection)
    made = []
    for one in events:
        residual = _RESIDUAL.search(one.external_id)
        by = ("", residual[1]) if residual else (one.source, one.external_id)
        if (*by, one.author, one.approver) in approved:
            continue
        words = f"{one.kind} by {one.author}, approved by {one.approver}, but nobody did so here"
        event = {
            "log_position": one.log_position,
            "line": 0,
            "source": one.source,
            "external_id": one.external_id,
            "account": one.account,
        }
        made.append(
            _found(
                "rule_deviation",
                one.asset or "rulebook",
                -Decimal(one.amount or "0"),
                one.occurred_at,
                ("approval", "recorded", "not recorded", words),
                ours=[event],
                known_by=[one.source, one.external_id],
            )
        )
    return made


def _approved(connection: Connection) -> set[tuple[str, str, str, str]]:
    """Return whose events were approved: source, external id, author, approver.

    Of a tolerance, by which residuals are posted: no source, and its version.
    """
    rows = connection.execute(
        "SELECT p.document::json ->> 'source', p.document::json ->> 'external_id', p.author,"
        " d.approver FROM clearing.recon_proposal p JOIN clearing.recon_decision d"
        " ON d.proposal = p.id AND d.approved WHERE p.kind IN ('adjustment', 'rulebook')"
        " UNION ALL SELECT '', p.id::text, p.author, d.approver FROM clearing.recon_proposal p"
        " JOIN clearing.recon_decision d ON d.proposal = p.id AND d.approved"
        " WHERE p.kind = 'tolerance'"
    )
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def _less(a: str, b: str) -> Decimal:
    try:
        return Decimal(a) - Decimal(b)
    except InvalidOperation:
        return Decimal(0)  # words, where no amount was told: the texts stand beside it


def _found(
    kind: str,
    what: str,
    amount: Decimal,
    at: int,
    texts: tuple[str, str, str, str],
    *,
    known_by: Sequence[Any],
    ours: Sequence[dict[str, Any]] = (),
    theirs: Sequence[dict[str, Any]] = (),
) -> Found:
    refs = (canonical_json(list(ours)), canonical_json(list(theirs)))
    known = canonical_json(list(known_by))
    return Found(kind, "cash", what, scaled(amount), at, *texts, *refs, known)


def record_check(
    connection: Connection,
    of: tuple[Check, str, str],
    span: tuple[datetime, datetime],
    moment: Moment,
    found: Sequence[Found],
    person: str,
) -> Checked:
    """Record what a check found of (check, venue, account) in a time, and close what it did not.

    ``span`` is from its beginning to its end, not included. The very same is not recorded again.
    """
    since, until = to_microseconds(span[0]), to_microseconds(span[1]) - 1
    with acting(connection):
        one_at_a_time(connection)
        told = _told_elsewhere(connection, moment, of)
        mine = [one for one in found if told is None or not told.tells(one)]
        digest = hashlib.sha256(canonical_json([*of, since, until]).encode())
        for one in mine:
            digest.update(canonical_json([str(part) for part in one]).encode())
        left_out = len(found) - len(mine)
        before = connection.execute(
            "SELECT id, inputs FROM clearing.recon_run WHERE leg = %s AND venue = %s"
            " AND account = %s AND from_at = %s AND until_at = %s ORDER BY id DESC LIMIT 1",
            (*of, since, until),
        ).fetchone()
        if before is not None and bytes(before[1]) == digest.digest():
            return Checked(of[0], of[2], len(mine), left_out, int(before[0]), None)
        row = connection.execute(
            "INSERT INTO clearing.recon_run (leg, venue, account, from_at, until_at, log_position,"
            " inputs, summary, recorded_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            (
                *of,
                since,
                until,
                moment.position,
                digest.digest(),
                canonical_json({"found": len(mine), "told": left_out}),
                person,
            ),
        ).fetchone()
        if row is None:
            raise RuntimeError("a check got no number")
        recorded = record_breaks(connection, of, (since, until), int(row[0]), mine)
    return Checked(of[0], of[2], len(mine), left_out, int(row[0]), recorded)


def _told_elsewhere(
    connection: Connection, moment: Moment, of: tuple[Check, str, str]
) -> "_Told | None":
    """Return what open breaks of others tell already, of what this check looks at."""
    if of[0] not in ("fees", "funding"):
        return None
    views = [
        view
        for view in breaks(connection, status="open")
        if view.account == of[2] and (view.leg == "rules" or view.leg not in CHECKS)
    ]
    return _Told(connection, Histories(connection, moment).registry, views)


class _Told:
    """Trades, and markets with moments, of which an open break of another one tells."""

    def __init__(
        self, connection: Connection, registry: Registry, views: Sequence[BreakView]
    ) -> None:
        self._trades: set[str] = set()
        self._moments: dict[tuple[str, str], list[int]] = defaultdict(list)
        for view in views:
            lines = _of_lines(connection, view)
            for market, ids, at in chain(lines, _of_events(connection, registry, view)):
                if "fee" in (view.type, view.field):
                    self._trades.update(ids)
                self._moments[view.what, market].append(at)

    def tells(self, one: Found) -> bool:
        """Whether a break of the same trade, or of the same market about then, is open."""
        (line,) = json.loads(one.theirs)
        if one.type == "fee":
            return bool(line["native_id"]) and line["native_id"] in self._trades
        near = self._moments[one.what, line["market"]]
        return any(abs(at - one.at) <= _ABOUT for at in near)


_About = tuple[str, set[str], int]
"""A market, the identifiers that a trade may be known by, and a moment in microseconds."""


def _of_lines(connection: Connection, view: BreakView) -> Iterator[_About]:
    """Yield what the lines that a break is of are about."""
    for ref in view.theirs:
        rows = connection.execute(
            "SELECT l.market, coalesce(f.trade_id, ''), l.at FROM clearing.recon_line l"
            " LEFT JOIN clearing.recon_fill f USING (import, line)"
            " WHERE l.import = %s AND l.line = %s",
            (ref.get("import"), ref.get("line")),
        )
        for market, trade, at in rows:
            yield market, {trade, ref["native_id"]}, int(at)


def _of_events(connection: Connection, registry: Registry, view: BreakView) -> Iterator[_About]:
    """Yield what the events that a break is of are about."""
    for ref in view.ours:
        rows = connection.execute(
            "SELECT market, trade_id, external_id, occurred_at FROM clearing.log"
            " WHERE position = %s",
            (ref["log_position"],),
        )
        for market, trade, name, at in rows:
            named = registry.market(int(market)).name if market else ""
            yield named, {trade, name, name.rpartition(":")[0]}, int(at)
