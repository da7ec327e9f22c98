"""Histories: every event and entry that touched an account or a market, page by page.

A page is a run of lines in the order of (log position, line): what was told, and beneath it what
the fold made of it as far as it names who is asked about. The next page begins after a cursor, so
pages neither overlap nor leave anything out, however much is appended meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from clearing.audit.entry_texts import entry_fields
from clearing.audit.load import Histories
from clearing.audit.losses import NameUnknown
from clearing.audit.moments import Moment, MomentUnclear
from clearing.audit.standing import Standing, marks_held, standing_at
from clearing.audit.touching import Sort, Span, Touching
from clearing.engine import ENTRY_FIELDS
from clearing.events import decode, upcast
from clearing.events.fields import from_microseconds
from clearing.events.kinds import Kind
from clearing.log import Connection, read_rows

_CHUNK: Final = 500
"""The most events that are looked up at a time."""

Line = tuple[int, int, str, Any]
"""An entry's line, side (0 but for postings), kind, and row."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry that names who is asked about: its line in the event, its kind, and its fields.

    :func:`~clearing.audit.entry_texts.entry_fields` says what the fields are. A posting is one
    entry for each of its lines that is of who is asked about.
    """

    line: int
    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """An event that touched who is asked about, and the entries beneath it.

    ``content`` is the event's document. ``rulebooks`` are those in force after it, by settlement
    asset, as ``name@version``. ``standing`` is how an account stood after it, by asset, where that
    was asked for. An event that does not fit a page has the rest of its entries on the next one.
    """

    log_position: int
    kind: str
    source: str
    external_id: str
    occurred_at: datetime
    recorded_at: datetime
    content: dict[str, Any]
    rulebooks: dict[str, str]
    entries: tuple[HistoryEntry, ...]
    standing: dict[str, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a history; ``after`` is the cursor of the next page, empty after the last."""

    events: tuple[HistoryEvent, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a history is wanted.

    ``kinds`` are kinds of event and ``entries`` kinds of entry (empty: all), ``first`` the log
    position to begin at, ``after`` a cursor of the page before, ``limit`` the most lines (an event
    without entries is one, too). With ``equity`` (of an account alone) the events that marked a
    market in which it had a position are in it as well, and every event says how it stood then.
    """

    kinds: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    first: int = 1
    after: str = ""
    limit: int = 100
    equity: bool = False


def history(
    connection: Connection, sort: str, name: str, moment: Moment, wanted: Wanted
) -> HistoryPage:
    """Return a page of the history of an ``account``, ``market`` or ``fund`` up to a moment.

    What was not declared by then has none. Raises :class:`~clearing.audit.NameUnknown` for a kind
    that there is not and an account that is no fund, and
    :class:`~clearing.audit.MomentUnclear` for a cursor that is none.
    """
    histories = Histories(connection, moment)
    kind: Sort = "market" if sort == "market" else "account"
    ordinal = _ordinal(histories, sort, name)
    span = Span(wanted.first, moment.of_log(), _kinds(wanted.kinds))
    unknown = sorted(set(wanted.entries) - set(ENTRY_FIELDS))
    if unknown:
        raise NameUnknown(f"there is no entry of kind {unknown[0]!r}")
    _cursor(wanted.after)
    if not ordinal:
        return HistoryPage((), "")
    touching = Touching(histories, kind, ordinal, wanted.entries)
    pager = _Pager(histories, touching, span, wanted, ordinal)
    chosen, after = pager.page()
    course = _Course(histories, kind, ordinal)
    writer = _Writer(histories, course, list(chosen))
    events = []
    for position, lines in chosen.items():
        standing = {}
        if wanted.equity and kind == "account":
            standing = standing_at(histories, ordinal, position)
        events.append(writer.event(position, lines, standing))
    return HistoryPage(tuple(events), after)


def _ordinal(histories: Histories, sort: str, name: str) -> int:
    registry = histories.registry
    known = registry.market_ordinals if sort == "market" else registry.account_ordinals
    ordinal = known.get(name, 0)
    if sort == "fund" and ordinal and registry.account(ordinal).account_class != "fund":
        raise NameUnknown(f"account {name!r} is not of class fund")
    return ordinal


def _kinds(names: Iterable[str]) -> tuple[int, ...]:
    for name in names:
        if name not in Kind.__members__:
            raise NameUnknown(f"there is no event of kind {name!r}")
    return tuple(int(Kind[name]) for name in names)


def _cursor(text: str) -> tuple[int, int, int] | None:
    """Read a cursor: ``POSITION`` after a whole event, ``POSITION:LINE:SIDE`` within one."""
    if not text:
        return None
    parts = text.split(":")
    if len(parts) not in (1, 3) or not all(part.isascii() and part.isdigit() for part in parts):
        raise MomentUnclear(f"{text!r} is no cursor: take the one that the page before gave")
    numbers = [int(part) for part in parts]
    return (numbers[0], 1 << 60, 0) if len(parts) == 1 else (numbers[0], numbers[1], numbers[2])


class _Pager:
    """Collects the lines of one page."""

    def __init__(
        self,
        histories: Histories,
        touching: Touching,
        span: Span,
        wanted: Wanted,
        ordinal: int,
    ) -> None:
        self._histories = histories
        self._touching = touching
        self._span = span
        self._wanted = wanted
        self._ordinal = ordinal

    def page(self) -> tuple[dict[int, list[Line]], str]:
        """Return the chosen lines by event, and the cursor after them (empty: that is all)."""
        chosen: dict[int, list[Line]] = {}
        left = self._wanted.limit
        begin = _cursor(self._wanted.after)
        first = self._span.first
        if begin is not None:
            first = max(first, begin[0])
        while True:
            many = min(left + 2, _CHUNK)
            positions, lines = self._next(first, many)
            for position in positions:
                found = lines.get(position, [])
                if begin is not None and position == begin[0]:
                    if begin[1] == 1 << 60:
                        continue
                    found = [line for line in found if line[:2] > begin[1:]]
                    if not found:
                        continue
                if not found and self._wanted.entries:
                    continue
                if not left:
                    return chosen, _after(chosen, whole=True)
                chosen[position] = found[:left]
                left -= max(1, len(chosen[position]))
                if len(found) > len(chosen[position]):
                    return chosen, _after(chosen, whole=False)
            if len(positions) < many:
                return chosen, ""
            first = positions[-1] + 1

    def _next(self, first: int, many: int) -> tuple[list[int], dict[int, list[Line]]]:
        """Return the next events from ``first`` on with their lines."""
        span = Span(first, self._span.last, self._span.kinds)
        positions = self._touching.events(span, many)
        if not self._wanted.equity:
            return positions, self._touching.lines(positions)
        marks = marks_held(self._histories, self._ordinal, span, many)
        found = {*positions, *(row["position"] for _, row in marks)}
        positions = sorted(found)[:many]
        lines = self._touching.lines(positions)
        for kind, row in marks:
            if row["position"] in positions and kind in (self._wanted.entries or (kind,)):
                lines.setdefault(row["position"], []).append((row["line"], 0, kind, row))
        for own in lines.values():
            own.sort(key=lambda line: line[:2])
        return positions, lines


def _after(chosen: dict[int, list[Line]], *, whole: bool) -> str:
    position = max(chosen)
    if whole:
        return str(position)
    line, side = chosen[position][-1][:2]
    return f"{position}:{line}:{side}"


class _Course:
    """Which rulebook was in force after which position."""

    def __init__(self, histories: Histories, sort: Sort, ordinal: int) -> None:
        registry = histories.registry
        only = registry.market(ordinal).settlement_asset if sort == "market" else 0
        self._stated = [
            (int(position), registry.asset(asset).name, f"{name}@{version}")
            for position, asset, name, version in histories.rows(
                "SELECT position, asset, name, version FROM {rulebook} WHERE status = 'in_force'"
                " AND position <= %(position)s AND (%(only)s = 0 OR asset = %(only)s)"
                " ORDER BY position, line",
                ["rulebook"],
                only=only,
            )
        ]

    def at(self, position: int) -> dict[str, str]:
        """Return the rulebooks in force after the event at ``position``, by asset."""
        return {asset: name for since, asset, name in self._stated if since <= position}


class _Writer:
    """Writes the events of a page."""

    def __init__(self, histories: Histories, course: _Course, positions: Sequence[int]) -> None:
        self._registry = histories.registry
        self._course = course
        rows = read_rows(histories.connection, list(positions)) if positions else []
        self._rows = {row.position: upcast(row) for row, _ in rows}
        self._recorded = {
            int(position): from_microseconds(int(at))
            for position, at in histories.rows(
                "SELECT p.position, r.recorded_at FROM unnest(%(positions)s::bigint[])"
                " p (position) CROSS JOIN LATERAL (SELECT recorded_at FROM clearing.log_receipt"
                " WHERE last_position >= p.position ORDER BY last_position, batch LIMIT 1) r",
                [],
                positions=list(positions),
            )
        }

    def event(
        self, position: int, lines: Sequence[Line], standing: dict[str, Standing]
    ) -> HistoryEvent:
        event = decode(self._rows[position], self._registry)
        content = event.model_dump(mode="json", exclude_none=True)
        for shown_beside in ("kind", "source", "external_id", "occurred_at"):
            content.pop(shown_beside)
        entries = tuple(
            HistoryEntry(line, kind, entry_fields(self._registry, kind, row))
            for line, _, kind, row in lines
        )
        return HistoryEvent(
            position,
            event.kind,
            event.source,
            event.external_id,
            event.occurred_at,
            self._recorded[position],
            content,
            self._course.at(position),
            entries,
            standing,
        )
