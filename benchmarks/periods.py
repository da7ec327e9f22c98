"""Reconciling the last day of a long account, against reconciling all of it.

Each runs in a process of its own; making the ledger and taking the statements in do not count.
"""

import csv
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from benchmarks.measure import Ratio, compared, peak_memory
from clearing.adapters.statements import STATEMENT_READERS
from clearing.events import AccountOpened, AssetDeclared, Deposited, Event, SourceDeclared
from clearing.ledger import Ledger

_START: Final = datetime(2016, 1, 1, tzinfo=UTC)
_HEADER: Final = (
    *("timestamp", "transactType", "transactStatus", "currency", "amount", "fee"),
    *("walletBalance", "transactID", "address"),
)


class _Row(NamedTuple):
    """A deposit: its number, when, and how many satoshi."""

    number: int
    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What reconciling took, its peak memory (bytes), and what differed: when and of which type."""

    seconds: float
    peak: int
    found: list[tuple[str, str]]


def run(url: str, *, days: int, daily: int) -> list[Ratio]:
    """Measure on an empty, migrated database at ``url``: ``daily`` movements on each of ``days``.

    Raises :class:`RuntimeError` where the last day has another break than the one planted there.
    """
    made = _rows(days, daily)
    with tempfile.TemporaryDirectory() as folder:
        _make(url, Path(folder), made, days)
    since = _START + timedelta(days=days - 1)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        whole = pool.apply(_reconciled, (url, None))
        day = pool.apply(_reconciled, (url, since))
    if day.found != whole.found[-1:] or len(whole.found) != days:
        raise RuntimeError(f"the last day has {day.found}, all of it ends with {whole.found[-1:]}")
    return [
        compared(
            f"reconciling the last of {days:,} days, {daily:,} movements each",
            [1 / day.seconds],
            "reconciling all of them",
            [1 / whole.seconds],
            unit="reconciliations",
            floor=None,
            note=f"{day.seconds:.2f} s against {whole.seconds:.2f}, nothing recorded; peak memory"
            f" {day.peak / (1 << 20):,.0f} MiB against {whole.peak / (1 << 20):,.0f}",
        )
    ]


def _rows(days: int, daily: int) -> list[_Row]:
    dice = Random(days)  # noqa: S311 - a benchmark's dice
    step = timedelta(days=1) / daily
    return [
        _Row(number, _START + step * number, dice.randrange(1, 10**9))
        for number in range(days * daily)
    ]


def _make(url: str, folder: Path, made: list[_Row], days: int) -> None:
    """Fill the ledger and take a statement of each day in; each lacks its day's middle movement."""
    with Ledger.open(url) as ledger:
        for _ in ledger.writer.append_many(_events(made), batch=20_000):
            pass
        ledger.project()
        desk, daily, balance = ledger.desk("ann"), len(made) // days, 0
        for number in range(days):
            path = folder / f"{number}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(_HEADER)
                for row in made[number * daily : (number + 1) * daily]:
                    if row.number % daily == daily // 2:
                        continue
                    balance += row.amount
                    at = row.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                    told = ("Deposit", "Completed", "XBt", row.amount, 0, balance)
                    writer.writerow((at, *told, f"id{row.number}", ""))
            since = _START + timedelta(days=number)
            taken = desk.take(
                STATEMENT_READERS["bitmex-wallet"],
                str(path),
                account="ada",
                asked_from=since,
                asked_until=since + timedelta(days=1),
            )
            if not taken.new:
                raise RuntimeError(f"the statement was refused: {taken.refusals[0]}")
        ledger.connection.execute("VACUUM ANALYZE")


def _events(made: list[_Row]) -> Iterator[Event]:
    base: dict[str, Any] = {"source": "venue", "occurred_at": _START}
    yield SourceDeclared(**base, external_id="source", name="venue", description="a venue")
    yield AssetDeclared(**base, external_id="asset", name="XBT", decimals=8)
    yield AccountOpened(**base, external_id="account", account="ada")
    for row in made:
        yield Deposited(
            source="venue",
            external_id=f"id{row.number}",
            occurred_at=row.at,
            account="ada",
            asset="XBT",
            amount=Decimal(row.amount).scaleb(-8),
        )


def _reconciled(url: str, since: datetime | None) -> _Outcome:
    with Ledger.open(url) as ledger:
        desk = ledger.desk("ann")
        began = time.perf_counter()
        answer = desk.reconcile("bitmex", "ada", since=since, dry_run=True)
        took = time.perf_counter() - began
    found = [(one.type, one.at.isoformat()) for one in answer.differences]
    return _Outcome(took, peak_memory(), found)
