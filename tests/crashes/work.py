"""What a process does in the tests of crashes: append the sample day, project it, or rebuild it.

Run as ``python -m tests.crashes.work TASK URL [SIZE]``; it may be killed at any moment and run
again.
"""

import sys
from collections.abc import Sequence
from itertools import islice

from clearing.database import connect
from clearing.events import Event
from clearing.log import LogWriter
from clearing.projectors import project, rebuild
from clearing.samples import incident_day

EVENTS = 1500


def sample(size: int = EVENTS) -> list[Event]:
    """The first events of a small incident day."""
    return list(islice(incident_day(accounts=20, trades_per_minute=2), size))


def main(arguments: Sequence[str]) -> None:
    """Do one task on the ledger at a URL."""
    task, url = arguments[0], arguments[1]
    size = int(arguments[2]) if len(arguments) > 2 else EVENTS
    with connect(url, autocommit=True) as connection:
        if task == "append":
            for _ in LogWriter(connection).append_many(sample(size), 100):
                pass
        elif task == "project":
            project(connection, batch=200, snapshot_every=500)
        else:
            rebuild(connection, batch=200, snapshot_every=500)


if __name__ == "__main__":
    main(sys.argv[1:])
