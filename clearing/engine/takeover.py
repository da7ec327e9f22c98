"""Takeover: every position handed over at the bankruptcy amount, and what is left shared out."""

from clearing.engine.asset import Asset
from clearing.engine.conversion import convert_collateral
from clearing.engine.estate import Estate
from clearing.engine.penalties import charge, full_rate, penalty_amount
from clearing.engine.positions import drop_fraction, settle_funding
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.takeover_lines import (
    bankruptcy_lines,
    residual_lines,
    residual_posting_lines,
    taker_lines,
)
from clearing.engine.valuation import equity_of, measure, position_value, unrealised
from clearing.engine.waterfall import HandOver
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import MAINTENANCE, TakeoverRung, Waterfall


def take_over(step: Step, scope: Scope, rung: TakeoverRung, waterfall: Waterfall) -> None:
    """Hand over everything that the scope has, and leave it without positions."""
    book = step.book
    asset = book.assets[scope.asset]
    ordinals = sorted(scope.positions)
    # A backstop takes what is worth something; a loss goes down the waterfall, all of it.
    taker = waterfall.fund
    if rung.to:
        worth = measure(book, scope).equity
        taker_lines(step, scope, rung.to, worth)
        taker = rung.to if worth >= 0 else taker
    if scope.rules is not None and scope.rules.collateral is not None:
        convert_collateral(step, scope, scope.rules.collateral, taker)
    for ordinal in ordinals:
        market, position = book.markets[ordinal], scope.positions[ordinal]
        holder = step.account_holder(scope.account, market)
        settle_funding(step, market, holder, position)
        drop_fraction(step, market, holder, position)
    equity = equity_of(book, scope)
    notional = sum(abs(position_value(book.markets[m], scope.positions[m])) for m in ordinals)
    estates = _bankruptcy(step, asset, scope, ordinals, equity)
    step.touch(scope)
    HandOver(step, scope, equity, waterfall, taker).run(estates, rung.deleverages)
    scope.taken_over = True
    if equity >= 0 and not rung.deleverages:
        # Estates took the equity with them; without any it is still where it was.
        left, here = equity // asset.lift, scope.cash
        residual = left - here if rung.returns_residual else -here
        if residual:
            residual_posting_lines(step, scope, left if rung.returns_residual else 0, residual)
        step.move("residual", scope.asset, "account", taker, "account", scope.account, residual)
        if rung.returns_residual:
            penalty = penalty_amount(
                rung.penalty, full_rate(rung.penalty), notional, asset.lift, left
            )
            residual_lines(step, scope, equity, rung.penalty, notional, penalty)
            charge(step, scope, rung.penalty, penalty)


def _bankruptcy(
    step: Step, asset: Asset, scope: Scope, ordinals: list[int], equity: int
) -> list[Estate]:
    """Share the scope's equity over its positions: what each must be handed over for.

    PnL of position i = Uᵢ − equity × weight / Σ weights, rounded; the last takes what is left, so
    that the account ends with nothing. Weights are maintenance requirements, else notionals.
    """
    book = step.book
    working = asset.working
    rounding = asset.regime.bankruptcy
    asked = [requirement_of(book, scope, MAINTENANCE, book.markets[m]) for m in ordinals]
    weights = asked
    if not sum(weights):
        weights = [abs(position_value(book.markets[m], scope.positions[m])) for m in ordinals]
    total = sum(weights)
    left = -scope.cash
    estates: list[Estate] = []
    for i, ordinal in enumerate(ordinals):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        share = equity * weights[i]
        if i == len(ordinals) - 1:
            pnl = left
        else:
            exact = unrealised(asset, market, position) * total - share
            pnl = divide(exact, total * asset.lift, rounding) if total else 0
        amount = position.cost + pnl
        bankruptcy_lines(step, scope, estates, market, pnl, weights, last=i == len(ordinals) - 1)
        left -= pnl
        estates.append(Estate(market, position.size, amount))
        shown = divide(share, total * asset.lift, Rounding.HALF_EVEN) if total else 0
        step.entries.append(
            (
                "bankruptcy",
                scope.account,
                scope.asset,
                ordinal,
                position.size,
                market.mark,
                amount,
                format_exact(asked[i], working),
                format_exact(shown, asset.decimals),
            )
        )
    return estates
