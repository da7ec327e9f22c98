"""Opening a connection, always with the same session settings."""

import os
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

_CONNECT_TIMEOUT = 10
"""Seconds to wait for a server, unless the URL says otherwise; libpq's own default is for ever."""


class DatabaseUnavailable(RuntimeError):  # noqa: N818 - it names a state, not a mistake
    """The database cannot be reached, started or used; the message says what to do."""


def connect(url: str, **kw: Any) -> psycopg.Connection[TupleRow]:
    """Open a connection to ``url``; ``kw`` goes to psycopg (``autocommit``, ``dbname``, ...).

    Times are read and written in UTC whatever the server's default, so that text output of a
    timestamp is the same everywhere. Raises DatabaseUnavailable when there is no connection to
    be had; its message never repeats the URL, which may hold a password.
    """
    own: dict[str, Any] = {name: kw.pop(name) for name in list(kw) if name in _PSYCOPG_ARGUMENTS}
    try:
        given: dict[str, Any] = conninfo_to_dict(url, **kw)
    except psycopg.ProgrammingError:
        raise DatabaseUnavailable("the database URL cannot be read as a Postgres URL") from None
    given.setdefault("application_name", "clearing")
    given.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    # Appended, so that options of the user (a search_path, say) stay and ours come last and win.
    options = given.get("options") or os.environ.get("PGOPTIONS", "")
    given["options"] = f"{options} -c TimeZone=UTC".strip()
    try:
        return psycopg.connect("", **own, **given)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"no connection to the database: {error}") from error


_PSYCOPG_ARGUMENTS = frozenset(
    {"autocommit", "row_factory", "cursor_factory", "prepare_threshold", "context"}
)
"""Arguments of ``psycopg.connect`` that are not libpq's and do not belong in a conninfo."""
