"""What the tests of the private cluster share: folders for it, and other processes that use it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clearing.database.processes import processes_in, recorded_pid, wait_until
from tests.postgres import scratch

# Opens the database, says that it did, and keeps it until its standard input ends.
CLIENT = """
import sys
from clearing.database.connection import connect
from clearing.database.embedded import open_database
from clearing.database.settings import Settings
with open_database(Settings.read()) as database, connect(database.url) as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0], flush=True)
    connection.close()
    sys.stdin.read()
"""


class Client:
    """Another process that opens the private database of a folder."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own text
            [sys.executable, "-W", "error", "-c", CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CLEARING_DATA": str(home)},
        )

    def opened(self) -> str:
        """Wait until it has the database; when the server started, which tells one from another."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        """Have it close the database and end; its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self._ended()

    def die(self) -> None:
        """Kill it as a power cut would: nothing of it runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.leave()

    def _ended(self) -> int:
        code = self.process.wait(timeout=60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextlib.contextmanager
def new_home() -> Iterator[Path]:
    """A data folder that is not there yet, in one that every user may enter."""
    parent = Path(tempfile.mkdtemp(prefix="clearing-home-", dir=scratch()))
    parent.chmod(0o755)
    home = parent / "data"
    try:
        yield home
    finally:
        stop_left(home)
        shutil.rmtree(parent)


def stop_left(home: Path) -> None:
    """Stop a server that a failed test left behind."""
    pid = recorded_pid(home / "postgres")
    if pid is not None and pid in processes_in(home / "postgres"):
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not runs(home), 10)


def runs(home: Path) -> bool:
    """Whether any process serves the cluster of this folder."""
    return bool(processes_in(home / "postgres"))
