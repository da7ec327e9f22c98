"""Which ledger a command speaks to, and in which form it answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from clearing.cli.output import err
from clearing.database import DatabaseUnavailable, Settings, beside, open_database
from clearing.ledger import Ledger

DEMO = "clearing_demo"
"""The database that ``clearing demo`` makes beside the ledger's own."""

_COMMENT = "Made by clearing demo, which drops it and makes it anew each time."
_URL = (
    "Postgres URL, instead of CLEARING_DATABASE_URL (which, unlike a command line, other users of"
    " this machine cannot read: put a password there)"
)
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
    database = open_database(Settings.read(), say)
    try:
        with Ledger.open(_demo_url(database.url, fresh_demo)) as opened:
            yield opened
    finally:
        database.close()


def _demo_url(url: str, fresh: bool) -> str:
    """Return the URL of the demo database beside ``url``, made anew if ``fresh``."""
    try:
        return beside(url, DEMO, _COMMENT, fresh=fresh)
    except DatabaseUnavailable as error:
        hint = "" if fresh else "; run `clearing demo`"
        raise DatabaseUnavailable(f"{error}{hint}") from error
