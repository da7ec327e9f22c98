"""Running work in processes that die, and comparing what is left with an undisturbed ledger."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clearing.database import connect
from clearing.log import read_head, verify_log
from clearing.projectors import check_generation, fold_log, live_generation
from tests.crashes.work import EVENTS

ROOT = Path(__file__).parents[2]


def start(task: str, url: str, *, fault: str = "", size: int = EVENTS) -> subprocess.Popen[bytes]:
    """Start a task in a process of its own, armed to die at ``fault``."""
    environment = {**os.environ, "CLEARING_FAULT": fault}
    return subprocess.Popen(  # noqa: S603 - our own module, run by our own Python
        [sys.executable, "-m", "tests.crashes.work", task, url, str(size)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes], *, killed: bool = False) -> None:
    """Wait for a process, which must have ended well, or been killed if ``killed``."""
    _, errors = process.communicate(timeout=120)
    expected = -signal.SIGKILL if killed else 0
    assert process.returncode == expected, errors.decode()[-2000:]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a ledger came to: log root, entry hash and digest of the fold."""

    position: int
    root: bytes
    entry_hash: bytes
    digest: str


def outcome(url: str) -> Outcome:
    """The outcome of the ledger at ``url``, whose log and read models must be sound."""
    with connect(url, autocommit=True) as connection:
        log = verify_log(connection)
        assert log.sound, log.shown
        head = read_head(connection)
        live = live_generation(connection)
        engine = fold_log(connection)
        if live is not None:
            assert check_generation(connection) == []
        return Outcome(head.position, head.root, engine.entry_hash, engine.digest())
