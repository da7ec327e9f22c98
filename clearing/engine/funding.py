"""Funding: settled by a market's index, per account at once, or as a venue paid it."""

from fractions import Fraction
from typing import Any

from clearing.engine.asset import Asset
from clearing.engine.content import Content
from clearing.engine.market import Market
from clearing.engine.owed_funding import await_payments, awaited, note_paid
from clearing.engine.step import Holder, Step, asset_of
from clearing.engine.variation import share_shortfall
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import divide, format_exact


def _in_units(asset: Asset, market: Market, exact: int) -> tuple[int, int]:
    """Return an amount at the market's accrued decimals in units, and exact − rounded there."""
    excess = market.accrued_decimals - asset.decimals
    if excess <= 0:
        return exact * 10**-excess, 0
    paid = divide(exact, 10**excess, asset.regime.funding)
    return paid, exact - paid * 10**excess


def _told(market: Market) -> int:
    """Return what a unit of size pays by the last told rate, at index decimals."""
    return market.funding_rate * abs(market.payoff.face(market.funding_price))


def apply_settled(step: Step, content: Content) -> None:
    """Apply ``FundingSettled``: settle it in derive mode, else note (and compare) it.

    In a market whose funding the rulebook computes, derive mode takes no other's.
    """
    row = content.row
    market = step.book.markets[row.market]
    asset = asset_of(step, market)
    derives = asset.mode == "derive"
    period = market.period
    if derives and period is not None:
        step.deviation(
            "venue_outcome", market=market.ordinal, asset=market.asset, found="funding rate"
        )
        return
    market.funding_rate = content.quantity
    market.funding_price = content.price
    if asset.mode == "verify" and period is not None:
        _check_rate(step, market, content.quantity)
    due = _told(market)
    seconds = content.interval_seconds
    settle(step, market, content.quantity, content.price, seconds, Dues(due, due))
    if asset.mode == "verify":
        amounts = {
            scope.account: _in_units(asset, market, -scope.positions[market.ordinal].size * due)[0]
            for scope in awaited(step.book, market)
        }
        await_payments(step, market, amounts)


class Dues:
    """What a unit of size pays in one settlement, by side, at index decimals.

    A long pays ``long``, a short gets ``short``. Where they differ, ``left_over`` (at accrued
    decimals) is what all of one side pays beyond what the other gets, and ``residual`` the ordinal
    of the account that has it (0: none).
    """

    __slots__ = ("left_over", "long", "residual", "short")

    def __init__(self, long: int, short: int, left_over: int = 0, residual: int = 0) -> None:
        self.long = long
        self.short = short
        self.left_over = left_over
        self.residual = residual


def settle(step: Step, market: Market, rate: int, price: int, seconds: int, dues: Dues) -> None:
    """Settle funding in derive mode, or only state it (``rate``, ``price`` and ``seconds``)."""
    asset = asset_of(step, market)
    derives = asset.mode == "derive"
    by_index = asset.regime.funding_index
    differed = market.short_index != market.index
    if derives and by_index:
        market.index += dues.long
        market.short_index += dues.short
    _note(step, market, rate, price, seconds, moved=derives, differed=differed)
    if not derives:
        return
    if by_index:
        _share_out(step, asset, market, dues)
    else:
        _pay_everybody(step, asset, market, dues)
    for scope in market.holders.values():
        step.touched[scope.key()] = scope


def _note(
    step: Step,
    market: Market,
    rate: int,
    price: int,
    seconds: int,
    *,
    moved: bool,
    differed: bool,
) -> None:
    """Leave the entry of a settlement, and the short positions' index where it is another one."""
    index = format_exact(market.index, market.index_decimals)
    told = (rate, price, seconds)
    step.entries.append(("funding", market.ordinal, *told, index, 1 if moved else 0))
    if differed or market.short_index != market.index:
        # Also where they meet again: whoever reads the histories looks for the latest of either.
        text = format_exact(market.short_index, market.index_decimals)
        step.entries.append(("short_index", market.ordinal, text))


def charge_by_index(step: Step, market: Market, each: int, left_over: int) -> None:
    """Have every unit of both sides pay ``each`` (at index decimals) through the indexes.

    ``left_over`` (at accrued decimals) is what that collects beyond what it is for; it goes to
    rounding.
    """
    differed = market.short_index != market.index
    market.index += each
    market.short_index -= each
    _note(step, market, 0, 0, 0, moved=True, differed=differed)
    _share_out(step, asset_of(step, market), market, Dues(each, -each, left_over))
    for scope in market.holders.values():
        step.touched[scope.key()] = scope


def _share_out(step: Step, asset: Asset, market: Market, dues: Dues) -> int:
    """Give the residual account the whole units of what is left over, and keep the fraction.

    Return these units. Without such an account they go to rounding.
    """
    before = market.residual
    market.residual += dues.left_over
    units = whole_units(asset, market, market.residual)
    whose = step.book.registry.account(dues.residual).name if dues.residual else "rounding"
    lines = step.posting("funding_residual", f"{market.spec.name} {whose}", 0, market.ordinal)
    if lines is not None:
        lines.formula = f"down(before + left_over, {asset.decimals})"
        lines.value("before", before, market.accrued_decimals, "not in whole units yet")
        note = "what is collected beyond what it is for"
        lines.value("left over", dues.left_over, market.accrued_decimals, note)
        lines.finish(units, asset.decimals)
    market.residual -= exact_units(asset, market, units)
    payee = ("account", dues.residual) if dues.residual else ("rounding", 0)
    step.move(
        "funding_residual",
        market.asset,
        "funding",
        market.ordinal,
        *payee,
        units,
        market.ordinal,
    )
    return units


def whole_units(asset: Asset, market: Market, exact: int) -> int:
    """Return the whole units of an amount at the market's accrued decimals, rounded down."""
    excess = market.accrued_decimals - asset.decimals
    return int(exact * 10**-excess if excess <= 0 else exact // 10**excess)


def exact_units(asset: Asset, market: Market, units: int) -> int:
    """Return units at the market's accrued decimals; what does not fit them is cut off."""
    excess = market.accrued_decimals - asset.decimals
    return int(units // 10**-excess if excess <= 0 else units * 10**excess)


def _pay_everybody(step: Step, asset: Asset, market: Market, dues: Dues) -> None:
    total = 0
    flows = {}
    for holder in step.all_holders(market):
        position = step.position(market, holder)
        exact = -position.size * (dues.long if position.size > 0 else dues.short)
        paid = _pay(step, asset, market, holder, exact)
        total += paid
        if holder.scope is not None:
            flows[holder.ordinal] = paid
    total += _share_out(step, asset, market, dues)
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
    share_shortfall(step, market, flows)


def _pay(step: Step, asset: Asset, market: Market, holder: Holder, exact: int) -> int:
    paid, left = _in_units(asset, market, exact)
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


def _check_rate(step: Step, market: Market, told: int) -> None:
    """Compare a told rate with the computed one, cut off at the decimals that can be told."""
    period = market.period
    if period is None or period.compared is None:
        return
    expected = truncated(period.rule.for_interval(period.compared) * 10**RATE_DECIMALS)
    period.compared = None
    if expected != told:
        step.deviation(
            "funding_rate_mismatch",
            market=market.ordinal,
            asset=market.asset,
            expected=format_exact(expected, RATE_DECIMALS),
            found=format_exact(told, RATE_DECIMALS),
        )


def truncated(value: Fraction) -> int:
    """Return the whole part of a fraction, toward zero."""
    whole = abs(value.numerator) // value.denominator
    return whole if value >= 0 else -whole


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
        note_paid(book, market, account)
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
    size = 0 if position is None else position.size
    expected, _ = _in_units(asset, market, -size * _told(market))
    if expected != content.amount:
        step.deviation(
            "funding_mismatch",
            **where,
            expected=format_exact(expected, asset.decimals),
            found=format_exact(content.amount, asset.decimals),
        )
