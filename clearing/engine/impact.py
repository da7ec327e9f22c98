"""Impact: marks that forced closes move, where the rulebook states by how much.

What is closed in one round of the ladder moves each mark once, so it does not matter who was
closed first; who is concerned is tested in the next round.
"""

from typing import Final

from clearing.engine.asset import Asset
from clearing.engine.computed_funding import run_period
from clearing.engine.market import Market
from clearing.engine.step import Step
from clearing.quantities import Rounding, divide
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.impact import ImpactRule

LEAST_MARK: Final = 1
"""No impact takes a mark to nothing."""


def note_sale(step: Step, market: Market, layer: str, size: int) -> None:
    """Remember what was closed, if the market's rule counts it: ``size`` signed as it was held."""
    rule = market.impact
    if rule is not None and layer in rule.layers:
        step.sold[market.ordinal] = step.sold.get(market.ordinal, 0) + size


def move_marks(step: Step) -> list[tuple[Market, int]]:
    """Move the marks of markets in which something was sold; return each with its mark before.

    In order of ordinal; the size is the balance of what longs and shorts had to close.
    """
    sold, step.sold = step.sold, {}
    moved = []
    for ordinal in sorted(sold):
        market = step.book.markets[ordinal]
        before = market.mark
        if market.impact is not None and _move(step, market, market.impact, sold[ordinal]):
            moved.append((market, before))
    return moved


def _move(step: Step, market: Market, rule: ImpactRule, size: int) -> bool:
    """Move one mark: down where longs were sold, up where shorts were bought back."""
    share = rule.share(abs(size), rule.depth or _observed_depth(market, size))
    change = market.mark * share // RATE_SCALE
    mark = max(LEAST_MARK, market.mark - change if size > 0 else market.mark + change)
    if mark == market.mark:
        return False
    run_period(market, step.row.occurred_at)
    note_previous_mark(step, market)
    market.shift = divide((mark - market.quoted) * RATE_SCALE, market.quoted, Rounding.TOWARD_ZERO)
    market.shifted_at = _moment(step)
    _note(step, market, size, mark)
    market.set_mark(mark)
    return True


def shifted(step: Step, market: Market, price: int) -> int:
    """Return the mark that a new price gives, with what is left of earlier impact in it."""
    market.quoted = price
    rule = market.impact
    if not market.shift:
        return price
    left = 0 if rule is None else rule.fades - max(0, _moment(step) - market.shifted_at)
    if rule is None or left <= 0:
        market.shift = 0
        return price
    away = divide(price * market.shift * left, RATE_SCALE * rule.fades, Rounding.TOWARD_ZERO)
    mark = max(LEAST_MARK, price + away)
    _note(step, market, 0, mark)
    return mark


def note_previous_mark(step: Step, market: Market) -> None:
    """Keep the mark that was in force before this event, the first time that it moves."""
    if all(moved is not market for moved, _ in step.moved_markets):
        market.previous_mark = market.mark
    step.moved_markets.append((market, market.mark))


def _observed_depth(market: Market, size: int) -> int:
    """Return what the side of the book that takes the position was last seen to hold."""
    depth = market.depth
    return 0 if depth is None else depth[0 if size > 0 else 1]


def _moment(step: Step) -> int:
    return max(step.book.time, step.row.occurred_at)


def _note(step: Step, market: Market, size: int, mark: int) -> None:
    step.entries.append(("impact", market.ordinal, size, market.quoted, market.mark, mark))
    if size:
        step.entries.append(("mark", market.ordinal, mark, 1))


def follow_impact(asset: Asset) -> None:
    """Point an asset's markets at the impact rules of its rulebook (in derive mode alone)."""
    rulebook = asset.rulebook
    for market in asset.markets:
        market.impact = None
        if rulebook is not None and asset.mode == "derive":
            market.impact = rulebook.impact.get(market.ordinal)
