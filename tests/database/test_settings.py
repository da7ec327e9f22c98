"""Settings: what the environment may say, and errors that name the variable, not its value."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from clearing.database.binaries import find_binaries
from clearing.database.connection import DatabaseUnavailable
from clearing.database.embedded import data_folder, open_database
from clearing.database.settings import Settings, SettingsError


def test_nothing_set_is_everything_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARING_DATABASE_URL", "")
    monkeypatch.delenv("CLEARING_PG_BIN", raising=False)
    assert Settings.read() == Settings(database_url=None, data=None, pg_bin=None)


def test_a_database_url_is_kept_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARING_DATABASE_URL", "postgresql://somebody:hidden@db/books")
    settings = Settings.read()
    assert "hidden" not in repr(settings)
    assert settings.database_url is not None
    assert "hidden" in settings.database_url.get_secret_value()


def test_another_databases_url_is_refused_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARING_DATABASE_URL", "mysql://somebody:hidden@db/books")
    with pytest.raises(SettingsError, match=r"^CLEARING_DATABASE_URL: must begin") as caught:
        Settings.read()
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_without_programs_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLEARING_PG_BIN", str(tmp_path))
    with pytest.raises(SettingsError, match=r"^CLEARING_PG_BIN: .* has no postgres$"):
        Settings.read()


def test_paths_are_made_absolute_where_they_were_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEARING_DATA", "books")
    assert data_folder(Settings.read()) == tmp_path / "books"
    monkeypatch.setenv("CLEARING_DATA", "~/books")
    assert data_folder(Settings.read()) == Path.home() / "books"


@pytest.mark.parametrize(
    ("uid", "shared", "expected"),
    [
        (0, "/elsewhere", "/var/lib/clearing"),
        (1000, "/elsewhere", "/elsewhere/clearing"),
        (1000, "not/absolute", "/home/somebody/.local/share/clearing"),
        (1000, "", "/home/somebody/.local/share/clearing"),
    ],
)
def test_the_data_folder_follows_the_users_kind(
    monkeypatch: pytest.MonkeyPatch, uid: int, shared: str, expected: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setenv("XDG_DATA_HOME", shared)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert data_folder(Settings.read()) == Path(expected)


def _pretend(folder: Path, version: str) -> Path:
    """A folder of programs that say they are of this version."""
    folder.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (folder / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
        (folder / program).chmod(0o755)
    return folder


def test_a_named_folder_is_used_or_refused_never_passed_over(tmp_path: Path) -> None:
    named = Settings(pg_bin=_pretend(tmp_path / "bin", "16.9"))
    assert find_binaries(named, None).version == "16.9"
    assert find_binaries(named, 16).major == 16
    with pytest.raises(DatabaseUnavailable, match=r"is Postgres 16\.9, .* made by Postgres 18"):
        find_binaries(named, 18)


def test_a_named_folder_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    folder = _pretend(tmp_path / "bin", "16.9")
    (folder / "postgres").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(DatabaseUnavailable, match="does not run"):
        find_binaries(Settings(pg_bin=folder), None)


def test_a_cluster_gets_the_programs_of_its_own_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [(_pretend(tmp_path / version, version), version) for version in ("18.1", "15.3")]
    monkeypatch.setattr("clearing.database.binaries._candidates", lambda: iter(found))
    settings = Settings(pg_bin=None)
    assert find_binaries(settings, None).version == "18.1"
    assert find_binaries(settings, 15).version == "15.3"
    with pytest.raises(DatabaseUnavailable, match=r"no Postgres 17 .*; found: 18\.1 .*15\.3"):
        find_binaries(settings, 17)


def test_a_data_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="set CLEARING_DATA to a folder"):
        open_database(Settings(data=tmp_path / "file" / "data"))


def test_pydantics_own_error_does_not_show_the_password_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLEARING_DATABASE_URL", "mysql://somebody:hidden@db/books")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hidden" not in str(caught.value)
