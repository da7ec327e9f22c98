"""A database beside the ledger's own, on the same server: for a demo or a measurement.

It carries a comment that says who made it, and only a database with that very comment is ever
dropped.
"""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from clearing.database.connection import DatabaseUnavailable, connect


def beside(url: str, name: str, comment: str, *, fresh: bool = False) -> str:
    """Return the URL of database ``name`` on the server of ``url``; with ``fresh``, made anew.

    ``comment`` marks it as ours. Raises :class:`DatabaseUnavailable` if it does not exist and
    ``fresh`` is not asked for, if it exists without that comment, or if this user may not make
    databases.
    """
    with connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (name,),
        ).fetchone()
        if row is None and not fresh:
            raise DatabaseUnavailable(f"there is no database {name} on this server yet")
        if row is not None and row[0] != comment:
            raise DatabaseUnavailable(
                f"a database {name} exists that is not ours; it is left alone"
            )
        if fresh:
            _drop(connection, name)
            _make(connection, name, comment)
    return make_conninfo(url, dbname=name)


def drop_beside(url: str, name: str, comment: str) -> None:
    """Drop database ``name`` on the server of ``url`` if it carries ``comment``."""
    with connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (name,),
        ).fetchone()
        if row is not None and row[0] == comment:
            _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(query.format(sql.Identifier(name)))


def _make(connection: psycopg.Connection[tuple[object, ...]], name: str, comment: str) -> None:
    identifier = sql.Identifier(name)
    try:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(identifier))
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(identifier, sql.Literal(comment))
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnavailable(f"this user may not make the database {name}: {error}") from error
