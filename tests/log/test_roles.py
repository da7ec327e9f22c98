"""Who may do what: owners, appenders, projectors and readers, with their own logins."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from clearing.audit import account, resolve_moment, verify
from clearing.cli import run
from clearing.database import connect, migrate
from clearing.ledger import Ledger
from clearing.log import LogWriter, Refused, keep, protections, quarantined, verify_log
from clearing.projectors import live_generation, project, rebuild
from tests.log.small import declarations, deposits, trade
from tests.postgres import USER, Server

ROLES = ("clearing_owner", "clearing_appender", "clearing_projector", "clearing_reader")


def as_user(url: str, name: str) -> str:
    return url.replace(f"//{USER}@", f"//{name}@")


def login(url: str, name: str, *granted: str, attributes: str = "") -> str:
    """The URL for a new login of this name, a member of the roles that are granted to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN {attributes}")
        for role in granted:
            connection.execute(f"GRANT {role} TO {name}")
    return as_user(url, name)


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server of the module's own, on which nothing of ours was ever made: roles are global."""
    running = Server()
    try:
        running.start()
        yield running
    finally:
        running.stop()


def a_day(url: str) -> None:
    """Everything that a ledger's only user does."""
    with connect(url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declarations())
        writer.append([*deposits(10, 3), trade(20)])
        assert writer.append(deposits(10, 3)).new == 0
        project(connection)
        assert rebuild(connection).generation == 2
        assert verify(connection).sound
        assert keep(connection, [Refused("a", 1, "x", "y", "z", "w")]) == 1


def test_a_creator_without_superuser_gets_separate_roles_and_works_through_them(
    own: Server,
) -> None:
    admin = own.url("postgres")
    url = login(admin, "creator", attributes="CREATEROLE CREATEDB")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE first")
    url = as_user(own.url("first"), "creator")
    migrate(url)
    a_day(url)
    with connect(url, autocommit=True) as connection:
        assert protections(connection) == {
            "append_only_triggers": True,
            "not_superuser": True,
            "separate_roles": True,
        }
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'clearing'"
            " UNION SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname LIKE 'generation%'"
        ).fetchall()
        assert {name for (name,) in owners} == {"clearing_owner", "clearing_projector"}
        # The next ledger on the server, by another user: the roles are there and not for him.
    other = login(admin, "stranger", attributes="CREATEDB")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute("CREATE DATABASE second")
    other = as_user(own.url("second"), "stranger")
    migrate(other)
    a_day(other)
    with connect(other, autocommit=True) as connection:
        assert protections(connection) == {
            "append_only_triggers": True,
            "not_superuser": True,
            "separate_roles": False,
        }
        with pytest.raises(errors.IntegrityConstraintViolation):
            connection.execute("DELETE FROM clearing.log")


@pytest.fixture
def ledger(database_url: str) -> Iterator[str]:
    """A ledger of a superuser, with a login for each role; the logins go with the test."""
    with connect(database_url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append([*declarations(), *deposits(10, 3)])
        project(connection)
    for role in ROLES:
        login(database_url, f"only_{role}", role)
    try:
        yield database_url
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for role in ROLES:
                connection.execute(f"DROP OWNED BY only_{role}")
                connection.execute(f"DROP ROLE only_{role}")


def test_an_appender_appends_and_keeps_refused_lines_and_does_nothing_else(ledger: str) -> None:
    with connect(as_user(ledger, "only_clearing_appender"), autocommit=True) as connection:
        assert LogWriter(connection).append(deposits(30, 3)).new == 3
        assert keep(connection, [Refused("a", 1, "x", "y", "z", "w")]) == 1
        assert verify_log(connection).sound
        for statement in (
            "UPDATE clearing.log SET price = 1",
            "DELETE FROM clearing.log_receipt",
            "TRUNCATE clearing.quarantine",
            "ALTER TABLE clearing.log DISABLE TRIGGER ALL",
            "UPDATE clearing.generation SET status = 'live'",
            "CREATE SCHEMA own",
            "CREATE TABLE clearing.own ()",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
        with pytest.raises(errors.IntegrityConstraintViolation):
            connection.execute("UPDATE clearing.log_head SET position = 1")


def test_a_projector_projects_and_cannot_append(ledger: str) -> None:
    with connect(ledger, autocommit=True) as connection:
        LogWriter(connection).append(deposits(30, 3))
    with connect(as_user(ledger, "only_clearing_projector"), autocommit=True) as connection:
        assert project(connection).position == 12
        assert rebuild(connection).generation == 2
        with pytest.raises(errors.InsufficientPrivilege):
            LogWriter(connection).append(deposits(40, 1))


def test_a_reader_reads_and_writes_nothing(ledger: str) -> None:
    with connect(as_user(ledger, "only_clearing_reader"), autocommit=True) as connection:
        assert verify_log(connection).sound
        view = account(connection, "ada", resolve_moment(connection))
        assert view.scopes[0].cash == "33.00"
        live = live_generation(connection)
        assert live is not None
        assert live.position == 9
        assert quarantined(connection) == []
        with pytest.raises(errors.InsufficientPrivilege):
            LogWriter(connection).append(deposits(40, 1))
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("UPDATE generation_1.posting SET amount = 0")


@pytest.mark.parametrize("role", ROLES[1:])
def test_every_role_can_open_the_ledger(ledger: str, role: str) -> None:
    """Opening one looks at its schema first; a role may do that, and its work afterwards."""
    with Ledger.open(as_user(ledger, f"only_{role}")) as opened:
        assert opened.status().projected_position == 9
        if role == "clearing_appender":
            assert opened.append(deposits(30, 2))[0].new == 2
        elif role == "clearing_projector":
            assert opened.verify().sound
        else:
            assert opened.account("ada").scopes[0].cash == "33.00"


@pytest.mark.parametrize(
    ("granted", "command"),
    [(("clearing_reader",), "rebuild"), (("clearing_appender",), "rebuild"), ((), "status")],
)
def test_a_user_without_the_right_is_told_so_and_which_there_are(
    ledger: str,
    granted: tuple[str, ...],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = as_user(ledger, f"only_{granted[0]}") if granted else login(ledger, "nobodys")
    monkeypatch.setenv("CLEARING_DATABASE_URL", url)
    assert run([command]) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "permission denied" in said
    if granted:
        assert "projecting, rebuilding and verifying clearing_projector" in said
