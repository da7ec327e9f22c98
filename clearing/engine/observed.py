"""What was observed of accounts and markets and rules may look at: leverage, orders, interest."""

from clearing.engine.book import Market, Scope
from clearing.engine.content import Content
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS, Kind
from clearing.quantities import format_exact


def apply_observation(step: Step, content: Content) -> None:
    """Apply ``LeverageSet``, ``OrdersObserved`` or ``OpenInterestObserved``; no money moves."""
    row = content.row
    market = step.book.markets[row.market]
    if row.kind == Kind.OpenInterestObserved:
        _open_interest(step, market, content.quantity)
        return
    account = content.account
    if not account:
        unknown = content.unknown("account")
        step.deviation("unknown_account", market=market.ordinal, asset=market.asset, found=unknown)
        return
    scope = step.book.scope(account, market.asset)
    if row.kind == Kind.LeverageSet:
        scope.leverages[market.ordinal] = content.quantity
        leverage = format_exact(content.quantity, RATE_DECIMALS)
        step.entries.append(("leverage", account, market.ordinal, leverage))
    else:
        set_orders(market, scope, content.quantity, content.amount)
        step.entries.append(("orders", account, market.ordinal, content.quantity, content.amount))
    step.touch(scope)


def set_orders(market: Market, scope: Scope, buys: int, sells: int) -> None:
    """Replace what the scope's open orders in a market add up to."""
    if (buys or sells) and not market.spec.base_asset:
        scope.orders[market.ordinal] = (buys, sells)
        market.ordering[scope.account] = scope
    else:
        scope.orders.pop(market.ordinal, None)
        market.ordering.pop(scope.account, None)


def _open_interest(step: Step, market: Market, size: int) -> None:
    market.open_interest = size
    step.entries.append(("open_interest", market.ordinal, size))
    for scope in market.affected():
        if scope.rules is not None and not scope.rules.plain:
            step.touched[scope.key()] = scope
