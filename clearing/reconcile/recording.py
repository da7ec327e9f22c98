"""Recording a reconciliation: its run, its matches and its breaks; the very same is no news."""

import hashlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

from clearing.events.canonical import canonical_json
from clearing.log import Connection
from clearing.reconcile.acting import acting, one_at_a_time
from clearing.reconcile.answers import Reconciliation
from clearing.reconcile.breaks import record_breaks
from clearing.reconcile.comparing import Compared


def record(
    connection: Connection,
    result: Compared,
    answer: Reconciliation,
    person: str,
    latest_import: int | None,
) -> Reconciliation:
    """Record a reconciliation, or find that the very same was recorded.

    ``latest_import`` is the last statement that was there, of one that leaves nothing new before
    its end aside (None: of a period alone).
    """
    of = (answer.leg, answer.venue, answer.account)
    inputs = result.inputs(of)
    with acting(connection):
        one_at_a_time(connection)
        before = _before(connection, of, inputs, (answer.log_position, result.span.until))
        if before:
            return replace(answer, run=before, again=True)
        summary: dict[str, Any] = {
            "ours": answer.ours,
            "theirs": answer.theirs,
            "rules": answer.rules,
            "differences": len(answer.differences),
            "tolerances": list(answer.tolerances),
        }
        if latest_import is not None:
            summary["news_after_import"] = latest_import
            summary["withdrawn"] = list(result.loaded.withdrawn)
        row = connection.execute(
            "INSERT INTO clearing.recon_run (leg, venue, account, from_at, until_at, log_position,"
            " inputs, summary, recorded_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            (
                *of,
                result.span.since,
                result.span.until,
                answer.log_position,
                inputs,
                canonical_json(summary),
                person,
            ),
        ).fetchone()
        if row is None:
            raise RuntimeError("a reconciliation got no number")
        run = int(row[0])
        _record_matches(connection, result, of, run)
        span = (result.span.since, result.span.until)
        withdrawn = frozenset(result.loaded.withdrawn)
        recorded = record_breaks(connection, of, span, run, result.found(), withdrawn)
    return replace(answer, run=run, recorded=recorded)


def _before(
    connection: Connection, of: tuple[str, str, str], inputs: bytes, reach: tuple[int, int]
) -> int:
    """Return the run that said the very same, 0 where it has to be recorded.

    If another one came after it, the breaks may be as that one found them: then it is recorded
    again, unless it sees less (of the log, or of time) than any other and so says nothing new.
    """
    rows = connection.execute(
        "SELECT id, inputs, log_position, until_at FROM clearing.recon_run"
        " WHERE leg = %s AND venue = %s AND account = %s AND (inputs = %s OR id IN"
        " (SELECT max(id) FROM clearing.recon_run WHERE leg = %s AND venue = %s AND account = %s))"
        " ORDER BY id DESC",
        (*of, inputs, *of),
    ).fetchall()
    same = next((int(row[0]) for row in rows if bytes(row[1]) == inputs), 0)
    if not same or bytes(rows[0][1]) == inputs:
        return same
    furthest = connection.execute(
        "SELECT max(log_position), max(until_at) FROM clearing.recon_run"
        " WHERE leg = %s AND venue = %s AND account = %s",
        of,
    ).fetchone()
    less = furthest is not None and (reach[0] < furthest[0] or reach[1] < furthest[1])
    return same if less else 0


def _record_matches(
    connection: Connection, result: Compared, of: tuple[str, str, str], run: int
) -> None:
    """Record the matches that are new, and of those known which are made no longer, or again.

    A match is known by what belongs together and by the rule that says so.
    """
    connection.execute(
        "CREATE TEMPORARY TABLE recon_found (LIKE clearing.recon_match) ON COMMIT DROP"
    )
    columns = "key, run, rule, side, what, ours, theirs, tolerance, residual, at"
    with connection.cursor().copy(f"COPY recon_found ({columns}) FROM STDIN") as copy:
        for at, one in result.timed_matches():
            ours, theirs = canonical_json(list(one.ours)), canonical_json(list(one.theirs))
            known_by = [*of, one.side, ours, theirs, one.rule, one.tolerance, one.residual]
            key = hashlib.sha256(canonical_json(known_by).encode()).digest()
            copy.write_row(
                (
                    key,
                    run,
                    one.rule,
                    one.side,
                    one.what,
                    ours,
                    theirs,
                    one.tolerance,
                    Decimal(one.residual),
                    at,
                )
            )
    connection.execute("ANALYZE recon_found")
    connection.execute(
        "INSERT INTO clearing.recon_match_step (match, run, in_force)"
        " SELECT f.key, %s, true FROM recon_found f"
        " WHERE EXISTS (SELECT FROM clearing.recon_match_step s WHERE s.match = f.key) AND NOT"
        " EXISTS (SELECT FROM clearing.recon_match_in_force m WHERE m.key = f.key) ORDER BY f.key",
        (run,),
    )
    connection.execute(
        "INSERT INTO clearing.recon_match_step (match, run, in_force)"
        " SELECT m.key, %s, false FROM clearing.recon_match_in_force m"
        " WHERE (m.leg, m.venue, m.account) = (%s, %s, %s) AND m.at BETWEEN %s AND %s"
        " AND NOT EXISTS (SELECT FROM recon_found f WHERE f.key = m.key) ORDER BY m.key",
        (run, *of, result.span.since, result.span.until),
    )
    connection.execute(
        f"INSERT INTO clearing.recon_match ({columns})"  # noqa: S608 - a constant
        f" SELECT {columns} FROM recon_found ON CONFLICT (key) DO NOTHING"
    )
