"""What a scope's collateral is worth: balances in other assets at their marks, and their weights.

A balance that no mark values yet counts for nothing, owned or owed. Nothing here writes.
"""

from collections.abc import Iterable, Mapping, Sequence

from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.working import face_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, format_exact
from clearing.rulebook import RATE_SCALE, CollateralPolicy, CollateralRule
from clearing.rulebook.collateral import WeightTable


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
        node = trace.step("collateral", "sum(inputs)")
    total = 0
    for rule in policy.rules:
        value = value_of(book, scope, rule)
        total += value
        if node is not None and value:
            spec, market = book.registry.asset(rule.asset), book.markets[rule.market]
            name, here = f"{spec.name} at {market.spec.name}", market.ordinal
            step = node.step(name, "balance * abs(value_of_one)", market=here, asset=rule.asset)
            step.value("balance", book.scopes[scope.account, rule.asset].cash, spec.decimals)
            face_lines(step, market, market.price("collateral"))
            step.finish(value, asset.working)
    if node is not None:
        node.finish(total, asset.working)
    return total


def haircuts(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    own: list[int],
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
    return taken


def haircut_lines(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    taken: Sequence[int],
    own: Sequence[Trace],
    trace: Trace,
) -> None:
    """Leave the working of what is taken off at each level; ``own`` is that of cash and PnL."""
    if scope.rules is None:
        return
    asset = book.assets[scope.asset]
    for place, of_own in enumerate(own):
        step = trace.step(f"haircut {scope.rules.levels[place]}", "sum(inputs)")
        step.inputs.append(of_own)
        for rule in policy.rules:
            value = value_of(book, scope, rule)
            if value:
                name = book.registry.asset(rule.asset).name
                weighed(step, name, rule.tables[place], value, asset.lift, asset.working)
        step.finish(taken[place], asset.working)


def weighed(
    trace: Trace, name: str, table: WeightTable, value: int, lift: int, working: int
) -> None:
    """Leave the working of what is taken off a value: what it is less what it counts for."""
    step = trace.step(name, "value - counts")
    step.value("value", value, working)
    counted = table.counted(value, lift)
    if value < 0:
        counts = step.step("counts", f"down(value * weight, {working})")
        counts.value("value", value, working)
        counts.value("weight", table.liability, RATE_DECIMALS, "of what is owed")
    else:
        counts = step.step("counts", f"down(sum(inputs), {working})")
        least = value if table.cap is None else min(value, table.cap * lift)
        for i, (floor, weight) in enumerate(table.rows):
            following = table.rows[i + 1][0] * lift if i + 1 < len(table.rows) else least
            part = max(min(least, following) - floor * lift, 0)
            row = counts.step(f"from {format_exact(floor * lift, working)}", "part * weight")
            row.value("part", part, working)
            row.value("weight", weight, RATE_DECIMALS)
            row.finish(part * weight, working + RATE_DECIMALS)
    counts.finish(counted, working)
    step.finish(value - counted, working)


def own_haircut_lines(
    policy: CollateralPolicy, cash: int, gains: Mapping[str, int], lift: int, working: int
) -> list[Trace]:
    """Return, by level, the working of :func:`own_haircuts`; ``gains`` by market's name."""
    nodes = []
    amounts = own_haircuts(policy, cash, gains.values(), lift)
    for place, (gain, loss) in enumerate(policy.unrealised):
        node = Trace("cash and PnL", "sum(inputs)")
        for name, pnl in gains.items():
            step = node.step(name, f"pnl - down(pnl * weight, {working})")
            step.value("pnl", pnl, working, "unrealised, with accrued funding")
            weight = gain if pnl > 0 else loss
            step.value("weight", weight, RATE_DECIMALS)
            step.finish(pnl - pnl * weight // RATE_SCALE, working)
        if policy.own is not None:
            weighed(node, "cash", policy.own.tables[place], cash, lift, working)
        node.finish(amounts[place], working)
        nodes.append(node)
    return nodes


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
