"""The database server itself killed in the middle of work: what was acknowledged is there."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest

from clearing.database import connect, migrate
from clearing.database.processes import processes_in, wait_until
from clearing.log import LogWriter, append, read_head, verify_log
from clearing.projectors import live_generation, project, projector
from tests.crashes.harness import outcome
from tests.crashes.test_crashes import in_peace
from tests.crashes.work import sample, work
from tests.postgres import FAST, PORT, Server


class Mortal(Server):
    """A server that can be killed and started again on what it left.

    It waits for the operating system at each commit, which is all that a dying process asks for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL, and wait for its children, who notice and end."""
        data = self.base / "data"
        pid_file = data / "postmaster.pid"
        os.kill(int(pid_file.read_text(encoding="utf-8").split()[0]), signal.SIGKILL)
        if self._second is not None:
            self._second.wait(timeout=60)
        assert wait_until(lambda: not processes_in(data), 60)
        # The shell that started the first server does not reap it, and Postgres takes what is left
        # of a process for a server that runs.
        pid_file.unlink()
        (self.base / f".s.PGSQL.{PORT}.lock").unlink()

    def again(self) -> None:
        """Start on the same data."""
        options = [f"--{name}={value}" for name, value in FAST.items()]
        where = ("-D", str(self.base / "data"), "-k", str(self.base), "-p", str(PORT))
        with (self.base / "log").open("ab") as log:
            self._second = subprocess.Popen(  # noqa: S603 - our own words
                [str(self._bin / "postgres"), *where, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.base,
                **self._identity,
            )
        assert wait_until(self._answers, 60), (self.base / "log").read_text()[-2000:]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop whichever is running and remove everything."""
        if self._second is not None and self._second.poll() is None:
            self._second.send_signal(signal.SIGINT)
            self._second.wait(timeout=60)
        super().stop()


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    running = Mortal()
    try:
        running.start()
        yield running
    finally:
        running.stop()


def die_at(mortal: Mortal, point: str, times: int) -> Callable[[str], None]:
    """Stands in for the named points: kills the server when one is passed so many times."""
    left = times

    def pass_by(name: str) -> None:
        nonlocal left
        left -= name == point
        if name == point and left == 0:
            mortal.kill()

    return pass_by


def test_what_was_acknowledged_before_the_server_was_killed_is_there_afterwards(
    mortal: Mortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(mortal.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ledger")
        connection.execute("ALTER DATABASE ledger SET synchronous_commit = local")
    url = mortal.url("ledger")
    migrate(url)

    monkeypatch.setattr(append, "fault_point", die_at(mortal, "append_mid_copy", 6))
    with connect(url, autocommit=True) as connection, pytest.raises(psycopg.Error):
        list(LogWriter(connection).append_many(sample(), 100))
    mortal.again()
    with connect(url, autocommit=True) as connection:
        assert read_head(connection).position == 500
        assert verify_log(connection).sound
    work("append", url)

    monkeypatch.setattr(projector, "fault_point", die_at(mortal, "project_mid_write", 8))
    written: list[int] = []
    with connect(url, autocommit=True) as connection, pytest.raises(psycopg.Error):
        project(connection, batch=100, snapshot_every=300, progress=written.append)
    mortal.again()
    with connect(url, autocommit=True) as connection:
        live = live_generation(connection)
        assert live is not None
        assert live.position == written[-1] == 700
    work("project", url)
    assert outcome(url) == in_peace()
