"""Taking statements in: read whole first, then stored whole, with what they cover; never twice."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, get_args

from clearing.adapters import Refusal
from clearing.adapters.files import STDIN
from clearing.adapters.statements import (
    STATEMENT_READERS,
    Described,
    Item,
    StatedBalance,
    StatementLine,
    StatementReader,
    described,
    settled_reader,
    storable,
)
from clearing.events.canonical import canonical_json
from clearing.events.fields import to_microseconds
from clearing.log import Connection
from clearing.reconcile.acting import acting
from clearing.reconcile.chains import FileChain, FillGap
from clearing.reconcile.withdrawing import Withdrawal, withdrawals

Leg = Literal["venue", "chain", "bank"]
"""Whose statement it is: the venue's own of an account, a chain's, a bank's."""

LEGS: Final[tuple[str, ...]] = get_args(Leg)

EVERY: Final = "*"
"""Stands for every account: what a bank or a chain states is of the house as a whole."""

MOST_REFUSALS: Final = 1_000
"""The most refusals of a file that are kept; it is not read on after them."""

_CHUNK: Final = 20_000


class StatementRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A statement that is not taken in: what it is of does not fit, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class StatementOf:
    """What a statement is of.

    ``venue`` names who states, ``account`` is the ledger account that it is compared with (``*``:
    all together, of a bank or a chain). ``asked_from`` and ``asked_until`` are the period that was
    asked for, None where it is only what the lines say. ``person`` takes it in.
    """

    leg: Leg
    venue: str
    account: str
    person: str
    asked_from: datetime | None = None
    asked_until: datetime | None = None


@dataclass(slots=True)
class Taken:
    """What became of a file.

    ``number`` is the import's, 0 where it was not taken in; ``new`` is false where the same file
    was taken in before, and ``withdrawn`` says where that import counts no more. ``seen`` says
    what was recognised and covered, ``kinds`` counts what moved, ``refusals`` are the lines that
    could not be read. ``gaps`` are the first fills whose position does not follow from the fills
    before them, account by account and market by market, ``gap_count`` how many there are.
    """

    file: str
    format: str
    number: int
    new: bool
    seen: Described
    kinds: dict[str, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    gaps: list[FillGap] = field(default_factory=list)
    gap_count: int = 0
    withdrawn: Withdrawal | None = None


def look(
    reader: StatementReader,
    path: str,
    settings: Mapping[str, str],
    progress: Callable[[int], None] | None = None,
) -> Taken:
    """Read a statement and say what it is, without taking it in."""
    reader = settled_reader(reader, settings)
    taken = Taken(path, reader.name, 0, False, Described(path, reader.name))
    kinds: Counter[str] = Counter()
    chain = FileChain()
    for count, item in enumerate(described(reader, path, reader.read(path, settings)), 1):
        match item:
            case Described():
                taken.seen = item
            case Refusal():
                if len(taken.refusals) < MOST_REFUSALS:
                    taken.refusals.append(item)
            case StatementLine():
                kinds.update(leg.kind for leg in item.cash)
                kinds["fill"] += item.fill is not None
                chain.see(item)
            case StatedBalance():
                kinds["balance"] += 1
        if progress is not None and count % 1_000 == 0:
            progress(count)
    taken.gaps, taken.gap_count = chain.gaps(taken.seen.order)
    taken.kinds = {kind: count for kind, count in sorted(kinds.items()) if count}
    return taken


def take_statement(
    connection: Connection,
    reader: StatementReader,
    path: str,
    settings: Mapping[str, str],
    of: StatementOf,
    *,
    partial: bool = False,
    again: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Taken:
    """Take a statement in, whole or not at all.

    A file with lines that cannot be read is not taken in unless ``partial``; then what could be
    read is, and it counts as cut. The same file of the same account is taken in once (an empty one
    once for each time that was asked for); one that was withdrawn only if it is to be ``again``, so
    that nobody brings it back by taking in a folder. Raises :class:`StatementRefused` for standard
    input (it is read twice), for an asked period that ends before it begins or that no line is of,
    and for a file that changes while it is read.
    """
    reader = settled_reader(reader, settings)
    if path == STDIN:
        raise StatementRefused("a statement is read twice: name a file, not standard input")
    since, until = of.asked_from, of.asked_until
    if since is not None and until is not None and until <= since:
        raise StatementRefused(f"asked until {until}, which is not after {since}")
    digest = _file_digest(path)
    before = connection.execute(
        "SELECT max(id) FROM clearing.recon_import"
        " WHERE leg = %s AND venue = %s AND account = %s AND sha256 = %s AND (lines > 0"
        " OR (coalesce(asked_from, 0), coalesce(asked_until, 0)) = (%s, %s))",
        (of.leg, of.venue, of.account, digest, _at(since) or 0, _at(until) or 0),
    ).fetchone()
    taken = look(reader, path, settings, progress)
    known = 0 if before is None else int(before[0] or 0)
    taken.withdrawn = withdrawals(connection).get(known)
    if known and not (again and taken.withdrawn):
        taken.number = known
        return taken
    _of_its_time(taken.seen, of)
    if taken.refusals and not partial:
        return taken
    with acting(connection):
        taken.number = _store_import(connection, reader, taken, of, digest, known)
        items = storable(reader.read(path, settings))
        for chunk in _chunks(items):
            _store_lines(connection, taken.number, chunk)
        if _file_digest(path) != digest:
            raise StatementRefused(f"{path}: changed while it was read: take it in again")
    taken.new, taken.withdrawn = True, None
    return taken


def _of_its_time(seen: Described, of: StatementOf) -> None:
    """Refuse a statement none of whose lines is of the time that it was asked for."""
    late = of.asked_until is not None and seen.first is not None and seen.first >= of.asked_until
    early = of.asked_from is not None and seen.last is not None and seen.last < of.asked_from
    if late or early:
        raise StatementRefused(
            f"{seen.file}: its lines, {seen.first} to {seen.last}, are all outside of the time that"
            f" it was asked for, {of.asked_from} to {of.asked_until}"
        )


def _file_digest(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _store_import(
    connection: Connection,
    reader: StatementReader,
    taken: Taken,
    of: StatementOf,
    digest: bytes,
    again_after: int,
) -> int:
    """Store what a file is as a whole; ``again_after`` is its withdrawn import (0: none)."""
    seen = taken.seen
    # What a format states its reader says; what a mapping said is known only now.
    said = reader.kinds if STATEMENT_READERS[reader.name].kinds is None else None
    row = connection.execute(
        "INSERT INTO clearing.recon_import (leg, venue, account, statement_account, format,"
        " balances, file, sha256, asked_from, asked_until, first_at, last_at, first_id, last_id,"
        " lines, refused, line_order, misplaced, saturated, cut, recorded_by, again_after, kinds)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " %s, %s, %s) RETURNING id",
        (
            of.leg,
            of.venue,
            of.account,
            seen.accounts[0] if seen.accounts else "",
            reader.name,
            reader.balances,
            Path(taken.file).name,
            digest,
            _at(of.asked_from),
            _at(of.asked_until),
            _at(seen.first),
            _at(seen.last),
            seen.first_id,
            seen.last_id,
            seen.lines,
            seen.refused,
            seen.order,
            seen.misplaced,
            seen.saturated,
            seen.cut,
            of.person,
            again_after or None,
            None if said is None else sorted(said),
        ),
    ).fetchone()
    if row is None:
        raise RuntimeError("an import got no number")
    return int(row[0])


def _at(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


class _Counted:
    """Counts how often a statement says the same."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def nth(self, key: bytes) -> int:
        self._seen[key] += 1
        return self._seen[key]


def _chunks(
    items: Iterator[Item],
) -> Iterator[tuple[_Counted, int, list[StatementLine | StatedBalance]]]:
    """Yield what was read in pieces, each with the counts and how much came before."""
    counted, before = _Counted(), 0
    chunk: list[StatementLine | StatedBalance] = []
    for item in items:
        if isinstance(item, Refusal):
            continue
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield counted, before, chunk
            before, chunk = before + len(chunk), []
    if chunk:
        yield counted, before, chunk


def _store_lines(
    connection: Connection,
    number: int,
    chunk: tuple[_Counted, int, list[StatementLine | StatedBalance]],
) -> None:
    counted, before, items = chunk
    lines: list[tuple[Any, ...]] = []
    cash: list[tuple[Any, ...]] = []
    fills: list[tuple[Any, ...]] = []
    balances: list[tuple[Any, ...]] = []
    for place, item in enumerate(items, before + 1):
        if isinstance(item, StatedBalance):
            at = to_microseconds(item.at)
            what = (item.what, item.amount, item.position, item.when == "before")
            balances.append((number, place, item.line, at, item.account, *what))
        else:
            key = _key(item)
            nth = counted.nth(key)
            who = (item.native_id, item.account, item.market)
            told = canonical_json(dict(item.told))
            lines.append((number, item.line, to_microseconds(item.at), *who, nth, key, told))
            cash += [(number, item.line, i, *leg) for i, leg in enumerate(item.cash)]
            if item.fill is not None:
                fills.append((number, item.line, *_fill(item)))
    _copy(connection, "recon_line", _LINE, lines)
    _copy(connection, "recon_cash", _CASH, cash)
    _copy(connection, "recon_fill", _FILL, fills)
    _copy(connection, "recon_balance", _BALANCE, balances)


_LINE: Final = "import, line, at, native_id, account, market, nth, key, told"
_CASH: Final = "import, line, leg, asset, kind, amount, balance"
_FILL: Final = (
    "import, line, market, size, price, trade_id, order_id, before, after, pnl, fee, fee_asset"
)
_BALANCE: Final = "import, number, line, at, account, what, amount, position, before"


def _fill(line: StatementLine) -> tuple[Any, ...]:
    fill = line.fill
    if fill is None:
        raise ValueError("the line has no fill")
    around = (fill.before, fill.after, fill.pnl, fill.fee, fill.fee_asset)
    return (fill.market, fill.size, fill.price, fill.trade_id, fill.order_id, *around)


def _key(line: StatementLine) -> bytes:
    """Return what a line is known by: all that it says moved, not the balances around it."""
    parts = [str(to_microseconds(line.at)), line.native_id, line.account, line.market]
    parts += [f"{leg.asset} {leg.kind} {_plain(leg.amount)}" for leg in line.cash]
    if line.fill is not None:
        fill = line.fill
        price = "" if fill.price is None else _plain(fill.price)
        parts.append(f"{fill.market} {_plain(fill.size)} {price} {fill.trade_id}")
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def _plain(value: Decimal) -> str:
    """Write a decimal so that equal ones are written alike, with every digit."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _copy(connection: Connection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    # Table and columns are constants of this module.
    query = f"COPY clearing.{table} ({columns}) FROM STDIN"
    with connection.cursor().copy(query) as copy:
        for row in rows:
            copy.write_row(row)
