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
from clearing.log import LogWriter, read_log
from clearing.log.merkle import leaf_hash
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
    """Measure on an empty, migrated database at ``url``."""
    declared, made = fills(count)
    with connect(url, autocommit=True) as connection:
        writer = LogWriter(connection)
        writer.append(declared)
        batches = _rows(made, writer.registry)
        connection.execute("CREATE TABLE public.bare (LIKE clearing.log)")

        rounds = [
            [e.model_copy(update={"external_id": f"{n}-{e.external_id}"}) for e in made]
            for n in range(repeats)
        ]

        def append() -> None:
            renamed = rounds.pop()
            for start in range(0, count, _BATCH):
                writer.append(renamed[start : start + _BATCH])

        def bare() -> None:
            with connection.transaction():
                connection.execute("TRUNCATE public.bare")
            query = sql.SQL("COPY public.bare ({}) FROM STDIN (FORMAT BINARY)")
            for data in batches:
                statement = query.format(sql.SQL(COLUMNS))
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(data)

        ratio = against(
            "append",
            append,
            "binary COPY of the same rows into a bare logged table",
            bare,
            count=count,
            unit="events",
            floor=0.10,
            repeats=repeats,
        )
        stored = sum(len(batch) for batch in read_log(connection, after=len(declared)))
        if stored != count * repeats:
            raise RuntimeError(f"{stored} events were stored, not {count * repeats}")
    return [ratio]


def _rows(events: list[Event], registry: Registry) -> list[bytes]:
    """Return the COPY data of ``events``, a transaction's worth in each."""
    rows = []
    for position, event in enumerate(events, start=1):
        row = encode(event, registry)
        row.position = position
        rows.append((row, leaf_hash(pack(row))))
    return [log_copy(rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)]
