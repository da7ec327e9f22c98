"""Applying fills to positions: cost, realised PnL, fees, and the price that carried ones await."""

from fractions import Fraction

from tests.auditor.funding import holder_account, numeric, settle
from tests.auditor.numbers import floor, half_even, toward_zero
from tests.auditor.state import Book, Holder, Market, Position, paid_at_marks


def amount_of(book: Book, market: Market, size: int, price: Fraction) -> tuple[int, Fraction]:
    """The amount of a fill and what its rounding left over."""
    exact = book.worth(market, size, price)
    rounded = numeric(book, market.asset, "fill_cost", exact)
    return rounded, exact - rounded


def opposite(a: int, b: int) -> bool:
    """Whether ``a`` and ``b`` have opposite signs."""
    return (a > 0 > b) or (a < 0 < b)


def by_rounded_entry(book: Book, market: Market, position: Position, closed: int) -> int:
    """Released cost with the average entry rounded to price decimals; a share, where that is 0."""
    size = Fraction(abs(position.size), 10**market.size_decimals)
    cost = Fraction(abs(position.cost), book.unit(market.asset))
    scale = 10**market.price_decimals
    average = cost / (size * market.multiplier)
    entry = Fraction(numeric(book, market.asset, "entry_price", average * scale), scale)
    released = half_even(book.worth(market, closed, entry))
    if not entry:
        released = floor(Fraction(abs(position.cost) * closed, abs(position.size)))
    return released if position.cost > 0 else -released


def apply_fill(
    book: Book, holder: Holder, market: Market, q: int, a: int, *, known: bool = True
) -> tuple[int, int]:
    """Apply quantity ``q`` and amount ``a``; return our realised PnL, and that by rounded entry.

    A trial settles no funding.
    """
    position = book.position(holder, market.ordinal)
    realised = alternative = 0
    if position.size and not book.trials:
        settle(book, holder, market)
    elif not position.size:
        position.index = market.index
    if opposite(q, position.size):
        realised, alternative, q, a = _close(book, holder, market, q, a)
    if q:
        if position.size == 0:
            position.known = True
        position.known = position.known and known
        position.size += q
        position.cost += a
    if position.size == 0:
        drop_fraction(book, holder, market)
        position.known = True
    book.position_entry(holder, market)
    return realised, alternative


def _close(book: Book, holder: Holder, market: Market, q: int, a: int) -> tuple[int, int, int, int]:
    """Close what ``q`` closes; return both PnLs and what is left of ``q`` and ``a``."""
    position = book.position(holder, market.ordinal)
    closed = min(abs(q), abs(position.size))
    part = a if closed == abs(q) else toward_zero(Fraction(a * closed, abs(q)))
    flat = closed == abs(position.size)
    average = position.cost
    if not flat:
        average = toward_zero(Fraction(position.cost * closed, abs(position.size)))
    entry = by_rounded_entry(book, market, position, closed)
    rulebook = book.rulebooks.get(market.asset)
    basis = rulebook.cost_basis if rulebook else "average"
    released = entry if basis == "rounded_entry" else average
    if basis == "net" and not flat:
        released = -part
    clearing = ("clearing", market.ordinal)
    realised = -part - released
    book.post(
        "realised_pnl",
        market.asset,
        clearing,
        holder_account(holder, market),
        realised,
        market.ordinal,
    )
    left = position.cost - released if flat else 0
    book.post(
        "cost_basis",
        market.asset,
        holder_account(holder, market),
        clearing,
        left,
        market.ordinal,
    )
    if holder[0] == "account" and paid_at_marks(book, market):
        key = (holder[1], market.ordinal)
        book.flows[key] = book.flows.get(key, 0) + realised - left
    position.cost -= released + left
    step = closed if q > 0 else -closed
    position.size += step
    return realised, -part - entry, q - step, a - part


def drop_fraction(book: Book, holder: Holder, market: Market) -> None:
    """What is left of accrued funding when a position ends is stated and gone."""
    position = book.position(holder, market.ordinal)
    book.remainder("funding", market, holder, position.accrued)
    position.accrued = Fraction(0)


def control_fill(book: Book, market: Market, q: int, a: int) -> None:
    """The other side of a fill that only one side of was told."""
    apply_fill(book, ("control", 0), market, -q, -a)


def price_waiting(book: Book, market: Market, price: Fraction) -> None:
    """Carry in what waits for the first price that ``market`` shows."""
    for account in book.accounts:
        size = book.waiting.pop((account.ordinal, market.ordinal), 0)
        if size:
            amount, _ = amount_of(book, market, size, price)
            holder = ("account", account.ordinal)
            apply_fill(book, holder, market, size, amount, known=False)
            control_fill(book, market, size, amount)
