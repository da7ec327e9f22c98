"""Nested weights: PnL counts less what is asked for its position, and cash with all of that.

With weights of its own for the gain that a position's requirement leaves, and for the sum of cash
and such gains, what counts less what is asked is a health as Mango v4 computes it. Nothing here
writes.
"""

from collections.abc import Mapping

from clearing.engine.book import Book
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Scope
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE, ClassRules, CollateralPolicy


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
    rules: ClassRules,
    policy: CollateralPolicy,
    gains: Mapping[int, int],
    trace: Trace | None = None,
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
        if trace is not None:
            note = "cash + sum of weight * (PnL - requirement), by the settlement asset's weight"
            trace.value(f"health {rules.levels[place]}", counted, asset.working, note)
    return taken
