"""Once two adopted it, one database user cannot be both of the four eyes, under whatever names."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clearing.cli import run
from clearing.database import connect
from clearing.ledger import Ledger
from clearing.reconcile import NotAllowed
from tests.log.test_roles import as_user, login
from tests.reconcile.desk import Day

USERS = ("dealer", "controller")


@pytest.fixture
def urls(database_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two logins that may append, on a ledger with one break."""
    with Ledger.open(database_url) as ledger:
        day = Day(ledger, tmp_path)
        day.state(("a", 1, 10, 10))
        day.reconcile()
    for user in USERS:
        login(database_url, user, "clearing_appender")
    try:
        yield as_user(database_url, "dealer"), as_user(database_url, "controller")
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for user in USERS:
                connection.execute(f"DROP OWNED BY {user}")
                connection.execute(f"DROP ROLE {user}")


def ask(url: str, *what: str, name: str = "ann") -> int:
    return run(["signoff", *what, "--as", name, "--url", url])


def adopt(urls: tuple[str, str]) -> None:
    """The dealer proposes the stricter policy as proposal 1, the controller approves."""
    dealer, controller = urls
    assert ask(dealer, "policy", "users", "one login, one pair of eyes") == 0
    assert ask(controller, "approve", "1", name="bob") == 0


def test_without_a_policy_two_names_suffice(urls: tuple[str, str]) -> None:
    dealer, _ = urls
    assert ask(dealer, "write-off", "1", "small") == 0
    assert ask(dealer, "approve", "1", name="bob") == 0


def test_a_second_name_does_not_help_the_same_database_user(
    urls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    dealer, controller = urls
    adopt(urls)
    assert ask(dealer, "write-off", "1", "small") == 0
    for verb in ("approve", "decline"):
        assert ask(dealer, verb, "2", name="bob") == 2
        assert "database user dealer" in capsys.readouterr().err
    assert ask(controller, "approve", "2", name="ann") == 2, "nor the same name another user"
    assert ask(controller, "approve", "2", name="bob") == 0


def test_the_policy_is_not_undone_by_one_user(urls: tuple[str, str]) -> None:
    dealer, controller = urls
    assert ask(dealer, "policy", "names", "made before, kept for later") == 0
    assert ask(dealer, "approve", "1", name="bob") == 0
    assert ask(dealer, "policy", "users", "one login, one pair of eyes") == 0
    assert ask(controller, "approve", "2", name="bob") == 0
    assert ask(dealer, "approve", "1", name="bob") == 0, "deciding the same again changes nothing"
    assert ask(dealer, "policy", "names", "it is in the way") == 0
    assert ask(dealer, "approve", "3", name="bob") == 2
    assert ask(controller, "approve", "3", name="bob") == 0
    assert ask(dealer, "write-off", "1", "small") == 0
    assert ask(dealer, "approve", "4", name="bob") == 0, "names suffice again"


def test_by_sql_nobody_passes_for_another_user_or_for_earlier(urls: tuple[str, str]) -> None:
    """An appender may insert rows itself: what it says of itself there does not count."""
    dealer, _ = urls
    adopt(urls)
    with connect(dealer, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO clearing.recon_proposal (kind, break, asset, amount, document, author,"
            " reason, recorded_as, recorded_at) VALUES ('write_off', 1, 'XBT', 0, '{}', 'ann',"
            " 'small', 'controller', '2020-01-01Z')"
        )
        row = connection.execute(
            "SELECT recorded_as, recorded_at > '2021-01-01Z' FROM clearing.recon_proposal"
            " WHERE id = 2"
        ).fetchone()
        assert row == ("dealer", True)
        for role in ("dealer", "clearing_appender"):
            connection.execute(f"SET ROLE {role}")
            with pytest.raises(psycopg.errors.IntegrityError, match="database user dealer"):
                connection.execute(
                    "INSERT INTO clearing.recon_decision (proposal, approved, approver, reason,"
                    " recorded_as) VALUES (2, true, 'bob', '', 'controller')"
                )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET SESSION AUTHORIZATION controller")


def test_a_policy_is_one_of_two(database_url: str) -> None:
    with Ledger.open(database_url) as ledger, pytest.raises(NotAllowed, match="names, users"):
        ledger.desk("ann").propose_policy("nobody", "…")  # type: ignore[arg-type] # what is refused
    with connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "INSERT INTO clearing.recon_proposal (kind, asset, amount, document, author, reason)"
            " VALUES ('policy', '', 0, '{}', 'ann', 'none')"
        )
