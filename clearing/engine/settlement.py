"""The end of a market: every position closed at the settlement price, and none opened after."""

from clearing.engine.computed_funding import end_funding
from clearing.engine.content import Content
from clearing.engine.market import Market
from clearing.engine.market_states import SETTLED
from clearing.engine.positions import apply_fill, price_pending
from clearing.engine.step import Step, asset_of
from clearing.engine.variation import share_flows
from clearing.quantities import format_exact


def settle_market(step: Step, content: Content) -> None:
    """Apply ``MarketSettled``: accounts in order, then control, then suspense are closed out."""
    row = step.row
    market = step.book.markets[row.market]
    if market.state == SETTLED:
        step.deviation("settled_market", market=market.ordinal, asset=market.asset)
        return
    expires_at = market.spec.expires_at
    if row.occurred_at < expires_at:
        early = str(expires_at - row.occurred_at)
        step.deviation("settled_early", market=market.ordinal, asset=market.asset, detail=early)
    expected = market.feed.values.get("settlement")
    if expected is not None and expected != content.price:
        texts = [format_exact(p, market.spec.mark_decimals) for p in (expected, content.price)]
        step.deviation(
            "settlement_price",
            market=market.ordinal,
            asset=market.asset,
            expected=texts[0],
            found=texts[1],
        )
    end_funding(step, market)
    if market.pending:
        price_pending(step, market, content.price, market.spec.mark_decimals)
    step.entries.append(("market_settled", market.ordinal, content.price))
    concerned = market.affected()
    _close_all(step, market, content.price)
    share_flows(step, market)
    market.state, market.breaker, market.resumes_at = SETTLED, 0, 0
    step.entries.append(("market_state", market.ordinal, SETTLED))
    for scope in concerned:
        step.touch(scope)


def _close_all(step: Step, market: Market, price: int) -> None:
    """Close every position at ``price``; what roundings leave of ``clearing`` is rounding's."""
    decimals = market.spec.mark_decimals
    total = 0
    for holder in step.all_holders(market):
        size = -step.position(market, holder).size
        if not size:
            continue
        rounding = asset_of(step, market).regime.fill_cost
        amount, left = market.payoff.amount(size, price, decimals, rounding)
        left_decimals = market.payoff.left_decimals(decimals)
        step.remainder("fill_cost", market, holder, left, left_decimals)
        apply_fill(step, market, holder, size, amount)
        total += amount
    here = market.ordinal
    step.move("fill_cost", market.asset, "clearing", here, "rounding", 0, total, here)
