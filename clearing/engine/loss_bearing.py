"""How much of a loss a layer that pays can bear, and how it pays.

What a position is worth less than its bankruptcy amount is owed to the market's ``clearing``; what
is missing on an account without positions is owed to the account.
"""

from collections.abc import Iterable

from clearing.engine.book import Book
from clearing.engine.collateral import collateral_value
from clearing.engine.funding import charge_by_index
from clearing.engine.haircut import cuts
from clearing.engine.market import Market
from clearing.engine.positions import realise
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, unrealised
from clearing.engine.waterfall_lines import finish_capacity, limit_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact, format_exact
from clearing.rulebook import RATE_SCALE, FundLayer, Layer, PayingLayer


def capacity_of(
    step: Step,
    scope: Scope,
    layer: Layer,
    market: Market | None,
    realises: int = 0,
    trace: Trace | None = None,
) -> int | None:
    """Return what the layer can bear of the scope's loss in a market, at the working scale.

    None: any loss. Without a market it is the loss of an account that holds nothing. ``realises``
    is what the layer's fund may lose of its cash by taking the position. With a ``trace``, leave
    the working of a limit in it.
    """
    asset = step.book.assets[scope.asset]
    capacity: int | None = None
    if isinstance(layer, FundLayer):
        where = market_of_loss(step.book, scope, market)
        capacity = _fund_capacity(step, scope, layer, where, realises, trace)
    elif layer.name == "haircut":
        gains = _gains(step.book, scope, market)
        capacity = sum(gain for _, _, gain in gains) * asset.lift
        if trace is not None:
            parts = [
                fact(f"gain {place.spec.name} {_named(step, account)}", gain, asset.decimals)
                for place, account, gain in gains
            ]
            limit_lines(trace, "sum(inputs)", capacity, asset.working, *parts)
    elif layer.name == "per_unit":
        # A fund's position may end when it takes the rest; those of others stay.
        where = market_of_loss(step.book, scope, market)
        if where is None or not _open_interest(step.book, scope, where):
            capacity = 0
            if trace is not None:
                none = fact("open interest", 0, 0, "nobody but funds holds a position")
                limit_lines(trace, "open_interest", 0, asset.working, none)
    if trace is not None:
        finish_capacity(trace, capacity, asset.working)
    return capacity


def market_of_loss(book: Book, scope: Scope, market: Market | None) -> Market | None:
    """Return the market whose loss it is: for a mere debt that of the last position that ended."""
    return market if market is not None else book.markets.get(scope.ended_in)


def _fund_capacity(
    step: Step,
    scope: Scope,
    layer: FundLayer,
    market: Market | None,
    realises: int,
    trace: Trace | None,
) -> int | None:
    book = step.book
    asset = book.assets[scope.asset]
    lift, decimals, working = asset.lift, asset.decimals, asset.working
    fund = book.scope(layer.account, scope.asset)
    capacity: int | None = None
    if trace is not None:
        trace.account = fund.account
    if layer.capacity == "cash":
        capacity = max(0, fund.cash * lift - layer.reserve * lift - realises) // lift * lift
        if trace is not None:
            limit_lines(
                trace,
                f"down(max(0, cash - reserve - realises), {decimals})",
                capacity,
                working,
                fact("cash", fund.cash, decimals, "of the fund"),
                fact("reserve", layer.reserve, decimals, f"{trace.note}.reserve"),
                fact("realises", realises, working, "on a position of the other side"),
            )
    elif layer.capacity == "equity":
        capacity = fund_equity(book, scope, fund) - layer.reserve * lift
        if not layer.assumes:
            capacity = max(0, capacity) // lift * lift
        if trace is not None:
            limit_lines(
                trace,
                "equity - reserve"
                if layer.assumes
                else f"down(max(0, equity - reserve), {decimals})",
                capacity,
                working,
                equity_lines(book, scope, fund),
                fact("reserve", layer.reserve, decimals, f"{trace.note}.reserve"),
            )
    if layer.period:
        begin, borne = book.borne.get((*fund.key(), layer.period), (0, 0))
        if begin != book.time - book.time % layer.period:
            borne = 0
        left = max(0, layer.period_amount - borne) * lift
        facts = [fact("borne", borne, decimals, "by the fund since the period began")]
        formula = "max(0, amount - borne)"
        if layer.period_share:
            before = fund_equity(book, scope, fund) + borne * lift
            most = before * layer.period_share // (RATE_SCALE * lift)
            left = max(0, most - borne) * lift
        capacity = left if capacity is None else min(capacity, left)
        if trace is not None:
            clause = f"{trace.note}.period"
            if layer.period_share:
                formula = f"max(0, down((equity + borne) * share, {decimals}) - borne)"
                share = fact("share", layer.period_share, RATE_DECIMALS, f"{clause}.share")
                facts += [equity_lines(book, scope, fund), share]
            else:
                facts.append(fact("amount", layer.period_amount, decimals, f"{clause}.amount"))
            limit_lines(trace, formula, capacity, working, *facts)
    if layer.claim is not None:
        ever = book.claimed.get(claim_key(fund, market), 0)
        left = max(0, layer.claim - ever) * lift
        capacity = left if capacity is None else min(capacity, left)
        if trace is not None:
            claim = fact("claim", layer.claim, decimals, f"{trace.note}.claim")
            borne_ever = fact("ever", ever, decimals, "borne by the fund of the market's losses")
            limit_lines(trace, "max(0, claim - ever)", capacity, working, claim, borne_ever)
    return capacity


def equity_lines(book: Book, scope: Scope, fund: Scope) -> Trace:
    """Return the working of a fund's equity, with what it holds of the scope's collateral."""
    lines, working = Trace("equity", "sum(inputs)"), book.assets[fund.asset].working
    lines.account = fund.account
    equity_of(book, fund, lines)
    if scope.rules is not None and scope.rules.collateral is not None:
        collateral_value(book, fund, scope.rules.collateral, lines)
    lines.finish(fund_equity(book, scope, fund), working)
    return lines


def _named(step: Step, account: int) -> str:
    return step.book.registry.account(account).name


def claim_key(fund: Scope, market: Market | None) -> tuple[int, int, int]:
    """Return under which key it stands what a fund ever bore in a market (0: of no market)."""
    return (*fund.key(), 0 if market is None else market.ordinal)


def note_claimed(step: Step, fund: Scope, market: Market | None, loss: int) -> None:
    """Note what a fund bore (working scale) of a market's losses, where its claim is limited."""
    if loss > 0:
        key, lift = claim_key(fund, market), step.book.assets[fund.asset].lift
        step.book.claimed[key] = step.book.claimed.get(key, 0) - -loss // lift


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
        _cut_gains(step, scope, amount, market, down=isinstance(layer, PayingLayer) and layer.down)
    elif isinstance(layer, PayingLayer) and layer.name == "per_unit":
        where = market_of_loss(step.book, scope, market)
        if where is None:
            raise AssertionError("no unit of open interest can be charged where there is no market")
        _charge_each_unit(step, scope, layer, amount, where, _payee(scope, market))
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
    number = 0 if market is None else market.ordinal
    step.move(purpose, scope.asset, kind, payer, *_payee(scope, market), amount, number)


def _payee(scope: Scope, market: Market | None) -> tuple[str, int]:
    """Return whom a loss is paid to: whoever has the position at the mark, or the account."""
    return ("account", scope.account) if market is None else ("clearing", market.ordinal)


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


def _cut_gains(step: Step, scope: Scope, amount: int, market: Market | None, *, down: bool) -> None:
    """Have everybody with a profit pay its share of ``amount``.

    What is paid is realised, so that no other loss finds it again.
    """
    gains = _gains(step.book, scope, market)
    first: list[tuple[int, int]] = []
    shares = cuts([gain for _, _, gain in gains], amount, down=down, first=first)
    total = sum(gain for _, _, gain in gains)
    for (where, account, gain), paid, begun in zip(gains, shares, first, strict=True):
        step.entries.append(
            ("haircut", scope.account, scope.asset, where.ordinal, account, gain, paid)
        )
        realise(step, where, step.account_holder(account, where), paid)
        if paid:
            figures = (gain, total, amount, *begun, paid)
            _cut_lines(step, scope, where, account, figures, "down" if down else "up")
        _owe(step, scope, "haircut", "account", account, paid, market)


def _cut_lines(
    step: Step,
    scope: Scope,
    market: Market,
    account: int,
    figures: tuple[int, int, int, int, int, int],
    rounding: str,
) -> None:
    """Leave the working of one payer's share, what roundings left included.

    ``figures`` are its gain, all gains, the amount, what was left of it, its share, and what it
    pays, in units.
    """
    name = f"haircut {market.spec.name} {_named(step, account)}"
    lines = step.working(name, scope, market.ordinal)
    if lines is None:
        return
    decimals = step.book.assets[scope.asset].decimals
    gain, total, amount, left, share, paid = figures
    lines.formula = f"min(left, {rounding}(gain * amount / gains, {decimals})) + more"
    lines.value("left", left, decimals, "of the amount, before this one")
    lines.value("gain", gain, decimals, "unrealised, in whole units")
    lines.value("gains", total, decimals, "of all")
    lines.value("amount", amount, decimals, "to be paid by all")
    lines.value("more", paid - share, decimals, "what roundings left, from the last one back")
    lines.finish(paid, decimals)


def _beyond_lines(step: Step, market: Market, amount: int, beyond: int) -> None:
    """Leave the working of what an index coarser than units collects beyond the amount."""
    lines = step.posting("per_unit", f"{market.spec.name} rounding", 0, market.ordinal)
    if lines is not None:
        decimals = step.book.assets[market.asset].decimals
        lines.formula = f"up(amount, {market.accrued_decimals}) - amount"
        lines.value("amount", amount, decimals, "to be paid by all")
        lines.finish(beyond, decimals, "the index is coarser than units")


def _open_interest(book: Book, scope: Scope, market: Market, *, funds: bool = False) -> int:
    """Return the unsigned sizes of all positions but the scope's own, in steps.

    Those of funds are in it only if asked for.
    """
    sizes = (
        abs(holder.positions[market.ordinal].size)
        for account, holder in market.holders.items()
        if account != scope.account and (funds or not book.is_fund(account))
    )
    return sum(sizes) + sum(abs(position.size) for position in market.houses.values())


def _charge_each_unit(
    step: Step,
    scope: Scope,
    layer: PayingLayer,
    amount: int,
    market: Market,
    payee: tuple[str, int],
) -> None:
    """Move the funding indexes so that every unit of both sides pays the same.

    What a whole unit of size pays is rounded up at the layer's decimals, or the index at its
    scale; what that collects beyond ``amount`` goes to rounding.
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
    if layer.decimals is not None and layer.decimals < market.index_decimals:
        # The index is for a whole unit of size.
        digits = 10 ** (market.index_decimals - layer.decimals)
        each = -(-each // digits) * digits
    lines = step.working(f"per unit {market.spec.name}", scope, market.ordinal)
    if lines is not None:
        total, places = f"up(amount, {market.accrued_decimals})", market.index_decimals
        lines.formula = f"up({total if excess < 0 else 'amount'} / open_interest, {places})"
        if layer.decimals is not None and layer.decimals < places:
            lines.formula = f"up({lines.formula}, {layer.decimals})"
        lines.value("amount", amount, asset.decimals, "to be paid by all")
        lines.value("open interest", interest, market.spec.size_decimals, "of all but the account")
        lines.finish(each, places, "rounded up; what that collects beyond goes to rounding")
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
    here = market.ordinal
    of_all = step.posting("per_unit", market.spec.name, 0, here)
    if of_all is not None:
        of_all.formula = "amount"
        of_all.value("amount", amount, asset.decimals, "to be paid by all")
        of_all.finish(amount, asset.decimals, "from the market's funding, which its indexes refill")
    step.move("per_unit", scope.asset, "funding", here, *payee, amount, here)
    beyond = exact * coarse - amount if excess < 0 else 0
    if beyond:
        _beyond_lines(step, market, amount, beyond)
    step.move("per_unit", scope.asset, "funding", here, "rounding", 0, beyond, here)
    charge_by_index(step, market, each, each * interest - exact)
