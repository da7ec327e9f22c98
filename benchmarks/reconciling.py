"""Reconciling a made-up day, from the statement's file to recorded breaks, and all of it again.

What is timed runs in a process of its own; making the ledger does not count.
"""

import csv
import multiprocessing
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Ratio, compared, peak_memory, seconds
from benchmarks.two_sides import DAY, DECIMALS, NATIVE, START, Row, Sides, sides
from clearing.adapters.statements import STATEMENT_READERS
from clearing.database import connect
from clearing.events import (
    AccountOpened,
    Adjusted,
    AssetDeclared,
    Deposited,
    Event,
    SourceDeclared,
    Withdrawn,
)
from clearing.events.fields import from_microseconds
from clearing.ledger import Ledger
from clearing.log import Connection
from clearing.reconcile import Reconciliation

_HEADER: Final = (
    *("timestamp", "transactType", "transactStatus", "currency", "amount", "fee"),
    *("walletBalance", "transactID", "address"),
)
_CALLED: Final = {
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "realised_pnl": "RealisedPNL",
    "funding": "Funding",
    "rebate": "AffiliatePayout",
}
_CURRENCY: Final = {"XBT": ("XBt", 1), "USDT": ("USDt", 100)}
"""What the statement calls an asset, and how many 1e-8 its smallest unit has."""

_MISTOLD: Final = 6
"""How many balances are told wrongly."""

_PHASES: Final = ("take", "reconcile", "take again", "reconcile again")

_Found = tuple[str, tuple[str, ...], tuple[int, ...]]
"""A break: its type, our external ids, the lines of theirs."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What taking in and reconciling gave: seconds and peak memory (bytes) of each phase."""

    seconds: tuple[float, ...]
    peaks: tuple[int, ...]
    rules: dict[str, int]
    found: list[_Found]
    opened: int
    clean_again: bool


def run(url: str, *, count: int) -> list[Ratio]:
    """Measure on an empty, migrated database at ``url``, with ``count`` movements on each side."""
    made = sides(count, NATIVE)
    took = seconds(lambda: _make_ledger(url, made))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wallet.csv"
        wrong = _write(path, made)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outcome = pool.apply(_phases, (url, str(path)))
    _verify(made, wrong, outcome)
    with connect(url, autocommit=True) as connection:
        copied, joined = _baselines(connection, made)
        recorded = connection.execute("SELECT count(*) FROM clearing.recon_match").fetchone()
    if recorded != (sum(outcome.rules.values()),):
        raise RuntimeError(f"{recorded} matches are recorded, not {outcome.rules}")
    peaks = ", ".join(
        f"{name} {peak / (1 << 20):,.0f} MiB"
        for name, peak in zip(_PHASES, outcome.peaks, strict=True)
    )
    breaks = f"{len(outcome.found):,} planted breaks, all found, none invented"
    notes = (
        f"a file of {count:,} rows; peak memory so far after {peaks}",
        f"{breaks}; making the log took {took:.0f} s",
        "the same file is known by its digest, and read once",
        "the same inputs change nothing",
    )
    baselines = (
        ("binary COPY of the same rows into a bare table", copied),
        ("a full join of the same rows in Postgres, by id with amounts compared", joined),
    )
    ratios = []
    for place, (phase, note) in enumerate(zip(_PHASES, notes, strict=True)):
        against, other = baselines[place % 2]
        mine = outcome.seconds[place]
        ratios.append(
            compared(
                f"{phase}, {mine:.1f} s",
                [count / mine],
                against,
                [count / other],
                unit="rows",
                floor=None,
                note=note,
            )
        )
    return ratios


def _make_ledger(url: str, made: Sides) -> None:
    with Ledger.open(url) as ledger:
        for _ in ledger.writer.append_many(_events(made.ours), batch=20_000):
            pass
        ledger.project()
        ledger.connection.execute("VACUUM ANALYZE")


def _events(rows: Sequence[Row]) -> Iterator[Event]:
    base: dict[str, Any] = {"source": "venue", "occurred_at": from_microseconds(START)}
    yield SourceDeclared(**base, external_id="source", name="venue", description="a venue")
    yield AssetDeclared(**base, external_id="asset", name="XBT", decimals=DECIMALS)
    yield AccountOpened(**base, external_id="account", account="ada")
    people: dict[str, Any] = {
        "author": "ann",
        "approver": "bea",
        "reason": "as the venue booked it",
    }
    for row in rows:
        fields: dict[str, Any] = {
            "source": "venue",
            "external_id": row.id,
            "occurred_at": from_microseconds(row.at),
            "account": "ada",
            "asset": row.asset,
        }
        amount = Decimal(row.amount).scaleb(-DECIMALS)
        if row.kind == "deposit":
            yield Deposited(**fields, amount=amount)
        elif row.kind == "withdrawal":
            yield Withdrawn(**fields, amount=-amount)
        else:
            yield Adjusted(**fields, **people, amount=amount, category=row.kind)


def _write(path: Path, made: Sides) -> list[int]:
    """Write a wallet history; return the lines whose balance is told wrongly.

    Every row has the balance of its asset after all rows of its moment. A balance is told wrongly
    where a moment begins that has nothing else wrong, like the one before it.
    """
    rows = made.theirs
    doubtful = {made.ours[place].at for one in made.breaks for place in one.ours}
    doubtful |= {rows[place].at for one in made.breaks for place in one.theirs}
    after: dict[tuple[int, str], int] = {}
    held: dict[str, int] = defaultdict(int)
    for row in rows:
        held[row.asset] += row.amount
        after[row.at, row.asset] = held[row.asset]
    wrong: list[int] = []
    step = len(rows) // _MISTOLD
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        before = 0
        for place, row in enumerate(rows):
            currency, unit = _CURRENCY[row.asset]
            balance = after[row.at, row.asset]
            begins = row.at != before and not doubtful & {row.at, before}
            if begins and len(wrong) * step <= place:
                wrong.append(place + 2)  # the header is the first line
                balance += 12_300
            before = row.at
            at = from_microseconds(row.at).isoformat(timespec="milliseconds")
            writer.writerow(
                (
                    at.replace("+00:00", "Z"),
                    _CALLED[row.kind],
                    "Completed",
                    currency,
                    row.amount // unit,
                    0,
                    balance // unit,
                    row.id,
                    "",
                )
            )
    return wrong


def _phases(url: str, path: str) -> _Outcome:
    """Take the statement in and reconcile, twice."""
    took: list[float] = []
    peaks: list[int] = []

    def timed(work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        answer = work()
        took.append(time.perf_counter() - began)
        peaks.append(peak_memory())
        return answer

    with Ledger.open(url) as ledger:
        desk = ledger.desk("ann")
        since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=START)
        until = since + timedelta(microseconds=DAY)

        def take() -> bool:
            taken = desk.take(
                STATEMENT_READERS["bitmex-wallet"],
                path,
                account="ada",
                asked_from=since,
                asked_until=until,
            )
            if taken.refusals:
                raise RuntimeError(f"the statement was refused: {taken.refusals[0]}")
            return taken.new

        new = timed(take)
        answer: Reconciliation = timed(lambda: desk.reconcile("bitmex", "ada"))
        new_again = timed(take)
        again: Reconciliation = timed(lambda: desk.reconcile("bitmex", "ada"))
    found = [
        (
            one.type,
            tuple(str(ref["external_id"]) for ref in one.ours),
            tuple(int(ref["line"]) for ref in one.theirs),
        )
        for one in answer.differences
    ]
    if not new or answer.recorded is None:
        raise RuntimeError("nothing was taken in, or nothing recorded")
    same = again.again and again.run == answer.run and again.differences == answer.differences
    return _Outcome(
        tuple(took),
        tuple(peaks),
        answer.rules,
        found,
        answer.recorded.opened,
        same and not new_again,
    )


def _verify(made: Sides, wrong: Sequence[int], outcome: _Outcome) -> None:
    """See that exactly what was planted is found and recorded, and that again changed nothing."""
    expected: list[_Found] = [("unexplained_balance", (), (line,)) for line in wrong]
    for one in made.breaks:
        theirs = one.theirs[1:] if one.type == "duplicate" else one.theirs
        here = tuple(made.ours[place].id for place in one.ours)
        expected.append((one.type, here, tuple(place + 2 for place in theirs)))
    if sorted(outcome.found) != sorted(expected):
        missed = sorted(set(expected) - set(outcome.found))
        invented = sorted(set(outcome.found) - set(expected))
        raise RuntimeError(
            f"{len(missed):,} planted breaks are missed, such as {missed[:3]},"
            f" and {len(invented):,} invented, such as {invented[:3]}"
        )
    copied = sum(one.type == "duplicate" for one in made.breaks)
    if outcome.rules != {"native id": made.alike + copied + made.retimed}:
        raise RuntimeError(f"matches were made otherwise than planted: {outcome.rules}")
    if outcome.opened != len(expected):
        raise RuntimeError(f"{outcome.opened:,} breaks were opened, not {len(expected):,}")
    if not outcome.clean_again:
        raise RuntimeError("the same again was not the same")


def _baselines(connection: Connection, made: Sides) -> tuple[float, float]:
    """Return the seconds of copying their rows into a bare table, and of joining it with ours."""
    for name in ("ours", "theirs"):
        connection.execute(
            f"CREATE TABLE public.{name} (id text, at bigint, asset text, kind text, amount bigint)"
        )
    _copy(connection, "ours", made.ours)
    copied = seconds(lambda: _copy(connection, "theirs", made.theirs))
    connection.execute("ANALYZE public.ours, public.theirs")
    rows: list[Any] = []
    joined = seconds(
        lambda: rows.extend(
            connection.execute(
                "SELECT o.id, t.id FROM public.ours o FULL JOIN public.theirs t ON t.id = o.id"
                " WHERE o.amount IS DISTINCT FROM t.amount"
            ).fetchall()
        )
    )
    blind = ("timing", "duplicate", "static_data")
    if len(rows) != sum(one.type not in blind for one in made.breaks):
        raise RuntimeError(f"the join shows {len(rows):,} rows, which is not what it can see")
    return copied, joined


def _copy(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    query = f"COPY public.{table} FROM STDIN (FORMAT BINARY)"
    with connection.cursor().copy(query) as copy:
        copy.set_types(["text", "int8", "text", "text", "int8"])
        for row in rows:
            copy.write_row(row)
