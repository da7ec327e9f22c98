"""A small ledger's events, for tests that care how they are stored and not what they mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearing.database import connect
from clearing.events import Event, parse_event
from clearing.log import Connection, LogWriter

TIME = "2026-01-01T00:00:00Z"


def event(number: int, kind: str, /, source: str = "desk", **fields: Any) -> Event:
    """An event of ``source`` with external id ``number``."""
    return parse_event(
        {
            "kind": kind,
            "source": source,
            "external_id": str(number),
            "occurred_at": fields.pop("at", TIME),
            **fields,
        }
    )


def declarations() -> list[Event]:
    """A source, an asset, a market, two accounts and a fund."""
    scales = {"price_decimals": 2, "mark_decimals": 2, "size_decimals": 3}
    market: dict[str, Any] = {"name": "BTC", "settlement_asset": "USD", "lot": "0.001", **scales}
    return [
        event(1, "SourceDeclared", name="desk", description="our desk"),
        event(2, "AssetDeclared", name="USD", decimals=2),
        event(3, "MarketDeclared", **market),
        event(4, "AccountOpened", account="ada"),
        event(5, "AccountOpened", account="bob"),
        event(6, "AccountOpened", account="insurance", account_class="fund"),
    ]


def deposit(number: int, account: str = "ada", amount: str = "1.00", **fields: Any) -> Event:
    """A deposit with external id ``number``."""
    return event(number, "Deposited", account=account, asset="USD", amount=amount, **fields)


def deposits(first: int, count: int) -> list[Event]:
    """Deposits with consecutive external ids and amounts that tell them apart."""
    return [deposit(n, amount=f"{n}.00") for n in range(first, first + count)]


def trade(number: int, size: str = "1", price: str = "100.00", **fields: Any) -> Event:
    """ada buys from bob."""
    told = {"buyer": "ada", "seller": "bob", "size": size, "price": price, **fields}
    return event(number, "Traded", market="BTC", **told)


@contextmanager
def writer_on(url: str) -> Iterator[LogWriter]:
    """A writer on a connection of its own."""
    with connect(url, autocommit=True) as connection:
        yield LogWriter(connection)


def stored_ids(connection: Connection) -> list[str]:
    """External ids in the order of the log."""
    rows = connection.execute("SELECT external_id FROM clearing.log ORDER BY position").fetchall()
    return [str(row[0]) for row in rows]
