"""How much of a loss a layer that pays can bear, and how it pays.

What a position is worth less than its bankruptcy amount is owed to the market's ``clearing``; what
is missing on an account without positions is owed to the account.
"""

from clearing.engine.book import Book
from clearing.engine.collateral import collateral_value
from clearing.engine.funding import charge_by_index
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, unrealised
from clearing.quantities import format_exact
from clearing.rulebook import FundLayer, Layer


def capacity_of(step: Step, scope: Scope, layer: Layer, market: Market | None) -> int | None:
    """Return what the layer can bear of the scope's loss in a market, at the working scale.

    None: any loss. Without a market it is the loss of an account that holds nothing.
    """
    lift = step.book.assets[scope.asset].lift
    if isinstance(layer, FundLayer):
        return _fund_capacity(step, scope, layer, lift)
    if layer.name == "haircut":
        return sum(gain for _, _, gain in _gains(step.book, scope, market)) * lift
    if layer.name == "per_unit":
        # A fund's position may end when it takes the rest; those of others stay.
        return None if market is not None and _open_interest(step.book, scope, market) else 0
    return None


def _fund_capacity(step: Step, scope: Scope, layer: FundLayer, lift: int) -> int | None:
    """Return the fund's capacity; what it holds of the scope's collateral counts at full value."""
    book = step.book
    fund = book.scope(layer.account, scope.asset)
    capacity: int | None = None
    if layer.capacity == "cash":
        capacity = max(0, fund.cash - layer.reserve) * lift
    elif layer.capacity == "equity":
        capacity = equity_of(book, fund) - layer.reserve * lift
        if scope.rules is not None and scope.rules.collateral is not None:
            capacity += collateral_value(book, fund, scope.rules.collateral)
        if not layer.assumes:
            capacity = max(0, capacity) // lift * lift
    if layer.period:
        begin, borne = book.borne.get(fund.key(), (0, 0))
        if begin != book.time - book.time % layer.period:
            borne = 0
        left = max(0, layer.period_amount - borne) * lift
        capacity = left if capacity is None else min(capacity, left)
    return capacity


def note_borne(step: Step, layer: FundLayer, fund: Scope, loss: int) -> None:
    """Note what a fund bore (working scale) where its layer limits that in a period."""
    if not layer.period or loss <= 0:
        return
    book = step.book
    begin = book.time - book.time % layer.period
    before, borne = book.borne.get(fund.key(), (0, 0))
    if before != begin:
        borne = 0
    book.borne[fund.key()] = (begin, borne - -loss // book.assets[fund.asset].lift)


def pay(step: Step, scope: Scope, layer: Layer, amount: int, market: Market | None) -> None:
    """Have a layer pay ``amount`` units (negative: it receives) of the scope's loss."""
    if not amount:
        return
    if isinstance(layer, FundLayer):
        fund = step.book.scope(layer.account, scope.asset)
        _owe(step, scope, "loss", "account", fund.account, amount, market)
        note_borne(step, layer, fund, amount * step.book.assets[scope.asset].lift)
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
        _owe(step, scope, "haircut", "account", account, paid, market)


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
    exact = amount * 10 ** max(0, market.accrued_decimals - asset.decimals)
    interest = _open_interest(step.book, scope, market, funds=True)
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
    charge_by_index(step, market, each, each * interest - exact)
