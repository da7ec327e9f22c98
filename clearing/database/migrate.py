"""Bringing a database's schema up to this code's, and saying which one it has.

The migrations are Alembic's. They lie at the top of a checkout, in ``migrations/``, and within
the package, in ``clearing/_migrations``, when it was installed from a wheel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from clearing.database.connection import DatabaseUnavailable, connect

_LOCK = 0x636C_6561_7269_6E67
"""Key of the advisory lock of migrations: the ASCII bytes of ``clearing``."""


class SchemaTooNewError(RuntimeError):
    """The database was migrated by a later version of the code than this one."""


def migrations_dir() -> Path:
    """The folder of the migrations: the wheel's if there is one, else the checkout's."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("the migrations are missing from this installation of clearing")


def _config() -> Config:
    """Alembic's configuration without a file, so that nothing depends on the current folder."""
    config = Config()
    # Alembic interpolates its options as configparser does, where a percent sign is doubled.
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    return config


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    """A SQLAlchemy connection opened by our own ``connect`` and closed for good afterwards."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect(url), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _heads(connection: Connection) -> tuple[str, ...]:
    """The revisions the database is at: none when it was never migrated."""
    return tuple(MigrationContext.configure(connection).get_current_heads())


def migrate(url: str) -> None:
    """Upgrade the database to the newest schema; do nothing when it is there already.

    The whole upgrade is one transaction under an advisory lock: of two processes that start
    together one waits and finds the work done, and a crash leaves the old schema untouched.
    Raises SchemaTooNewError rather than touch a database that a later version has migrated, and
    DatabaseUnavailable where this user may not do or see what that takes.
    """
    try:
        _migrate(url)
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        raise DatabaseUnavailable(
            f"the ledger's schema cannot be read or brought up to date by this user: {reason}"
        ) from error
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        raise DatabaseUnavailable(
            f"the ledger's schema cannot be brought up to date by this user: {reason}"
        ) from error


def _migrate(url: str) -> None:
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with _connection(url) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        current = _heads(connection)
        unknown = sorted(set(current) - known)
        if unknown:
            raise SchemaTooNewError(
                f"the database is at schema {', '.join(unknown)}, which this version of clearing "
                f"does not know (it goes up to {', '.join(scripts.get_heads())}); "
                "install the version that migrated it, or a later one"
            )
        if set(current) == set(scripts.get_heads()):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_version(url: str) -> str | None:
    """The revision the database is at, or None when it was never migrated."""
    with _connection(url) as connection:
        return ",".join(_heads(connection)) or None
