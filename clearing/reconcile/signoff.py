"""Four eyes: what one person proposes another decides on, within limits; then it is carried out.

Tolerances, limits, policies, adjustments, write-offs, overrides, rulebooks, statements that are to
count no more and doubts about them that are to be accepted all go this way, and the database itself
lets nobody decide on their own proposal. Approving carries it out in the same transaction, but for
events, which are appended to the log under an identity of their own, so that carrying out a
proposal twice changes nothing.
"""

from decimal import Decimal
from typing import Any, Protocol

import psycopg

from clearing.log import Connection
from clearing.reconcile.acting import NotAllowed, acting, one_at_a_time
from clearing.reconcile.breaks import break_view, settle_break
from clearing.reconcile.measures import measure_of
from clearing.reconcile.proposals import REFUSED, Proposal, proposal
from clearing.reconcile.proposing import not_adjusted
from clearing.reconcile.statement_signoff import accept, acceptance, withdraw, withdrawal
from clearing.reconcile.taking import Leg


class Appender(Protocol):
    """Appends one event to the log: what an approved proposal may need."""

    def __call__(self, document: dict[str, Any]) -> int:
        """Append the event (or find it there) and return its log position."""


def decide(
    connection: Connection,
    number: int,
    *,
    approver: str,
    approve: bool,
    reason: str = "",
    append: Appender | None = None,
) -> Proposal:
    """Approve or decline a proposal, and carry out what was approved.

    A break must be open and of the amount that was proposed. Deciding the same again changes
    nothing, but carries out an event that an interruption left undone. Raises :class:`NotAllowed`
    for the proposal's author (under the policy ``users``: for whom the database knows as the same
    user), for an approver whose limit is too low, for whose limit it is, and
    where it was decided otherwise.
    """
    asked = proposal(connection, number)
    if asked.status != "proposed":
        if (asked.status == "approved") is not approve or asked.approver != approver:
            raise NotAllowed(f"proposal {number} was {asked.status} by {asked.approver} already")
    else:
        _decide(connection, asked, approver, approve, reason)
    decided = proposal(connection, number)
    if decided.status == "approved":
        _append_event(connection, decided, append)
    return decided


def _decide(
    connection: Connection, asked: Proposal, approver: str, approve: bool, reason: str
) -> None:
    try:
        with acting(connection):
            if approve:
                one_at_a_time(connection)
                _still_so(connection, asked)
            connection.execute(
                "INSERT INTO clearing.recon_decision (proposal, approved, approver, reason)"
                " VALUES (%s, %s, %s, %s)",
                (asked.number, approve, approver, reason),
            )
            if approve:
                _carry_out(connection, asked, approver)
    except psycopg.errors.IntegrityError as error:
        raise NotAllowed(error.diag.message_primary or str(error)) from error


def _carry_out(connection: Connection, asked: Proposal, approver: str) -> None:
    """Do what needs no event, within the transaction of the decision."""
    document = asked.document
    if asked.kind == "tolerance":
        connection.execute(
            "INSERT INTO clearing.recon_tolerance (version, venue, what, field, absolute,"
            " millionths, residual_account) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                asked.number,
                document["venue"],
                document["what"],
                document["field"],
                document["absolute"],
                document["millionths"],
                document["residual_account"],
            ),
        )
    elif asked.kind == "limit":
        connection.execute(
            "INSERT INTO clearing.recon_limit (version, person, kind, asset, amount)"
            " VALUES (%s, %s, %s, %s, %s)",
            (asked.number, *(document[name] for name in ("person", "kind", "asset", "amount"))),
        )
    elif asked.kind in ("write_off", "override"):
        step = "written_off" if asked.kind == "write_off" else "overridden"
        words = f"{asked.reason} (proposed by {asked.author})"
        settle_break(connection, asked.break_number, step, words, approver, asked.number)
    elif asked.kind == "withdrawal":
        number, replaced_by = document["import"], document["replaced_by"]
        withdraw(connection, _of(asked), number, replaced_by, approver, asked.number)
    elif asked.kind == "acceptance":
        accept(connection, _of(asked), document["doubt"], asked.number)


def _append_event(connection: Connection, decided: Proposal, append: Appender | None) -> None:
    """Append the event of an approved adjustment or rulebook, with who proposed and approved."""
    if decided.kind not in ("adjustment", "rulebook"):
        return
    if append is None:
        raise NotAllowed(f"proposal {decided.number} is an event, which needs the log to append to")
    event = {
        **decided.document,
        "author": decided.author,
        "approver": decided.approver,
        "reason": decided.reason,
    }
    number, of = decided.number, decided.break_number
    steps = break_view(connection, of).history if of else ()
    known = {step.what for step in steps if step.proposal == number}
    if REFUSED in known:
        raise NotAllowed(f"proposal {number} was refused by the log: propose anew")
    try:
        position = append(event)
    except ValueError as error:
        if of and not known:
            words = f"approved by {decided.approver}, but the log refuses it: {error}"
            with acting(connection):
                settle_break(connection, of, REFUSED, words, decided.approver, number)
        raise
    if of and not known:
        words = f"adjusted by the event at log position {position:,}: {decided.reason}"
        with acting(connection):
            settle_break(connection, of, "adjusted", words, decided.approver, number)


def _still_so(connection: Connection, asked: Proposal) -> None:
    """Refuse to approve what is not of the break, or the statement, as it is now."""
    if asked.kind == "withdrawal":
        withdrawal(connection, asked.document["import"], asked.document["replaced_by"] or 0)
    elif asked.kind == "acceptance":
        acceptance(connection, _of(asked), asked.document["doubt"], asked.document["words"])
    if not asked.break_number:
        return
    view = break_view(connection, asked.break_number)
    if view.status != "open":
        raise NotAllowed(f"break {view.number} is closed; decline proposal {asked.number}")
    proposed = str(asked.document.get("amount", ""))
    if proposed != view.amount:
        raise NotAllowed(
            f"proposal {asked.number} is of {proposed} of break {view.number}, which is of"
            f" {view.amount} now: decline it and propose anew"
        )
    asset, amount = measure_of(connection, view)
    if asset != asked.asset or Decimal(amount) != Decimal(asked.amount):
        raise NotAllowed(
            f"proposal {asked.number} is of {asked.amount} {asked.asset} of break {view.number},"
            f" which is of {amount} {asset} now: decline it and propose anew"
        )
    if asked.kind == "adjustment":
        not_adjusted(connection, view)


def _of(asked: Proposal) -> tuple[Leg, str, str]:
    """Return whose statements a proposal is of: leg, venue, account."""
    document = asked.document
    return document["leg"], document["venue"], document["account"]
