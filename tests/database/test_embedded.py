"""The private cluster, really run: first and later starts, sharing, crashes, and what it leaves."""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from clearing.database.connection import DatabaseUnavailable, connect
from clearing.database.embedded import Database, open_database
from clearing.database.identity import identity_for
from clearing.database.migrate import migrate, schema_version
from clearing.database.processes import recorded_pid
from clearing.database.settings import Settings
from tests.database.clusters import Client, new_home, runs
from tests.postgres import binaries


@pytest.fixture
def home() -> Iterator[Path]:
    with new_home() as folder:
        yield folder


def settings_for(home: Path) -> Settings:
    return Settings.read().model_copy(update={"data": home})


def remember(database: Database, word: str) -> None:
    with connect(database.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.words (word text)")
        connection.execute("INSERT INTO public.words VALUES (%s)", (word,))


def remembered(database: Database) -> list[str]:
    with connect(database.url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM public.words ORDER BY 1")]


def test_the_first_start_makes_a_cluster_and_the_second_finds_its_data(home: Path) -> None:
    said: list[str] = []
    with open_database(settings_for(home), said.append) as database:
        migrate(database.url)
        remember(database, "kept")
        assert database.describe()["kind"] == "private"
        assert database.describe()["data"] == str(home)
    assert [words.split()[0] for words in said] == ["making", "starting"]
    assert not runs(home)

    said.clear()
    with open_database(settings_for(home), said.append) as database:
        assert remembered(database) == ["kept"]
        assert schema_version(database.url) is not None
    assert [words.split()[0] for words in said] == ["starting"]
    assert not runs(home)


def test_only_a_socket_that_others_cannot_reach_leads_in(home: Path) -> None:
    with open_database(settings_for(home)) as database:
        with connect(database.url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        for closed in ("postgres", "socket"):
            assert stat.S_IMODE((home / closed).stat().st_mode) == 0o700
        other = database.url.replace("//clearing@", "//postgres@")
        with pytest.raises(DatabaseUnavailable, match=r"no pg_hba\.conf entry"):
            connect(other)
    assert not (home / "socket").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it as another user")
def test_the_kernel_vouches_for_the_user_so_that_the_servers_own_is_refused(home: Path) -> None:
    with open_database(settings_for(home)) as database:
        done = subprocess.run(  # noqa: S603 - our own words
            [binaries() / "psql", "-w", database.url, "-c", "SELECT 1"],
            capture_output=True,
            check=False,
            text=True,
            cwd="/",
            **identity_for(home / "postgres").child(),
        )
    assert done.returncode != 0
    assert "Peer authentication failed" in done.stderr


def test_two_starters_at_once_share_one_server_and_the_last_stops_it(home: Path) -> None:
    clients = [Client(home) for _ in range(3)]
    servers = {client.opened() for client in clients}
    assert len(servers) == 1
    assert "" not in servers
    assert clients[0].leave() == 0
    assert runs(home)
    with open_database(settings_for(home)) as database:
        assert database.describe()["binaries"] == "joined"
        assert [client.leave() for client in clients[1:]] == [0, 0]
        assert runs(home)
    assert not runs(home)


def test_closing_twice_is_closing_once(home: Path) -> None:
    first, second = open_database(settings_for(home)), open_database(settings_for(home))
    first.close()
    first.close()
    assert runs(home)
    second.close()
    assert not runs(home)


def test_a_killed_client_leaves_a_server_that_the_next_one_joins_and_stops(home: Path) -> None:
    client = Client(home)
    started = client.opened()
    client.die()
    assert runs(home)
    later = Client(home)
    assert later.opened() == started
    assert later.leave() == 0
    assert not runs(home)


def test_after_its_server_was_killed_the_next_start_recovers_the_data(home: Path) -> None:
    database = open_database(settings_for(home))
    remember(database, "committed")
    pid = recorded_pid(home / "postgres")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with open_database(settings_for(home)) as again:
        assert remembered(again) == ["committed"]
        assert recorded_pid(home / "postgres") != pid
        # The first one's server is gone, but it counts as a user still: of the new one.
        assert again.url == database.url
    assert runs(home)
    database.close()
    assert not runs(home)


def test_a_crash_of_client_and_server_together_leaves_nothing_in_the_way(home: Path) -> None:
    client = Client(home)
    first = client.opened()
    pid = recorded_pid(home / "postgres")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    client.die()
    with open_database(settings_for(home)) as database, connect(database.url) as connection:
        row = connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()
        assert row is not None
        assert row[0] != first
    assert not runs(home)


def test_a_pid_file_that_names_a_stranger_is_no_server(home: Path) -> None:
    open_database(settings_for(home)).close()
    stale = home / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{home / 'postgres'}\n")
    with open_database(settings_for(home)) as database:
        migrate(database.url)
    assert not runs(home)


def test_an_interrupted_making_is_cleared_away(home: Path) -> None:
    (home / "making-left").mkdir(parents=True)
    (home / "making-left" / "PG_VERSION").write_text("18\n")
    home.chmod(0o755)
    open_database(settings_for(home)).close()
    assert sorted(home.glob("making-*")) == []


def test_a_deep_data_folder_has_its_socket_elsewhere_while_it_runs(home: Path) -> None:
    deep = home / ("d" * 90)
    with open_database(settings_for(deep)) as database:
        with connect(database.url) as connection:
            folder = Path(str(connection.info.host))
        assert folder.parent != deep
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with open_database(settings_for(deep)) as joined:
            assert joined.url == database.url
    assert not folder.exists()


def test_the_folders_above_keep_owner_and_permissions(home: Path) -> None:
    def looks() -> list[tuple[int, int, int]]:
        found = [path.stat() for path in home.parents]
        return [(each.st_mode, each.st_uid, each.st_gid) for each in found]

    before = looks()
    open_database(settings_for(home)).close()
    assert looks() == before


def test_a_given_database_starts_nothing(home: Path, database_url: str) -> None:
    settings = settings_for(home).model_copy(update={"database_url": SecretStr(database_url)})
    with open_database(settings) as database:
        assert database.url == database_url
        assert database.describe()["kind"] == "given"
    assert not home.exists()


def test_what_a_given_database_is_described_by_has_no_password() -> None:
    url = "postgresql://somebody:hidden@db.example:6543/books"
    database = open_database(Settings(database_url=SecretStr(url)))
    assert database.describe() == {"kind": "given", "host": "db.example", "database": "books"}


def test_the_error_after_the_server_went_away_is_a_clear_one(home: Path) -> None:
    database = open_database(settings_for(home))
    database.close()
    with pytest.raises(DatabaseUnavailable, match="no connection"):
        connect(database.url)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url)
