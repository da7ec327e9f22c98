"""Ledgers for the tests of projectors, and ways of breaking them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql

from clearing.database import connect
from clearing.engine import Engine, Entry
from clearing.events import parse_event
from clearing.log import Connection, LogWriter, read_log
from clearing.projectors import Generation, live_generation, log_resolver
from tests.auditor.generate import generate
from tests.log.small import declarations, deposits, trade


@contextmanager
def small_ledger(url: str) -> Iterator[Connection]:
    """Ten events: declarations, three deposits, a trade. Nothing is projected."""
    with connect(url, autocommit=True) as connection:
        LogWriter(connection).append([*declarations(), *deposits(10, 3), trade(20)])
        yield connection


@contextmanager
def eventful_ledger(url: str, seed: int, length: int = 150) -> Iterator[Connection]:
    """A generated venue on which everything may happen. Nothing is projected."""
    with connect(url, autocommit=True) as connection:
        LogWriter(connection).append([parse_event(d) for d in generate(seed, length)])
        yield connection


def folded(connection: Connection) -> Iterator[tuple[Engine, list[Entry]]]:
    """The engine after each event of the log, with the event's entries."""
    engine = Engine(resolver=log_resolver(connection), watch="naive")
    for stored in read_log(connection):
        for row, _ in stored:
            yield engine, engine.apply(row)


def live(connection: Connection) -> Generation:
    """The live generation, which must exist."""
    found = live_generation(connection)
    assert found is not None
    return found


def statuses(connection: Connection) -> dict[int, str]:
    """The status of each generation."""
    query = "SELECT number, status FROM clearing.generation ORDER BY number"
    return {number: str(status) for number, status in connection.execute(query)}


def rows_of(connection: Connection, generation: int, table: str) -> list[tuple[Any, ...]]:
    """A table's rows in the order in which they were made."""
    name = sql.Identifier(f"generation_{generation}", table)
    order = "position, line, side" if table == "posting" else "position, line"
    query = sql.SQL("SELECT * FROM {} ORDER BY {}").format(name, sql.SQL(order))
    return connection.execute(query).fetchall()


def break_log(connection: Connection, statement: str, *values: Any) -> None:
    """Change stored events as only a superuser can: with the triggers that forbid it off."""
    connection.execute("ALTER TABLE clearing.log_000000 DISABLE TRIGGER USER")
    connection.execute("ALTER TABLE clearing.log DISABLE TRIGGER USER")
    assert connection.execute(statement, values).rowcount
