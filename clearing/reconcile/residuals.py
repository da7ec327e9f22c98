"""What tolerances let pass is posted to the account that was named when they were adopted.

So nothing is lost, and the sides agree exactly from then on: the posting is known by the same
identifier as what it completes.
"""

from typing import Any

from clearing.log import Connection
from clearing.reconcile.answers import Reconciliation
from clearing.reconcile.proposals import proposal, tolerances_in_force


def residual_events(
    connection: Connection, answer: Reconciliation, source: str
) -> list[dict[str, Any]]:
    """Return the adjustments by which the residuals of an account's matches are posted.

    ``answer`` must tell its matches. Author and approver are those of the tolerance: they decided
    on it; nobody decides here. Raises :class:`ValueError` for a reconciliation of no one account.
    """
    if answer.account == "*":
        raise ValueError("residuals are posted to an account: reconcile one")
    accounts = {one.version: one.residual_account for one in tolerances_in_force(connection)}
    events = []
    for match in answer.matches:
        if match.side != "cash" or match.residual == "0":
            continue
        adopted = proposal(connection, match.tolerance)
        first, other = match.ours[0], match.theirs[0]
        native = other["native_id"] or first["external_id"]
        events.append(
            {
                "kind": "Adjusted",
                "source": source,
                # Of one identifier several parts may differ: each is of its own posting.
                "external_id": f"{native}:residual-{match.tolerance}-{first['log_position']}"
                f"-{first['line']}"[-128:],
                "occurred_at": first["occurred_at"],
                "account": answer.account,
                "asset": match.what,
                "amount": match.residual,
                "category": "reconciliation",
                "contra_account": accounts[match.tolerance],
                "reference": {"source": first["source"], "external_id": first["external_id"]},
                "author": adopted.author,
                "approver": adopted.approver,
                "reason": f"within tolerance {match.tolerance}: {adopted.reason}",
            }
        )
    return events
