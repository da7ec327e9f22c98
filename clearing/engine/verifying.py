"""Verify mode: a venue's liquidations, deleveragings and fees against the rulebook in force.

Checked once per execution, before anything of it is applied, as far as the rulebook's
``verification`` and ``fees`` ask for it. What is found moves nothing: each difference is a
deviation.
"""

from fractions import Fraction

from clearing.engine.acting import holds
from clearing.engine.asset import Asset
from clearing.engine.content import Content
from clearing.engine.deleveraging import ranking
from clearing.engine.due_terms import due_terms
from clearing.engine.estate import Estate
from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.scope import NEVER, Scope
from clearing.engine.side import ADL, LIQUIDATION, Side
from clearing.engine.step import Step, asset_of
from clearing.engine.valuation import measure
from clearing.events.kinds import CAUSES
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import RATE_SCALE, AdlLayer, TakeoverRung
from clearing.rulebook.verification import Fees, Verification


def check_outcomes(step: Step, content: Content, market: Market, sides: list[Side]) -> None:
    """State what of an execution the rulebook would not have given; in verify mode alone."""
    asset = asset_of(step, market)
    rulebook = asset.rulebook
    if asset.mode != "verify" or rulebook is None or market.spec.base_asset:
        return
    if rulebook.fees and content.row.asset in (0, market.asset):
        for side in sides:
            scope = _recorded(step, market, side)
            account_class = step.book.registry.account(side.account).account_class if scope else ""
            fees = rulebook.fees.get(account_class)
            if fees is not None:
                _check_fee(step, content, asset, market, side, fees)
    checks = rulebook.verification
    if checks is None or not checks.looks_at_fills:
        return
    for i, side in enumerate(sides):
        scope = _recorded(step, market, side)
        if scope is None:
            continue
        if side.cause == LIQUIDATION and scope.rules is not None:
            _check_liquidation(step, content, market, scope, side, checks)
        elif side.cause == ADL and checks.adl_rank:
            other = sides[1 - i] if len(sides) > 1 else None
            _check_deleveraging(step, market, scope, side, other)


def _recorded(step: Step, market: Market, side: Side) -> Scope | None:
    """Return the scope of a side that a declared account made, in the record, if one did."""
    if not side.account or side.account in step.contested:
        return None
    scope = step.book.scope(side.account, market.asset)
    return None if step.book.derives(scope) else scope


def _check_fee(
    step: Step, content: Content, asset: Asset, market: Market, side: Side, fees: Fees
) -> None:
    decimals = market.spec.price_decimals
    amount, left = market.payoff.amount(side.size, content.price, decimals, Rounding.DOWN)
    scale = 10 ** (market.payoff.left_decimals(decimals) - asset.decimals)
    notional = abs(amount + Fraction(left, scale))
    due = []
    for rate in fees.rates(CAUSES[side.cause]):
        exact = notional * rate
        due.append(divide(exact.numerator, exact.denominator * RATE_SCALE, fees.rounding))
    if side.fee not in due:
        first, *others = (format_exact(fee, asset.decimals) for fee in due)
        step.deviation(
            "fee_mismatch",
            account=side.account,
            market=market.ordinal,
            asset=market.asset,
            expected=first,
            found=format_exact(side.fee, asset.decimals),
            detail=" ".join(others),
        )


def _check_liquidation(
    step: Step, content: Content, market: Market, scope: Scope, side: Side, checks: Verification
) -> None:
    """Compare a liquidation with what the rungs that are due would have closed, at their price.

    One that comes too early, or closes what is not there, has deviations of its own.
    """
    position = scope.positions.get(market.ordinal)
    held, told = 0 if position is None else position.size, abs(side.size)
    if scope.status != "liquidation":
        return
    _check_lag(step, market, scope, checks)
    if held * side.size >= 0 or told > abs(held):
        return
    found = due_terms(step, scope, market, told)
    if not found:
        return
    where = {"account": scope.account, "market": market.ordinal, "asset": market.asset}
    if checks.tolerance is not None:
        tolerance = checks.tolerance
        fitting = [t for t in found if t.gives_price(market, content.price, tolerance)]
        if not fitting:
            decimals = market.spec.price_decimals
            step.deviation(
                "liquidation_price",
                **where,
                expected=format_exact(found[0].price_at(decimals), decimals),
                found=format_exact(content.price, decimals),
                detail=str(found[0].rung),
            )
        found = fitting or found
    if checks.quantity is not None:
        at_most = checks.quantity == "at_most"
        if not any(terms.gives_quantity(told, at_most=at_most) for terms in found):
            decimals = market.spec.size_decimals
            wanted = found[0].quantity or 0
            step.deviation(
                "liquidation_quantity",
                **where,
                expected=format_exact(-wanted if held > 0 else wanted, decimals),
                found=format_exact(side.size, decimals),
                detail=str(found[0].rung),
            )


def _check_lag(step: Step, market: Market, scope: Scope, checks: Verification) -> None:
    """State that the first liquidation of a stay came too long after the account fell due."""
    if checks.liquidation_lag is None or scope.due_since == NEVER or scope.venue_closed:
        return
    waited = max(step.book.time, step.row.occurred_at) - scope.due_since
    if waited > checks.liquidation_lag:
        step.deviation(
            "liquidation_late",
            account=scope.account,
            market=market.ordinal,
            asset=market.asset,
            expected=format_exact(checks.liquidation_lag, 6),
            found=format_exact(waited, 6),
        )


def _check_deleveraging(
    step: Step, market: Market, scope: Scope, side: Side, other: Side | None
) -> None:
    """Check that there was somebody to deleverage for, and that the side was the one to take."""
    liquidated = None if other is None else _recorded(step, market, other)
    if liquidated is not None and liquidated.rules is None:
        liquidated = None
    if other is not None and liquidated is not None:
        _check_loss(step, market, side, other, liquidated)
        if other.cause != LIQUIDATION or market.ordinal not in liquidated.positions:
            liquidated = None
    rules = (liquidated or scope).rules
    waterfall = None if rules is None else rules.waterfall
    layers = [] if waterfall is None else waterfall.layers
    layer = next((layer for layer in layers if isinstance(layer, AdlLayer)), None)
    if layer is None or layer.rank == "random":
        return
    if liquidated is not None:
        estate = _estate(step, market, liquidated)
    elif layer.candidates == "overlapping":
        return
    else:
        estate = Estate(market, side.size, 0)
    whose = 0 if liquidated is None else liquidated.account
    ranked = [who.account for who in ranking(step, estate, liquidated, layer)]
    last = 1
    if layer.pro_rata or layer.at_most < RATE_SCALE:
        last = layer.most or len(ranked)
    elif market.deleveraged is not None:
        # Who gave part of it has to give the rest first, though it ranks lower for what it gave.
        before, *estate_then = market.deleveraged
        if estate_then == [step.row.occurred_at, whose] and before in ranked:
            ranked = [before, *(account for account in ranked if account != before)]
    market.deleveraged = (side.account, step.row.occurred_at, whose)
    rank = ranked.index(side.account) + 1 if side.account in ranked else 0
    if not rank or rank > last:
        step.deviation(
            "adl_rank",
            account=side.account,
            market=market.ordinal,
            asset=market.asset,
            expected=str(last),
            found=str(rank) if rank else "none",
            detail=str(ranked[0]) if ranked else "",
        )


def _check_loss(step: Step, market: Market, side: Side, other: Side, liquidated: Scope) -> None:
    """Say it where the other side is not in liquidation, or is and leaves no loss.

    The loss is that of the whole scope, so it is looked at before the first fill of a stay: what
    earlier ones rounded may be all that is left.
    """
    now = measure(step.book, liquidated)
    found = "" if liquidated.status == "liquidation" else liquidated.status
    begins = other.cause == LIQUIDATION and not liquidated.venue_closed
    if not found and begins and now.equity >= 0:
        rules = liquidated.rules
        deleverages = any(
            isinstance(rung, TakeoverRung)
            and rung.deleverages
            and holds(step.book, liquidated, rung, now)
            for rung in ([] if rules is None else rules.closing)
        )
        if not deleverages:
            found = format_exact(now.equity, step.book.assets[market.asset].working)
    if found:
        step.deviation(
            "adl_unexpected",
            account=side.account,
            market=market.ordinal,
            asset=market.asset,
            found=found,
            detail=str(other.account),
        )


def _estate(step: Step, market: Market, scope: Scope) -> Estate:
    """Return a position that is handed over, and the amount it is handed over for."""
    asset = step.book.assets[scope.asset]
    exact = Holding(step.book, scope, market).bankruptcy_amount()
    amount = divide(exact.numerator, exact.denominator * asset.lift, asset.regime.bankruptcy)
    return Estate(market, scope.positions[market.ordinal].size, amount)
