"""Adjustments and rulebooks in the log: what two people should have agreed on before."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.events import Adjusted, RulebookAdopted, decode, upcast
from clearing.events.kinds import Kind
from clearing.log import Connection, read_at

RECONCILIATION: Final = "reconciliation"
"""The category of adjustments that reconciliation proposes."""


@dataclass(frozen=True, slots=True)
class AuthorisedEvent:
    """An event that names its author and approver; ``occurred_at`` is in microseconds since 1970.

    ``account``, ``asset`` and ``amount`` (exact decimal, what the account got) are of an
    adjustment, empty of a rulebook.
    """

    kind: str
    log_position: int
    occurred_at: int
    source: str
    external_id: str
    account: str
    asset: str
    amount: str
    author: str
    approver: str


def authorised_events(
    connection: Connection, moment: Moment, sources: Collection[str]
) -> list[AuthorisedEvent]:
    """Return the adjustments and adopted rulebooks of some sources up to a moment, in log order.

    With adjustments of category ``reconciliation`` of any source.
    """
    registry = Histories(connection, moment).registry
    ordinals = [
        registry.source_ordinals[name] for name in sources if name in registry.source_ordinals
    ]
    rows = connection.execute(
        "SELECT position FROM clearing.log WHERE position <= %s AND (kind = %s AND"
        " (source = ANY(%s) OR detail::json ->> 'category' = %s) OR kind = %s AND source = ANY(%s))"
        " ORDER BY position",
        (
            moment.position,
            int(Kind.Adjusted),
            ordinals,
            RECONCILIATION,
            int(Kind.RulebookAdopted),
            ordinals,
        ),
    ).fetchall()
    found = []
    for (position,) in rows:
        row, _ = read_at(connection, int(position))
        event = decode(upcast(row), registry)
        if not isinstance(event, Adjusted | RulebookAdopted):
            raise RuntimeError(f"log position {position:,} names no author")
        adjusted = ("", "", "")
        if isinstance(event, Adjusted):
            adjusted = (event.account, event.asset, f"{event.amount:f}")
        found.append(
            AuthorisedEvent(
                event.kind,
                row.position,
                row.occurred_at,
                event.source,
                event.external_id,
                *adjusted,
                event.author,
                event.approver,
            )
        )
    return found
