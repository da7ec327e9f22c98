"""The head of the log, the roles that may touch it, and the names declared so far."""

from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row

from clearing.events import Registry, upcast
from clearing.log.wire import COLUMNS, read_copy

Connection = psycopg.Connection[Any]

_HEAD_COLUMNS: Final = (
    "position, root, frontier, batch, receipt_root, receipt_frontier, recorded_at,"
    " sources, assets, markets, accounts, partition_size"
)


class HeadMissing(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """The log has no head row: the database is damaged, or was tampered with."""


class Head:
    """How far the log is.

    ``position`` is the last position (and the size of the tree), ``root`` its Merkle root,
    ``batch`` the number of receipts and ``receipt_root`` the root of their tree; ``recorded_at``
    is the time of the last batch in microseconds; ``frontier`` and ``receipt_frontier`` are the two
    trees' as stored; ``counts`` are the declared sources, assets,
    markets and accounts.
    """

    __slots__ = (
        "batch",
        "counts",
        "frontier",
        "partition_size",
        "position",
        "receipt_frontier",
        "receipt_root",
        "recorded_at",
        "root",
    )

    def __init__(self, row: Any) -> None:
        self.position: int = row.position
        self.root: bytes = row.root
        self.frontier: bytes = row.frontier
        self.batch: int = row.batch
        self.receipt_root: bytes = row.receipt_root
        self.receipt_frontier: bytes = row.receipt_frontier
        self.recorded_at: int = row.recorded_at
        self.counts: tuple[int, int, int, int] = (
            row.sources,
            row.assets,
            row.markets,
            row.accounts,
        )
        self.partition_size: int = row.partition_size


def read_head(connection: Connection, *, lock: bool = False) -> Head:
    """Return the head; with ``lock`` other appenders wait until the transaction ends."""
    query = f"SELECT {_HEAD_COLUMNS} FROM clearing.log_head"  # noqa: S608 - constant columns
    if lock:
        query += " FOR UPDATE"
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        row = cursor.execute(query).fetchone()
    if row is None:
        raise HeadMissing("clearing.log_head has no row; the database is damaged")
    return Head(row)


def load_registry(connection: Connection, upto: int | None = None) -> Registry:
    """Return the names declared in the log, or up to position ``upto``."""
    registry = Registry()
    limit = (1 << 62) if upto is None else upto
    query = (
        f"COPY (SELECT {COLUMNS} FROM clearing.log WHERE kind <= 4 AND position <= %s"  # noqa: S608 - constant columns
        " ORDER BY position) TO STDOUT (FORMAT BINARY)"
    )
    with connection.cursor() as cursor, cursor.copy(query, (limit,)) as copy:
        data = b"".join(copy)
    for row, _ in read_copy(data):
        registry.apply(upcast(row))
    return registry


def may_assume(connection: Connection, role: str) -> bool:
    """Whether this user can take on ``role``, and the role was given its rights on this ledger.

    Roles belong to the whole server: they may exist for another ledger's sake only.
    """
    query = (
        "SELECT coalesce(pg_has_role(current_user, to_regrole(%(role)s), 'USAGE')"
        " AND has_table_privilege(to_regrole(%(role)s), 'clearing.log', 'SELECT'), false)"
    )
    row = connection.execute(query, {"role": role}).fetchone()
    return bool(row and row[0])
