"""Writing what reconciliation records: in one transaction, with no more rights than it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from clearing.log import Connection
from clearing.log.head import may_assume


class NotAllowed(ValueError):  # noqa: N818 - reads as the statement that it is
    """A proposal or decision that the rules of sign-off do not allow; says what would be."""


@contextmanager
def acting(connection: Connection) -> Iterator[None]:
    """Do what follows in one transaction as the appender, where roles are separated."""
    with connection.transaction():
        if may_assume(connection, "clearing_appender"):
            connection.execute("SET LOCAL ROLE clearing_appender")
        yield


_LOCK: Final = 0x7265636F  # one number for "breaks are being written"


def one_at_a_time(connection: Connection) -> None:
    """Wait for whoever writes breaks, until the transaction ends.

    Two reconciliations at once would both open the same breaks, and what is decided of one must
    hold of it as it is.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
