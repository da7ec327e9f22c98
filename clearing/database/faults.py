"""Named points at which a process can be made to die, for the tests of crashes.

``CLEARING_FAULT=after_lock`` (or ``after_lock:3`` for the third time) has the process kill itself
with SIGKILL when it passes that point: no handler runs, nothing is flushed, as when a machine dies.
Unset, a point costs one comparison.
"""

import os
import signal
from typing import Final

POINTS: Final = (
    "append_after_encode",
    "append_after_lock",
    "append_mid_copy",
    "append_before_commit",
    "append_after_commit",
    "project_before_write",
    "project_mid_write",
    "project_before_commit",
    "project_after_commit",
    "rebuild_before_switch",
    "rebuild_after_switch",
)
"""The points that exist, in the order in which work passes them."""


class _Armed:
    """The point to die at and how many passes remain; read from the environment once."""

    def __init__(self) -> None:
        name, _, count = os.environ.get("CLEARING_FAULT", "").partition(":")
        if name and name not in POINTS:
            raise ValueError(f"CLEARING_FAULT names {name!r}; points are {', '.join(POINTS)}")
        self.name = name
        self.left = int(count or 1)


_armed: Final = _Armed()


def fault_point(name: str) -> None:
    """Die here if this point is armed and its turn has come."""
    if _armed.name == name:
        _armed.left -= 1
        if _armed.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
