"""The same content said in another way is the same event, whenever it comes again."""

from typing import Any

import pytest

from clearing.database import connect
from clearing.events import Event
from clearing.log import Connection, LogWriter, verify_log
from tests.log.small import declarations, event

SCALES: dict[str, Any] = {"price_decimals": 2, "mark_decimals": 2, "size_decimals": 3}
WHO = {"author": "ann", "approver": "bob", "reason": "r"}
RULES: dict[str, Any] = {"format": 1, "settlement_asset": "USD", "mode": "record"}
FILL = {"market": "BTC", "account": "ada", "side": "buy"}
TRADE = {"market": "BTC", "buyer": "ada", "seller": "bob"}
ETH: dict[str, Any] = {"name": "ETH", "settlement_asset": "USD", **SCALES}
ONE, TWO = {"market": "BTC", "price": "1"}, {"market": "SOL", "price": "2.50"}

WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a source": (
        {"kind": "SourceDeclared", "name": "feed", "description": "x"},
        {"kind": "SourceDeclared", "name": "feed", "description": "x", "clock_bound_seconds": 60},
    ),
    "a source of its own": (
        {"kind": "SourceDeclared", "source": "own", "name": "own", "description": "x"},
        {
            "kind": "SourceDeclared",
            "source": "own",
            "name": "own",
            "description": "x",
            "at": "2026-01-01T05:45:00+05:45",
        },
    ),
    "a market": (
        {"kind": "MarketDeclared", **ETH, "lot": "0.01"},
        {"kind": "MarketDeclared", **ETH, "lot": "0.010", "multiplier": "1.0", "payoff": "linear"},
    ),
    "an account": (
        {"kind": "AccountOpened", "account": "eve"},
        {"kind": "AccountOpened", "account": "eve", "account_class": "trader"},
    ),
    "a rulebook": (
        {"kind": "RulebookAdopted", "name": "r", "version": "1", "document": RULES, **WHO},
        {
            "kind": "RulebookAdopted",
            "name": "r",
            "version": "1",
            "document": dict(reversed(RULES.items())),
            "citations": [],
            "confidence": "own",
            **WHO,
        },
    ),
    "a deposit": (
        {"kind": "Deposited", "account": "ada", "asset": "USD", "amount": "100"},
        {"kind": "Deposited", "account": "ada", "asset": "USD", "amount": "1.0000E+2"},
    ),
    "a fill": (
        {"kind": "Filled", **FILL, "size": "1", "price": "9.5"},
        {
            "kind": "Filled",
            **FILL,
            "size": "1.000",
            "price": "9.50",
            "fee": "-0",
            "fee_asset": "USD",
            "cause": "trade",
        },
    ),
    "a trade": (
        {"kind": "Traded", **TRADE, "size": "1", "price": "9.5"},
        {"kind": "Traded", **TRADE, "size": "1", "price": "9.5", "fee_asset": "USD"},
    ),
    "marks": (
        {"kind": "Marked", "marks": [ONE, TWO]},
        {"kind": "Marked", "marks": [{"market": "SOL", "price": "2.5"}, ONE]},
    ),
    "funding": (
        {"kind": "FundingSettled", "market": "BTC", "rate": "0.0001", "price": "5"},
        {
            "kind": "FundingSettled",
            "market": "BTC",
            "rate": "1e-4",
            "price": "5.00",
            "interval_seconds": 28_800,
        },
    ),
    "a time": (
        {"kind": "ClockTicked", "at": "2026-01-01T00:00:00Z"},
        {"kind": "ClockTicked", "at": "2025-12-31T19:00:00.000000-05:00"},
    ),
}


def both(name: str) -> tuple[Event, Event]:
    """The same event in two ways."""
    first, second = (dict(way) for way in WAYS[name])
    return event(50, first.pop("kind"), **first), event(50, second.pop("kind"), **second)


def begun(connection: Connection) -> LogWriter:
    """A writer on a ledger with two markets; seven events are stored."""
    writer = LogWriter(connection)
    sol: dict[str, Any] = {"name": "SOL", "settlement_asset": "USD", "lot": "1", **SCALES}
    writer.append([*declarations(), event(7, "MarketDeclared", **sol)])
    return writer


@pytest.mark.parametrize("step", [1, -1])
def test_said_again_in_another_way_it_is_a_duplicate(database_url: str, step: int) -> None:
    with connect(database_url, autocommit=True) as connection:
        for position, name in enumerate(WAYS, start=8):
            writer = begun(connection) if position == 8 else LogWriter(connection)
            first, second = (
                way.model_copy(update={"external_id": name}) for way in both(name)[::step]
            )
            together = writer.append([first, second])
            assert (together.new, together.duplicates) == (1, {1: position}), name
            assert writer.append([second, first]).duplicates == {0: position, 1: position}, name
            assert LogWriter(connection).append([second]).duplicates == {0: position}, name
        assert verify_log(connection).sound


def test_either_way_is_stored_alike(database_url: str) -> None:
    """The leaf does not tell which way it was said in."""
    with connect(database_url, autocommit=True) as connection:
        writer = begun(connection)
        for name in WAYS:
            leaves = []
            for way in both(name):
                with connection.transaction(force_rollback=True):
                    receipt = LogWriter(connection).append([way])
                    row = connection.execute(
                        "SELECT leaf FROM clearing.log WHERE position = %s",
                        (receipt.last_position,),
                    ).fetchone()
                leaves.append(row)
            assert leaves[0] is not None, name
            assert leaves[0] == leaves[1], name
        assert writer.append([both("a trade")[0]]).new == 1


def test_a_reference_to_a_source_declared_since_is_still_the_same(database_url: str) -> None:
    target = {"source": "later", "external_id": "x"}
    adjusted = {"account": "eve", "asset": "USD", "amount": "-1", "category": "other", **WHO}
    events = [
        event(60, "Reversed", target=target, **WHO),
        event(61, "Adjusted", **adjusted, reference=target),
        event(62, "Transferred", account="eve", to_account="mia", asset="USD", amount="2"),
    ]
    with connect(database_url, autocommit=True) as connection:
        writer = begun(connection)
        assert writer.append(events).new == 3
        writer.append(
            [
                event(1, "SourceDeclared", source="later", name="later", description="x"),
                event(63, "AccountOpened", account="mia"),
                event(64, "AccountOpened", account="eve"),
            ]
        )
        assert writer.append(events).duplicates == {0: 8, 1: 9, 2: 10}
        assert LogWriter(connection).append(events[::-1]).duplicates == {0: 10, 1: 9, 2: 8}
