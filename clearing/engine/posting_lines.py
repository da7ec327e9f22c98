"""The workings of postings that a rung makes by closing: realised PnL, what cost left, funding.

Each is named as its posting's purpose (:meth:`~clearing.engine.step.Step.posting`). Nothing is
computed here but the text of it; figures are those that were posted.
"""

from clearing.engine.asset import Asset
from clearing.engine.market import Market
from clearing.engine.scope import Position
from clearing.engine.step import Holder, Step, asset_of
from clearing.engine.valuation import accrued_funding, accrued_lines
from clearing.quantities import Trace, divide


def _posting(step: Step, purpose: str, market: Market, holder: Holder) -> Trace | None:
    account = holder.ordinal if holder.kind == "account" else 0
    name = step.book.registry.account(account).name if account else holder.kind
    return step.posting(purpose, f"{market.spec.name} {name}", account, market.ordinal)


def funding_lines(
    step: Step, market: Market, holder: Holder, position: Position, paid: int
) -> None:
    """State the accrued funding that is settled in whole units, before it is."""
    lines = _posting(step, "funding", market, holder)
    if lines is None:
        return
    asset = asset_of(step, market)
    lines.formula = "accrued"
    if market.accrued_decimals > asset.decimals:
        lines.formula = f"{asset.regime.funding.value}(accrued, {asset.decimals})"
    accrued = accrued_lines(lines, "accrued", market, position)
    accrued.finish(accrued_funding(market, position), market.accrued_decimals)
    lines.finish(paid, asset.decimals, "the fraction stays accrued")


def realised_lines(
    step: Step,
    market: Market,
    holder: Holder,
    position: Position,
    closed_for: tuple[int, int, int],
    released: int,
    realised: int,
) -> None:
    """State the PnL of a fill that closes some of a position, before it is applied.

    ``closed_for`` is (signed size, amount, the amount of what is closed); ``released`` the cost
    that goes with it.
    """
    lines = _posting(step, "realised_pnl", market, holder)
    if lines is None:
        return
    asset, places = asset_of(step, market), market.spec.size_decimals
    size, amount, closing = closed_for
    closed = min(abs(position.size), abs(size))
    lines.formula = "-closing - released"
    part = lines.step("closing", "amount")
    part.value("amount", amount, asset.decimals, "of the fill: paid, or negative if received")
    if closed < abs(size):
        part.formula = f"toward_zero(amount * closed / filled, {asset.decimals})"
        part.value("closed", closed, places)
        part.value("filled", abs(size), places)
    part.finish(closing, asset.decimals)
    cost = _released_lines(asset, market, position, closed, part)
    cost.finish(released, asset.decimals, "the cost of what is closed")
    lines.inputs.append(cost)
    lines.finish(realised, asset.decimals)


def _released_lines(
    asset: Asset, market: Market, position: Position, closed: int, closing: Trace
) -> Trace:
    """Return how the cost of what is closed comes about, to be finished."""
    held, places, spec = abs(position.size), market.spec.size_decimals, market.spec
    lines = Trace("released")
    if asset.regime.net_cost and closed < held:
        lines.formula = "-closing"
        lines.inputs.append(closing)
        return lines
    lines.value("cost", position.cost, asset.decimals)
    entry = 0
    if asset.regime.rounded_entry and position.cost:
        entry = divide(*market.payoff.entry(position.size, position.cost), asset.regime.entry_price)
    if not entry:
        whole = closed == held and not (asset.regime.rounded_entry and position.cost)
        lines.formula = "cost" if whole else f"toward_zero(cost * closed / held, {asset.decimals})"
        if not whole:
            lines.value("closed", closed, places)
            lines.value("held", held, places)
        return lines
    inverse = spec.payoff == "inverse"
    lines.value("closed", closed, places)
    lines.value("multiplier", spec.multiplier, spec.multiplier_decimals)
    at = lines.step("entry")
    at.value("cost", position.cost, asset.decimals)
    at.value("held", held, places)
    at.value("multiplier", spec.multiplier, spec.multiplier_decimals)
    exact = "held * multiplier / abs(cost)" if inverse else "abs(cost) / (held * multiplier)"
    at.formula = f"{asset.regime.entry_price.value}({exact}, {spec.price_decimals})"
    at.finish(entry, spec.price_decimals, "the average entry, rounded")
    worth = "closed * multiplier / entry" if inverse else "closed * multiplier * entry"
    sign = "-" if position.cost < 0 else ""
    lines.formula = f"{sign}half_even({worth}, {asset.decimals})"
    return lines


def cost_basis_lines(
    step: Step, market: Market, holder: Holder, position: Position, released: int
) -> None:
    """State what a rounded average entry leaves of the cost when a position ends."""
    lines = _posting(step, "cost_basis", market, holder)
    if lines is None:
        return
    decimals = asset_of(step, market).decimals
    lines.formula = "cost - released"
    lines.value("cost", position.cost, decimals)
    lines.value("released", released, decimals)
    lines.finish(position.cost - released, decimals, "what rounding the average entry left")


def gained_lines(step: Step, market: Market, holder: Holder, gained: int) -> None:
    """State a profit that is realised though nothing is closed: its cost is by so much higher."""
    lines = _posting(step, "realised_pnl", market, holder)
    if lines is None:
        return
    lines.formula = "gained"
    decimals = asset_of(step, market).decimals
    lines.value("gained", gained, decimals)
    lines.finish(gained, decimals, "realised though nothing is closed; the cost is so much higher")
