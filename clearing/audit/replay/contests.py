"""Contested fills: what an account did in the record and could not have done in the scenario.

Only scopes that the scenario has changed are looked at. Such a fill's side goes to the market's
contested holder, and its counterparty's side stands. A side is contested if

- it is a venue's liquidation or deleveraging, and no rung waits for it: here the ladder acts;
- it makes a recorded position smaller, of which the scenario has less than that;
- it makes a position larger and leaves less equity than initial margin asks, which in the record
  it did not.

A venue's outcome that the record refused, since its rulebook derives, is nothing to contest: it is
refused here as well, for both sides.
"""

import json

from clearing.audit.replay.scene import Scene
from clearing.engine import Engine
from clearing.engine.content import Content
from clearing.engine.holding import after_fill
from clearing.engine.market import Market
from clearing.engine.recorded import waiting_rung
from clearing.engine.scope import Scope
from clearing.engine.side import Side, sides_of
from clearing.engine.step import NOBODY, Step
from clearing.events import EventRow, Kind
from clearing.events.canonical import canonical_json
from clearing.events.kinds import CAUSES
from clearing.rulebook import INITIAL

_TRADE = CAUSES.index("trade")
_LIQUIDATION = CAUSES.index("liquidation")
_DERIVE = "derive"


class Contested:
    """One contested side: who, in which market, its signed size, and why."""

    __slots__ = ("account", "market", "position", "reason", "size")

    def __init__(self, position: int, account: int, market: int, size: int, reason: str) -> None:
        self.position = position
        self.account = account
        self.market = market
        self.size = size
        self.reason = reason


class Contests:
    """Decides, event by event, whose sides are contested in one engine, and remembers them."""

    def __init__(self) -> None:
        self.found: list[Contested] = []
        self._at: dict[int, frozenset[int]] = {}

    def of(self, scene: Scene, engine: Engine, row: EventRow) -> frozenset[int]:
        """Return the accounts whose side of ``row`` is contested in ``engine``."""
        if row.kind == Kind.Reversed:
            return self._of_target(engine, row)
        if row.kind not in (Kind.Filled, Kind.Traded) or not engine.book.overridden:
            return NOBODY
        content = Content(row)
        market = engine.book.markets[row.market]
        if _refuses(scene.recorded, row) and engine.book.assets[market.asset].mode == _DERIVE:
            return NOBODY
        contested = set()
        for side in sides_of(content):
            reason = self._reason(scene.recorded, engine, content, market, side)
            if reason:
                contested.add(side.account)
                self.found.append(
                    Contested(row.position, side.account, market.ordinal, side.size, reason)
                )
        if not contested:
            return NOBODY
        self._at[row.position] = frozenset(contested)
        return self._at[row.position]

    def _of_target(self, engine: Engine, row: EventRow) -> frozenset[int]:
        """Return who was contested in the event that is reversed: so is the reversal."""
        source, external_id = Content(row).reference("target")
        target = engine.resolve(source, external_id) if source else None
        return NOBODY if target is None else self._at.get(target.position, NOBODY)

    def _reason(
        self, recorded: Engine, engine: Engine, content: Content, market: Market, side: Side
    ) -> str:
        key = (side.account, market.asset)
        if not side.account or key not in engine.book.overridden or market.spec.base_asset:
            return ""
        scope = engine.book.scope(*key)
        if side.cause != _TRADE:
            return "" if _awaited(engine, content.row, side) else CAUSES[side.cause]
        told = recorded.book.scope(*key)
        was, now = _held(told, market), _held(scope, market)
        closes = min(abs(side.size), abs(was)) if was * side.size < 0 else 0
        has = abs(now) if now * side.size < 0 else 0
        if closes > has:
            return "closes what it does not have"
        grows = abs(now + side.size) > abs(now)
        if grows and _misses_initial(engine, scope, content, market, side):
            other = recorded.book.markets[market.ordinal]
            if not _misses_initial(recorded, told, content, other, side):
                return "cannot afford it"
        return ""


def _refuses(engine: Engine, row: EventRow) -> bool:
    """Whether an engine does not apply a fill, since its rulebook derives what the venue tells."""
    market = engine.book.markets[row.market]
    if engine.book.assets[market.asset].mode != _DERIVE:
        return False
    sides = sides_of(Content(row))
    return any(side.cause != _TRADE and not _awaited(engine, row, side) for side in sides)


def _awaited(engine: Engine, row: EventRow, side: Side) -> bool:
    """Whether a rung of a side's account waits for this very fill in an engine."""
    market = engine.book.markets[row.market]
    scope = engine.book.scopes.get((side.account, market.asset))
    if side.cause != _LIQUIDATION or scope is None:
        return False
    return waiting_rung(Step(engine.book, row), scope, market, side.size) is not None


def funding_in_proportion(scene: Scene, engine: Engine, row: EventRow) -> EventRow:
    """Return a told funding payment as it would have been on the position that ``engine`` has.

    In proportion to size, toward zero; a payment for a recorded position of nothing stands.
    """
    content = Content(row)
    market = engine.book.markets[row.market]
    key = (row.account, market.asset)
    if not row.account or key not in engine.book.overridden:
        return row
    was = _held(scene.recorded.book.scope(*key), market)
    now = _held(engine.book.scope(*key), market)
    if was in (0, now):
        return row
    sign = 1 if content.amount * now * was >= 0 else -1
    paid = row.copy()
    paid.amount = sign * (abs(content.amount * now) // abs(was))
    if row.detail:
        # A payment beyond 63 bits is told there; here it stands in the row, whatever its size.
        rare = json.loads(row.detail)
        rare.pop("wide", None)
        paid.detail = canonical_json(rare)
    return paid


def _held(scope: Scope, market: Market) -> int:
    position = scope.positions.get(market.ordinal)
    return 0 if position is None else position.size


def _misses_initial(
    engine: Engine, scope: Scope, content: Content, market: Market, side: Side
) -> bool:
    """Whether the scope would be short of initial margin after the fill, at the present mark."""
    if scope.rules is None:
        return False
    asset = engine.book.assets[market.asset]
    decimals = market.spec.price_decimals
    amount, _ = market.payoff.amount(side.size, content.price, decimals, asset.regime.fill_cost)
    left = after_fill(engine.book, scope, market, side.size, amount).surplus(INITIAL)
    charged = side.fee if content.row.asset in (0, market.asset) else 0
    return left < charged * asset.lift
