"""Migrations: from nothing to the newest, again, all at once, and never backwards."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clearing.database.connection import DatabaseUnavailable, connect
from clearing.database.migrate import SchemaTooNewError, migrate, schema_version


def test_an_empty_database_has_no_version_until_it_is_migrated(empty_database_url: str) -> None:
    assert schema_version(empty_database_url) is None
    migrate(empty_database_url)
    assert schema_version(empty_database_url) is not None


def test_the_template_is_at_the_newest_schema_and_migrating_again_changes_nothing(
    database_url: str,
) -> None:
    before = schema_version(database_url)
    migrate(database_url)
    assert schema_version(database_url) == before


def test_migrating_from_several_sides_at_once_happens_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, empty_database_url) for _ in range(4)]:
            done.result()
    with connect(empty_database_url) as connection:
        rows = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    assert rows == (1,)


def test_a_database_newer_than_the_code_is_refused_and_left_alone(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError, match=r"schema 9999.*does not know"):
        migrate(database_url)
    assert schema_version(database_url) == "9999"


def test_a_server_that_is_not_there_is_a_clear_error_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailable, match="no connection") as caught:
        migrate("postgresql://somebody:hidden@127.0.0.1:1/nothing")
    assert "hidden" not in str(caught.value)


def test_sessions_are_in_utc_and_named_whatever_options_the_url_has(database_url: str) -> None:
    url = f"{database_url}&options=-c%20TimeZone%3DAsia%2FTokyo%20-c%20search_path%3Dpg_catalog"
    with connect(url, autocommit=True) as connection:
        for setting, value in {
            "TimeZone": "UTC",
            "search_path": "pg_catalog",
            "application_name": "clearing",
        }.items():
            assert connection.execute("SELECT current_setting(%s)", (setting,)).fetchone() == (
                value,
            )


def test_options_of_the_environment_stay_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=7s")
    with connect(database_url, autocommit=True) as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("7s",)
        assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
