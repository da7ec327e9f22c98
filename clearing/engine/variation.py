"""Variation margin: gains and losses paid in cash at every mark, and who bears what losers lack.

What a loser cannot pay the rule's fund pays as far as it has cash; the rest is cut from everybody
who gained since the last mark, pro rata.
"""

from clearing.engine.haircut import cuts
from clearing.engine.market import Market
from clearing.engine.positions import note_flow, realise
from clearing.engine.step import Step, asset_of
from clearing.engine.valuation import unrealised
from clearing.quantities import Rounding, divide, format_exact


def settle_to_marks(step: Step) -> None:
    """Settle every market that the event gave a mark, and whose rulebook pays variation margin."""
    marked = {market.ordinal: market for market, _ in step.moved_markets}
    for _, market in sorted(marked.items()):
        if market.variation is not None and market.mark:
            _settle_to_mark(step, market)


def _settle_to_mark(step: Step, market: Market) -> None:
    """Realise the whole units of everybody's unrealised PnL; a fraction stays in the position."""
    asset = asset_of(step, market)
    for holder in step.all_holders(market):
        position = step.position(market, holder)
        if not position.size:
            continue
        gained = divide(unrealised(asset, market, position), asset.lift, Rounding.TOWARD_ZERO)
        realise(step, market, holder, gained)
        note_flow(market, holder, gained)
    share_flows(step, market)


def share_flows(step: Step, market: Market) -> None:
    """Share what losers lack of what was realised in the market since it was last settled."""
    flows, market.flows = market.flows, {}
    share_shortfall(step, market, flows)


def share_shortfall(step: Step, market: Market, flows: dict[int, int]) -> None:
    """Have fund and winners bear what losers could not pay; ``flows`` are units paid, by account.

    Nothing is missing on an account to which other collateral counts: it has a debt. What gains do
    not cover, either, stays missing.
    """
    rule = market.variation
    missing = [(account, _missing(step, market, account, flows[account])) for account in flows]
    losers = sorted((account, lack) for account, lack in missing if lack)
    if rule is None or not losers:
        return
    lacking = sum(lack for _, lack in losers)
    in_fund = 0
    if rule.fund:
        fund = step.book.scope(rule.fund, market.asset)
        step.funds[fund.key()] = fund
        in_fund = min(lacking, max(0, fund.cash))
    winners = [
        (account, flows[account])
        for account in sorted(flows)
        if flows[account] > 0 and not step.book.is_fund(account)
    ]
    cut = min(lacking - in_fund, sum(gain for _, gain in winners))
    _cut(step, market, winners, cut, down=rule.down)
    for account, lack in losers:
        from_fund = min(in_fund, lack)
        from_gains = min(cut, lack - from_fund)
        in_fund -= from_fund
        cut -= from_gains
        _cover(step, market, account, from_fund, from_gains)


def _missing(step: Step, market: Market, account: int, flow: int) -> int:
    """Return how much of what an account lost it could not pay."""
    if flow >= 0:
        return 0
    scope = step.book.scope(account, market.asset)
    if scope.rules is not None and scope.rules.collateral is not None:
        return 0
    return min(-flow, max(0, -scope.cash))


def _cut(
    step: Step, market: Market, winners: list[tuple[int, int]], amount: int, *, down: bool
) -> None:
    if not amount:
        return
    here = market.ordinal
    paid = cuts([gain for _, gain in winners], amount, down=down)
    for (account, gain), part in zip(winners, paid, strict=True):
        step.entries.append(("haircut", 0, market.asset, here, account, gain, part))
        step.move("haircut", market.asset, "account", account, "clearing", here, part, here)


def _cover(step: Step, market: Market, account: int, from_fund: int, from_gains: int) -> None:
    """Make up for what a loser lacks, and state the loss."""
    if not from_fund and not from_gains:
        return
    asset, here = asset_of(step, market), market.ordinal
    rule = market.variation
    payer = 0 if rule is None else rule.fund
    step.move("loss", market.asset, "account", payer, "account", account, from_fund, here)
    step.move("haircut", market.asset, "clearing", here, "account", account, from_gains, here)
    parts = (from_fund + from_gains, from_fund, 0, from_gains, 0, 0, 0)
    texts = [format_exact(part * asset.lift, asset.working) for part in parts]
    step.entries.append(("loss", account, market.asset, *texts))
