"""Nested weights: PnL counts less what is asked for its position, and cash with all of that.

With weights of its own for the gain that a position's requirement leaves, and for the sum of cash
and such gains, what counts less what is asked is a health as Mango v4 computes it. Nothing here
writes.
"""

from collections.abc import Mapping

from clearing.engine.book import Book
from clearing.engine.collateral import weighed
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Scope
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE, CollateralPolicy


class NestedSum:
    """At one level: cash and what PnL counts for, and what is asked, at the working scale."""

    __slots__ = ("asked", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.asked = 0


def nested_sums(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    gains: Mapping[int, int],
) -> list[NestedSum]:
    """Return, by level, cash and what each market's PnL less its requirement counts for.

    ``gains`` are unrealised PnL with accrued funding by market; what counts is rounded down at the
    working scale. The settlement asset's own weight is not in it yet.
    """
    cash = scope.cash * book.assets[scope.asset].lift
    ordinals = sorted({*gains, *scope.orders})
    found = []
    for place, (gain, loss) in enumerate(policy.unrealised):
        level = NestedSum(cash)
        for ordinal in ordinals:
            asked = requirement_of(book, scope, place, book.markets[ordinal])
            left = gains.get(ordinal, 0) - asked
            level.total += left * (gain if left > 0 else loss) // RATE_SCALE
            level.asked += asked
        found.append(level)
    return found


def nested_haircuts(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    gains: Mapping[int, int],
) -> list[int]:
    """Return, by level, what is taken off settlement cash and PnL.

    It is chosen so that equity less it and less what the positions ask is the health.
    """
    asset = book.assets[scope.asset]
    value = scope.cash * asset.lift + sum(gains.values())
    taken = []
    for place, level in enumerate(nested_sums(book, scope, policy, gains)):
        counted = level.total
        if policy.own is not None:
            counted = policy.own.tables[place].counted(level.total, asset.lift)
        taken.append(value - counted - level.asked)
    return taken


def nested_lines(
    book: Book, scope: Scope, policy: CollateralPolicy, gains: Mapping[int, int]
) -> list[Trace]:
    """Return, by level, the working of :func:`nested_haircuts`."""
    asset = book.assets[scope.asset]
    working, cash = asset.working, scope.cash * asset.lift
    value = cash + sum(gains.values())
    sums = nested_sums(book, scope, policy, gains)
    nodes = []
    for place, taken in enumerate(nested_haircuts(book, scope, policy, gains)):
        node = Trace("cash and PnL", "value - health - asked")
        node.value("value", value, working, "cash, unrealised PnL, accrued funding")
        node.value("asked", sums[place].asked, working, "for the positions, at this level")
        health = node.step("health", "sum - off")
        total = health.step("sum", "sum(inputs)")
        total.value("cash", cash, working)
        _left_lines(book, scope, policy, gains, place, total)
        total.finish(sums[place].total, working)
        off = health.step("off", "sum(inputs)")
        if policy.own is not None:
            table = policy.own.tables[place]
            weighed(
                off,
                "by the settlement asset's weight",
                table,
                sums[place].total,
                asset.lift,
                working,
            )
        off.finish(taken - value + sums[place].total + sums[place].asked, working)
        health.finish(value - taken - sums[place].asked, working)
        node.finish(taken, working)
        nodes.append(node)
    return nodes


def _left_lines(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    gains: Mapping[int, int],
    place: int,
    trace: Trace,
) -> None:
    """Leave what PnL less what is asked counts for, market by market."""
    working = book.assets[scope.asset].working
    gain, loss = policy.unrealised[place]
    for ordinal in sorted({*gains, *scope.orders}):
        market = book.markets[ordinal]
        asked = requirement_of(book, scope, place, market)
        left = gains.get(ordinal, 0) - asked
        weight = gain if left > 0 else loss
        formula = f"down((pnl - asked) * weight, {working})"
        step = trace.step(market.spec.name, formula, market=ordinal)
        step.value("pnl", gains.get(ordinal, 0), working)
        step.value("asked", asked, working)
        step.value("weight", weight, RATE_DECIMALS)
        step.finish(left * weight // RATE_SCALE, working)
