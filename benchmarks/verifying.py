"""Verifying a whole log, against reading and hashing its rows.

Verification re-hashes, folds the log again into read models of its own and compares every table.
"""

import hashlib

from benchmarks.measure import Ratio, compared, seconds
from clearing import audit
from clearing.events import pack
from clearing.log import Connection, read_log
from clearing.projectors import Generation


def run(connection: Connection, live: Generation) -> list[Ratio]:
    """Measure one verification of a log that is sound, and says so."""
    count = live.position
    hashing = seconds(lambda: _hash(connection, count))
    answers: list[audit.Verification] = []
    verifying = seconds(lambda: answers.append(audit.verify(connection)))
    (answer,) = answers
    if answer.count or answer.events != count:
        raise RuntimeError(f"a sound log of {count:,} events is not found sound: {answer}")
    note = f"{count:,} events in {verifying:,.0f} s, {count / verifying:,.0f} events/s"
    return [
        compared(
            "verify",
            [count / verifying],
            "reading and hashing the same rows",
            [count / hashing],
            unit="events",
            floor=None,
            note=note,
        )
    ]


def _hash(connection: Connection, count: int) -> None:
    hashed = 0
    for stored in read_log(connection, after=0, upto=count):
        for row, leaf in stored:
            hashed += hashlib.sha256(b"\x00" + pack(row)).digest() == leaf
    if hashed != count:
        raise RuntimeError(f"{hashed:,} of {count:,} rows hash to their leaf")
