"""Cover: what an account without positions lacks to restore a level."""

from clearing.engine.book import Book
from clearing.engine.collateral import value_of
from clearing.engine.holding import as_if
from clearing.engine.reduction_lines import restored_lines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.quantities import Trace, fewest, format_exact
from clearing.rulebook import RATE_SCALE, CoverRung

TIMES_OWED = 10
"""How many times what it owes an account may get; what that does not restore is left to others."""


def missing_cash(book: Book, scope: Scope, rung: CoverRung) -> int:
    """Return the least cash (units) that restores the rung's level; 0 if nothing does, or it is."""
    most = TIMES_OWED * _owed(book, scope)
    if scope.positions or _restored(book, scope, rung, 0):
        return 0
    if not most or not _restored(book, scope, rung, most):
        return 0
    return fewest(most, lambda more: _restored(book, scope, rung, more))


def missing_lines(step: Step, scope: Scope, rung: CoverRung, missing: int) -> None:
    """Leave the working of what is missing: so much restores the level, and one unit less not."""
    lines = step.working("missing", scope)
    rules = scope.rules
    if lines is None or rules is None:
        return
    book, (place, factor) = step.book, rung.restores
    decimals = book.assets[scope.asset].decimals
    lines.formula = "min(most, least)"
    most = lines.step("most", "times * owed")
    most.value("times", TIMES_OWED, 0, "what it owes: no more than that is given")
    most.value("owed", _owed(book, scope), decimals, "in cash and other assets, rounded up")
    most.finish(TIMES_OWED * _owed(book, scope), decimals)
    lines.value("least", missing, decimals, "that restores the level: found by halving")
    for more, name in ((missing, "restored"), (missing - 1, "restored by one unit less")):
        part, margin = lines.step(name), Trace("margin")
        with as_if(scope, scope.positions, more):
            measure(book, scope, margin)
        restored_lines(part, margin, rules.levels[place], factor, "rung.factor")
        note = f"as if {format_exact(more, decimals)} were given"
        part.finish(int(_restored(book, scope, rung, more)), 0, note)
    lines.finish(missing, decimals, "rung.level")


def can_cover(book: Book, scope: Scope, rung: CoverRung) -> bool:
    """Whether something is missing that a layer pays which stands for every market."""
    waterfall = None if scope.rules is None else scope.rules.waterfall
    if waterfall is None:
        return False
    pays = any(not layer.assumes and not layer.markets for layer in waterfall.layers)
    return pays and missing_cash(book, scope, rung) > 0


def _owed(book: Book, scope: Scope) -> int:
    """Return what the account owes in cash and other assets, in whole units, rounded up."""
    lift = book.assets[scope.asset].lift
    policy = None if scope.rules is None else scope.rules.collateral
    rules = [] if policy is None else policy.rules
    debts = sum(max(0, -value_of(book, scope, rule)) for rule in rules)
    return max(0, -scope.cash) - -debts // lift


def _restored(book: Book, scope: Scope, rung: CoverRung, more: int) -> bool:
    place, factor = rung.restores
    with as_if(scope, scope.positions, more):
        now = measure(book, scope)
    return bool(now.counted(place) * RATE_SCALE >= factor * now.asked(place))
