"""Four eyes: what one person proposes another decides on, within limits; then it is carried out.

Tolerances, limits, policies, adjustments, write-offs, overrides, rulebooks, statements that are to
count no more and doubts about them that are to be accepted all go this way, and the database itself
lets nobody decide on their own proposal. Approving carries it out in the same transaction, but for
events, which are appended to the log under an identity of their own, so that carrying out a
proposal twice changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, Protocol, get_args

import psycopg

from clearing.events import EventRefused, parse_event
from clearing.events.canonical import canonical_json
from clearing.events.lines import format_line
from clearing.log import Connection
from clearing.reconcile.acting import NotAllowed, acting, one_at_a_time
from clearing.reconcile.breaks import BreakView, break_view, settle_break
from clearing.reconcile.lines import SCALE
from clearing.reconcile.measures import measure_of
from clearing.reconcile.statement_signoff import accept, acceptance, withdraw, withdrawal
from clearing.reconcile.taking import LEGS, Leg
from clearing.reconcile.tolerances import ANY, Field, Tolerance

ProposalKind = Literal[
    "adjustment",
    "write_off",
    "override",
    "tolerance",
    "rulebook",
    "limit",
    "policy",
    "withdrawal",
    "acceptance",
]
PROPOSAL_KINDS: Final[tuple[str, ...]] = get_args(ProposalKind)

Apart = Literal["names", "users"]
"""By what proposer and decider must differ: by name alone, or by database user as well."""

FIELDS: Final[tuple[str, ...]] = get_args(Field)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants done: see :data:`ProposalKind`.

    ``number`` of a break, or 0, is in ``break_number``. ``amount`` is what limits are held against
    (exact decimal, unsigned; 0 where no money moves), ``document`` what is to be done. ``status``
    is ``proposed``, ``approved`` or ``declined``; ``approver`` and ``decided_at`` are of the
    decision. ``revoked_by`` is who doubts again what it accepted (nobody: empty).
    """

    number: int
    kind: str
    break_number: int
    asset: str
    amount: str
    document: dict[str, Any]
    author: str
    reason: str
    proposed_at: datetime
    status: Literal["proposed", "approved", "declined"]
    approver: str
    decided_at: datetime | None
    revoked_by: str


class Appender(Protocol):
    """Appends one event to the log: what an approved proposal may need."""

    def __call__(self, document: dict[str, Any]) -> int:
        """Append the event (or find it there) and return its log position."""


def propose_for_break(
    connection: Connection,
    kind: Literal["adjustment", "write_off", "override"],
    number: int,
    *,
    author: str,
    reason: str,
    source: str = "",
) -> Proposal:
    """Propose what is to become of an open break.

    ``adjustment``: an ``Adjusted`` event by which our account gets what their side is ahead of ours
    by; ``source`` names the source it is appended as. ``write_off`` and ``override`` close the
    break without an event. Raises :class:`NotAllowed` where the break is closed, or an adjustment
    makes no sense for it.
    """
    view = break_view(connection, number)
    if view.status != "open":
        raise NotAllowed(f"break {number} is closed; reopen it first")
    document: dict[str, Any] = {"amount": view.amount}
    if kind == "adjustment":
        _not_adjusted(connection, view)
        document = _adjustment(view, source)
    asset, amount = measure_of(connection, view)
    return _propose(connection, kind, number, asset, amount, document, author, reason)


def _not_adjusted(connection: Connection, view: BreakView) -> None:
    """Refuse a second adjustment of what the first may have mended."""
    steps = [(step.what, step.proposal) for step in view.history]
    rows = connection.execute(
        "SELECT p.id FROM clearing.recon_proposal p JOIN clearing.recon_decision d"
        " ON d.proposal = p.id AND d.approved WHERE p.kind = 'adjustment' AND p.break = %s"
        " ORDER BY p.id",
        (view.number,),
    )
    for (number,) in rows:
        place = next((i for i, (_, of) in enumerate(steps) if of == number), len(steps))
        over = any(what in ("changed", "reopened") for what, _ in steps[place:])
        if not over and (REFUSED, number) not in steps:
            raise NotAllowed(
                f"break {view.number} was adjusted by proposal {number} already: reconcile first"
            )


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
        _not_adjusted(connection, view)


def _of(asked: Proposal) -> tuple[Leg, str, str]:
    """Return whose statements a proposal is of: leg, venue, account."""
    document = asked.document
    return document["leg"], document["venue"], document["account"]


def _adjustment(view: BreakView, source: str) -> dict[str, Any]:
    amount = Decimal(view.amount or "0")
    if view.side != "cash" or not amount:
        raise NotAllowed(f"break {view.number} ({view.type}) is not of an amount of cash")
    if view.leg not in LEGS:
        raise NotAllowed(
            f"break {view.number} is of a check, not of a balance that is off: when they repay it,"
            " it is a fact of its own; write it off or override it"
        )
    if view.account == "*":
        raise NotAllowed(f"break {view.number} is of no one account; adjust the account itself")
    if not source:
        raise NotAllowed("an adjustment is an event of a declared source: name it")
    native = next((one["native_id"] for one in view.theirs if one["native_id"]), "")
    if not native:
        native = next((one["external_id"] for one in view.ours), "")
    before = sum(step.what == "adjusted" for step in view.history)
    again = f"-{before + 1}" if before else ""
    event: dict[str, Any] = {
        "kind": "Adjusted",
        "source": source,
        # What stands before the colon is what matching knows it by, so that the sides agree then.
        "external_id": f"{native or 'reconciliation'}:break-{view.number}{again}"[-128:],
        "occurred_at": view.at.isoformat(),
        "account": view.account,
        "asset": view.what,
        "amount": view.amount,
        "category": "reconciliation",
    }
    if view.ours:
        first = view.ours[0]
        event["reference"] = {"source": first["source"], "external_id": first["external_id"]}
    return event


def propose_tolerance(
    connection: Connection,
    *,
    venue: str,
    what: str,
    field: str,
    absolute: str,
    millionths: int,
    residual_account: str,
    author: str,
    reason: str,
) -> Proposal:
    """Propose by how much two sides may differ; of ``time`` the absolute is in seconds.

    Raises :class:`NotAllowed` for a field that there is not or numbers that are none.
    """
    if field not in FIELDS:
        raise NotAllowed(f"{field!r} is no field; there are {', '.join(FIELDS)}")
    number = _decimal("absolute", absolute)
    if millionths < 0:
        raise NotAllowed(f"millionths {millionths} is negative")
    if field not in ("time", "quantity", "price") and not residual_account:
        raise NotAllowed("what a tolerance lets pass is posted: name its residual account")
    document = {
        "venue": venue or ANY,
        "what": what or ANY,
        "field": field,
        "absolute": f"{number:f}",
        "millionths": millionths,
        "residual_account": residual_account,
    }
    asset = "" if field in ("time", "quantity", "price") else what
    if asset and millionths:
        asset = ANY  # a share of any figure is of no amount: not for whose limit is of one asset
    amount = f"{number:f}" if asset else "0"
    return _propose(connection, "tolerance", None, asset, amount, document, author, reason)


def propose_limit(
    connection: Connection,
    *,
    person: str,
    kind: str,
    asset: str,
    amount: str,
    author: str,
    reason: str,
) -> Proposal:
    """Propose up to which amount a person may approve proposals of a kind in an asset.

    ``kind`` and ``asset`` may be ``*``. While no limit of a kind in an asset was adopted, anybody
    but the author may approve any amount of it; what is of several assets, of a fill, or a share of
    any figure is held against any limit of its kind. Nobody approves their own limit, nor one that
    is higher than theirs of the same. Raises :class:`NotAllowed`.
    """
    if kind not in (*PROPOSAL_KINDS, ANY):
        raise NotAllowed(f"{kind!r} is no kind; there are {', '.join(PROPOSAL_KINDS)} and *")
    if not person:
        raise NotAllowed("a limit is somebody's: name the person")
    number = _decimal("amount", amount)
    document = {"person": person, "kind": kind, "asset": asset or ANY, "amount": f"{number:f}"}
    return _propose(connection, "limit", None, "", "0", document, author, reason)


def propose_policy(connection: Connection, apart: Apart, *, author: str, reason: str) -> Proposal:
    """Propose by what proposer and decider must differ; the policy approved last is in force.

    Without any, names suffice. Under ``users`` the database user that made a proposal decides on it
    under no name, and so cannot go back to ``names`` alone either. Raises :class:`NotAllowed`.
    """
    if apart not in get_args(Apart):
        raise NotAllowed(f"{apart!r} is no policy; there are {', '.join(get_args(Apart))}")
    return _propose(connection, "policy", None, "", "0", {"apart": apart}, author, reason)


def propose_rulebook(
    connection: Connection, event: Mapping[str, Any], *, author: str, reason: str
) -> Proposal:
    """Propose a ``RulebookAdopted`` event; author and approver are those of the proposal.

    Raises :class:`NotAllowed` for what is no such event: nobody is to approve what the log refuses.
    """
    people = {"author": author, "approver": "nobody yet", "reason": reason}
    try:
        parsed = parse_event({**event, **people})
    except EventRefused as error:
        raise NotAllowed(str(error)) from error
    if parsed.kind != "RulebookAdopted":
        raise NotAllowed(f"kind {parsed.kind!r} is not RulebookAdopted")
    told = json.loads(format_line(parsed))
    document = {name: value for name, value in told.items() if name not in people}
    return _propose(connection, "rulebook", None, "", "0", document, author, reason)


def propose_withdrawal(
    connection: Connection, number: int, *, replaced_by: int, author: str, reason: str
) -> Proposal:
    """Propose that a statement counts no more; ``replaced_by`` is the corrected one's import (0).

    Raises :class:`NotAllowed` for a statement that is not there or does not count, and for one that
    cannot take its place.
    """
    document = withdrawal(connection, number, replaced_by)
    return _propose(connection, "withdrawal", None, "", "0", document, author, reason)


def propose_acceptance(
    connection: Connection,
    of: tuple[Leg, str, str],
    doubt: str,
    words: str,
    *,
    author: str,
    reason: str,
) -> Proposal:
    """Propose that a doubt about the statements of (leg, venue, account) is accepted.

    ``doubt`` is its id, ``words`` what it says. Raises :class:`NotAllowed` where it was accepted.
    """
    document = acceptance(connection, of, doubt, words)
    return _propose(connection, "acceptance", None, "", "0", document, author, reason)


def _decimal(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise NotAllowed(f"{name} {text!r} is not a decimal such as 0.01") from None
    if not number.is_finite() or number < 0:
        raise NotAllowed(f"{name} {text!r} must be a decimal of at least 0")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -18:
        raise NotAllowed(f"{name} {text!r} has more than 18 decimals")
    return number


def _propose(
    connection: Connection,
    kind: str,
    break_number: int | None,
    asset: str,
    amount: str,
    document: Mapping[str, Any],
    author: str,
    reason: str,
) -> Proposal:
    if not author or not reason:
        raise NotAllowed("a proposal has an author and a reason")
    with acting(connection):
        row = connection.execute(
            "INSERT INTO clearing.recon_proposal (kind, break, asset, amount, document, author,"
            " reason) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (kind, break_number, asset, amount, canonical_json(dict(document)), author, reason),
        ).fetchone()
    if row is None:
        raise RuntimeError("a proposal got no number")
    return proposal(connection, int(row[0]))


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


REFUSED: Final = "comment"
"""The step of a break that says, with a proposal, that what was approved could not be done."""


def proposal(connection: Connection, number: int) -> Proposal:
    """Return a proposal; raises :class:`NotAllowed` where there is none."""
    for found in proposals(connection, numbers=(number,)):
        return found
    raise NotAllowed(f"there is no proposal {number}")


def proposals(
    connection: Connection,
    *,
    open_only: bool = False,
    numbers: tuple[int, ...] | None = None,
) -> list[Proposal]:
    """Return proposals in order; with ``open_only`` those that nobody has decided on."""
    rows = connection.execute(
        "SELECT p.id, p.kind, coalesce(p.break, 0), p.asset, p.amount, p.document, p.author,"
        " p.reason, p.recorded_at, d.approved, coalesce(d.approver, ''), d.recorded_at,"
        " coalesce(r.person, '')"
        " FROM clearing.recon_proposal p LEFT JOIN clearing.recon_decision d ON d.proposal = p.id"
        " LEFT JOIN clearing.recon_revocation r ON r.acceptance = p.id"
        " WHERE (%(numbers)s::bigint[] IS NULL OR p.id = ANY(%(numbers)s))"
        " AND (NOT %(open)s OR d.proposal IS NULL) ORDER BY p.id",
        {"numbers": None if numbers is None else list(numbers), "open": open_only},
    )
    return [
        Proposal(
            int(row[0]),
            row[1],
            int(row[2]),
            row[3],
            f"{row[4]:f}",
            json.loads(row[5]),
            row[6],
            row[7],
            row[8],
            "proposed" if row[9] is None else "approved" if row[9] else "declined",
            row[10],
            row[11],
            row[12],
        )
        for row in rows
    ]


def tolerances_in_force(connection: Connection) -> list[Tolerance]:
    """Return what was adopted, in the order of versions."""
    rows = connection.execute(
        "SELECT version, venue, what, field, absolute, millionths, residual_account"
        " FROM clearing.recon_tolerance ORDER BY version"
    )
    return [
        Tolerance(
            int(row[0]),
            row[1],
            row[2],
            row[3],
            int(row[4] * (1_000_000 if row[3] == "time" else SCALE)),
            int(row[5]),
            row[6],
        )
        for row in rows
    ]
