"""What a scope's collateral is worth: balances in other assets at their marks, and their weights.

A balance that no mark values yet counts for nothing, owned or owed. Nothing here writes.
"""

from collections.abc import Iterable

from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE, CollateralPolicy, CollateralRule


def balance_unit(book: Book, market: Market, asset: int) -> int:
    """Return what one unit of ``asset`` is worth at the market's price for collateral.

    At the working scale; the price is the mark unless the market has one for that role.
    """
    owner = book.assets[market.asset]
    decimals = book.assets[asset].decimals + market.payoff.face_decimals
    unit: int = 10 ** (owner.working - decimals)
    return abs(market.payoff.face(market.price("collateral"))) * unit


def value_of(book: Book, scope: Scope, rule: CollateralRule) -> int:
    """Return what the scope's account has (or owes, negative) of an asset, at the working scale."""
    market = book.markets[rule.market]
    other = book.scopes.get((scope.account, rule.asset))
    if other is None or not other.cash or not market.mark:
        return 0
    return other.cash * balance_unit(book, market, rule.asset)


def collateral_value(
    book: Book, scope: Scope, policy: CollateralPolicy, trace: Trace | None = None
) -> int:
    """Return the full value of all collateral besides settlement cash, debts negative."""
    asset = book.assets[scope.asset]
    node = None
    if trace is not None:
        node = trace.step("collateral", "sum of balance * mark of other assets")
    total = 0
    for rule in policy.rules:
        value = value_of(book, scope, rule)
        total += value
        if node is not None and value:
            spec, market = book.registry.asset(rule.asset), book.markets[rule.market]
            step = node.step(f"{spec.name} at {market.spec.name}", "balance * mark * multiplier")
            step.value("balance", book.scopes[scope.account, rule.asset].cash, spec.decimals)
            step.value("price", market.price("collateral"), market.spec.mark_decimals)
            step.finish(value, asset.working)
    if node is not None:
        node.finish(total, asset.working)
    return total


def haircuts(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    own: list[int],
    trace: Trace | None = None,
) -> list[int]:
    """Return, by level, what is taken off the full value of what the scope has.

    ``own`` is what is taken off its settlement cash and its positions' PnL (:func:`own_haircuts`).
    """
    asset = book.assets[scope.asset]
    values = [(rule, value_of(book, scope, rule)) for rule in policy.rules]
    taken = []
    for place, of_own in enumerate(own):
        off = of_own
        for rule, value in values:
            off += value - rule.tables[place].counted(value, asset.lift)
        taken.append(off)
        if trace is not None and scope.rules is not None:
            level = scope.rules.levels[place]
            trace.value(f"haircut {level}", off, asset.working, "value less what counts for it")
    return taken


def own_haircuts(policy: CollateralPolicy, cash: int, gains: Iterable[int], lift: int) -> list[int]:
    """Return, by level, what is taken off settlement cash and each position's PnL by itself.

    ``gains`` are unrealised PnL with accrued funding; amounts are at the working scale, and what
    counts is rounded down there.
    """
    taken = []
    for place, (gain, loss) in enumerate(policy.unrealised):
        off = sum(pnl - pnl * (gain if pnl > 0 else loss) // RATE_SCALE for pnl in gains)
        if policy.own is not None:
            off += cash - policy.own.tables[place].counted(cash, lift)
        taken.append(off)
    return taken


def owes(book: Book, scope: Scope, policy: CollateralPolicy) -> bool:
    """Whether the scope's account owes anything that the policy looks at."""
    if scope.cash < 0:
        return True
    for rule in policy.rules:
        other = book.scopes.get((scope.account, rule.asset))
        if other is not None and other.cash < 0:
            return True
    return False
