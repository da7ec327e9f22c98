"""Overridden facts: events that did not happen, others that did, and some at another time."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from clearing.audit.replay.document import (
    EVERY,
    AmendOverride,
    DropOverride,
    FundOverride,
    InsertOverride,
    ScenarioRefused,
    StateOverride,
)
from clearing.audit.replay.scene import AUTHOR, Change, Scene, Window
from clearing.engine.market_states import SETTLED
from clearing.events import EventRefused, EventRow, Kind, decode
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import NotExact, Rounding, divide, exact_decimal, to_scaled
from clearing.rulebook import RATE_SCALE

_DECIDED = {"author": AUTHOR, "approver": AUTHOR}


class Drop(Change):
    """Events that did not happen: the one at ``position``, or all that match."""

    def __init__(
        self, override: DropOverride, where: str, window: Window, position: int = 0
    ) -> None:
        super().__init__(where, (position, position) if position else window)
        self._override = override
        named = None if override.kind is None else {int(Kind[override.kind])}
        self.kinds = frozenset(int(kind) for kind in Kind) if named is None else frozenset(named)

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return nothing for an event that did not happen."""
        override, registry = self._override, scene.registry
        if row.kind <= Kind.AccountOpened:
            problem = f"{self.where}.event: {row.position} declares a name, which others need"
            raise ScenarioRefused(scene.name, [problem])
        account = registry.account_ordinals.get(override.account or "", -1)
        if override.account is not None and account not in (row.account, row.contra):
            return row
        if override.market is None:
            return None
        if row.kind == Kind.Marked and not row.market:
            return self._without(row, scene, override.market)
        return None if row.market == registry.market_ordinals.get(override.market, -1) else row

    def _without(self, row: EventRow, scene: Scene, market: str) -> EventRow | None:
        """Return marks of several markets without that of one; nothing where it is the only one."""
        marks = decode(row, scene.registry).model_dump()["marks"]
        left = [mark for mark in marks if mark["market"] != market]
        if len(left) == len(marks):
            return row
        return scene.changed(row, lambda event: {**event, "marks": left}) if left else None


class Insert(Change):
    """An event that happened besides: at the first position of its window."""

    stands_alone = True

    def __init__(
        self, override: InsertOverride, where: str, position: int, time: int | None
    ) -> None:
        super().__init__(where, (position, position), (position,))
        self._event = override.event
        self._time = time

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return the event."""
        row = scene.row(self.where, self._event, time=self._time)
        if row.kind <= Kind.AccountOpened:
            problem = f"{self.where}.event: a scenario declares no names"
            raise ScenarioRefused(scene.name, [problem])
        return [row]


class Move(Change):
    """An event that happened elsewhere: not at its position, but before the one at ``to``."""

    kinds = frozenset(int(kind) for kind in Kind)
    stands_alone = True

    def __init__(self, row: EventRow, where: str, to: int, time: int | None) -> None:
        super().__init__(where, (min(row.position, to), max(row.position, to)), (to,))
        self._row = row
        self._time = time

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return the event at its new place and time."""
        try:
            decode(self._row, scene.registry)
        except KeyError as unknown:
            problem = f"{self.where}.to: before log position {scene.position} not all is declared"
            problem += f" that {self._row.position} names ({unknown.args[0]})"
            raise ScenarioRefused(scene.name, [problem]) from unknown
        row = self._row.copy()
        row.position = scene.scenario.position
        row.occurred_at = scene.scenario.book.latest if self._time is None else self._time
        return [row]

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return nothing for the event where the log has it."""
        del scene
        return None if row.position == self._row.position else row


class Amend(Change):
    """An event that said something else."""

    kinds = frozenset(int(kind) for kind in Kind)

    def __init__(self, override: AmendOverride, where: str, position: int) -> None:
        super().__init__(where, (position, position))
        self._override = override

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return the event with other fields."""
        if row.kind <= Kind.AccountOpened:
            problem = f"{self.where}.event: {row.position} declares a name, which others need"
            raise ScenarioRefused(scene.name, [problem])
        try:
            return scene.changed(row, lambda event: {**event, **self._override.set})
        except EventRefused as refused:
            raise ScenarioRefused(scene.name, [f"{self.where}.set.{refused}"]) from refused


class Fund(Change):
    """A fund that has another amount of cash from its position on."""

    def __init__(self, override: FundOverride, where: str, position: int) -> None:
        super().__init__(where, (position, position), (position,))
        self._override = override

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return what is contributed to the fund, or taken out of it."""
        override, registry = self._override, scene.registry
        account = registry.account_ordinals.get(override.fund, 0)
        if not account or registry.account(account).account_class != "fund":
            problem = f"{self.where}.fund: {override.fund!r} is not a fund here"
            raise ScenarioRefused(scene.name, [problem])
        asset = registry.asset_ordinals.get(override.asset, 0)
        if not asset:
            problem = f"{self.where}.asset: {override.asset!r} is not declared"
            raise ScenarioRefused(scene.name, [problem])
        decimals = registry.asset(asset).decimals
        cash = scene.scenario.book.balance("account", account, asset)
        try:
            more = self._more(cash, decimals)
        except NotExact as wrong:
            raise ScenarioRefused(scene.name, [f"{self.where}.{self._way}: {wrong}"]) from wrong
        if not more:
            return []
        event: dict[str, Any] = {
            "fund": override.fund,
            "asset": override.asset,
            "amount": exact_decimal(abs(more), decimals),
        }
        if more > 0:
            event["kind"] = "FundContributed"
        else:
            event |= {"kind": "FundWithdrawn", **_DECIDED, "reason": self.where}
        return [scene.row(self.where, event)]

    @property
    def _way(self) -> str:
        """Which field says what the fund has."""
        ways = ("scale", "balance", "add")
        return next(way for way in ways if getattr(self._override, way) is not None)

    def _more(self, cash: int, decimals: int) -> int:
        """Return by how many units the cash differs from what the fund has."""
        override = self._override
        if override.scale is not None:
            scaled = cash * to_scaled(override.scale, RATE_DECIMALS)
            return divide(scaled, RATE_SCALE, Rounding.HALF_EVEN) - cash
        if override.balance is not None:
            return self._units(override.balance, decimals) - cash
        return self._units(override.add or Decimal(0), decimals)

    def _units(self, amount: Decimal, decimals: int) -> int:
        return to_scaled(amount, decimals)


class State(Change):
    """Markets that are in a state, whatever was told, for as long as the window lasts.

    ``others`` are all of a scenario's: where one ends, another that began before may still hold.
    """

    kinds = frozenset({int(Kind.MarketStateChanged)})

    def __init__(self, override: StateOverride, where: str, window: Window, *, ends: bool) -> None:
        first, last = window
        moments = () if last < first else (first, last + 1) if ends else (first,)
        super().__init__(where, window, moments)
        self._override = override
        self.others: Sequence[State] = ()

    def _concerns(self, market: str) -> bool:
        return self._override.market in (EVERY, market)

    def _left(self, position: int, market: str, told: str) -> str:
        """Return the state that a market goes back to: what begun last of those that still hold."""
        holding = [
            other
            for other in self.others
            if other.window[0] <= position <= other.window[1] and other._concerns(market)
        ]
        last = max(holding, key=lambda other: other.window[0], default=None)
        return told if last is None else last._override.state

    def before(self, scene: Scene) -> Sequence[EventRow]:
        """Return the changes of state: into it, or back to another's, or what the log has."""
        begins = scene.position == self.window[0]
        rows = []
        for ordinal, market in sorted(scene.scenario.book.markets.items()):
            name = market.spec.name
            if not self._concerns(name) or market.state == SETTLED:
                continue
            told = scene.recorded.book.markets[ordinal].state
            state = self._override.state if begins else self._left(scene.position, name, told)
            if state not in (market.state, SETTLED):
                event = {
                    "kind": "MarketStateChanged",
                    "external_id": f"scenario {self.where} {ordinal} {scene.position}",
                    "market": name,
                    "state": state,
                    "reason": self.where,
                    **_DECIDED,
                }
                rows.append(scene.row(self.where, event))
        return rows

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return nothing for a change of state that was told meanwhile."""
        return None if self._concerns(scene.registry.market(row.market).name) else row
