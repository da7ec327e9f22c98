"""What differs between two generations, from what is stored of them.

Whatever wrote them: two engine versions, or the log and a kept scenario. Neither has to be run, so
that an engine that is no longer at hand can be compared with the present one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final

from psycopg import sql

from clearing.audit.load import Histories
from clearing.audit.losses import times_of
from clearing.audit.moments import Moment, resolve_moment
from clearing.audit.replay.answer import fate_of, totals_of
from clearing.audit.replay.diff import Diff, FateDifference, FirstDifference, first_of
from clearing.audit.replay.sums import difference, house_lines
from clearing.audit.replay.tally import Key, Tally, scopes_of
from clearing.engine import Entry
from clearing.engine.book import Book
from clearing.engine.valuation import measure
from clearing.events import Kind, upcast
from clearing.log import Connection, read_at
from clearing.projectors import POSTING, TABLES, Generation, Table, first_difference, schema_of

_SPAN: Final = 5_000
"""How many positions are read at once."""

_CONTESTED: Final = "contested"

Progress = Callable[[int], None]
"""Called with the log position reached."""

Placed = list[tuple[int, int, Entry]]
"""Entries with their positions and lines."""


class StoredRun:
    """One of two generations: its books at the end, and what its entries come to.

    ``now`` knows who holds what after the entries noted so far.
    """

    def __init__(self, connection: Connection, generation: Generation, upto: int) -> None:
        self.name = f"generation {generation.number}"
        self.generation = generation
        self.tally = Tally()
        self.contested = 0
        self._connection = connection
        self._upto = upto
        self.book = Histories(connection, Moment(generation, upto)).full_book()
        self.now = Book(self.book.registry)
        self._contested: dict[int, int] = {}

    def begin(self, since: int) -> None:
        """Count from the event at ``since`` on."""
        moment = Moment(self.generation, since - 1)
        before = Histories(self._connection, moment).whole_book()
        self.tally.begin(before)
        self.now = Histories(self._connection, Moment(self.generation, self._upto)).empty_book()
        for ordinal, market in before.markets.items():
            self.now.markets[ordinal].holders |= market.holders
            if _CONTESTED in market.houses:
                self._contested[ordinal] = market.houses[_CONTESTED].size

    def digest(self) -> str:
        """Return the digest of the book at the end where a snapshot of it is stored, else none."""
        row = self._connection.execute(
            sql.SQL("SELECT digest FROM {} WHERE position = %s").format(
                sql.Identifier(schema_of(self.generation.number), "snapshot")
            ),
            (self._upto,),
        ).fetchone()
        return "" if row is None else str(row[0])

    def entries(self, after: int) -> Iterator[tuple[int, list[Entry]]]:
        """Yield the entries of each position after one, in order; positions without any are not."""
        while after < self._upto:
            last = min(after + _SPAN, self._upto)
            placed: Placed = []
            for kind, table in TABLES.items():
                placed += self._read(kind, table, after, last)
            placed.sort(key=itemgetter(0, 1))
            for position, group in groupby(placed, key=itemgetter(0)):
                yield position, [entry for _, _, entry in group]
            after = last

    def _read(self, kind: str, table: Table, after: int, upto: int) -> Placed:
        which = sql.SQL("AND side = 0" if table is POSTING else "")
        query = sql.SQL("SELECT * FROM {} WHERE position > %s AND position <= %s {}").format(
            sql.Identifier(schema_of(self.generation.number), table.name), which
        )
        rows = self._connection.execute(query, (after, upto)).fetchall()
        return [(row[0], row[1], _entry(kind, row[2:])) for row in rows]

    def note(self, position: int, entries: list[Entry]) -> None:
        """Count entries."""
        self.tally.note(self.book, position, entries)
        for entry in entries:
            if entry[0] == "position":
                kind, holder, market, size = str(entry[1]), *map(int, entry[2:5])
                self._note_position(position, kind, holder, market, size)

    def _note_position(
        self, position: int, kind: str, holder: int, ordinal: int, size: int
    ) -> None:
        """Note who holds a market, and sides of fills that the contested holder took."""
        market = self.now.markets[ordinal]
        if kind == "account":
            market.holders.pop(holder, None)
            if size:
                market.holders[holder] = self.now.scope(holder, market.asset)
        if kind != _CONTESTED or size == self._contested.get(ordinal, 0):
            return
        # A reversal and a market's settlement move it, too, and neither is a side of a fill.
        self._contested[ordinal] = size
        row = read_at(self._connection, position)[0]
        self.contested += row.kind in (Kind.Filled, Kind.Traded)


def _entry(kind: str, stored: tuple[object, ...]) -> Entry:
    """Return the entry that a row was made of; whole numbers are integers, whatever they were."""
    if kind == "posting":
        _, ledger, ordinal, asset, amount, _, purpose, other, other_ordinal, market = stored
        paid = -int(str(amount))
        stored = (purpose, asset, ledger, ordinal, other, other_ordinal, paid, market)
    return (kind, *(_plain(value) for value in stored))


def _plain(value: object) -> str | int:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else f"{value:f}"
    return int(value) if isinstance(value, int) else str(value)


class StoredPair:
    """Two generations side by side, up to where both are."""

    def __init__(self, connection: Connection, a: int, b: int, upto: int | None = None) -> None:
        ends = [resolve_moment(connection, generation=number, at=upto) for number in (a, b)]
        self.upto = min(moment.position for moment in ends)
        self._connection = connection
        self.a, self.b = (StoredRun(connection, end.generation, self.upto) for end in ends)
        self.first: FirstDifference | None = None
        self.diverged: dict[Key, int] = {}
        self.since = self.upto + 1

    def find(self) -> None:
        """Find the first event after which they differ."""
        numbers = (self.a.generation.number, self.b.generation.number)
        found = first_difference(self._connection, *numbers, self.upto)
        if found is None:
            return
        self.since = found
        sides = [dict(_until(run.entries(found - 1), found)) for run in (self.a, self.b)]
        one, other = (side.get(found, []) for side in sides)
        row = upcast(read_at(self._connection, found)[0])
        self.first = first_of(self.b.book.registry, row, *_only(one, other))

    def run(self, progress: Progress | None) -> None:
        """Count what both came to since then, and whose entries differ from where on."""
        for run in (self.a, self.b):
            run.begin(self.since)
        for position, one, other in _together(
            self.a.entries(self.since - 1), self.b.entries(self.since - 1)
        ):
            for run, entries in ((self.a, one), (self.b, other)):
                run.note(position, entries)
            if one != other:
                for entry in (found for only in _only(one, other) for found in only):
                    for key in scopes_of(self.b.now, entry):
                        self.diverged.setdefault(key, position)
            if progress is not None:
                progress(position)

    def fates(self) -> Iterator[FateDifference]:
        """Yield who stands otherwise at the end."""
        a, b = self.a.book, self.b.book
        times = times_of(self._connection, set(self.diverged.values()))
        for key in sorted({*a.scopes, *b.scopes}):
            one, other = fate_of(self.a, key), fate_of(self.b, key)
            if one == other:
                continue
            at = self.diverged.get(key)
            working = b.assets[key[1]].working
            equities = [(measure(book, book.scope(*key)).equity, working) for book in (a, b)]
            yield FateDifference(
                b.registry.account(key[0]).name,
                b.registry.asset(key[1]).name,
                one,
                other,
                difference(*equities),
                at,
                None if at is None else times.get(at),
                "",
            )


def diff_generations(
    connection: Connection,
    a: int,
    b: int,
    upto: int | None = None,
    progress: Progress | None = None,
) -> Diff:
    """Return what differs between two generations, up to a position that both have.

    Counted from the first event after which they differ. The digests are empty where no snapshot of
    the last position is stored. Raises :class:`~clearing.audit.MomentUnclear`.
    """
    pair = StoredPair(connection, a, b, upto)
    pair.find()
    pair.run(progress)
    return Diff(
        pair.a.name,
        pair.b.name,
        pair.since,
        pair.upto,
        pair.first,
        (totals_of(pair.a), totals_of(pair.b)),
        tuple(pair.fates()),
        tuple(house_lines(pair.a.book, pair.b.book)),
    )


def bisect_generations(
    connection: Connection, a: int, b: int, upto: int | None = None
) -> FirstDifference | None:
    """Return the first event after which two generations differ; None if they never do.

    Raises :class:`~clearing.audit.MomentUnclear`.
    """
    pair = StoredPair(connection, a, b, upto)
    pair.find()
    return pair.first


def _only(one: list[Entry], other: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what only one of two lists has, with multiplicity."""
    ours, theirs = Counter(one), Counter(other)
    return list((ours - theirs).elements()), list((theirs - ours).elements())


def _until(
    entries: Iterable[tuple[int, list[Entry]]], position: int
) -> Iterator[tuple[int, list[Entry]]]:
    for at, found in entries:
        if at > position:
            return
        yield at, found


def _together(
    one: Iterator[tuple[int, list[Entry]]], other: Iterator[tuple[int, list[Entry]]]
) -> Iterator[tuple[int, list[Entry], list[Entry]]]:
    """Yield each position that either has entries at, with both entries."""
    a, b = next(one, None), next(other, None)
    while a is not None or b is not None:
        position = min(place[0] for place in (a, b) if place is not None)
        ours: list[Entry] = []
        theirs: list[Entry] = []
        if a is not None and a[0] == position:
            ours, a = a[1], next(one, None)
        if b is not None and b[0] == position:
            theirs, b = b[1], next(other, None)
        yield position, ours, theirs
