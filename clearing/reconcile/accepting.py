"""Doubts that somebody looked into: accepted by two people, with a reason, until it is revoked.

A doubt is known by what it is of, so that it stays the same while that does, and what changes is a
doubt that nobody accepted.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import psycopg

from clearing.events.canonical import canonical_json
from clearing.log import Connection
from clearing.reconcile.acting import NotAllowed, acting


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why a doubt keeps no reconciliation from being clean: the ``proposal``, and who decided."""

    proposal: int
    author: str
    approver: str
    reason: str
    accepted_at: datetime


def doubt_id(*parts: str | int) -> str:
    """Return what a doubt is known by: twelve hexadecimal digits of what it is of."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()[:12]


def acceptances(connection: Connection) -> dict[str, Acceptance]:
    """Return what is accepted and was not revoked, by the doubt's id."""
    rows = connection.execute(
        "SELECT a.doubt, p.id, p.author, d.approver, p.reason, d.recorded_at"
        " FROM clearing.recon_acceptance a JOIN clearing.recon_proposal p ON p.id = a.proposal"
        " JOIN clearing.recon_decision d ON d.proposal = p.id"
        " LEFT JOIN clearing.recon_revocation r ON r.acceptance = a.proposal"
        " WHERE r.acceptance IS NULL ORDER BY p.id"
    )
    return {row[0]: Acceptance(int(row[1]), *row[2:]) for row in rows}


def revoke(connection: Connection, proposal: int, *, person: str, reason: str) -> None:
    """Take back what was accepted by a proposal: one person is enough to doubt again.

    Raises :class:`NotAllowed` where the proposal accepted nothing, or was revoked already.
    """
    if not reason.strip():
        raise NotAllowed("a revocation has a reason")
    try:
        with acting(connection):
            connection.execute(
                "INSERT INTO clearing.recon_revocation (acceptance, person, reason)"
                " VALUES (%s, %s, %s)",
                (proposal, person, reason),
            )
    except psycopg.errors.UniqueViolation:
        raise NotAllowed(f"what proposal {proposal} accepted was revoked already") from None
    except psycopg.errors.ForeignKeyViolation:
        raise NotAllowed(f"by proposal {proposal} no doubt was accepted") from None
