"""Funding: indices, accrual, payments."""

from fractions import Fraction

from clearing.events import FundingPaid, FundingSettled
from tests.auditor.numbers import ROUNDINGS, scaled, text
from tests.auditor.rules import NUMERICS
from tests.auditor.state import Book, Holder, Market


def numeric(book: Book, asset: int, operation: str, value: Fraction) -> int:
    """``value`` rounded as the rulebook in force for ``asset`` names it for ``operation``."""
    rulebook = book.rulebooks.get(asset)
    name = (rulebook.numerics if rulebook else NUMERICS)[operation]
    return ROUNDINGS[name](value)


def holder_account(holder: Holder, market: Market) -> Holder:
    """The ledger account that a holder of positions pays from."""
    kind, ordinal = holder
    return (kind, market.ordinal if kind == "control" else ordinal)


def settle(book: Book, holder: Holder, market: Market) -> None:
    """Pay the rounded part of a position's accrued funding; the fraction stays accrued."""
    position = book.position(holder, market.ordinal)
    accrued = book.accrued(market, position)
    rounded = numeric(book, market.asset, "funding", accrued)
    position.index = market.index
    position.accrued = accrued - rounded
    pay(book, holder_account(holder, market), market, rounded)


def pay(book: Book, account: Holder, market: Market, amount: int) -> None:
    """Move funding between an account (positive: it receives) and the market's."""
    source = ("funding", market.ordinal)
    book.post("funding", market.asset, source, account, amount, market.ordinal)


def exact_payment(
    book: Book, market: Market, size: int, rate: Fraction, price: Fraction
) -> Fraction:
    """−size × rate × price × multiplier, in smallest units."""
    return -rate * book.worth(market, size, price)


def settled(book: Book, event: FundingSettled) -> dict[int, int]:
    """A market's funding: its index grows, or every holder is paid; return what accounts got."""
    market = book.market(event.market)
    rate, price = Fraction(event.rate), Fraction(event.price)
    derive = book.mode(market.asset) == "derive"
    operator = book.rulebooks[market.asset].operator if derive else ""
    if operator == "index":
        market.index += rate * price * market.multiplier
    market.settled = (rate, price)
    book.entries.append(
        (
            "funding",
            market.ordinal,
            scaled(rate, 12),
            scaled(price, market.mark_decimals),
            event.interval_seconds,
            text(market.index),
            int(derive),
        )
    )
    if operator == "per_account":
        return _pay_all(book, market, rate, price)
    return {}


def _pay_all(book: Book, market: Market, rate: Fraction, price: Fraction) -> dict[int, int]:
    """Every holder's payment at once, and what they do not sum to."""
    holders: list[Holder] = [("account", account.ordinal) for account in book.accounts]
    total, paid = 0, {}
    for holder in [*holders, ("control", 0), ("suspense", 0)]:
        position = book.positions.get((*holder, market.ordinal))
        if position is None or not position.size:
            continue
        exact = exact_payment(book, market, position.size, rate, price)
        rounded = numeric(book, market.asset, "funding", exact)
        pay(book, holder_account(holder, market), market, rounded)
        book.remainder("funding", market, holder, exact - rounded)
        total += rounded
        if holder[0] == "account":
            paid[holder[1]] = rounded
    account = ("funding", market.ordinal)
    book.post("funding_rounding", market.asset, ("rounding", 0), account, total, market.ordinal)
    return paid


def paid(book: Book, event: FundingPaid, holder: Holder) -> bool:
    """A payment as its source booked it; return whether it moved money."""
    market = book.market(event.market)
    amount = scaled(event.amount, book.assets[market.asset - 1].decimals)
    account = holder[1] if holder[0] == "account" else 0
    mode = book.mode(market.asset)
    if mode == "derive":
        book.deviate(
            "venue_outcome",
            account=account,
            market=market.ordinal,
            asset=market.asset,
            found="funding",
        )
        return False
    if mode == "verify" and account:
        _verify(book, market, holder, amount)
    pay(book, holder_account(holder, market), market, amount)
    return True


def _verify(book: Book, market: Market, holder: Holder, amount: int) -> None:
    """Compare a payment with the market's last settlement."""
    account = holder[1] if holder[0] == "account" else 0
    if market.settled is None:
        found = book.fine(market.asset, amount)
        book.deviate(
            "funding_unannounced",
            account=account,
            market=market.ordinal,
            asset=market.asset,
            found=found,
        )
        return
    size = book.position(holder, market.ordinal).size
    exact = exact_payment(book, market, size, *market.settled)
    expected = numeric(book, market.asset, "funding", exact)
    if expected != amount:
        book.deviate(
            "funding_mismatch",
            account=account,
            market=market.ordinal,
            asset=market.asset,
            expected=book.fine(market.asset, expected),
            found=book.fine(market.asset, amount),
        )
