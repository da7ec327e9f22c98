"""Making, starting and stopping a private cluster.

Every function here expects its caller to hold the guard: nobody else starts or stops meanwhile.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from psycopg import sql

from clearing.database.binaries import Binaries
from clearing.database.connection import DatabaseUnavailable, connect
from clearing.database.identity import Identity, environment, user_name
from clearing.database.processes import is_alive, is_running, processes_in, recorded_pid, wait_until

ROLE = "clearing"
DATABASE = "clearing"
PORT = 5432
"""Names the socket's file only: there is no port to be taken."""

_LONGEST_SOCKET = 100
"""Bytes of a socket's path; the kernel allows 107, macOS 103."""
_READY_SECONDS = 300.0
"""How long to wait for a server to answer: after a crash it replays its log first."""
_STOP_SECONDS = 60.0
_LOG_LIMIT = 5_000_000

# Peer: the kernel tells the server which user is at the other end of the socket. There is no
# password that a file, a process list or a URL could give away, and nobody else gets in, not even
# the user the server runs as, who may enter the socket's folder.
_HBA = "local all clearing peer map=clearing\n"


class Server:
    """The server of the cluster in one data folder."""

    def __init__(self, home: Path, identity: Identity) -> None:
        self.home = home
        self.cluster = home / "postgres"
        self.log = home / "postgres.log"
        self.identity = identity
        self._socket_note = home / "socket-folder"

    def url(self, database: str = DATABASE) -> str:
        """The URL of one of its databases; valid while the server runs."""
        folder = quote(str(self._socket_folder()), safe="")
        return f"postgresql://{ROLE}@/{database}?host={folder}&port={PORT}"

    def major(self) -> int | None:
        """The major version that made the cluster; None when there is none yet."""
        try:
            return int((self.cluster / "PG_VERSION").read_text(encoding="ascii").split(".")[0])
        except FileNotFoundError:
            return None

    def answers(self) -> bool:
        """Whether it takes connections now."""
        try:
            connect(self.url("postgres")).close()
        except DatabaseUnavailable:
            return False
        return True

    def make(self, binaries: Binaries) -> None:
        """Make the cluster; it gets its name only when it is whole."""
        if self.cluster.exists():
            raise DatabaseUnavailable(f"{self.cluster} is there but is no Postgres cluster")
        for left in self.home.glob("making-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(dir=self.home, prefix="making-"))
        self.identity.own(new)
        # Text sorts by code point whatever the system's locale, so that everybody's clusters agree.
        locale = ["--locale=C"]
        if binaries.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = ["-D", str(new), "-U", ROLE, "-E", "UTF8", "--data-checksums", "--no-instructions"]
        auth = ["--auth-local=peer", "--auth-host=reject"]
        self._run([str(binaries.folder / "initdb"), *made, *auth, *locale])
        new.rename(self.cluster)

    def _run(self, command: list[str]) -> None:
        """Run a Postgres program as the cluster's user; its words become our error's."""
        try:
            done = subprocess.run(  # noqa: S603 - arguments of our own making
                command,
                capture_output=True,
                check=False,
                text=True,
                errors="replace",
                cwd="/",
                env=environment(),
                **self.identity.child(),
            )
        except OSError as error:
            raise DatabaseUnavailable(f"cannot run {command[0]}: {error}") from error
        if done.returncode != 0:
            raise DatabaseUnavailable(
                f"{Path(command[0]).name} failed: {done.stderr.strip()[-1000:]}"
            )

    def start(self, binaries: Binaries) -> None:
        """Start it, after a crash if need be, and wait until it takes connections."""
        self._clear_crash()
        folder = self._new_socket_folder()
        access = self._write_access()
        settings = {
            "listen_addresses": "",  # the socket is the only way in
            "unix_socket_directories": str(folder).replace(",", r"\,"),
            "unix_socket_permissions": "0700",
            "hba_file": str(access / "pg_hba.conf"),
            "ident_file": str(access / "pg_ident.conf"),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        server = [str(binaries.folder / "postgres"), "-D", str(self.cluster), "-p", str(PORT)]
        pid = self._spawn([*server, *options])
        if not wait_until(lambda: self.answers() or not is_alive(pid), _READY_SECONDS):
            raise DatabaseUnavailable(f"Postgres is not ready after {_READY_SECONDS:.0f} seconds")
        if not self.answers():
            raise DatabaseUnavailable(f"Postgres did not start: {self._last_words()}")

    def _spawn(self, command: list[str]) -> int:
        """Start a process that is nobody's child and in a session of its own; its number.

        It outlives us when others still use it, and a Ctrl-C in our terminal does not reach it.
        """
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        log = os.open(self.log, flags, 0o600)
        try:
            # The shell ends at once, and init adopts what it left; its words are only the number.
            started = subprocess.run(  # noqa: S603 - arguments of our own making
                ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                check=True,
                cwd="/",
                env=environment(),
                start_new_session=True,
                **self.identity.child(),
            )
        except OSError as error:
            raise DatabaseUnavailable(f"cannot run {command[0]}: {error}") from error
        finally:
            os.close(log)
        return int(started.stdout)

    def _last_words(self) -> str:
        """The end of the server's log."""
        return self.log.read_text(encoding="utf-8", errors="replace").strip()[-1000:]

    def _write_access(self) -> Path:
        """Write who may connect: this user, root, and whoever the data folder belongs to.

        The files are ours and outside the cluster, so that the server's user cannot widen them.
        """
        folder = self.home / "access"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        names = {user_name(uid) for uid in (0, os.geteuid(), self.home.stat().st_uid)}
        ident = "".join(f'clearing "{name}" {ROLE}\n' for name in sorted(names))
        for name, text in {"pg_hba.conf": _HBA, "pg_ident.conf": ident}.items():
            new = folder / f"{name}.new"
            new.unlink(missing_ok=True)
            new.write_text(text, encoding="utf-8")
            new.chmod(0o644)
            new.replace(folder / name)
        return folder

    def _socket_folder(self) -> Path:
        """Where the socket is, as whoever started the server noted it."""
        try:
            return Path(self._socket_note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self.home / "socket"

    def _new_socket_folder(self) -> Path:
        """A folder for the socket that only the server's user may enter.

        A socket's path must be short: a deep data folder's socket goes to the temporary folder,
        under a name that nobody can guess and take beforehand.
        """
        self.remove_socket_folder()
        folder = self.home / "socket"
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > _LONGEST_SOCKET:
            folder = Path(tempfile.mkdtemp(prefix="clearing-"))
        else:
            folder.mkdir(mode=0o700)
        self.identity.own(folder)
        self._socket_note.unlink(missing_ok=True)
        self._socket_note.write_text(str(folder), encoding="utf-8")
        return folder

    def remove_socket_folder(self) -> None:
        """Take the socket's folder away, now that no server uses it."""
        folder = self._socket_folder()
        # The note may be a forgery where the data folder is not root's but root runs this.
        temporary = Path(tempfile.gettempdir())
        if folder == self.home / "socket" or (
            folder.parent == temporary and folder.name.startswith("clearing-")
        ):
            shutil.rmtree(folder, ignore_errors=True)

    def _clear_crash(self) -> None:
        """Make way after a server that died without a word.

        Its children end by themselves within moments. Postgres takes a zombie, or a stranger with
        the dead server's number, for a rival and refuses to start; when no process works in the
        cluster's folder, the file that says so is wrong.
        """
        if recorded_pid(self.cluster) is None:
            return
        if not wait_until(lambda: not processes_in(self.cluster), _STOP_SECONDS):
            raise DatabaseUnavailable(
                f"processes {processes_in(self.cluster)} still use {self.cluster}; stop them first"
            )
        if Path("/proc/self").exists():
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def await_starting(self) -> bool:
        """Whether a server that is on its way, its starter having died, has come to answer."""
        pid = recorded_pid(self.cluster)
        if pid is None or not is_running(pid, self.cluster):
            return False
        wait_until(lambda: self.answers() or not is_running(pid, self.cluster), _READY_SECONDS)
        return self.answers()

    def stop(self) -> None:
        """Stop it and wait until it has gone; connections that remain are closed by it."""
        pid = recorded_pid(self.cluster)
        if pid is not None and is_running(pid, self.cluster):
            # Fast shutdown first; immediate if it hangs, from which the next start recovers.
            for kind in (signal.SIGINT, signal.SIGQUIT):
                try:
                    os.kill(pid, kind)
                except ProcessLookupError:
                    break
                if wait_until(lambda: not is_running(pid, self.cluster), _STOP_SECONDS):
                    break
        self.remove_socket_folder()

    def ensure_database(self) -> str:
        """Create our database if it is not there yet; the server's version."""
        with connect(self.url("postgres"), autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, (DATABASE,)).fetchone() is None:
                create = sql.SQL("CREATE DATABASE {}")
                connection.execute(create.format(sql.Identifier(DATABASE)))
            return connection.info.parameter_status("server_version") or "unknown"
