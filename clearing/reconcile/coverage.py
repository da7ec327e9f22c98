"""What statements cover: from when to when, what may be missing in them, where they overlap.

This is looked at before anything is compared: what a statement does not cover is no break.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from clearing.adapters.statements import STATEMENT_READERS
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.reconcile.lines import Balance, Class, Movement, class_of, decimal_text
from clearing.reconcile.taking import Leg


@dataclass(frozen=True, slots=True)
class ImportView:
    """A statement that was taken in.

    ``since`` and ``until`` are what it covers: the period asked for, else from its first to its
    last line (None: it has no line and was not asked for a period). ``doubts`` says in words what
    speaks for it not being whole.
    """

    number: int
    leg: str
    venue: str
    account: str
    statement_account: str
    format: str
    file: str
    sha256: str
    since: datetime | None
    until: datetime | None
    first_id: str
    last_id: str
    lines: int
    order: str
    doubts: tuple[str, ...]
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Where lines are missing as far as can be seen.

    Between ``since`` and ``until`` the balances of ``what`` move by ``amount`` more than its lines
    do (exact decimal), the position before a fill of ``what`` is by ``amount`` another than the
    fills before left, or nothing covers the time (no ``what``). ``named`` says that a break of the
    lines is there, which says more. ``account`` is that of the fills, as the statement names it.
    """

    since: datetime
    until: datetime
    what: str
    amount: str
    words: str
    named: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered of an account by the statements of a leg.

    ``gaps`` and the imports' doubts come before any balance; ``overlaps`` are pairs of imports that
    cover the same time, whose common lines count once.
    """

    leg: str
    venue: str
    account: str
    imports: tuple[ImportView, ...]
    gaps: tuple[Gap, ...]
    overlaps: tuple[tuple[int, int], ...]


class Covered(NamedTuple):
    """The time that a reconciliation compares, both ends included, and how its statements are.

    ``last_line`` is the moment of the last line of any statement (None: there is none).
    ``classes`` are what movements the formats state at all (None: every one), ``fills`` whether
    they state fills: what they do not state is not compared.
    """

    imports: tuple[int, ...]
    since: int
    until: int
    balances: Literal["line", "batch", "none"]
    descending: bool
    last_line: int | None
    classes: tuple[Class, ...] | None
    fills: bool

    def states(self, kind: str) -> bool:
        """Whether the statements would state a movement of a kind."""
        return self.classes is None or class_of(kind) in self.classes

    def has(self, at: int) -> bool:
        """Whether a moment lies in it."""
        return self.since <= at <= self.until


_COLUMNS: Final = (
    "id, leg, venue, account, statement_account, format, file, sha256, asked_from, asked_until,"
    " first_at, last_at, first_id, last_id, lines, refused, line_order, misplaced, saturated, cut,"
    " recorded_at, recorded_by, balances"
)


def imports(
    connection: Connection,
    leg: Leg | None = None,
    venue: str | None = None,
    account: str | None = None,
) -> list[ImportView]:
    """Return the statements that were taken in, in order, of a leg, venue or account if named."""
    return [_view(row) for row in _rows(connection, leg, venue, account)]


def _rows(
    connection: Connection, leg: str | None, venue: str | None, account: str | None
) -> list[Any]:
    return connection.execute(
        f"SELECT {_COLUMNS} FROM clearing.recon_import"  # noqa: S608 - a constant of this module
        " WHERE (%(leg)s::text IS NULL OR leg = %(leg)s)"
        " AND (%(venue)s::text IS NULL OR venue = %(venue)s)"
        " AND (%(account)s::text IS NULL OR account = %(account)s) ORDER BY id",
        {"leg": leg, "venue": venue, "account": account},
    ).fetchall()


def _view(row: Any) -> ImportView:
    since, until = _span(row)
    return ImportView(
        int(row[0]),
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7].hex(),
        None if since is None else from_microseconds(since),
        None if until is None else from_microseconds(until),
        row[12],
        row[13],
        int(row[14]),
        row[16],
        _doubts(row),
        row[20],
        row[21],
    )


def _span(row: Any) -> tuple[int | None, int | None]:
    asked_from, asked_until, first, last = row[8:12]
    since = first if asked_from is None else asked_from
    # What is asked for until a moment does not hold that moment itself.
    until = last if asked_until is None else asked_until - 1
    return (None if since is None else int(since), None if until is None else int(until))


def _doubts(row: Any) -> tuple[str, ...]:
    lines, refused, order, misplaced, saturated, cut = row[14:20]
    found = []
    if saturated:
        found.append(f"exactly {lines:,} lines, a full page: more may have been left off")
    if cut:
        found.append("its last line could not be read: it may have been cut off")
    if refused:
        found.append(f"{refused:,} lines could not be read")
    if misplaced:
        listed = ", ".join(f"{line:,}" for line in misplaced[:5])
        found.append(f"{order}, but not at line {listed}{' …' if len(misplaced) > 5 else ''}")
    if not lines:
        found.append("it has no lines")
    return tuple(found)


def covered(
    connection: Connection, leg: Leg, venue: str, account: str, until: int | None = None
) -> Covered | None:
    """Return what the statements of an account cover together, None where none covers anything.

    ``until`` (microseconds) cuts it off, so that a day can be reconciled while the next has begun.
    """
    rows = [row for row in _rows(connection, leg, venue, account) if None not in _span(row)]
    spans = [_span(row) for row in rows]
    if not spans:
        return None
    since = min(int(first) for first, _ in spans if first is not None)
    last = max(int(end) for _, end in spans if end is not None)
    end = last if until is None else min(last, until)
    lines = sum(int(row[14]) for row in rows if row[16] == "descending")
    kinds = [row[22] for row in rows]
    balances: Literal["line", "batch", "none"] = "none"
    if "batch" in kinds:
        balances = "batch"
    elif "line" in kinds:
        balances = "line"
    ends = [int(row[11]) for row in rows if row[11] is not None]
    numbers = tuple(int(row[0]) for row in rows)
    descending = lines * 2 > sum(int(row[14]) for row in rows)
    formats = sorted({str(row[5]) for row in rows})
    classes, fills = _stated(connection, formats, numbers)
    last_line = max(ends, default=None)
    return Covered(numbers, since, end, balances, descending, last_line, classes, fills)


def _stated(
    connection: Connection, formats: Sequence[str], numbers: Sequence[int]
) -> tuple[tuple[Class, ...] | None, bool]:
    """Return which movements the formats state, and whether they state fills.

    A mapped CSV states fills where it has any; of every other format that is known.
    """
    classes: set[Class] | None = set()
    fills = False
    for name in formats:
        reader = STATEMENT_READERS[name]
        if reader.kinds is None:
            classes = None
        elif classes is not None:
            classes |= {class_of(kind) for kind in reader.kinds}
        fills = fills or (reader.fills and name != GENERIC)
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM clearing.recon_fill WHERE import = ANY(%s))", (list(numbers),)
    ).fetchone()
    fills = fills or bool(row and row[0])
    # In order, so that the same inputs have the same digest.
    return (None if classes is None else tuple(sorted(classes))), fills


GENERIC: Final = "generic-csv"
"""The format whose mapping says what it states."""


def misplaced(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return (import, line) of lines that stand against the order of their statement."""
    rows = connection.execute(
        "SELECT id, unnest(misplaced) FROM clearing.recon_import WHERE id = ANY(%s) ORDER BY 1, 2",
        (list(numbers),),
    )
    return [(int(number), int(line)) for number, line in rows]


def time_gaps(views: Sequence[ImportView]) -> list[Gap]:
    """Return the times between statements that none covers."""
    spans = sorted(
        (one.since, one.until) for one in views if one.since is not None and one.until is not None
    )
    gaps: list[Gap] = []
    reached: datetime | None = None
    for since, until in spans:
        if reached is not None and since > reached and (since - reached).total_seconds() > 1:
            words = "no statement covers this time"
            gaps.append(Gap(reached, since, "", "", words))
        reached = until if reached is None else max(reached, until)
    return gaps


def overlaps(views: Sequence[ImportView]) -> list[tuple[int, int]]:
    """Return the pairs of statements that cover some of the same time."""
    spans = sorted(
        (one.since, one.until, one.number)
        for one in views
        if one.since is not None and one.until is not None
    )
    found = []
    for place, (_, until, number) in enumerate(spans):
        for since, _, other in spans[place + 1 :]:
            if since > until:
                break
            found.append((number, other))
    return found


class Leap(NamedTuple):
    """Where a statement's balances of an asset do not follow from its lines.

    Between ``since`` (not included) and ``until`` they move by ``amount`` more than the lines do.
    """

    asset: str
    since: int
    until: int
    amount: int


def leaps(movements: Sequence[Movement], balances: Sequence[Balance]) -> list[Leap]:
    """Return where stated balances do not follow from the movements between them.

    Both in order of moment; of several balances of an asset at one moment the last counts.
    """
    sums: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in movements:
        sums[one.asset][one.at] += one.amount
    stated: dict[str, dict[int, int]] = defaultdict(dict)
    for balance in balances:
        if not balance.position and not balance.before:
            stated[balance.what][balance.at] = balance.amount
    found = []
    for asset, points in stated.items():
        moved = sorted(sums[asset].items())
        place, before, since = 0, None, 0
        for at, amount in sorted(points.items()):
            between = 0
            while place < len(moved) and moved[place][0] <= at:
                between += moved[place][1]
                place += 1
            if before is not None and amount - before != between:
                found.append(Leap(asset, since, at, amount - before - between))
            before, since = amount, at
    return sorted(found, key=lambda one: (one.since, one.asset))


def balance_gaps(found: Sequence[Leap], breaks: Mapping[str, Sequence[int]]) -> list[Gap]:
    """Return where balances do not follow from lines, in words.

    ``breaks`` are the moments of what differs, by asset.
    """
    return [
        Gap(
            from_microseconds(one.since),
            from_microseconds(one.until),
            one.asset,
            decimal_text(one.amount),
            "the balances move by this more than the lines between them",
            any(one.since < at <= one.until for at in breaks.get(one.asset, ())),
        )
        for one in found
    ]
