"""Locks between the processes that share a private cluster.

The kernel holds them and drops them when a process ends, whichever way it ends: a client killed
with SIGKILL leaves no count of users behind that is never right again.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearing.database.connection import DatabaseUnavailable
from clearing.database.processes import wait_until


def _open(path: Path) -> int:
    """A descriptor of the lock file, made if need be; never through a symbolic link."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot use {path}: {error.strerror}; set CLEARING_DATA to a folder of your own"
        ) from error


def _take(descriptor: int, kind: int) -> bool:
    """Take the lock if that is possible at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def guard(path: Path, seconds: float) -> Iterator[None]:
    """Hold the right to start or stop the server, after waiting that long at most."""
    descriptor = _open(path)
    try:
        if not wait_until(lambda: _take(descriptor, fcntl.LOCK_EX), seconds):
            raise DatabaseUnavailable(
                f"another process has been starting or stopping the database for {seconds:.0f} "
                f"seconds; it holds {path}"
            )
        yield
    finally:
        os.close(descriptor)


class Use:
    """One client's share in the server: while any is held, the server stays.

    Take and release it under the guard only; then nobody comes or goes in between.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process = os.getpid()
        self._descriptor: int | None = _open(path)
        # Nobody holds it exclusively for longer than it takes to look, and under the guard.
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @property
    def mine(self) -> bool:
        """Whether this process took the share; a forked child only inherited it."""
        return self._process == os.getpid()

    def release(self) -> bool:
        """Give the share up; True when nobody else holds one."""
        if self._descriptor is None:
            return False
        descriptor, self._descriptor = self._descriptor, None
        # Unlocking, rather than only closing, also ends what forked children inherited.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
        return unused(self._path)


def unused(path: Path) -> bool:
    """Whether no process has a share at this moment."""
    descriptor = _open(path)
    try:
        return _take(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)
