"""Layers that pay what an account without positions lacks of its cash, and the rung that asks."""

from fractions import Fraction

from tests.auditor import margin, reductions
from tests.auditor.margin import measure, unrealised
from tests.auditor.numbers import ceiling, floor
from tests.auditor.rules import Layer, Rung
from tests.auditor.state import Book, Holder, Market, Scope
from tests.auditor.waterfall import Losses, loss_entry


def cover(book: Book, scope: Scope, rung: Rung) -> None:
    """Give the least cash that restores the rung's level."""
    if rung.restores is None:
        raise ValueError("a cover restores a level")
    lacks, losses = margin.missing(book, scope, rung.restores), Losses()
    pay(book, scope, lacks, losses)
    loss_entry(book, scope, Fraction(lacks), losses)


def pay(book: Book, scope: Scope, amount: int, losses: Losses) -> None:
    """Layer by layer, each at most its capacity, until the account has ``amount``."""
    binding = book.binding(scope.account, scope.asset)
    if binding is None or binding.waterfall is None:
        raise ValueError("a ladder that closes has a waterfall")
    for name in {binding.waterfall.fund, *(x.account for x in binding.waterfall.layers)}:
        fund = book.account(name) if name else None
        if fund is not None:
            book.touched.add((fund.ordinal, scope.asset))
    for layer in binding.waterfall.layers:
        if not layer.pays or not amount:
            continue
        if layer.name == "fund":
            amount -= _by_fund(book, scope, layer, amount, losses)
        elif layer.name == "haircut":
            amount -= _by_gains(book, scope, amount, losses)
        else:
            payer, payee = ("deficit", 0), ("account", scope.account)
            book.post("deficit", scope.asset, payer, payee, amount)
            losses.deficit += amount
            amount = 0


def _by_fund(book: Book, scope: Scope, layer: Layer, amount: int, losses: Losses) -> int:
    """What a fund pays: all, or what its equity or its cash allows."""
    fund = reductions.fund_of(book, scope)
    if layer.account is not None:
        account = book.account(layer.account)
        if account is None:
            raise ValueError("a fund is declared")
        fund = account.ordinal
    numbers = measure(book, fund, scope.asset)
    capacity = {
        "unlimited": amount,
        "equity": floor(numbers.equity),
        "cash": numbers.cash,
    }[layer.capacity]
    paid = max(0, min(amount, capacity))
    book.post("loss", scope.asset, ("account", fund), ("account", scope.account), paid)
    losses.fund += paid
    return paid


def _by_gains(book: Book, scope: Scope, amount: int, losses: Losses) -> int:
    """What everybody's gains in all markets of the asset pay, pro rata; it is realised."""
    gains: list[tuple[Market, Holder, int]] = []
    for market in book.markets:
        for account in book.accounts:
            holder: Holder = ("account", account.ordinal)
            position = book.positions.get((*holder, market.ordinal))
            if market.asset != scope.asset or account.account_class == "fund" or not position:
                continue
            gain = floor(unrealised(book, market, position))
            if gain > 0:
                gains.append((market, holder, gain))
    total = sum(gain for _, _, gain in gains)
    wanted = min(amount, total)
    if not wanted:
        return 0
    rulebook = book.rulebooks[scope.asset]
    rounded = floor if rulebook.numerics["haircut"] == "down" else ceiling
    shares, left = [], wanted
    for _, _, gain in gains:
        shares.append(min(left, rounded(Fraction(gain * wanted, total))))
        left -= shares[-1]
    for number in reversed(range(len(gains))):
        more = min(left, gains[number][2] - shares[number])
        shares[number] += more
        left -= more
    for (market, holder, gain), share in zip(gains, shares, strict=True):
        where = (scope.account, scope.asset, market.ordinal)
        book.entries.append(("haircut", *where, holder[1], gain, share))
        if share:
            clearing = ("clearing", market.ordinal)
            book.post("realised_pnl", scope.asset, clearing, holder, share, market.ordinal)
            position = book.position(holder, market.ordinal)
            position.cost += share
            book.position_entry(holder, market)
            payee = ("account", scope.account)
            book.post("haircut", scope.asset, holder, payee, share)
    losses.socialised += wanted
    return wanted
