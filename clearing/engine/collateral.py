"""What a scope's collateral is worth: balances in other assets at their marks, and their weights.

A balance that no mark values yet counts for nothing, owned or owed. Nothing here writes.
"""

from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.quantities import Trace
from clearing.rulebook import RATE_SCALE, ClassRules, CollateralPolicy, CollateralRule


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
    rules: ClassRules,
    policy: CollateralPolicy,
    gains: list[int],
    trace: Trace | None = None,
) -> list[int]:
    """Return, by level, what is taken off the full value of what the scope has.

    ``gains`` are its positions' unrealised PnL with accrued funding, at the working scale; what
    they count for is rounded down there.
    """
    lift = book.assets[scope.asset].lift
    working = book.assets[scope.asset].working
    values = [(rule, value_of(book, scope, rule)) for rule in policy.rules]
    if policy.own is not None:
        values.append((policy.own, scope.cash * lift))
    taken = []
    for place, level in enumerate(rules.levels):
        off = 0
        for rule, value in values:
            off += value - rule.tables[place].counted(value // RATE_SCALE, lift)
        gain, loss = policy.unrealised[place]
        for pnl in gains:
            off += pnl - pnl * (gain if pnl > 0 else loss) // RATE_SCALE
        taken.append(off)
        if trace is not None:
            trace.value(f"haircut {level}", off, working, "value less what counts for it")
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
