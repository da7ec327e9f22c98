"""What was observed of accounts and markets and rules may look at: leverage, orders, interest."""

from clearing.engine.content import Content
from clearing.engine.market import Market, RiskArray
from clearing.engine.portfolio import fits
from clearing.engine.scope import Scope
from clearing.engine.step import Step, asset_of
from clearing.events.canonical import canonical_json
from clearing.events.kinds import RATE_DECIMALS, Kind
from clearing.quantities import format_exact


def apply_observation(step: Step, content: Content) -> None:
    """Apply ``LeverageSet``, ``OrdersObserved``, ``RiskScored`` or what a market was seen to be."""
    row = content.row
    market = step.book.markets[row.market]
    if row.kind == Kind.OpenInterestObserved:
        _open_interest(step, market, content.quantity)
        return
    if row.kind == Kind.DepthObserved:
        market.depth = (content.quantity, content.amount)
        within = format_exact(content.price, RATE_DECIMALS)
        step.entries.append(("depth", market.ordinal, *market.depth, within))
        _test_margined(step, market)
        return
    if row.kind == Kind.RiskArrayPublished:
        _publish(step, market, content)
        return
    if row.kind == Kind.DeleveragingRanked:
        _rank(step, market, content)
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
    elif row.kind == Kind.RiskScored:
        model = content.text("model")
        scope.scores[market.ordinal, model] = content.quantity
        score = format_exact(content.quantity, RATE_DECIMALS)
        step.entries.append(("risk_score", account, market.ordinal, model, score))
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
    _test_margined(step, market)


def _rank(step: Step, market: Market, content: Content) -> None:
    """Remember who is to be deleveraged first; whoever is not declared is left out."""
    ranked = []
    for i, account in enumerate(content.accounts):
        if account:
            ranked.append(account)
        else:
            unknown = content.unknown(f"accounts.{i}")
            step.deviation(
                "unknown_account", market=market.ordinal, asset=market.asset, found=unknown
            )
    side = content.text("side")
    market.ranked[side] = ranked
    step.entries.append(("adl_order", market.ordinal, side, canonical_json(ranked)))


def _publish(step: Step, market: Market, content: Content) -> None:
    """Take a risk array; one of another number of scenarios than the rulebook's is said to be."""
    market.risk = RiskArray(content.losses, content.greeks)
    asset = asset_of(step, market)
    expected = fits(asset, market, len(content.losses))
    if expected is not None:
        step.deviation(
            "risk_array_mismatch",
            market=market.ordinal,
            asset=market.asset,
            expected=str(expected),
            found=str(len(content.losses)),
        )
    losses = [format_exact(loss, market.spec.mark_decimals) for loss in content.losses]
    greeks = {name: format_exact(value, RATE_DECIMALS) for name, value in content.greeks.items()}
    names = (content.text("producer"), content.text("version"))
    told = (canonical_json(losses), canonical_json(greeks))
    step.entries.append(("risk_array", market.ordinal, *names, *told))
    _test_margined(step, market)


def _test_margined(step: Step, market: Market) -> None:
    for scope in market.affected():
        if scope.rules is not None and not scope.rules.plain:
            step.touched[scope.key()] = scope
