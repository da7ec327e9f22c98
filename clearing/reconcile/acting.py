"""Writing what reconciliation records: in one transaction, with no more rights than it needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from clearing.log import Connection
from clearing.log.head import may_assume


@contextmanager
def acting(connection: Connection) -> Iterator[None]:
    """Do what follows in one transaction as the appender, where roles are separated."""
    with connection.transaction():
        if may_assume(connection, "clearing_appender"):
            connection.execute("SET LOCAL ROLE clearing_appender")
        yield
