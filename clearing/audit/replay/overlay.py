"""A scenario's overrides, ready for a log: which events they change, drop, insert, and where."""

from collections.abc import Sequence
from datetime import datetime

from clearing.audit.moments import Moment, first_later
from clearing.audit.replay.document import (
    EVERY,
    DropOverride,
    FundOverride,
    InsertOverride,
    MoveOverride,
    Override,
    PriceOverride,
    RulebookOverride,
    Scenario,
    ScenarioRefused,
    StateOverride,
    moment_of,
)
from clearing.audit.replay.facts import Amend, Drop, Fund, Insert, Move, State
from clearing.audit.replay.prices import Prices
from clearing.audit.replay.rules import Rules
from clearing.audit.replay.scene import Change, Scene, Window
from clearing.events import EventRow, Kind, Reference, upcast
from clearing.events.fields import to_microseconds
from clearing.log import Connection, load_registry, position_of, read_at
from clearing.projectors import schema_of

Place = int | datetime


class Applied:
    """What became of one override: how many events it changed, and the first and last of them.

    ``changed`` are the last two positions whose entries it may have changed, the latest last.
    """

    __slots__ = ("changed", "count", "first", "last", "where")

    def __init__(self, where: str) -> None:
        self.where = where
        self.count = self.first = self.last = 0
        self.changed: tuple[int, ...] = ()

    def note(self, position: int, *, inserted: bool = False) -> None:
        """Count an event that was changed, dropped, or inserted before ``position``."""
        self.count += 1
        self.first = self.first or position
        self.last = position
        place = position - 1 if inserted else position
        if place not in self.changed:
            self.changed = (*self.changed[-1:], place)


class Overlay:
    """All overrides of a scenario.

    ``first`` is the first position that is told (by default the first that any of them holds for;
    beyond ``upto``: none does), and ``applied`` says what became of each, in their order.
    """

    def __init__(self, changes: Sequence[Change], upto: int, first: int | None = None) -> None:
        self.upto = upto
        self.changes = list(changes)
        self.applied = [Applied(change.where) for change in self.changes]
        self.first = first or self.begins

    @property
    def begins(self) -> int:
        """The first position that an override holds for; one beyond the end where there is none."""
        return min((change.window[0] for change in self.changes), default=self.upto + 1)

    def before(self, scene: Scene) -> list[EventRow]:
        """Return what is inserted before the next event, or after the last."""
        rows: list[EventRow] = []
        for change, applied in zip(self.changes, self.applied, strict=True):
            if scene.position > self.upto and not change.stands_alone:
                continue
            if scene.position in change.moments:
                inserted = change.before(scene)
                for _ in inserted:
                    applied.note(scene.position, inserted=True)
                rows += inserted
        return rows

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return what the next event becomes, or None where it is left out."""
        altered: EventRow | None = row
        for change, applied in zip(self.changes, self.applied, strict=True):
            first, last = change.window
            if altered is None or not first <= row.position <= last:
                continue
            if altered.kind not in change.kinds:
                continue
            before, altered = altered, change.alter(altered, scene)
            if altered is None or altered != before:
                applied.note(row.position)
        return altered


class _Log:
    """The log as places and references are looked up in it: told up to ``upto`` of all of it."""

    def __init__(self, connection: Connection, name: str, moment: Moment, upto: int) -> None:
        self.connection = connection
        self.name = name
        self.upto = upto
        self._moment = moment
        self.registry = load_registry(connection, upto)

    def at(self, place: Place) -> int:
        """Return the first position at or after a place; one beyond the end if there is none."""
        return place if isinstance(place, int) else self._later(to_microseconds(place) - 1)

    def until(self, place: Place) -> int:
        """Return the last position by a place: before the first event that happened later."""
        return place if isinstance(place, int) else self._later(to_microseconds(place)) - 1

    def gap(self, place: Place | None, where: str) -> tuple[int, int | None]:
        """Return the position before which something at ``place`` stands, and its time if told.

        Before the event at a position; after all that happened by a time; after the last event for
        no place. Refused is what lies beyond what is told, since it would never come.
        """
        if place is None:
            return self.upto + 1, None
        time = None if isinstance(place, int) else to_microseconds(place)
        position = place if isinstance(place, int) else self._later(to_microseconds(place))
        if position > self.upto + 1:
            problem = f"{where}: {moment_of(place)} is beyond the last position told, {self.upto}"
            raise ScenarioRefused(self.name, [problem])
        return position, time

    def _later(self, time: int) -> int:
        """Return the first position whose event happened after ``time`` (microseconds)."""
        schema = schema_of(self._moment.generation.number)
        return first_later(self.connection, schema, time, self._moment.position)

    def window(self, override: Override, where: str) -> Window:
        """Return the positions that an override holds for; none where the second is the lesser."""
        first = 1 if override.since is None else self.at(override.since)
        if override.to is None:
            return first, self.upto
        last = self.until(override.to)
        if last < first - 1:
            bounds = f"to: {moment_of(override.to)} is log position {last}"
            problem = f"{where}.{bounds}, which lies before from, {first}"
            raise ScenarioRefused(self.name, [problem])
        return first, min(last, self.upto)

    def event(self, named: int | Reference, where: str) -> EventRow:
        """Return an event of the log, by position or identity."""
        position: int | None
        if isinstance(named, int):
            position = named
        else:
            source = self.registry.source_ordinals.get(named.source, 0)
            position = position_of(self.connection, source, named.external_id)
        if position is None or not 1 <= position <= self.upto:
            told = named if isinstance(named, int) else f"{named.source}/{named.external_id}"
            problem = f"{where}.event: {told} is not in the log up to position {self.upto}"
            raise ScenarioRefused(self.name, [problem])
        return upcast(read_at(self.connection, position)[0])


def last_told(connection: Connection, name: str, upto: Place | None, moment: Moment) -> int:
    """Return the last position that a document called ``name`` tells of the log up to ``moment``.

    Raises :class:`ScenarioRefused` for a place beyond it.
    """
    end = moment.of_log()
    if upto is None:
        return end
    position = _Log(connection, name, moment, end).until(upto)
    if not 1 <= position <= end:
        raise ScenarioRefused(name, [f"upto: {moment_of(upto)} is beyond log position {end}"])
    return position


def make_overlay(connection: Connection, scenario: Scenario, moment: Moment) -> Overlay:
    """Return the overrides of a scenario for the log up to ``moment``.

    Raises :class:`ScenarioRefused` for what they name and the log does not have.
    """
    upto = last_told(connection, scenario.name, scenario.upto, moment)
    log = _Log(connection, scenario.name, moment, upto)
    changes = [
        _change(log, override, f"overrides.{i}") for i, override in enumerate(scenario.overrides)
    ]
    states = [change for change in changes if isinstance(change, State)]
    for state in states:
        state.others = states
    overlay = Overlay(changes, upto)
    if scenario.since is None:
        return overlay
    first = log.at(scenario.since)
    if first > overlay.begins:
        problem = f"from: {moment_of(scenario.since)} is after the first override, at"
        raise ScenarioRefused(scenario.name, [f"{problem} log position {overlay.begins}"])
    return Overlay(changes, upto, first)


def _change(log: _Log, override: Override, where: str) -> Change:
    if isinstance(override, InsertOverride):
        return Insert(override, where, *log.gap(override.since, f"{where}.from"))
    if isinstance(override, MoveOverride):
        row = log.event(override.event, where)
        if row.kind <= Kind.AccountOpened:
            problem = f"{where}.event: {row.position} declares a name, which others need"
            raise ScenarioRefused(log.name, [problem])
        return Move(row, where, *log.gap(override.to, f"{where}.to"))
    window = log.window(override, where)
    match override:
        case PriceOverride():
            _check_names(log, where, market=_one(override.market), source=override.source)
            return Prices(override, where, window)
        case RulebookOverride():
            return Rules(override, where, window)
        case StateOverride():
            _check_names(log, where, market=_one(override.market))
            return State(override, where, window, ends=override.to is not None)
        case FundOverride():
            return Fund(override, where, window[0])
        case DropOverride():
            _check_names(log, where, market=override.market, account=override.account)
            named = override.event
            position = 0 if named is None else log.event(named, where).position
            return Drop(override, where, window, position)
    return Amend(override, where, log.event(override.event, where).position)


def _one(market: str) -> str | None:
    """Return a market's name, or nothing where every one is meant."""
    return None if market == EVERY else market


def _check_names(
    log: _Log,
    where: str,
    *,
    market: str | None,
    source: str | None = None,
    account: str | None = None,
) -> None:
    """Refuse what is not declared: an override of it would change nothing, silently."""
    registry = log.registry
    problems = [
        f"{where}.{field}: {name!r} is not declared"
        for field, name, known in (
            ("market", market, registry.market_ordinals),
            ("source", source, registry.source_ordinals),
            ("account", account, registry.account_ordinals),
        )
        if name is not None and name not in known
    ]
    if problems:
        raise ScenarioRefused(log.name, problems)
