"""Bulk append against a binary COPY of the same rows into a bare logged table."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql

from benchmarks.measure import Ratio, against
from clearing.database import connect
from clearing.events import (
    AccountOpened,
    AssetDeclared,
    Event,
    Filled,
    MarketDeclared,
    Registry,
    SourceDeclared,
    encode,
    pack,
)
from clearing.log import Connection, LogWriter, read_head, read_log
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.wire import COLUMNS, log_copy

_BATCH = 10_000


def fills(count: int) -> tuple[list[Event], list[Event]]:
    """Return the declarations of a small venue and ``count`` fills on it."""
    base: dict[str, Any] = {"source": "desk", "occurred_at": datetime(2026, 1, 1, tzinfo=UTC)}
    lot = Decimal("0.001")
    declared: list[Event] = [
        SourceDeclared(**base, external_id="source", name="desk", description="a desk"),
        AssetDeclared(**base, external_id="asset", name="USD", decimals=6),
        MarketDeclared(
            **base,
            external_id="market",
            name="BTC",
            settlement_asset="USD",
            lot=lot,
            price_decimals=2,
            mark_decimals=2,
            size_decimals=3,
        ),
    ]
    declared += [
        AccountOpened(**base, external_id=f"account-{n}", account=f"trader-{n}") for n in range(300)
    ]
    made: list[Event] = [
        Filled(
            **base,
            external_id=f"fill-{n}",
            account=f"trader-{n % 300}",
            market="BTC",
            side="sell" if n & 1 else "buy",
            size=lot * (1 + n % 90),
            price=Decimal(60_000 + n % 700),
            trade_id=f"trade-{n >> 1}",
        )
        for n in range(count)
    ]
    return declared, made


def run(url: str, *, count: int, repeats: int) -> list[Ratio]:
    """Measure on an empty, migrated database at ``url``, with new fills in each round."""
    declared, made = fills(count)
    round_ = _Round(made)
    with connect(url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declared)
        connection.execute("CREATE TABLE public.bare (LIKE clearing.log)")
        query = sql.SQL("COPY public.bare ({}) FROM STDIN (FORMAT BINARY)").format(sql.SQL(COLUMNS))

        def prepare() -> None:
            connection.execute("TRUNCATE public.bare")
            round_.next(writer.registry, after=read_head(connection).position)

        def append() -> None:
            for start in range(0, count, _BATCH):
                writer.append(round_.events[start : start + _BATCH])

        def bare() -> None:
            for data in round_.copies:
                with connection.cursor() as cursor, cursor.copy(query) as copy:
                    copy.write(data)

        ratio = against(
            "append, encoded, hashed, copied and committed",
            append,
            "binary COPY of the same rows into a bare logged table",
            bare,
            count=count,
            unit="events",
            floor=0.10,
            repeats=repeats,
            prepare=prepare,
        )
        _verify(connection, expected=len(declared) + count * repeats, last=count)
    return [ratio]


class _Round:
    """A round's events under identities of its own, and the very rows they become."""

    def __init__(self, made: list[Event]) -> None:
        self._made = made
        self._number = 0
        self.events: list[Event] = []
        self.copies: list[bytes] = []

    def next(self, registry: Registry, *, after: int) -> None:
        """Make the next round's events and, as they will follow ``after``, their COPY data."""
        self._number += 1
        rows = []
        for position, event in enumerate(self._renamed(), start=after + 1):
            row = encode(event, registry)
            row.position = position
            rows.append((row, leaf_hash(pack(row))))
        self.events = self._renamed()  # others, so that nothing is known of them yet
        self.copies = [
            b"".join(log_copy(rows[start : start + _BATCH]))
            for start in range(0, len(rows), _BATCH)
        ]

    def _renamed(self) -> list[Event]:
        return [
            event.model_copy(update={"external_id": f"{self._number}-{event.external_id}"})
            for event in self._made
        ]


def _verify(connection: Connection, *, expected: int, last: int) -> None:
    """See that the log holds what was appended, hashes to its root, and ends in the bare rows."""
    tree = Frontier()
    for stored in read_log(connection):
        for row, leaf in stored:
            if leaf_hash(pack(row)) != leaf:
                raise RuntimeError(f"log position {row.position} does not hash to its leaf")
            tree.append(leaf)
    head = read_head(connection)
    if (tree.size, tree.root()) != (expected, head.root):
        raise RuntimeError(f"the log has {tree.size} events, not {expected}, or another root")
    found = connection.execute(
        "SELECT count(*), count(l.position) FROM public.bare b"  # noqa: S608 - constant columns
        f" LEFT JOIN clearing.log l USING ({COLUMNS})"
    ).fetchone()
    if found != (last, last):
        raise RuntimeError(f"the bare table's rows, all and those in the log: {found}, not {last}")
