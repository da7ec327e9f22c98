"""What a scope is worth and what is asked of it, exactly, at the working scale of its asset.

These are the functions that the tests of margin, the liquidation ladder and every explanation use:
pass a :class:`~clearing.engine.trace.Trace` and the same computation leaves its working. Nothing
here writes, and nothing is rounded.
"""

from clearing.engine.book import Asset, Book, Market, Position, Scope
from clearing.engine.trace import Trace
from clearing.rulebook import RATE_SCALE, ClassRules, Condition


def position_value(market: Market, position: Position) -> int:
    """Return the position's value at the mark, signed, at the working scale."""
    return position.size * market.worth


def unrealised(asset: Asset, market: Market, position: Position) -> int:
    """Return value − cost at the working scale; 0 while the market has no mark."""
    if not market.mark:
        return 0
    return position.size * market.worth - position.cost * asset.lift


def accrued_funding(market: Market, position: Position) -> int:
    """Return accrued funding at the market's funding scale; positive: the holder is owed."""
    if market.index == position.index_at:
        return position.accrued
    return position.accrued - position.size * (market.index - position.index_at)


def requirement_of(
    rules: ClassRules, level: str, market: Market, position: Position, working: int
) -> int:
    """Return what ``level`` (``initial`` or ``maintenance``) asks for one position."""
    if not market.mark:
        return 0
    schedule = rules.schedule(market.ordinal)
    if schedule is None:
        return 0
    operator = schedule.initial if level == "initial" else schedule.maintenance
    return operator.requirement(abs(position.size) * market.base_worth, working)


class Measure:
    """Equity and requirements of a scope at one moment, at its asset's working scale."""

    __slots__ = ("equity", "initial", "maintenance")

    def __init__(self, equity: int, initial: int, maintenance: int) -> None:
        self.equity = equity
        self.initial = initial
        self.maintenance = maintenance

    def level(self, name: str) -> int:
        """Return the requirement of ``initial``, ``maintenance`` or ``zero``."""
        if name == "maintenance":
            return self.maintenance
        return self.initial if name == "initial" else 0

    def below(self, condition: Condition) -> bool:
        """Whether equity is below (or at, if inclusive) factor × the level's requirement."""
        left = self.equity * RATE_SCALE
        right = condition.factor * self.level(condition.level)
        return bool(left <= right if condition.inclusive else left < right)


def measure(book: Book, scope: Scope, trace: Trace | None = None) -> Measure:
    """Return equity and both requirements of ``scope`` in one pass.

    Equity = cash + Σ (value − cost) + Σ accrued funding; requirements are 0 without rules.
    """
    asset = book.assets[scope.asset]
    working = asset.working
    rules = scope.rules
    equity = scope.cash * asset.lift
    initial = maintenance = 0
    if trace is not None:
        return _traced(book, scope, asset, trace)
    markets = book.markets
    for ordinal, position in scope.positions.items():
        market = markets[ordinal]
        size = position.size
        accrued = position.accrued
        if market.index != position.index_at:
            accrued -= size * (market.index - position.index_at)
        if accrued:
            equity += accrued * market.funding_lift
        if not market.mark:
            continue
        equity += size * market.worth - position.cost * asset.lift
        if rules is not None:
            schedule = rules.schedule(ordinal)
            if schedule is not None:
                base = abs(size) * market.base_worth
                initial += schedule.initial.requirement(base, working)
                maintenance += schedule.maintenance.requirement(base, working)
    return Measure(equity, initial, maintenance)


def equity_of(book: Book, scope: Scope) -> int:
    """Return the scope's equity at the working scale."""
    asset = book.assets[scope.asset]
    equity = scope.cash * asset.lift
    for ordinal, position in scope.positions.items():
        market = book.markets[ordinal]
        equity += accrued_funding(market, position) * market.funding_lift
        equity += unrealised(asset, market, position)
    return equity


def _traced(book: Book, scope: Scope, asset: Asset, trace: Trace) -> Measure:
    """Compute :func:`measure` position by position, leaving the working in ``trace``."""
    working = asset.working
    rules = scope.rules
    lines = trace.step("equity", "cash + sum of unrealised + sum of accrued funding")
    asked = {
        level: trace.step(level, "sum over positions of the schedule's operator on notional")
        for level in ("initial", "maintenance")
    }
    equity = scope.cash * asset.lift
    lines.value("cash", scope.cash, asset.decimals)
    totals = {"initial": 0, "maintenance": 0}
    for ordinal in sorted(scope.positions):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        name = market.spec.name
        gain = unrealised(asset, market, position)
        owed = accrued_funding(market, position) * market.funding_lift
        equity += gain + owed
        _position_lines(lines, market, position, asset)
        lines.inputs[-1].finish(gain, working)
        accrued = lines.step(f"accrued funding {name}", "accrued - size * (index - index at touch)")
        accrued.value("accrued at touch", position.accrued, market.accrued_decimals)
        accrued.value("index", market.index, market.index_decimals)
        accrued.value("index at touch", position.index_at, market.index_decimals)
        accrued.finish(owed, working)
        if rules is None:
            continue
        for level, node in asked.items():
            amount = requirement_of(rules, level, market, position, working)
            totals[level] += amount
            schedule = rules.schedule(ordinal)
            child = node.step(f"{level} {name}", "notional * tier rate - tier deduction")
            child.value("notional", abs(position_value(market, position)), working)
            child.finish(amount, working, "" if schedule is None else f"schedule {schedule.name}")
    lines.finish(equity, working)
    for level, node in asked.items():
        node.finish(totals[level], working)
    return Measure(equity, totals["initial"], totals["maintenance"])


def _position_lines(trace: Trace, market: Market, position: Position, asset: Asset) -> None:
    spec = market.spec
    formula = (
        "-size * multiplier / mark" if spec.payoff == "inverse" else "size * mark * multiplier"
    )
    child = trace.step(f"unrealised {spec.name}", f"{formula} - cost")
    child.value("size", position.size, spec.size_decimals)
    child.value("mark", market.mark, spec.mark_decimals, "" if market.mark else "no mark yet")
    child.value("multiplier", spec.multiplier, spec.multiplier_decimals)
    child.value("cost", position.cost, asset.decimals)
