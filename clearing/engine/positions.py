"""Fills applied to positions: cost, realised PnL, and accrued funding settled on the way."""

from clearing.engine.asset import Asset
from clearing.engine.market import Market
from clearing.engine.posting_lines import (
    cost_basis_lines,
    funding_lines,
    gained_lines,
    realised_lines,
)
from clearing.engine.scope import KNOWN, UNKNOWN, Position
from clearing.engine.step import Holder, Step, asset_of
from clearing.engine.valuation import accrued_funding
from clearing.quantities import divide


def settle_funding(step: Step, market: Market, holder: Holder, position: Position) -> None:
    """Settle what ``position`` has accrued: whole units in cash now, the fraction stays accrued."""
    asset = asset_of(step, market)
    owed = accrued_funding(market, position)
    paid, left = _whole(asset, market, owed)
    if paid and step.acting is not None:
        funding_lines(step, market, holder, position, paid)
    position.index_at = market.index_of(position.size)
    position.accrued = left
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


def _whole(asset: Asset, market: Market, owed: int) -> tuple[int, int]:
    """Return the whole units of accrued funding, and what is left of it at its own scale."""
    excess = market.accrued_decimals - asset.decimals
    if excess <= 0:
        return owed * 10**-excess, 0
    paid = divide(owed, 10**excess, asset.regime.funding)
    return paid, owed - paid * 10**excess


def drop_fraction(step: Step, market: Market, holder: Holder, position: Position) -> None:
    """Give the fraction of accrued funding that cash cannot hold to the rounding line."""
    step.remainder("funding", market, holder, position.accrued, market.accrued_decimals)
    position.accrued = 0


def released_cost(
    asset: Asset, market: Market, position: Position, closed: int, closing: int
) -> tuple[int, int]:
    """Return (released cost, cost left over by a rounded entry) of closing ``closed`` > 0.

    ``closing`` is what the close is paid for, negative if it is received: all that a net cost
    releases before the position ends, so that nothing is realised before.
    """
    held = abs(position.size)
    if asset.regime.net_cost and closed < held:
        return -closing, 0
    # The cost's own sign: a fund may be paid for assuming a position, whatever its side.
    sign = 1 if position.cost >= 0 else -1
    if not asset.regime.rounded_entry:
        if closed == held:
            return position.cost, 0
        return sign * (abs(position.cost) * closed // held), 0
    released = sign * rounded_entry_cost(asset, market, position, closed)
    return released, position.cost - released if closed == held else 0


def rounded_entry_cost(asset: Asset, market: Market, position: Position, closed: int) -> int:
    """Return the cost (≥ 0, units) of ``closed`` at the average entry rounded as venues round it.

    The average entry is rounded to the market's price decimals by ``entry_price``; the cost at it
    half-even to units. At an entry that rounds to 0 it is the share of the cost, toward zero.
    """
    payoff = market.payoff
    if not position.cost:
        return 0
    entry = divide(*payoff.entry(position.size, position.cost), asset.regime.entry_price)
    if not entry:
        # Nothing can be divided by a price of 0, and a linear cost at it would be lost.
        return abs(position.cost) * closed // abs(position.size)
    return payoff.cost(closed, entry)


def apply_fill(
    step: Step,
    market: Market,
    holder: Holder,
    size: int,
    amount: int,
    *,
    entry_known: bool = True,
) -> int:
    """Apply a fill of signed ``size`` for ``amount`` units and return the realised PnL.

    ``amount`` has the sign of ``size``: what is paid for a purchase, minus what is received for a
    sale. Posts accrued funding and realised PnL, and leaves the position's entry. A position that
    anything of unknown entry was added to (``entry_known`` false) counts as unknown until flat.
    """
    asset = asset_of(step, market)
    position = step.position(market, holder)
    if position.size:
        settle_funding(step, market, holder, position)
    else:
        position.entry = KNOWN
    realised = 0
    if position.size and (position.size > 0) != (size > 0):
        closed = min(abs(position.size), abs(size))
        sign = 1 if amount > 0 else -1
        closing = sign * (abs(amount) * closed // abs(size))
        released, left_over = released_cost(asset, market, position, closed, closing)
        realised = -closing - released
        if realised and step.acting is not None:
            closed_for = (size, amount, closing)
            realised_lines(step, market, holder, position, closed_for, released, realised)
        step.move(
            "realised_pnl",
            market.asset,
            "clearing",
            market.ordinal,
            holder.ledger_kind,
            holder.ledger_ordinal,
            realised,
            market.ordinal,
        )
        if left_over and step.acting is not None:
            cost_basis_lines(step, market, holder, position, released)
        step.move(
            "cost_basis",
            market.asset,
            holder.ledger_kind,
            holder.ledger_ordinal,
            "clearing",
            market.ordinal,
            left_over,
            market.ordinal,
        )
        note_flow(market, holder, realised - left_over)
        closed_signed = closed if position.size > 0 else -closed
        position.size -= closed_signed
        position.cost -= released + left_over
        size += closed_signed
        amount -= closing
        if not position.size:
            position.entry = KNOWN
    if size and not entry_known:
        position.entry = UNKNOWN
    position.size += size
    position.cost += amount
    position.index_at = market.index_of(position.size)
    if not position.size:
        drop_fraction(step, market, holder, position)
    step.note_position(market, holder, position)
    return realised


def note_flow(market: Market, holder: Holder, amount: int) -> None:
    """Remember what an account realised (units) in a market that pays variation margin.

    It is what the next settlement shares losses among, with what is unrealised then.
    """
    if market.variation is not None and holder.scope is not None:
        market.flows[holder.ordinal] = market.flows.get(holder.ordinal, 0) + amount


def realise(step: Step, market: Market, holder: Holder, gained: int) -> None:
    """Realise ``gained`` units of a position's profit, so that its cost is by so much higher."""
    if not gained:
        return
    position = step.position(market, holder)
    position.cost += gained
    if step.acting is not None:
        gained_lines(step, market, holder, gained)
    step.move(
        "realised_pnl",
        market.asset,
        "clearing",
        market.ordinal,
        holder.ledger_kind,
        holder.ledger_ordinal,
        gained,
        market.ordinal,
    )
    step.note_position(market, holder, position)


def carry_pending(step: Step, market: Market, account: int, size: int) -> None:
    """Let a carried position of unknown entry wait for its market's first price."""
    waiting = market.pending.get(account, 0) + size
    if waiting:
        market.pending[account] = waiting
    else:
        market.pending.pop(account, None)
    step.entries.append(("waiting", account, market.ordinal, waiting))


def price_pending(step: Step, market: Market, price: int, decimals: int) -> None:
    """Carry in what waits for the first price of ``market`` (at ``decimals`` decimals)."""
    asset = asset_of(step, market)
    control = step.control_holder(market)
    waiting, market.pending = sorted(market.pending.items()), {}
    for account, size in waiting:
        holder = step.account_holder(account, market)
        amount, _ = market.payoff.amount(size, price, decimals, asset.regime.fill_cost)
        apply_fill(step, market, holder, size, amount, entry_known=False)
        apply_fill(step, market, control, -size, -amount)
