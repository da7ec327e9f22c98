"""Which processes of a cluster still live, as far as the machine tells."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")


def recorded_pid(cluster: Path) -> int | None:
    """The process that ``postmaster.pid`` names; None without the file or with half of it."""
    try:
        return int((cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and merely waits for its parent to notice.

    In containers process 1 is often no init and never does; a signal still finds such a process,
    which is why Postgres itself takes it for a server that runs.
    """
    try:
        status = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The name in parentheses may hold anything, parentheses included; the state follows the last.
    return status.rpartition(")")[2].split()[0] in {"Z", "X"}


def is_alive(pid: int) -> bool:
    """Whether a process of this number lives that is ours, or anybody's when we are root."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return not _is_zombie(pid)


def is_running(pid: int, cluster: Path) -> bool:
    """Whether this process lives and is a server of this cluster.

    The number in a file left by a crash may belong to anybody by now. Postgres works within its
    data folder; where there is no /proc to ask, being alive has to do.
    """
    return is_alive(pid) and (not (_PROC / "self").exists() or _works_in(pid, cluster))


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process's current folder is this one."""
    try:
        return (_PROC / str(pid) / "cwd").samefile(folder)
    except OSError:
        return False


def processes_in(cluster: Path) -> list[int]:
    """The processes that work in the cluster's folder: a server and its children.

    Empty where there is no /proc; Postgres's own interlock has to suffice there.
    """
    numbers = [int(entry.name) for entry in _PROC.glob("[0-9]*")]
    return [pid for pid in numbers if not _is_zombie(pid) and _works_in(pid, cluster)]


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true within that time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
