"""Statements that count no more: taken in by mistake, or replaced by a corrected one.

Nothing is deleted. A reconciliation passes over what was withdrawn, and the same file may be taken
in again.
"""

from dataclasses import dataclass
from datetime import datetime

from clearing.log import Connection


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Why a statement counts no more: the ``proposal``, and who decided.

    ``replaced_by`` is the import that took its place, 0 where none did.
    """

    replaced_by: int
    proposal: int
    author: str
    approver: str
    reason: str
    withdrawn_at: datetime

    @property
    def words(self) -> str:
        """What became of the statement, in words."""
        what = f"replaced by {self.replaced_by}" if self.replaced_by else "withdrawn"
        return f"{what} ({self.author}, {self.approver}: {self.reason})"


def withdrawals(connection: Connection) -> dict[int, Withdrawal]:
    """Return what was withdrawn, by the number of its import."""
    rows = connection.execute(
        "SELECT w.import, coalesce(w.replaced_by, 0), p.id, p.author, d.approver, p.reason,"
        " d.recorded_at FROM clearing.recon_withdrawal w"
        " JOIN clearing.recon_proposal p ON p.id = w.proposal"
        " JOIN clearing.recon_decision d ON d.proposal = p.id ORDER BY w.import"
    )
    return {int(row[0]): Withdrawal(int(row[1]), int(row[2]), *row[3:]) for row in rows}
