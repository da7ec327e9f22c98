"""How far everything is, and which protections are active."""

from clearing.audit.views import LedgerStatus
from clearing.events.fields import from_microseconds
from clearing.log import Connection, protections, read_head
from clearing.projectors import live_generation


def ledger_status(connection: Connection) -> LedgerStatus:
    """Return the state of the log, the live generation, quarantine and protections."""
    head = read_head(connection)
    live = live_generation(connection)
    row = connection.execute("SELECT count(*) FROM clearing.quarantine").fetchone()
    return LedgerStatus(
        head.position,
        head.root.hex(),
        head.batch,
        from_microseconds(head.recorded_at) if head.batch else None,
        *head.counts,
        0 if live is None else live.number,
        "" if live is None else live.engine_version,
        0 if live is None else live.position,
        "" if live is None else live.entry_hash.hex(),
        int(row[0]) if row else 0,
        protections(connection),
    )
