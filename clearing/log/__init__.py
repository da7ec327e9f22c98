"""The log: append-only, gapless, idempotent, hashed.

Events go in as batches and come out in the order of commit; this room knows how they are stored
and proved, and nothing of what they mean. What cannot become an event is kept in quarantine.
"""

from clearing.log.append import (
    BATCH,
    MAX_BATCH,
    LogWriter,
    position_of,
    read_at,
)
from clearing.log.head import (
    Connection,
    Head,
    HeadMissing,
    load_registry,
    may_assume,
    read_head,
)
from clearing.log.quarantine import Quarantined, Refused, keep, quarantined
from clearing.log.read import LogHole, Stored, follow_log, position_recorded_by, read_log, read_rows
from clearing.log.receipts import BatchRefused, Conflict, Receipt
from clearing.log.verify import Findings, Witness, packed_leaf, protections, verify_log

__all__ = [
    "BATCH",
    "MAX_BATCH",
    "BatchRefused",
    "Conflict",
    "Connection",
    "Findings",
    "Head",
    "HeadMissing",
    "LogHole",
    "LogWriter",
    "Quarantined",
    "Receipt",
    "Refused",
    "Stored",
    "Witness",
    "follow_log",
    "keep",
    "load_registry",
    "may_assume",
    "packed_leaf",
    "position_of",
    "position_recorded_by",
    "protections",
    "quarantined",
    "read_at",
    "read_head",
    "read_log",
    "read_rows",
    "verify_log",
]
