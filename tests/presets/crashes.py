"""One book, several venues' rules, real crashes: who was closed, and who paid, as one table.

``python -m tests.presets.crashes SHARED`` (the folder with ``data/crash``) prints the table of
``docs/crashes.md``. Every line is folded from genesis, again with every scope examined at every
mark, and again from a snapshot half-way; all three have to end at one digest.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from clearing.adapters import IMPORTERS, ImportOptions, Located
from clearing.engine import ENTRY_FIELDS, Engine, Entry
from clearing.engine.book import Book
from clearing.engine.valuation import equity_of
from clearing.events import Registry, encode
from clearing.events.kinds import REGISTRY_KINDS
from clearing.events.row import EventRow
from clearing.samples import book_from_text
from clearing.samples.venue import FUND

DAYS = ("2020-03-12", "2021-05-19", "2022-11-08")
PRESETS = ("binance-usdm", "dydx-v4", "hyperliquid", "perpetual-protocol", "vega")
BOOK = "sample:312"
_UNITS = 10**8


@dataclass
class Line:
    """What one crash did to one book under one set of rules; amounts in whole units, exactly.

    ``fund_low`` is the least equity that the fund had after any event, ``adl`` the loss (or forgone
    gain) that deleveraged accounts took on.
    """

    day: str
    preset: str
    liquidated: set[int] = field(default_factory=set)
    penalties: Fraction = Fraction(0)
    fund_low: Fraction = Fraction(0)
    fund_end: Fraction = Fraction(0)
    losses: Fraction = Fraction(0)
    adl: Fraction = Fraction(0)
    socialised: Fraction = Fraction(0)
    deficit: Fraction = Fraction(0)
    digest: str = ""

    def take(self, entry: Entry) -> None:
        """Add what one entry says."""
        kind, *values = entry
        said = dict(zip(ENTRY_FIELDS[str(kind)], values, strict=True))
        match kind:
            case "closed":
                self.liquidated.add(int(said["account"]))
            case "posting" if said["purpose"] == "penalty":
                self.penalties += Fraction(int(said["amount"]), _UNITS)
            case "loss":
                self.losses += Fraction(said["loss"])
                self.adl += Fraction(said["adl"])
                self.socialised += Fraction(said["socialised"])
                self.deficit += Fraction(said["deficit"])

    def cells(self) -> list[str]:
        """Return the line as the table shows it, amounts rounded half to even."""
        amounts = (
            self.penalties,
            self.fund_low,
            self.fund_end,
            self.losses,
            self.adl,
            self.socialised,
            self.deficit,
        )
        shown = [f"{round(amount):,}" for amount in amounts]
        return [self.day, self.preset, str(len(self.liquidated)), *shown, f"`{self.digest[:12]}`"]


HEADER = [
    "crash",
    "preset",
    "accounts closed",
    "penalties",
    "fund low",
    "fund at the end",
    "losses",
    "ADL",
    "socialised",
    "deficit",
    "digest",
]


def log_of(shared: Path, day: str, preset: str) -> list[EventRow]:
    """Return the log of a crash's marks and funding with the sample book under a preset."""
    files = [str(shared / f"data/crash/crash_{day}_{part}.csv.gz") for part in ("funding", "marks")]
    options = ImportOptions({}, book=book_from_text(f"{BOOK}@{preset}"))
    registry = Registry()
    rows: list[EventRow] = []
    for item in IMPORTERS["binance"].read(files, options):
        if not isinstance(item, Located):
            raise TypeError(str(item))
        row = encode(item.event, registry)
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        row.position = len(rows) + 1
        rows.append(row)
    return rows


def _fund(book: Book) -> Fraction:
    """Return the fund's equity, in whole units; 0 before there is one."""
    account = book.registry.account_ordinals.get(FUND)
    if account is None:
        return Fraction(0)
    return Fraction(equity_of(book, book.scope(account, 1)), 10 ** book.assets[1].working)


def line_of(shared: Path, day: str, preset: str) -> Line:
    """Fold one log three ways, compare the digests, and return what happened."""
    rows = log_of(shared, day, preset)
    found = {(row.source, row.external_id): row for row in rows}

    def find(source: int, external_id: str) -> EventRow | None:
        return found.get((source, external_id))

    line = Line(day, preset)
    lowest: Fraction | None = None
    engine, oracle = (Engine(resolver=find, watch=watch) for watch in ("banded", "naive"))
    snapshot = ""
    for row in rows:
        entries = engine.apply(row)
        if oracle.apply(row) != entries:
            raise AssertionError(f"{day} {preset}: the watches differ at {row.position}")
        for entry in entries:
            line.take(entry)
        line.fund_end = _fund(engine.book)
        if lowest is not None or line.fund_end:
            lowest = line.fund_end if lowest is None else min(lowest, line.fund_end)
        if row.position == len(rows) // 2:
            snapshot = engine.snapshot()
    restored = Engine.restore(snapshot, resolver=find)
    for row in rows[len(rows) // 2 :]:
        restored.apply(row)
    line.fund_low = line.fund_end if lowest is None else lowest
    line.digest = engine.digest()
    if {oracle.digest(), restored.digest()} != {line.digest}:
        raise AssertionError(f"{day} {preset}: the digests differ")
    if restored.entry_hash != engine.entry_hash:
        raise AssertionError(f"{day} {preset}: the entry hashes differ")
    return line


def table(shared: Path) -> Iterator[str]:
    """Yield the table's lines as Markdown."""
    yield f"| {' | '.join(HEADER)} |"
    yield f"|{'---|' * 2}{'---:|' * 8}---|"
    for day in DAYS:
        for preset in PRESETS:
            yield f"| {' | '.join(line_of(shared, day, preset).cells())} |"


if __name__ == "__main__":
    for written in table(Path(sys.argv[1])):
        print(written, flush=True)
