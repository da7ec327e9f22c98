"""What a process does in the tests of crashes: append the sample day, project it, or rebuild it.

Run as ``python -m tests.crashes.work TASK URL [SIZE]``; it may be killed at any moment and run
again. It prints a line when its work begins.
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice

from clearing.database import connect
from clearing.events import Event
from clearing.log import LogWriter
from clearing.projectors import project, rebuild
from clearing.samples import incident_day

EVENTS = 1500
MORNING = 500
BEFORE_THE_CRASH = 1900
BATCH = 100


@cache
def sample(size: int = EVENTS) -> list[Event]:
    """Events of a small incident day: its morning, then what leads into its crash and out again.

    Up to :data:`EVENTS` they leave a part of the day out, so that few events have calls,
    liquidations, auto-deleveraging and funding among them; more than that are a busier day.
    """
    if size > EVENTS:
        return list(islice(incident_day(accounts=40, trades_per_minute=10), size))
    day = list(islice(incident_day(accounts=20, trades_per_minute=1), BEFORE_THE_CRASH + EVENTS))
    return (day[:MORNING] + day[BEFORE_THE_CRASH:])[:size]


def main(arguments: Sequence[str]) -> None:
    """Do the task that the arguments name, and say so first."""
    task, url = arguments[0], arguments[1]
    size = int(arguments[2]) if len(arguments) > 2 else EVENTS
    work(task, url, size, begins=lambda: print("working", flush=True))


def work(
    task: str, url: str, size: int = EVENTS, *, begins: Callable[[], None] = lambda: None
) -> None:
    """Do one task on the ledger at a URL."""
    events = sample(size) if task == "append" else []
    with connect(url, autocommit=True) as connection:
        begins()
        if task == "append":
            for _ in LogWriter(connection).append_many(events, BATCH):
                pass
        elif task == "project":
            project(connection, batch=200, snapshot_every=500)
        else:
            rebuild(connection, batch=200, snapshot_every=500)


if __name__ == "__main__":
    main(sys.argv[1:])
