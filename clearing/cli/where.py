"""Which ledger a command speaks to, and in which form it answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import psycopg
from cyclopts import Parameter
from psycopg import sql
from psycopg.conninfo import make_conninfo

from clearing.cli.output import err
from clearing.database import DatabaseUnavailable, Settings, connect, open_database
from clearing.events.fields import parse_time
from clearing.ledger import Ledger

DEMO = "clearing_demo"
"""The database that ``clearing demo`` makes beside the ledger's own."""

_COMMENT = "Made by clearing demo, which drops it and makes it anew each time."
_URL = "Postgres URL, instead of CLEARING_DATABASE_URL"
_ASK_DEMO = "ask the ledger that `clearing demo` made"


@Parameter(name="*")
@dataclass
class Where:
    """Common options."""

    url: Annotated[str | None, Parameter(help=_URL)] = None
    demo: Annotated[bool, Parameter(negative=(), help=_ASK_DEMO)] = False
    json: Annotated[bool, Parameter(negative=(), help="answer as JSON")] = False


def say(text: str) -> None:
    """Tell what is happening, on standard error."""
    err.print(text, style="dim")


@contextmanager
def ledger(where: Where | None, *, fresh_demo: bool = False) -> Iterator[Ledger]:
    """Open the ledger meant by the options; with ``fresh_demo``, an empty demo database."""
    where = where or Where()
    if not where.demo:
        with Ledger.open(where.url, progress=say) as opened:
            yield opened
        return
    if where.url is not None:
        with Ledger.open(_demo_url(where.url, fresh_demo)) as opened:
            yield opened
        return
    database = open_database(Settings(), say)
    try:
        with Ledger.open(_demo_url(database.url, fresh_demo)) as opened:
            yield opened
    finally:
        database.close()


def _demo_url(url: str, fresh: bool) -> str:
    """Return the URL of the demo database beside ``url``, made anew if ``fresh``."""
    with connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (DEMO,),
        ).fetchone()
        if row is None and not fresh:
            raise DatabaseUnavailable("there is no demo ledger yet; run `clearing demo`")
        if fresh:
            if row is not None and row[0] != _COMMENT:
                raise DatabaseUnavailable(
                    f"a database {DEMO} exists that `clearing demo` did not make; it is left alone"
                )
            _make(connection)
    return make_conninfo(url, dbname=DEMO)


def _make(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    name = sql.Identifier(DEMO)
    try:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(_COMMENT))
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnavailable(
            f"this user may not make the database {DEMO}, which the demo needs: {error}"
        ) from error


def parse_at(text: str | None) -> int | datetime | None:
    """Read ``--at``: a log position, or a time with an offset; :class:`ValueError` otherwise."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    return parse_time(text)
