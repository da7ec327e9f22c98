"""Funding: settled by a market's index, per account at once, or as a venue paid it."""

from typing import Any

from clearing.engine.book import Asset, Market, Position
from clearing.engine.content import Content
from clearing.engine.step import Holder, Step, asset_of
from clearing.quantities import divide, format_exact


def _payment(asset: Asset, market: Market, size: int) -> tuple[int, int]:
    """Return −size × last rate × face at the last price in units, and what rounding left.

    The second number is exact − rounded at the market's accrued decimals.
    """
    exact = -size * market.funding_rate * abs(market.payoff.face(market.funding_price))
    excess = market.accrued_decimals - asset.decimals
    if excess <= 0:
        return exact * 10**-excess, 0
    paid = divide(exact, 10**excess, asset.regime.funding)
    return paid, exact - paid * 10**excess


def apply_settled(step: Step, content: Content) -> None:
    """Apply ``FundingSettled``: move the index or pay everybody in derive mode, else note it."""
    row = content.row
    market = step.book.markets[row.market]
    asset = asset_of(step, market)
    derives = asset.mode == "derive"
    by_index = asset.regime.funding_index
    market.funding_rate = content.quantity
    market.funding_price = content.price
    if derives and by_index:
        market.index += content.quantity * abs(market.payoff.face(content.price))
    step.entries.append(
        (
            "funding",
            market.ordinal,
            content.quantity,
            content.price,
            content.interval_seconds,
            format_exact(market.index, market.index_decimals),
            1 if derives else 0,
        )
    )
    if not derives:
        return
    if not by_index:
        _pay_everybody(step, asset, market)
    for scope in market.holders.values():
        step.touched[scope.key()] = scope


def _pay_everybody(step: Step, asset: Asset, market: Market) -> None:
    total = 0
    for account in sorted(market.holders):
        holder = step.account_holder(account, market)
        total += _pay(step, asset, market, holder, step.position(market, holder))
    control = step.control_holder(market)
    total += _pay(step, asset, market, control, market.control)
    suspense = step.account_holder(0, market)
    total += _pay(step, asset, market, suspense, market.suspense)
    step.move(
        "funding_rounding",
        market.asset,
        "rounding",
        0,
        "funding",
        market.ordinal,
        total,
        market.ordinal,
    )


def _pay(step: Step, asset: Asset, market: Market, holder: Holder, position: Position) -> int:
    paid, left = _payment(asset, market, position.size)
    step.move(
        "funding",
        market.asset,
        "funding",
        market.ordinal,
        holder.ledger_kind,
        holder.ledger_ordinal,
        paid,
        market.ordinal,
    )
    step.remainder("funding", market, holder, left, market.accrued_decimals)
    return paid


def apply_paid(step: Step, content: Content, sign: int) -> None:
    """Apply ``FundingPaid`` as told; with ``sign`` −1 its opposite. Derive mode refuses it."""
    row, book = content.row, step.book
    market = book.markets[row.market]
    asset = asset_of(step, market)
    account = content.account
    where: dict[str, Any] = {
        "account": account,
        "market": market.ordinal,
        "asset": market.asset,
    }
    if sign > 0:
        unknown = content.unknown("account")
        if unknown:
            step.deviation("unknown_account", **where, found=unknown)
        if asset.mode == "derive":
            step.deviation("venue_outcome", **where, found="funding")
            return
        if asset.mode == "verify" and account:
            _check_paid(step, asset, market, content)
    payee = ("account", account) if account else ("suspense", 0)
    amount = content.amount * sign
    step.move("funding", market.asset, "funding", market.ordinal, *payee, amount, market.ordinal)


def _check_paid(step: Step, asset: Asset, market: Market, content: Content) -> None:
    where: dict[str, Any] = {
        "account": content.account,
        "market": market.ordinal,
        "asset": market.asset,
    }
    found = format_exact(content.amount, asset.decimals)
    if not market.funding_price:
        step.deviation("funding_unannounced", **where, found=found)
        return
    position = step.book.scope(content.account, market.asset).positions.get(market.ordinal)
    expected, _ = _payment(asset, market, 0 if position is None else position.size)
    if expected != content.amount:
        step.deviation(
            "funding_mismatch",
            **where,
            expected=format_exact(expected, asset.decimals),
            found=found,
        )
