"""What overrides work with: their place in the log, the books beside them, events of their own."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from clearing.audit.replay.document import ScenarioRefused
from clearing.engine import Engine
from clearing.engine.scope import Scope
from clearing.events import EventRefused, EventRow, Kind, Registry, decode, encode, parse_event
from clearing.events.fields import from_microseconds

AUTHOR: Final = "scenario"
"""Who decided what an override decides."""

Window = tuple[int, int]
"""The first and the last log position that an override holds for."""

_OF_MARKET: Final = frozenset(
    {
        Kind.Marked,
        Kind.PriceObserved,
        Kind.FundingSettled,
        Kind.MarketStateChanged,
        Kind.MarketSettled,
        Kind.OpenInterestObserved,
        Kind.DepthObserved,
        Kind.RiskArrayPublished,
        Kind.PremiumSampled,
        Kind.DeleveragingRanked,
    }
)
_OF_ASSET: Final = frozenset({Kind.InterestSettled})


class Scene:
    """Where a replay stands: the recorded engine and the scenario's, before the next event.

    ``position`` is the log position of that event.
    """

    __slots__ = ("name", "position", "recorded", "scenario")

    def __init__(self, name: str, recorded: Engine, scenario: Engine) -> None:
        self.name = name
        self.recorded = recorded
        self.scenario = scenario
        self.position = recorded.position + 1

    @property
    def registry(self) -> Registry:
        """The names declared so far."""
        return self.scenario.book.registry

    def row(self, where: str, event: dict[str, Any], *, time: int | None = None) -> EventRow:
        """Return an event of the scenario's own as a row at the present position.

        ``where`` names the override, ``time`` (microseconds) is when it happened: by default with
        the latest event. Raises :class:`ScenarioRefused` with what is wrong with it.
        """
        if not self.registry.source_ordinals:
            problem = f"{where}: before log position {self.position} no source is declared"
            raise ScenarioRefused(self.name, [problem])
        happened = self.scenario.book.latest if time is None else time
        document = {
            "source": self.registry.source(1).name,
            "external_id": f"scenario {where}",
            "occurred_at": from_microseconds(happened),
            **event,
        }
        try:
            row = encode(parse_event(document), self.registry)
        except EventRefused as refused:
            raise ScenarioRefused(self.name, [f"{where}: {refused}"]) from refused
        row.position = self.scenario.position
        return row

    def changed(
        self, row: EventRow, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> EventRow:
        """Return a row with its event's document changed."""
        document = decode(row, self.registry).model_dump()
        altered = encode(parse_event(change(document)), self.registry)
        altered.position = row.position
        return altered


class Change:
    """One override at work; by itself it changes nothing.

    ``where`` names it in answers and errors, ``window`` is what it holds for, ``moments`` are the
    positions before which it inserts, ``kinds`` the kinds of events that it may alter. One that
    ``stands_alone`` inserts what may also come after the last event: others need one to hold for.
    """

    kinds: frozenset[int] = frozenset()
    stands_alone = False

    def __init__(self, where: str, window: Window, moments: tuple[int, ...] = ()) -> None:
        self.where = where
        self.window = window
        self.moments = moments

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return the events to insert before the next one, at the present position."""
        del scene  # for those that insert
        return ()

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return what the next event becomes: the same row if nothing, None if it is left out."""
        del scene  # for those that alter
        return row


def concerned(engine: Engine, row: EventRow) -> Iterable[Scope]:
    """Return the scopes that an event moves, or whose margin follows what it says."""
    book = engine.book
    if row.kind == Kind.RulebookAdopted:
        return [scope for scope in book.scopes.values() if scope.rules is not None]
    if row.kind in _OF_ASSET:
        return [scope for (_, asset), scope in book.scopes.items() if asset == row.asset]
    if row.kind == Kind.Marked and not row.market:
        return []
    if row.kind in _OF_MARKET:
        return book.markets[row.market].affected()
    asset = row.asset or (book.markets[row.market].asset if row.market else 0)
    if not asset:
        return []
    accounts = [account for account in (row.account, row.contra) if account]
    if row.kind in (Kind.Filled, Kind.Traded):
        asset = book.markets[row.market].asset
    return [book.scope(account, asset) for account in accounts]
