"""How much of a loss a layer that pays can bear, and how it pays.

What a position is worth less than its bankruptcy amount is owed to the market's ``clearing``; what
is missing on an account without positions is owed to the account.
"""

from collections.abc import Iterable

from clearing.engine.book import Book
from clearing.engine.collateral import collateral_value
from clearing.engine.funding import charge_by_index
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, unrealised
from clearing.quantities import format_exact
from clearing.rulebook import FundLayer, Layer


def capacity_of(
    step: Step, scope: Scope, layer: Layer, market: Market | None, realises: int = 0
) -> int | None:
    """Return what the layer can bear of the scope's loss in a market, at the working scale.

    None: any loss. Without a market it is the loss of an account that holds nothing. ``realises``
    is what the layer's fund may lose of its cash by taking the position.
    """
    lift = step.book.assets[scope.asset].lift
    if isinstance(layer, FundLayer):
        return _fund_capacity(step, scope, layer, lift, realises)
    if layer.name == "haircut":
        return sum(gain for _, _, gain in _gains(step.book, scope, market)) * lift
    if layer.name == "per_unit":
        # A fund's position may end when it takes the rest; those of others stay.
        return None if market is not None and _open_interest(step.book, scope, market) else 0
    return None


def _fund_capacity(
    step: Step, scope: Scope, layer: FundLayer, lift: int, realises: int
) -> int | None:
    book = step.book
    fund = book.scope(layer.account, scope.asset)
    capacity: int | None = None
    if layer.capacity == "cash":
        capacity = max(0, fund.cash * lift - layer.reserve * lift - realises) // lift * lift
    elif layer.capacity == "equity":
        capacity = fund_equity(book, scope, fund) - layer.reserve * lift
        if not layer.assumes:
            capacity = max(0, capacity) // lift * lift
    if layer.period:
        begin, borne = book.borne.get((*fund.key(), layer.period), (0, 0))
        if begin != book.time - book.time % layer.period:
            borne = 0
        left = max(0, layer.period_amount - borne) * lift
        capacity = left if capacity is None else min(capacity, left)
    return capacity


def fund_equity(book: Book, scope: Scope, fund: Scope) -> int:
    """Return a fund's equity; what it holds of the scope's collateral counts at full value."""
    equity = equity_of(book, fund)
    if scope.rules is not None and scope.rules.collateral is not None:
        equity += collateral_value(book, fund, scope.rules.collateral)
    return equity


def note_borne(step: Step, periods: Iterable[int], fund: Scope, loss: int) -> None:
    """Note what a fund bore (working scale) in each of the periods that limit it.

    ``periods`` are lengths in microseconds.
    """
    if loss <= 0:
        return
    book = step.book
    units = -(-loss // book.assets[fund.asset].lift)
    for period in periods:
        key, begin = (*fund.key(), period), book.time - book.time % period
        before, borne = book.borne.get(key, (0, 0))
        book.borne[key] = (begin, units + (borne if before == begin else 0))


def pay(step: Step, scope: Scope, layer: Layer, amount: int, market: Market | None) -> None:
    """Have a layer pay ``amount`` units (negative: it receives) of the scope's loss."""
    if not amount:
        return
    if isinstance(layer, FundLayer):
        fund = step.book.scope(layer.account, scope.asset)
        _owe(step, scope, "loss", "account", fund.account, amount, market)
    elif layer.name == "haircut":
        _cut_gains(step, scope, amount, market)
    elif layer.name == "per_unit" and market is not None:
        _charge_each_unit(step, scope, amount, market)
    else:
        _owe(step, scope, "deficit", "deficit", 0, amount, market)


def _owe(
    step: Step,
    scope: Scope,
    purpose: str,
    kind: str,
    payer: int,
    amount: int,
    market: Market | None,
) -> None:
    payee = ("account", scope.account) if market is None else ("clearing", market.ordinal)
    number = 0 if market is None else market.ordinal
    step.move(purpose, scope.asset, kind, payer, *payee, amount, number)


def _gains(book: Book, scope: Scope, market: Market | None) -> list[tuple[Market, int, int]]:
    """Return (market, account, whole units of unrealised profit) of everybody who has a profit.

    In one market, or in all that settle in the scope's asset, by account; funds are left out.
    """
    asset = book.assets[scope.asset]
    found = []
    for where in asset.markets if market is None else [market]:
        for account, holder in sorted(where.holders.items()):
            if account == scope.account or book.is_fund(account):
                continue
            gain = unrealised(asset, where, holder.positions[where.ordinal]) // asset.lift
            if gain > 0:
                found.append((where, account, gain))
    return found


def _cut_gains(step: Step, scope: Scope, amount: int, market: Market | None) -> None:
    """Have everybody with a profit pay its share of ``amount``, rounded up while any is left."""
    gains = _gains(step.book, scope, market)
    total, left = sum(gain for _, _, gain in gains), amount
    for i, (where, account, gain) in enumerate(gains):
        paid = left if i == len(gains) - 1 else min(left, -(-gain * amount // total))
        left -= paid
        step.entries.append(
            ("haircut", scope.account, scope.asset, where.ordinal, account, gain, paid)
        )
        _realise(step, where, account, paid)
        _owe(step, scope, "haircut", "account", account, paid, market)


def _realise(step: Step, market: Market, account: int, gained: int) -> None:
    """Realise ``gained`` units of a position's profit, so that no other loss finds them again."""
    holder = step.account_holder(account, market)
    position = step.position(market, holder)
    position.cost += gained
    clearing = ("clearing", market.ordinal)
    step.move("realised_pnl", market.asset, *clearing, "account", account, gained, market.ordinal)
    step.note_position(market, holder, position)


def _open_interest(book: Book, scope: Scope, market: Market, *, funds: bool = False) -> int:
    """Return the unsigned sizes of all positions but the scope's own, in steps.

    Those of funds are in it only if asked for.
    """
    sizes = (
        abs(holder.positions[market.ordinal].size)
        for account, holder in market.holders.items()
        if account != scope.account and (funds or not book.is_fund(account))
    )
    return sum(sizes) + abs(market.control.size) + abs(market.suspense.size)


def _charge_each_unit(step: Step, scope: Scope, amount: int, market: Market) -> None:
    """Move the funding indexes so that every unit of both sides pays the same.

    The index is rounded up at its scale; what that collects beyond ``amount`` goes to rounding.
    """
    asset = step.book.assets[scope.asset]
    excess = market.accrued_decimals - asset.decimals
    interest = _open_interest(step.book, scope, market, funds=True)
    if excess >= 0:
        exact, coarse = amount * 10**excess, 1
    else:
        # The index is coarser than units: it collects whole steps, more than what is asked for.
        coarse = 10**-excess
        exact = -(-amount // coarse)
    each = -(-exact // interest)
    step.entries.append(
        (
            "per_unit",
            scope.account,
            market.ordinal,
            amount,
            interest,
            format_exact(each, market.index_decimals),
        )
    )
    step.move(
        "per_unit",
        scope.asset,
        "funding",
        market.ordinal,
        "clearing",
        market.ordinal,
        amount,
        market.ordinal,
    )
    here = market.ordinal
    beyond = exact * coarse - amount if excess < 0 else 0
    step.move("per_unit", scope.asset, "funding", here, "rounding", 0, beyond, here)
    charge_by_index(step, market, each, each * interest - exact)
