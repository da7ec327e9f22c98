"""Proposals as they stand: what somebody wants done, and what another decided."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from clearing.log import Connection
from clearing.reconcile.acting import NotAllowed
from clearing.reconcile.lines import SCALE
from clearing.reconcile.tolerances import Tolerance

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
