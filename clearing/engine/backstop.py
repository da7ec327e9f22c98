"""A backstop pool: accounts that are committed to assume a share each of what is taken over.

Each takes its share in whole lots, as far as it is able to: a class that the rulebook binds has to
have its initial margin afterwards, anybody else its equity at or above 0. What is left after that
is offered to each again, in order. Whoever is taken over itself takes nothing.
"""

from clearing.engine.backstop_lines import BackstopLines, Bears
from clearing.engine.estate import Estate
from clearing.engine.holding import after_fill
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.quantities import Trace
from clearing.rulebook import INITIAL, RATE_SCALE, BackstopLayer


def commitments(
    step: Step, scope: Scope, estate: Estate, layer: BackstopLayer, clause: str
) -> list[tuple[int, int]]:
    """Return (account, unsigned size) of what is to be handed over of the scope's, in order.

    ``clause`` is where the rulebook has the layer.
    """
    lot, left = estate.market.spec.lot, estate.rest
    providers = [(who, share) for who, share in layer.providers if who != scope.account]
    found = []
    taken: dict[int, int] = {}
    lines: dict[int, BackstopLines] = {}
    for account, share in providers:
        lines[account] = BackstopLines(step, scope, estate, account)
        bears = _bearing(step, estate, account, 0)
        wanted = min(left, estate.rest * share // RATE_SCALE // lot * lot)
        taken[account] = _able(estate, wanted, bears)
        lines[account].share(left, share, f"{clause}.providers", taken[account], bears)
        left -= taken[account]
    for account, _ in providers:
        bears = _bearing(step, estate, account, taken[account])
        more = _able(estate, left, bears)
        lines[account].left(left, more, bears)
        lines[account].finish()
        taken[account] += more
        left -= more
        found.append((account, taken[account]))
    return found


def _able(estate: Estate, wanted: int, bears: Bears) -> int:
    """Return how much of ``wanted`` an account can bear: all, or whole lots."""
    if not wanted or bears(wanted, None):
        return wanted
    lot = estate.market.spec.lot
    low, high = 0, -(-wanted // lot)
    while low + 1 < high:
        middle = (low + high) // 2
        if bears(middle * lot, None):
            low = middle
        else:
            high = middle
    return low * lot


def _bearing(step: Step, estate: Estate, account: int, before: int) -> Bears:
    """Return what says whether the account bears a quantity beside ``before``."""
    scope: Scope = step.book.scope(account, estate.market.asset)

    def bears(quantity: int, trace: Trace | None) -> bool:
        size, amount = estate.signed(before + quantity), estate.part(before + quantity)
        now = after_fill(step.book, scope, estate.market, size, amount, trace)
        return now.equity >= 0 if scope.rules is None else now.surplus(INITIAL) >= 0

    return bears
