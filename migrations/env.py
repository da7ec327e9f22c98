"""Runs the migrations on the connection that ``clearing.database.migrate`` hands over.

A developer's ``alembic`` command has no connection to hand over; it then opens the database of
``CLEARING_DATABASE_URL`` (``alembic revision -m ...`` needs none at all).
"""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from clearing.database.connection import connect
from clearing.database.settings import Settings


def _run(connection: Connection) -> None:
    # One transaction for all revisions: an upgrade happens wholly or not at all.
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


def _run_on_the_environment() -> None:
    url = Settings.read().database_url
    if url is None:
        raise SystemExit("alembic needs CLEARING_DATABASE_URL")
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url.get_secret_value()),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        _run(connection)


_given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif _given is not None:
    _run(_given)
else:
    _run_on_the_environment()
