"""Facts of positions: fills, trades, and positions carried in from before a history starts."""

from clearing.engine.asset import Asset
from clearing.engine.cash import charge_fee
from clearing.engine.content import Content
from clearing.engine.fill_cost import FillCost
from clearing.engine.market import Market
from clearing.engine.market_states import PERMITTED, SETTLED
from clearing.engine.positions import (
    apply_fill,
    carry_pending,
    price_pending,
    rounded_entry_cost,
)
from clearing.engine.priced_close import PricedClose
from clearing.engine.recorded import waiting_rung
from clearing.engine.reduction import Reduction
from clearing.engine.scope import Scope
from clearing.engine.side import LIQUIDATION, TRADE, Side, sides_of
from clearing.engine.spot import exchange
from clearing.engine.step import Holder, Step, asset_of
from clearing.engine.valuation import measure
from clearing.engine.verifying import check_outcomes
from clearing.events.kinds import CAUSES, Kind
from clearing.quantities import Trace, format_exact
from clearing.rulebook import ClassRules, ReduceRung

_FILLED, _TRADED = 1, 2


def apply_execution(step: Step, content: Content, sign: int) -> None:
    """Apply ``Filled`` or ``Traded``; with ``sign`` −1 the opposite, without checks."""
    row, book = content.row, step.book
    market = book.markets[row.market]
    asset = asset_of(step, market)
    sides = sides_of(content)
    if sign > 0:
        _check_sides(step, market, _FILLED if row.kind == Kind.Filled else _TRADED)
        if asset.mode == "derive" and _venue_outcome(step, market, sides):
            return
    if market.pending:
        price_pending(step, market, content.price, market.spec.price_decimals)
    if sign > 0:
        check_outcomes(step, content, market, sides)
    market.last_price = content.price
    size = amount = total = 0
    for side in sides:
        holder = step.account_holder(side.account, market)
        if sign > 0:
            _check_side(step, content, market, holder, side)
        size, amount = _apply_side(step, content, market, holder, side, sign)
        total += amount
    spot = bool(market.spec.base_asset)
    if row.kind == Kind.Traded:
        # A directed rounding pays the sides different amounts; the difference is not the market's.
        step.move(
            "fill_cost",
            market.asset,
            "spot" if spot else "clearing",
            market.ordinal,
            "rounding",
            0,
            total,
            market.ordinal,
        )
    elif not spot:
        apply_fill(step, market, step.control_holder(market), -size, -amount)


def _venue_outcome(step: Step, market: Market, sides: list[Side]) -> bool:
    """Say of each side that is a venue's liquidation or ADL that it is not applied."""
    outcomes = [
        side
        for side in sides
        if side.cause != TRADE
        and side.account not in step.contested
        and _rung_for(step, market, side) is None
    ]
    for side in outcomes:
        step.deviation(
            "venue_outcome",
            account=side.account,
            market=market.ordinal,
            asset=market.asset,
            found=CAUSES[side.cause],
        )
    return bool(outcomes)


def _rung_for(step: Step, market: Market, side: Side) -> ReduceRung | None:
    """Return the rung of a side's account that waits for this very fill, in derive mode."""
    if side.cause != LIQUIDATION or not side.account or side.account in step.contested:
        return None
    scope = step.book.scope(side.account, market.asset)
    if not step.book.derives(scope):
        return None
    return waiting_rung(step, scope, market, side.size)


def _apply_side(
    step: Step, content: Content, market: Market, holder: Holder, side: Side, sign: int
) -> tuple[int, int]:
    """Apply one side and return its signed size and amount.

    A reversal takes the very amount of the original: rounded as it was then, and negated.
    """
    asset = asset_of(step, market)
    decimals = market.spec.price_decimals
    rounding = asset.regime_at(content.row.position).fill_cost
    cost = FillCost(content.price, rounding, content.scaled("reported_cost"), checks=sign > 0)
    if market.spec.base_asset:
        amount = exchange(step, market, side.account, side.size, cost, sign)
        fee_asset = content.row.asset or market.asset
        charge_fee(step, side.account, fee_asset, side.fee * sign, market.ordinal)
        return 0, amount
    amount, left = cost.of(step, market, side.account, side.size)
    size, amount, left = side.size * sign, amount * sign, left * sign
    step.remainder("fill_cost", market, holder, left, market.payoff.left_decimals(decimals))
    compares = sign > 0 and side.account and holder.scope is not None
    reported = content.scaled("reported_pnl") if compares else None
    rounded = None
    if reported is not None:
        rounded = _rounded_entry_pnl(step, asset, market, holder, size, amount)
    rung = _rung_for(step, market, side) if sign > 0 else None
    close = None
    if rung is not None and holder.scope is not None:
        close = PricedClose(step, holder.scope, market, rung, -size)
        close.begin("recorded")
        if close.lines.asked:
            close.lines.told(content.price, rounding, -amount)
            wanted = Trace("wanted")
            Reduction(step.book, holder.scope, market, rung).quantity(wanted)
            close.lines.beside(wanted, content.price)
    realised = apply_fill(step, market, holder, size, amount)
    fee_asset = content.row.asset or market.asset
    if close is not None:
        close.lines.fee(side.account, fee_asset, side.fee * sign)
    charge_fee(step, side.account, fee_asset, side.fee * sign, market.ordinal)
    if close is not None:
        close.conclude(-amount)
    if reported is not None and rounded is not None and reported != realised:
        step.deviation(
            "reported_pnl",
            account=side.account,
            market=market.ordinal,
            asset=market.asset,
            expected=format_exact(realised, asset.decimals),
            found=format_exact(reported, asset.decimals),
            detail=format_exact(rounded, asset.decimals),
        )
    return size, amount


def _note_liquidation(
    step: Step, content: Content, market: Market, scope: Scope, side: Side
) -> None:
    """State a venue's liquidation as told, and how the scope stands as the ledger knows it.

    One that does not reduce the position that the ledger has is a deviation, in every mode.
    """
    position = scope.positions.get(market.ordinal)
    held = 0 if position is None else position.size
    if held * side.size >= 0 or abs(side.size) > abs(held):
        decimals = market.spec.size_decimals
        _deviate(
            step,
            "liquidation_size",
            scope,
            market,
            expected=format_exact(-held, decimals),
            found=format_exact(side.size, decimals),
        )
    now = measure(step.book, scope)
    working = step.book.assets[scope.asset].working
    step.entries.append(
        (
            "venue_liquidation",
            scope.account,
            scope.asset,
            market.ordinal,
            side.size,
            content.price,
            market.mark,
            content.optional("method"),
            format_exact(now.equity, working),
            format_exact(now.maintenance, working),
        )
    )


def _rounded_entry_pnl(
    step: Step, asset: Asset, market: Market, holder: Holder, size: int, amount: int
) -> int | None:
    """Return the fill's PnL with the average entry rounded; None if the entry is not known."""
    position = step.position(market, holder)
    if not position.size or (position.size > 0) == (size > 0):
        return 0
    if position.entry != 1:
        return None
    closed = min(abs(position.size), abs(size))
    closing = (1 if amount > 0 else -1) * (abs(amount) * closed // abs(size))
    cost = rounded_entry_cost(asset, market, position, closed)
    return -closing - (cost if position.cost >= 0 else -cost)


def _check_sides(step: Step, market: Market, sides: int) -> None:
    if market.sides & ~sides:
        step.deviation("mixed_sides", market=market.ordinal)
    market.sides |= sides


def _check_side(step: Step, content: Content, market: Market, holder: Holder, side: Side) -> None:
    if side.unknown:
        step.deviation(
            "unknown_account", market=market.ordinal, asset=market.asset, found=side.unknown
        )
    scope = holder.scope
    if scope is None:
        return
    if scope.taken_over:
        _deviate(step, "after_takeover", scope, market)
    _check_position(step, content, market, scope, side)
    if side.cause == TRADE:
        return
    if side.cause == LIQUIDATION and not market.spec.base_asset:
        _note_liquidation(step, content, market, scope, side)
    verifies = scope.rules is not None and asset_of(step, market).mode == "verify"
    verifies = verifies and not step.book.derives(scope)
    if verifies and side.cause == LIQUIDATION and scope.status != "liquidation":
        _deviate(step, "liquidation_unexpected", scope, market, found=scope.status)
    scope.venue_closed = True


def _check_position(step: Step, content: Content, market: Market, scope: Scope, side: Side) -> None:
    position = scope.positions.get(market.ordinal)
    size = 0 if position is None else position.size
    permitted = PERMITTED[market.state]
    if not permitted.trades and market.state != SETTLED:
        _deviate(step, "no_trading", scope, market, found=market.state)
    elif permitted.trades and not permitted.grows and abs(size + side.size) > abs(size):
        _deviate(step, "reduce_only", scope, market, found=market.state)
    reported = content.scaled("reported_size_before")
    if reported is not None and reported != size:
        decimals = market.spec.size_decimals
        ours, theirs = format_exact(size, decimals), format_exact(reported, decimals)
        _deviate(step, "size_before", scope, market, expected=ours, found=theirs)
    isolates = step.book.registry.account(scope.account).isolates
    if isolates and market.ordinal not in isolates:
        _deviate(step, "outside_scope", scope, market)
    if market.state == SETTLED:
        _deviate(step, "settled_market", scope, market)
    if not size and scope.rules is not None and not market.spec.base_asset:
        _check_margined(step, market, scope, scope.rules)


def _check_margined(step: Step, market: Market, scope: Scope, rules: ClassRules) -> None:
    """Say it where a position opens that nothing asks anything for, or nothing that is known."""
    if rules.schedule(market.ordinal) is None and not rules.by_portfolio(market.ordinal):
        _deviate(step, "no_schedule", scope, market)
    portfolio = rules.portfolio
    if portfolio is None or market.spec.payoff != "option":
        return
    scenarios = portfolio.scenarios.get(market.ordinal)
    told = 0 if market.risk is None else len(market.risk.losses)
    if scenarios is not None and scenarios != told:
        texts = {"expected": str(scenarios), "found": str(told)}
        _deviate(step, "no_risk_array", scope, market, **texts)


def _deviate(
    step: Step, code: str, scope: Scope, market: Market, *, expected: str = "", found: str = ""
) -> None:
    step.deviation(
        code,
        account=scope.account,
        market=market.ordinal,
        asset=market.asset,
        expected=expected,
        found=found,
    )


def apply_carried(step: Step, content: Content) -> None:
    """Apply ``PositionCarried``: a fill at the entry, else at the present price, else pending."""
    row, book = content.row, step.book
    market = book.markets[row.market]
    asset = asset_of(step, market)
    unknown = content.unknown("account")
    if unknown:
        step.deviation("unknown_account", market=market.ordinal, asset=market.asset, found=unknown)
    if market.state == SETTLED:
        step.deviation("settled_market", market=market.ordinal, asset=market.asset)
    holder = step.account_holder(content.account, market)
    price, decimals = content.price, market.spec.price_decimals
    if not price:
        price, decimals = market.mark, market.spec.mark_decimals
    if not price:
        price, decimals = market.last_price, market.spec.price_decimals
    if not price:
        if content.account:
            carry_pending(step, market, content.account, content.quantity)
        return
    size = content.quantity
    rounding = asset.regime.fill_cost
    amount, left = market.payoff.amount(size, price, decimals, rounding)
    step.remainder("fill_cost", market, holder, left, market.payoff.left_decimals(decimals))
    apply_fill(step, market, holder, size, amount, entry_known=bool(content.price))
    apply_fill(step, market, step.control_holder(market), -size, -amount)
