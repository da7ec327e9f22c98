"""The user a private cluster runs as: ourselves, or an unprivileged one when we are root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from clearing.database.connection import DatabaseUnavailable


class Child(TypedDict):
    """Arguments of ``subprocess`` that choose the user; None leaves it as it is."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


@dataclass(frozen=True, slots=True)
class Identity:
    """The user a cluster's files belong to and its server runs as."""

    uid: int
    gid: int
    name: str
    changes: bool
    """Whether that is another user than ours, which only root can arrange."""

    def child(self) -> Child:
        """How to run a child process as this user, without any group of ours."""
        if not self.changes:
            return Child(user=None, group=None, extra_groups=None)
        return Child(user=self.uid, group=self.gid, extra_groups=[])

    def own(self, folder: Path) -> None:
        """Give a folder that we just made to this user."""
        if self.changes:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def may_enter(self, folder: Path) -> bool:
        """Whether this user can pass through the folder and those above it."""
        test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)]
        try:
            done = subprocess.run(test, check=False, cwd="/", **self.child())  # noqa: S603 - fixed
        except PermissionError as error:
            raise DatabaseUnavailable(
                f"root may not become {self.name} here, and Postgres refuses to run as root; "
                "run clearing as an ordinary user, or set CLEARING_DATABASE_URL"
            ) from error
        return done.returncode == 0


def _named(uid: int) -> pwd.struct_passwd:
    """The user database's entry, which Postgres insists on too."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise DatabaseUnavailable(
            f"user id {uid} has no name on this machine, which Postgres refuses to run under; "
            "set CLEARING_DATABASE_URL, or add the user to /etc/passwd"
        ) from None


def user_name(uid: int) -> str:
    """The name of a user id; DatabaseUnavailable if it has none."""
    return _named(uid).pw_name


def identity_for(cluster: Path) -> Identity:
    """Who runs the cluster in this folder, which need not exist yet.

    Postgres refuses to run as root. Root then starts it as the owner of an existing cluster, else
    as ``postgres`` where there is such a user, else as ``nobody``, which every base image has; no
    user is ever added. Only root and that user can read the cluster's files.
    """
    we = os.geteuid()
    owner = cluster.stat().st_uid if cluster.exists() else None
    if we != 0:
        if owner not in {None, we}:
            raise DatabaseUnavailable(
                f"the cluster in {cluster} belongs to user id {owner}, not to {we}: "
                "run clearing as that user, or set CLEARING_DATA to another folder"
            )
        return Identity(we, os.getegid(), user_name(we), changes=False)
    if owner == 0:
        raise DatabaseUnavailable(f"{cluster} belongs to root, under whom Postgres never runs")
    if owner is not None:
        entry = _named(owner)
        return Identity(owner, entry.pw_gid, entry.pw_name, changes=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid, name, changes=True)
    raise DatabaseUnavailable(
        "Postgres refuses to run as root and there is no user postgres or nobody: "
        "run clearing as an ordinary user, or set CLEARING_DATABASE_URL"
    )


def environment() -> dict[str, str]:
    """The environment for Postgres programs: ours without settings meant for other servers.

    A ``PGDATA`` or ``PGOPTIONS`` left in a shell profile would otherwise reach our server, and a
    locale that the machine lacks would fail initdb.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_", "CLEARING_")) and name not in {"LANG", "LANGUAGE"}
    }
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
