"""What two people decide of statements: that one counts no more, that a doubt about one is none."""

from typing import Any

from clearing.log import Connection
from clearing.reconcile.accepting import acceptances
from clearing.reconcile.acting import NotAllowed
from clearing.reconcile.breaks import close_uncovered
from clearing.reconcile.coverage import ImportView, covered, imports
from clearing.reconcile.taking import Leg


def withdrawal(connection: Connection, number: int, replaced_by: int) -> dict[str, Any]:
    """Return what is to be done so that a statement counts no more.

    Raises :class:`~clearing.reconcile.acting.NotAllowed` for a statement that is not there or does
    not count, and for a replacement that is of another account or does not count.
    """
    views = {view.number: view for view in imports(connection)}
    view = _counting(views, number)
    if replaced_by:
        other = _counting(views, replaced_by)
        of, whose = (view.leg, view.venue, view.account), (other.leg, other.venue, other.account)
        if other is view or of != whose:
            raise NotAllowed(
                f"import {replaced_by} ({' '.join(whose)}) cannot replace import {number}"
                f" ({' '.join(of)}): it must be another statement of the same account"
            )
    return {
        "import": number,
        "replaced_by": replaced_by or None,
        "file": view.file,
        "leg": view.leg,
        "venue": view.venue,
        "account": view.account,
    }


def _counting(views: dict[int, ImportView], number: int) -> ImportView:
    view = views.get(number)
    if view is None:
        raise NotAllowed(f"there is no import {number}; clearing statements lists them")
    if view.withdrawn is not None:
        raise NotAllowed(f"import {number} counts no more: {view.withdrawn.words}")
    return view


def withdraw(
    connection: Connection,
    of: tuple[Leg, str, str],
    number: int,
    replaced_by: int | None,
    approver: str,
    proposal: int,
) -> None:
    """Write that a statement counts no more, and close the breaks where no other one is.

    What others cover is settled by the next reconciliation. Within the caller's transaction.
    """
    connection.execute(
        "INSERT INTO clearing.recon_withdrawal (import, replaced_by, proposal) VALUES (%s, %s, %s)",
        (number, replaced_by, proposal),
    )
    left = covered(connection, *of)
    words = f"import {number} was withdrawn, and no statement covers it any more"
    close_uncovered(
        connection,
        of,
        (lambda at: False) if left is None else left.covers,  # noqa: ARG005 - of any moment
        words,
        approver,
        proposal,
    )


def acceptance(
    connection: Connection, of: tuple[Leg, str, str], doubt: str, words: str
) -> dict[str, Any]:
    """Return what is to be done so that a doubt keeps nothing from being clean.

    Raises :class:`~clearing.reconcile.acting.NotAllowed` where it was accepted already.
    """
    known = acceptances(connection).get(doubt)
    if known is not None:
        raise NotAllowed(
            f"doubt {doubt} was accepted by proposal {known.proposal} ({known.approver}) already"
        )
    leg, venue, account = of
    return {"leg": leg, "venue": venue, "account": account, "doubt": doubt, "words": words}


def accept(connection: Connection, of: tuple[Leg, str, str], doubt: str, proposal: int) -> None:
    """Write that a doubt was accepted, within the caller's transaction."""
    connection.execute(
        "INSERT INTO clearing.recon_acceptance (proposal, leg, venue, account, doubt)"
        " VALUES (%s, %s, %s, %s, %s)",
        (proposal, *of, doubt),
    )
