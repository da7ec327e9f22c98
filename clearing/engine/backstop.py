"""A backstop pool: accounts that are committed to assume a share each of what is taken over.

Each takes its share in whole lots, as far as it is able to: a class that the rulebook binds has to
have its initial margin afterwards, anybody else its equity at or above 0. What is left after that
is offered to each again, in order. Whoever is taken over itself takes nothing.
"""

from clearing.engine.estate import Estate
from clearing.engine.holding import after_fill
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.rulebook import INITIAL, RATE_SCALE, BackstopLayer


def commitments(
    step: Step, scope: Scope, estate: Estate, layer: BackstopLayer
) -> list[tuple[int, int]]:
    """Return (account, unsigned size) of what is to be handed over of the scope's, in order."""
    lot, left = estate.market.spec.lot, estate.rest
    providers = [(who, share) for who, share in layer.providers if who != scope.account]
    found = []
    taken: dict[int, int] = {}
    for account, share in providers:
        wanted = min(left, estate.rest * share // RATE_SCALE // lot * lot)
        taken[account] = _able(step, estate, account, 0, wanted)
        left -= taken[account]
    for account, _ in providers:
        taken[account] += _able(step, estate, account, taken[account], left)
        left = estate.rest - sum(taken.values())
        found.append((account, taken[account]))
    return found


def _able(step: Step, estate: Estate, account: int, before: int, wanted: int) -> int:
    """Return how much of ``wanted`` the account can bear beside ``before``: all, or whole lots."""
    if not wanted or _bears(step, estate, account, before + wanted):
        return wanted
    lot = estate.market.spec.lot
    low, high = 0, -(-wanted // lot)
    while low + 1 < high:
        middle = (low + high) // 2
        if _bears(step, estate, account, before + middle * lot):
            low = middle
        else:
            high = middle
    return low * lot


def _bears(step: Step, estate: Estate, account: int, quantity: int) -> bool:
    scope: Scope = step.book.scope(account, estate.market.asset)
    size = estate.signed(quantity)
    now = after_fill(step.book, scope, estate.market, size, estate.part(quantity))
    if scope.rules is None:
        return now.equity >= 0
    return now.surplus(INITIAL) >= 0
