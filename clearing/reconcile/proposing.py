"""Proposing what two people decide: breaks, tolerances, limits, policies, rulebooks, statements."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, get_args

from clearing.events import EventRefused, parse_event
from clearing.events.canonical import canonical_json
from clearing.events.lines import format_line
from clearing.log import Connection
from clearing.reconcile.acting import NotAllowed, acting
from clearing.reconcile.breaks import BreakView, break_view
from clearing.reconcile.measures import measure_of
from clearing.reconcile.proposals import PROPOSAL_KINDS, REFUSED, Apart, Proposal, proposal
from clearing.reconcile.statement_signoff import acceptance, withdrawal
from clearing.reconcile.taking import LEGS, Leg
from clearing.reconcile.tolerances import ANY, Field

FIELDS: Final[tuple[str, ...]] = get_args(Field)


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
        not_adjusted(connection, view)
        document = _adjustment(view, source)
    asset, amount = measure_of(connection, view)
    return _propose(connection, kind, number, asset, amount, document, author, reason)


def not_adjusted(connection: Connection, view: BreakView) -> None:
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
