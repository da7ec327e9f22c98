"""``open_database``: the database to use, started for us when nobody gave one.

Without ``CLEARING_DATABASE_URL`` a private cluster in a data folder is used. The first process
that needs it starts its server, others join, and the last to close stops it.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from clearing.database.binaries import Binaries, find_binaries, reachable
from clearing.database.connection import DatabaseUnavailable
from clearing.database.identity import identity_for
from clearing.database.launcher import Server
from clearing.database.locks import Use, guard
from clearing.database.settings import Settings

Progress = Callable[[str], None]
"""Is told in words what takes time, such as the making of a cluster."""

_GUARD_SECONDS = 400.0
"""How long to wait for another starter: more than it waits for a server itself."""


class Database:
    """A database that can be connected to until this is closed."""

    def __init__(self, url: str, facts: dict[str, str], leave: Callable[[], None]) -> None:
        self.url = url
        """What to give to ``connect`` and ``migrate``."""
        self._facts = facts
        self._leave = leave
        self._closed = False

    def close(self) -> None:
        """Leave it; a private server stops when no process uses it any more. Twice is once."""
        if not self._closed:
            self._closed = True
            self._leave()

    def describe(self) -> dict[str, str]:
        """Facts for people, without a password: ``kind`` is ``given`` or ``private``."""
        return dict(self._facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def data_folder(settings: Settings) -> Path:
    """Where the private cluster is or will be."""
    if settings.data is not None:
        return settings.data
    if os.geteuid() == 0:
        # Not below root's home, which the user that Postgres runs as may not enter.
        return Path("/var/lib/clearing")
    shared = os.environ.get("XDG_DATA_HOME", "")
    base = Path(shared) if Path(shared).is_absolute() else Path.home() / ".local" / "share"
    return base / "clearing"


def open_database(settings: Settings, progress: Progress | None = None) -> Database:
    """The database the settings name, else the private one, started if it does not run.

    A given database is not tried here; ``connect`` tells whether it can be reached. Raises
    DatabaseUnavailable with what to do when the private one cannot be had.
    """
    tell = progress or (lambda _: None)
    if settings.database_url is not None:
        return _given(settings.database_url.get_secret_value())
    home = data_folder(settings)
    try:
        _prepare(home)
        return _open_private(settings, home, tell)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database in {home} cannot be used: {error}; set CLEARING_DATA to a folder that "
            "can be written, or set CLEARING_DATABASE_URL"
        ) from error


def _given(url: str) -> Database:
    """A database that others run."""
    parts = urlsplit(url)
    facts = {"kind": "given", "host": parts.hostname or "", "database": parts.path.lstrip("/")}
    return Database(url, facts, leave=lambda: None)


def _prepare(home: Path) -> None:
    """Make the data folder if need be; one that exists is left as it is.

    Root's can be passed through, though not listed, by the user that Postgres runs as; anybody
    else's is closed to others.
    """
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            home.chmod(0o711)


def _open_private(settings: Settings, home: Path, tell: Progress) -> Database:
    """Join the server of this folder's cluster, or start it, as one of its users."""
    guard_path, users_path = home / "guard.lock", home / "users.lock"
    with guard(guard_path, _GUARD_SECONDS):
        server = Server(home, identity_for(home / "postgres"))
        use = Use(users_path)
        try:
            started = None
            if not server.answers() and not server.await_starting():
                started = _start(settings, server, tell)
            version = server.ensure_database()
        except BaseException:
            # Interrupted or failed: nobody is left for whom the server should go on.
            if use.release():
                server.stop()
            raise
    facts = {
        "kind": "private",
        "data": str(home),
        "server_version": version,
        "runs_as": server.identity.name,
        "binaries": f"{started.folder} ({started.source})" if started else "joined",
    }

    def leave() -> None:
        """Stop the server if nobody else uses it; a forked child never does."""
        if not use.mine:
            return
        with guard(guard_path, _GUARD_SECONDS):
            if use.release():
                server.stop()

    return Database(server.url(), facts, leave)


def _start(settings: Settings, server: Server, tell: Progress) -> Binaries:
    """Start the server, of a cluster made for it if there is none."""
    identity = server.identity
    if not identity.may_enter(server.home):
        raise DatabaseUnavailable(
            f"{identity.name}, as whom Postgres has to run, may not enter {server.home}; "
            "set CLEARING_DATA to a folder that every user may pass through, run clearing as an "
            "ordinary user, or set CLEARING_DATABASE_URL"
        )
    found = find_binaries(settings, server.major())
    binaries = reachable(found, identity, server.home / "binaries")
    if server.major() is None:
        tell(f"making a private Postgres {binaries.major} cluster in {server.home}")
        server.make(binaries)
    tell(f"starting Postgres {binaries.version}")
    server.start(binaries)
    return binaries
