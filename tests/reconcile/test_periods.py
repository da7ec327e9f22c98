"""A period of a long account: what it needs is looked at, and what lies outside stays as it is."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clearing.adapters.hyperliquid_node import COLUMNS
from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import MatchView, NothingToCompare, Reconciliation
from clearing.reconcile.desk import Desk
from clearing.reconcile.sides import Ours, load_ours
from tests.reconcile.desk import START, Day, rows, written
from tests.reconcile.test_trades_of_the_ledger import ROW, ledger_with_a_trade

DAYS = 9
HOUR = timedelta(hours=1)


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def deposit(account: str, native: str, hour: int, satoshi: int) -> dict[str, Any]:
    """A deposit into an account, or a withdrawal from it."""
    return {
        "kind": "Deposited" if satoshi > 0 else "Withdrawn",
        "external_id": f"{native}:{account}",
        "occurred_at": (START + hour * HOUR).isoformat(),
        "account": account,
        "asset": "XBT",
        "amount": f"{abs(satoshi) / 10**8:.8f}",
    }


Line = tuple[str, int, int]
"""A native id, an hour, satoshi."""


def sides(dice: Random, account: str, *, named: bool) -> tuple[list[Line], list[Line]]:
    """Nine days of ours and theirs; once a day, between 6 and 18 o'clock, something differs.

    What differs stands six hours from any day's end, and other movements are of other amounts.
    """
    ours: list[Line] = []
    theirs: list[Line] = []
    for number in range(DAYS * 4):
        name = f"{account}-{number}" if named else ""
        line = (f"{account}-{number}", number * 6, dice.randrange(1, 10**6) * 1_000 + number)
        told = (name, *line[1:])
        planted = ""
        if number % 4 == 2 and dice.random() < 0.8:
            planted = dice.choice(("here", "there", "amount", "sign", "late", "twice", "balance"))
        if planted != "here":
            ours.append(line)
        if planted == "amount":
            told = (name, told[1], told[2] + 700)
        elif planted == "sign":
            told = (name, told[1], -told[2])
        elif planted == "late":
            told = (name, told[1] + 3, told[2])
        elif planted == "balance":
            told = (f"{name}!", *told[1:])
        if planted != "there":
            theirs.append(told)
        if planted == "twice":
            theirs.append(told)
    return ours, theirs


def told(theirs: list[Line]) -> list[tuple[str, int, int, int]]:
    """Lines with balances after each; what is marked states a balance that is off by one."""
    balance, lines = 0, []
    for name, hour, satoshi in theirs:
        balance += satoshi
        wrong = int(name.endswith("!"))
        lines.append((name.rstrip("!"), hour, satoshi, balance + wrong))
    return lines


def take(day: Day, account: str, lines: list[tuple[str, int, int, int]], name: str) -> None:
    taken = day.ledger.desk("ann").take(
        STATEMENT_READERS["bitmex-wallet"],
        str(written(day.folder / name, rows(lines))),
        account=account,
        asked_from=START,
        asked_until=START + timedelta(days=DAYS),
    )
    assert taken.new, taken.refusals


def by_day(desk: Desk, account: str, **options: Any) -> Iterator[Reconciliation]:
    """Reconcile a day after the other."""
    for number in range(DAYS):
        since = START + timedelta(days=number)
        yield desk.reconcile(
            "bitmex", account, since=since, until=since + timedelta(days=1), **options
        )


@pytest.mark.parametrize("named", [True, False])
def test_day_by_day_the_same_is_found_as_all_at_once(day: Day, named: bool) -> None:
    """Breaks inside of days, and matches; opening, movements and closing go on from day to day."""
    desk = day.ledger.desk("ann")
    for seed in range(8):
        account = f"account{seed}"
        ours, theirs = sides(Random(seed), account, named=named)  # noqa: S311 - dice
        opened = {"kind": "AccountOpened", "account": account, "occurred_at": START.isoformat()}
        day.append(opened, *(deposit(account, *line) for line in ours))
        take(day, account, told(theirs), f"{account}.csv")
        options: dict[str, Any] = {"dry_run": True, "with_matches": True}
        whole = desk.reconcile("bitmex", account, **options)
        days = list(by_day(desk, account, **options))
        assert whole.differences
        assert [one for answer in days for one in answer.differences] == list(whole.differences)
        assert _ordered(one for answer in days for one in answer.matches) == _ordered(whole.matches)
        assert sum(one.ours for one in days) == whole.ours
        assert sum(one.theirs for one in days) == whole.theirs
        closing = "0"
        for (totals,) in (answer.totals for answer in days):
            assert totals.ours_opening == closing
            closing = totals.ours_closing
        assert closing == whole.totals[0].ours_closing


def _ordered(matches: Any) -> list[str]:
    found: list[MatchView] = list(matches)
    return sorted(map(repr, found))


def test_what_lies_outside_of_the_period_is_neither_closed_nor_changed(day: Day) -> None:
    """A break of the first day stays, though its deposit came; one of the third is not told."""
    take(day, "ada", told([("a", 1, 5), ("b", 30, 7), ("c", 60, 9)]), "statement.csv")
    day.append(deposit("ada", "b", 30, 7))
    day.reconcile()
    day.append(deposit("ada", "a", 1, 5), deposit("ada", "c", 60, 9))
    second = {"since": START + timedelta(days=1), "until": START + timedelta(days=2)}
    answer = day.reconcile(**second)
    assert answer.clean
    states = {one.theirs[0]["native_id"]: one.status for one in day.ledger.desk("ann").breaks()}
    assert states == {"a": "open", "c": "open"}
    assert day.reconcile(**second).again
    third = {"since": START + timedelta(days=2), "until": START + timedelta(days=3)}
    day.reconcile(**third)
    states = {one.theirs[0]["native_id"]: one.status for one in day.ledger.desk("ann").breaks()}
    assert states == {"a": "open", "c": "closed"}


def test_with_news_it_begins_where_something_earlier_is_new_or_open(day: Day) -> None:
    """A deposit of the first day is told on the third: the third day's reconciliation finds it."""
    desk = day.ledger.desk("ann")

    def close(number: int) -> Reconciliation:
        since = START + timedelta(days=number)
        return desk.reconcile(
            "bitmex", "ada", since=since, until=since + timedelta(days=1), news=True
        )

    take(day, "ada", told([("a", 1, 5), ("b", 30, 7), ("c", 60, 9)]), "statement.csv")
    day.append(deposit("ada", "a", 1, 5), deposit("ada", "b", 30, 7))
    assert close(0).since == START
    assert close(1).since == START + timedelta(days=1)
    day.append(deposit("ada", "c", 60, 9), deposit("ada", "late", 2, 4))
    answer = close(2)
    assert answer.since == START + timedelta(hours=2)
    assert [(one.type, one.at) for one in answer.differences] == [
        ("missing_there", START + timedelta(hours=2))
    ]
    assert close(3).since == START + timedelta(hours=2), "it is open"
    day.append(deposit("ada", "late-back", 2, -4))
    assert {one.type for one in close(4).differences} == {"missing_there"}


def test_a_balance_that_was_off_before_is_no_news(day: Day) -> None:
    """5 more than ours since the first line; the next line is a week later, after a break."""
    lines = [("a", 1, 100, 105), ("b", 7 * 24, 7, 112)]
    take(day, "ada", lines, "statement.csv")
    day.append(deposit("ada", "a", 1, 100), deposit("ada", "extra", 80, 9))
    day.append(deposit("ada", "b", 7 * 24, 7))
    found = [
        (one.type, one.what, one.at - START)
        for answer in by_day(day.ledger.desk("ann"), "ada")
        for one in answer.differences
    ]
    assert found == [
        ("unexplained_balance", "XBT", 1 * HOUR),
        ("missing_there", "XBT", 80 * HOUR),
    ]
    again = day.reconcile(dry_run=True).differences
    assert [(one.type, one.what, one.at - START) for one in again] == found


def test_what_is_late_across_the_border_of_a_period_is_one_break(day: Day) -> None:
    """Ours just before midnight, theirs two hours later: of the day on which it began."""
    take(day, "ada", told([("", 26, 5), ("", 200, 7)]), "statement.csv")
    day.append(deposit("ada", "a", 23, 5), deposit("ada", "b", 200, 7))
    found = [
        [(one.type, one.at - START) for one in answer.differences]
        for answer in by_day(day.ledger.desk("ann"), "ada")
    ]
    assert found == [[("timing", 23 * HOUR)], *([] for _ in range(DAYS - 1))]


def test_a_period_reads_only_what_is_around_it(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long account the ledger's movements of about four days are loaded for one."""
    ours = [(f"n{number}", number * 6, 1_000 + number) for number in range(DAYS * 4)]
    day.append(*(deposit("ada", *line) for line in ours))
    take(day, "ada", told(list(ours)), "statement.csv")
    loaded = []

    def counted(*args: Any, **options: Any) -> Ours:
        found = load_ours(*args, **options)
        loaded.append(len(found.held))
        return found

    monkeypatch.setattr("clearing.reconcile.running.load_ours", counted)
    since = START + timedelta(days=DAYS - 1)
    day.reconcile(since=since, until=since + timedelta(days=1))
    assert loaded[0] <= 4 * 2.5 + 3


def test_a_period_that_nothing_covers_says_so(day: Day) -> None:
    take(day, "ada", told([("a", 1, 5)]), "statement.csv")
    with pytest.raises(NothingToCompare, match="covers anything from 2024-06-01"):
        day.reconcile(since=START + timedelta(days=31))


def trades(dice: Random) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Nine days of ada's trades with bob, and what is told of her side of them.

    She has 5 from before. Of about every third trade something differs.
    """
    events: list[dict[str, Any]] = []
    lines: list[dict[str, str]] = []
    held = Decimal(5)
    for number in range(DAYS * 4):
        at = START + (number * 6 + 1) * HOUR
        size, price = dice.randrange(1, 5), dice.randrange(90, 110)
        buys = dice.random() < 0.6
        planted = dice.choice(("fee", "price", "size", "here", "there", *("",) * 8))
        trade = {
            "kind": "Traded",
            "external_id": f"{number}",
            "trade_id": f"{number}",
            "occurred_at": at.isoformat(),
            "market": "BTC",
            "buyer": "ada" if buys else "bob",
            "seller": "bob" if buys else "ada",
            "size": f"{size}",
            "price": f"{price}",
            "buyer_fee": "0.2",
            "seller_fee": "0.2",
            "fee_asset": "USDC",
        }
        if planted != "here":
            events.append(trade)
        told = size + (planted == "size")
        if planted != "there":
            moment = at.isoformat().replace("+00:00", "")
            lines.append(
                {
                    **ROW,
                    "user": "ada",
                    "block_time": f"{moment}.000000000",
                    "time_ms": f"{int(at.timestamp()) * 1_000}",
                    "tid": f"{number}",
                    "side": "B" if buys else "A",
                    "sz": f"{told}",
                    "px": f"{price + (planted == 'price')}",
                    "fee": "0.3" if planted == "fee" else "0.2",
                    "start_position": f"{held}",
                }
            )
            held += told if buys else -told
    return events, lines


def test_day_by_day_the_same_fills_and_positions_are_found(
    database_url: str, tmp_path: Path
) -> None:
    """Positions go on from day to day; what a fill lacks makes them differ once."""
    events, lines = trades(Random(5))  # noqa: S311 - dice
    with ledger_with_a_trade(database_url, traded=False) as ledger:
        ledger.append([{"source": "venue", **one} for one in events])
        ledger.project()
        path = tmp_path / "fills.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(lines)
        desk = ledger.desk("ann")
        reader = STATEMENT_READERS["hyperliquid-node-fills"]
        taken = desk.take(reader, str(path), account="ada", settings={"user": "ada"})
        assert taken.new, taken.refusals
        whole = desk.reconcile("hyperliquid", "ada", dry_run=True, with_matches=True)
        assert {one.type for one in whole.differences} > {"fee", "price", "quantity"}
        days = []
        for number in range(DAYS):
            since = START + timedelta(days=number)
            until = since + timedelta(days=1)
            days.append(
                desk.reconcile(
                    *("hyperliquid", "ada"),
                    since=since,
                    until=until,
                    dry_run=True,
                    with_matches=True,
                )
            )
        assert [one for answer in days for one in answer.differences] == list(whole.differences)
        assert _ordered(one for answer in days for one in answer.matches) == _ordered(whole.matches)
        closing = [
            next(one for one in answer.totals if one.position).ours_closing
            for answer in (whole, days[-1])
        ]
        assert closing[0] == closing[1]


def test_what_is_held_of_a_spot_market_is_added_up_from_before_the_period(
    database_url: str, tmp_path: Path
) -> None:
    """ada buys 2 of the base asset every twelve hours; the last day begins with 36."""
    base = {"source": "venue", "occurred_at": START.isoformat()}
    events: list[dict[str, Any]] = [
        {"kind": "SourceDeclared", "name": "venue", "description": "a venue"},
        {"kind": "AssetDeclared", "name": "USDC", "decimals": 6},
        {"kind": "AssetDeclared", "name": "COIN", "decimals": 3},
        {
            "kind": "MarketDeclared",
            "name": "BTC",
            "payoff": "spot",
            "settlement_asset": "USDC",
            "base_asset": "COIN",
            "lot": "0.001",
            "price_decimals": 2,
            "mark_decimals": 4,
            "size_decimals": 3,
        },
        {"kind": "AccountOpened", "account": "ada"},
        {"kind": "Deposited", "account": "ada", "asset": "USDC", "amount": "100000"},
    ]
    lines = []
    for number in range(20):
        at = START + (12 * number + 1) * HOUR
        events.append(
            {
                "kind": "Filled",
                "trade_id": f"{number}",
                "occurred_at": at.isoformat(),
                "account": "ada",
                "market": "BTC",
                "side": "buy",
                "size": "2",
                "price": "100",
                "fee": "0.2",
                "fee_asset": "USDC",
            }
        )
        moment = at.isoformat().replace("+00:00", ".000000000")
        times = {"block_time": moment, "time_ms": f"{int(at.timestamp()) * 1_000}"}
        told = {"side": "B", "fee": "0.2", "start_position": f"{2 * number}"}
        lines.append({**ROW, **times, **told, "user": "ada", "tid": f"{number}"})
    with Ledger.open(database_url) as ledger:
        ledger.append([{"external_id": f"e{i}", **base, **one} for i, one in enumerate(events)])
        ledger.project()
        path = tmp_path / "fills.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(lines)
        desk = ledger.desk("ann")
        reader = STATEMENT_READERS["hyperliquid-node-fills"]
        assert desk.take(reader, str(path), account="ada", settings={"user": "ada"}).new
        answer = desk.reconcile("hyperliquid", "ada", since=START + timedelta(days=9))
        assert answer.clean
        (position,) = [one for one in answer.totals if one.position]
        assert (position.ours_opening, position.ours_closing) == ("36", "40")
