"""The ladder: margin call, partial reduction, takeover at the bankruptcy amount."""

from functools import cmp_to_key

from clearing.engine.asset import Asset
from clearing.engine.conversion import convert_collateral
from clearing.engine.margin import bears_margin, can_act, holds, open_call, short_of
from clearing.engine.market import Market
from clearing.engine.positions import apply_fill, drop_fraction, settle_funding
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Position, Scope
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, equity_of, measure, position_value, unrealised
from clearing.engine.waterfall import Estate, hand_over, note_closed
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import (
    MAINTENANCE,
    RATE_SCALE,
    MarginCallRung,
    Penalty,
    ReduceRung,
    TakeoverRung,
    Waterfall,
)


def in_order(step: Step, due: list[tuple[Scope, Measure]]) -> list[Scope]:
    """Return due scopes by equity / maintenance ascending, ties by (account, asset) ordinal.

    The equity is what counts at maintenance.

    Compared by cross-multiplication; a maintenance of 0 counts as one unit of the asset. Scopes of
    different assets compare by the same ratio, which has no unit.
    """

    def asked(item: tuple[Scope, Measure]) -> int:
        return item[1].maintenance or step.book.assets[item[0].asset].lift

    def compare(left: tuple[Scope, Measure], right: tuple[Scope, Measure]) -> int:
        a = left[1].counted(MAINTENANCE) * asked(right)
        b = right[1].counted(MAINTENANCE) * asked(left)
        if a != b:
            return -1 if a < b else 1
        return -1 if left[0].key() < right[0].key() else 1

    return [scope for scope, _ in sorted(due, key=cmp_to_key(compare))]


def run_ladder(step: Step, scope: Scope) -> None:
    """Give every rung its turn, once: it acts if its condition holds on the book as it now is."""
    rules = scope.rules
    if rules is None:
        return
    derives = step.book.assets[scope.asset].mode == "derive"
    for rung in rules.ladder:
        if not bears_margin(step.book, scope, rules):
            return
        if not scope.positions and not isinstance(rung, MarginCallRung):
            continue
        now = measure(step.book, scope)
        if not holds(rules, scope, rung, now) or not can_act(step, scope, rung, now):
            continue
        if isinstance(rung, MarginCallRung):
            open_call(step, scope, rules, rung, now)
        elif derives and rules.waterfall is not None:
            _announce(step, scope, rung, now)
            if isinstance(rung, ReduceRung):
                _reduce(step, scope, rung, rules.waterfall)
            else:
                _take_over(step, scope, rung, rules.waterfall)


def _announce(step: Step, scope: Scope, rung: ReduceRung | TakeoverRung, now: Measure) -> None:
    """State the inequality that was true."""
    asset = step.book.assets[scope.asset]
    condition, call, rules = rung.condition, scope.call, scope.rules
    if now.below(condition) or call is None or rules is None:
        comparator, level, factor = condition.comparator, condition.level, condition.factor
        asked = now.asked(condition.place)
    else:
        comparator, level, factor = "<", call.level, RATE_SCALE
        asked = now.equity + short_of(rules, call, now)
    action = "reduce" if isinstance(rung, ReduceRung) else "takeover"
    working = asset.working
    step.entries.append(
        (
            "liquidation",
            scope.account,
            scope.asset,
            rung.number,
            action,
            format_exact(now.equity, working),
            comparator,
            level,
            format_exact(factor, RATE_DECIMALS),
            format_exact(factor * asked, working + RATE_DECIMALS),
            format_exact(now.maintenance, working),
        )
    )


def _pick(step: Step, scope: Scope) -> Market:
    """Return the market of the position with the largest maintenance requirement that may close."""
    book = step.book
    best, largest = None, -1
    for ordinal in sorted(scope.positions):
        market = book.markets[ordinal]
        if not market.closes or scope.rules is None:
            continue
        asked = requirement_of(book, scope, MAINTENANCE, market)
        if asked > largest:
            best, largest = market, asked
    if best is None:
        raise AssertionError("a reduce rung acts only where a position may close")
    return best


def _quantity(market: Market, position: Position, rung: ReduceRung, asset: Asset) -> int:
    """Return how much of |size| to close: the close factor in whole lots, or all."""
    held = abs(position.size)
    lot = market.spec.lot
    lots = divide(held * rung.close_factor, lot * RATE_SCALE, Rounding.UP)
    quantity = min(held, lots * lot)
    rest = (held - quantity) * abs(market.worth)
    return held if rest < rung.minimum_notional * asset.lift else quantity


def _reduce(step: Step, scope: Scope, rung: ReduceRung, waterfall: Waterfall) -> None:
    book = step.book
    asset = book.assets[scope.asset]
    market = _pick(step, scope)
    holder = step.account_holder(scope.account, market)
    position = scope.positions[market.ordinal]
    quantity = _quantity(market, position, rung, asset)
    settle_funding(step, market, holder, position)
    if quantity == abs(position.size):
        drop_fraction(step, market, holder, position)
    size = quantity if position.size > 0 else -quantity
    value = size * market.worth
    equity = measure(book, scope).equity
    fetched = size * market.worth_at(market.price("close"))
    spread = divide(abs(fetched) * rung.spread, RATE_SCALE, Rounding.UP)
    least = divide(value - equity, asset.lift, Rounding.UP)
    proceeds = max(divide(fetched - spread, asset.lift, Rounding.DOWN), least)
    fund = step.account_holder(waterfall.fund, market)
    loss = proceeds * asset.lift - value
    note_closed(step, scope, market, "reduce", fund.ordinal, size, proceeds, loss)
    apply_fill(step, market, holder, -size, -proceeds)
    apply_fill(step, market, fund, size, proceeds)
    limit = max(0, measure(book, scope).equity // asset.lift)
    _charge(step, scope, rung.penalty, abs(value), limit)


def _charge(step: Step, scope: Scope, penalty: Penalty | None, notional: int, limit: int) -> None:
    """Charge a penalty on ``notional`` (working scale), at most ``limit`` units, and split it."""
    if penalty is None:
        return
    lift = step.book.assets[scope.asset].lift
    amount = min(notional * penalty.rate // (RATE_SCALE * lift), limit)
    shares = [amount * share // RATE_SCALE for _, share in penalty.recipients]
    shares[0] += amount - sum(shares)
    for (account, _), share in zip(penalty.recipients, shares, strict=True):
        step.move("penalty", scope.asset, "account", scope.account, "account", account, share)


def _take_over(step: Step, scope: Scope, rung: TakeoverRung, waterfall: Waterfall) -> None:
    book = step.book
    asset = book.assets[scope.asset]
    ordinals = sorted(scope.positions)
    if scope.rules is not None and scope.rules.collateral is not None:
        convert_collateral(step, scope, scope.rules.collateral, waterfall.fund)
    for ordinal in ordinals:
        market, position = book.markets[ordinal], scope.positions[ordinal]
        holder = step.account_holder(scope.account, market)
        settle_funding(step, market, holder, position)
        drop_fraction(step, market, holder, position)
    equity = equity_of(book, scope)
    notional = sum(abs(position_value(book.markets[m], scope.positions[m])) for m in ordinals)
    estates = _bankruptcy(step, asset, scope, ordinals, equity)
    step.touch(scope)
    hand_over(step, scope, estates, equity, waterfall)
    scope.taken_over = True
    if equity >= 0 and rung.returns_residual:
        residual = equity // asset.lift
        fund = waterfall.fund
        step.move("residual", scope.asset, "account", fund, "account", scope.account, residual)
        _charge(step, scope, rung.penalty, notional, residual)


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
    estates = []
    for i, ordinal in enumerate(ordinals):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        share = equity * weights[i]
        if i == len(ordinals) - 1:
            pnl = left
        else:
            exact = unrealised(asset, market, position) * total - share
            pnl = divide(exact, total * asset.lift, rounding) if total else 0
        left -= pnl
        amount = position.cost + pnl
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
