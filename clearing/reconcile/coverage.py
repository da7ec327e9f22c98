"""What statements cover: from when to when, what may be missing in them, where they overlap.

This is looked at before anything is compared: what a statement does not cover is no break.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from clearing.adapters.statements import STATEMENT_READERS
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection
from clearing.reconcile.accepting import Acceptance, acceptances, doubt_id
from clearing.reconcile.lines import Balance, Class, Movement, class_of, decimal_text
from clearing.reconcile.taking import Leg
from clearing.reconcile.withdrawing import Withdrawal, withdrawals


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks for a statement not being whole, in words.

    ``id`` is what it is accepted by; ``accepted`` by whom and why it was (None: it stands).
    """

    id: str
    words: str
    accepted: Acceptance | None = None


@dataclass(frozen=True, slots=True)
class ImportView:
    """A statement that was taken in.

    ``since`` and ``until`` are what it covers: the period asked for, else from its first to its
    last line (None: it has no line and was not asked for a period). ``withdrawn`` says why it
    counts no more (None: it counts); ``again_after`` is the withdrawn import of the very same file
    after which it was taken in again (0: none).
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
    doubts: tuple[Doubt, ...]
    recorded_at: datetime
    recorded_by: str
    withdrawn: Withdrawal | None = None
    again_after: int = 0

    @property
    def doubtful(self) -> bool:
        """Whether any doubt about it stands."""
        return any(doubt.accepted is None for doubt in self.doubts)


@dataclass(frozen=True, slots=True)
class Gap:
    """Where lines are missing as far as can be seen.

    Between ``since`` and ``until`` the balances of ``what`` move by ``amount`` more than its lines
    do (exact decimal), the position before a fill of ``what`` is by ``amount`` another than the
    fills before left, or nothing covers the time (no ``what``); then ``ours`` counts what of ours
    lies there and is not compared. ``named`` says that a break of the lines is there, which says
    more. ``account`` is that of the fills, as the statement names it. ``id`` is what it is accepted
    by; ``accepted`` by whom and why it was (None: it stands).
    """

    since: datetime
    until: datetime
    what: str
    amount: str
    words: str
    named: bool = False
    account: str = ""
    ours: int = 0
    id: str = ""
    accepted: Acceptance | None = None

    @property
    def open(self) -> bool:
        """Whether it keeps a reconciliation from being clean."""
        return not self.named and self.accepted is None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered of an account by the statements of a leg.

    ``imports`` are those that count. ``gaps`` and the imports' doubts come before any balance;
    ``overlaps`` are pairs of imports that cover the same time, whose common lines count once.
    """

    leg: str
    venue: str
    account: str
    imports: tuple[ImportView, ...]
    gaps: tuple[Gap, ...]
    overlaps: tuple[tuple[int, int], ...]


class Covered(NamedTuple):
    """The time that a reconciliation compares, both ends included, and how its statements are.

    ``spans`` are the pieces of it that statements cover, in order and apart: what lies between them
    is not compared. ``withdrawn`` are the imports that do not count.
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
    spans: tuple[tuple[int, int], ...]
    withdrawn: tuple[int, ...]

    def states(self, kind: str) -> bool:
        """Whether the statements would state a movement of a kind."""
        return self.classes is None or class_of(kind) in self.classes

    def has(self, at: int) -> bool:
        """Whether a moment lies between its ends."""
        return self.since <= at <= self.until

    def reaches(self, cut: int | None) -> int | None:
        """Return the last covered moment up to ``cut`` (None: at all); None if there is none."""
        if cut is None:
            return self.until
        return max((min(last, cut) for first, last in self.spans if first <= cut), default=None)

    def covers(self, at: int) -> bool:
        """Whether a statement covers a moment."""
        return within(self.spans, at)


_COLUMNS: Final = (
    "id, leg, venue, account, statement_account, format, file, sha256, asked_from, asked_until,"
    " first_at, last_at, first_id, last_id, lines, refused, line_order, misplaced, saturated, cut,"
    " recorded_at, recorded_by, balances, again_after, kinds"
)


def imports(
    connection: Connection,
    leg: Leg | None = None,
    venue: str | None = None,
    account: str | None = None,
) -> list[ImportView]:
    """Return the statements that were taken in, in order, of a leg, venue or account if named.

    Those that were withdrawn are among them.
    """
    gone, accepted = withdrawals(connection), acceptances(connection)
    return [_view(row, gone, accepted) for row in _rows(connection, leg, venue, account)]


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


def _view(
    row: Any, gone: Mapping[int, Withdrawal], accepted: Mapping[str, Acceptance]
) -> ImportView:
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
        tuple(
            Doubt(name, words, accepted.get(name))
            for name, words in (
                (doubt_id("import", int(row[0]), what), words) for what, words in _doubts(row)
            )
        ),
        row[20],
        row[21],
        gone.get(int(row[0])),
        int(row[23] or 0),
    )


def _span(row: Any) -> tuple[int | None, int | None]:
    asked_from, asked_until, first, last = row[8:12]
    since = first if asked_from is None else asked_from
    # What is asked for until a moment does not hold that moment itself.
    until = last if asked_until is None else asked_until - 1
    return (None if since is None else int(since), None if until is None else int(until))


def _doubts(row: Any) -> Iterable[tuple[str, str]]:
    """Yield what speaks against a statement: what kind of doubt it is, and its words."""
    lines, refused, order, misplaced, saturated, cut = row[14:20]
    if saturated:
        yield "full page", f"exactly {lines:,} lines, a full page: more may have been left off"
    if cut:
        yield "cut", "its last line could not be read: it may have been cut off"
    if refused:
        yield "refused", f"{refused:,} lines could not be read"
    if misplaced:
        listed = ", ".join(f"{line:,}" for line in misplaced[:5])
        more = " …" if len(misplaced) > 5 else ""
        yield "order", f"{order}, but not at line {listed}{more}"
    if not lines:
        yield "empty", "it has no lines"


def covered(
    connection: Connection, leg: Leg, venue: str, account: str, until: int | None = None
) -> Covered | None:
    """Return what the statements of an account cover together, None where none covers anything.

    ``until`` (microseconds) cuts it off, so that a day can be reconciled while the next has begun.
    """
    every = _rows(connection, leg, venue, account)
    gone = withdrawals(connection)
    withdrawn = tuple(int(row[0]) for row in every if int(row[0]) in gone)
    rows = [row for row in every if int(row[0]) not in gone and None not in _span(row)]
    spans = merged(_whole(_span(row)) for row in rows)
    if until is not None:
        spans = [(first, min(last, until)) for first, last in spans if first <= until]
    if not spans:
        return None
    since, end = spans[0][0], spans[-1][1]
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
    classes, fills = _stated(connection, rows, numbers)
    last_line = max(ends, default=None)
    return Covered(
        *(numbers, since, end, balances, descending, last_line, classes, fills),
        spans=tuple(spans),
        withdrawn=withdrawn,
    )


def _whole(span: tuple[int | None, int | None]) -> tuple[int, int]:
    since, until = span
    if since is None or until is None:
        raise ValueError("a statement without an end covers nothing")
    return since, until


_NEAR: Final = 1_000_000
"""Microseconds: a clock of whole seconds says no more of what lies between two neighbours."""


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of time (both ends included) in order, those that meet or overlap made one.

    A second between two is no gap: statements whose clocks have no fractions could not meet.
    """
    made: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if made and since <= made[-1][1] + _NEAR:
            made[-1] = (made[-1][0], max(made[-1][1], until))
        else:
            made.append((since, until))
    return made


def within(spans: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether a moment lies in one of the spans, which are in order and apart."""
    place = bisect_right(spans, at, key=lambda span: span[0])
    return place > 0 and at <= spans[place - 1][1]


def _stated(
    connection: Connection, rows: Sequence[Any], numbers: Sequence[int]
) -> tuple[tuple[Class, ...] | None, bool]:
    """Return which movements the statements state, and whether they state fills.

    A mapped CSV states the kinds that its mapping said, and fills where it has any; of every other
    format both are known.
    """
    classes: set[Class] | None = set()
    fills = False
    for row in rows:
        reader = STATEMENT_READERS[row[5]]
        kinds = reader.kinds if row[24] is None else row[24]
        if kinds is None:
            classes = None
        elif classes is not None:
            classes |= {class_of(kind) for kind in kinds}
        fills = fills or (reader.fills and reader.name != GENERIC)
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


def time_gaps(span: Covered, uncovered: Sequence[int]) -> list[Gap]:
    """Return the times between statements that none covers.

    ``uncovered`` are the moments of what of ours was not compared for it.
    """
    moments = sorted(uncovered)
    gaps: list[Gap] = []
    for (_, reached), (since, _) in pairwise(span.spans):
        ours = bisect_left(moments, since) - bisect_right(moments, reached)
        words = "no statement covers this time"
        if ours:
            words = f"{words}; {ours:,} of ours in it not compared"
        ends = (from_microseconds(reached), from_microseconds(since))
        gaps.append(Gap(*ends, "", "", words, ours=ours))
    return gaps


def judged(
    connection: Connection, of: tuple[str, str, str], gaps: Iterable[Gap]
) -> tuple[Gap, ...]:
    """Return the gaps of (leg, venue, account) with their ids, and who accepted them.

    A gap that changes (in time, amount, or what of ours lies in it) is another one: what was
    accepted does not grow.
    """
    accepted = acceptances(connection)
    made = []
    for gap in gaps:
        ends = (to_microseconds(gap.since), to_microseconds(gap.until))
        name = doubt_id("gap", *of, *ends, gap.what, gap.amount, gap.account, gap.ours)
        made.append(replace(gap, id=name, accepted=accepted.get(name)))
    return tuple(made)


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
