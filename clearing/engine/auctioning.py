"""Auctions from their opening to their end: by a rung, by the clock, by a test that finds no cause.

What is taken or awarded meanwhile is in :mod:`~clearing.engine.taking` and
:mod:`~clearing.engine.awarding`.
"""

from clearing.engine.acting import holds
from clearing.engine.auction import Auction
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.offers import offered, rung_of, unoffered
from clearing.engine.priced_close_lines import factor_of, price_lines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import Measure
from clearing.rulebook import AuctionRung

_MICROSECONDS = 1_000_000


def open_auctions(step: Step, scope: Scope, rung: AuctionRung) -> None:
    """Put up every position that may close and was not put up in this stay, in market order."""
    book = step.book
    # What could not be put up is withheld from now on: the next test is to say so.
    step.touch(scope)
    ends_at = book.time + rung.method.seconds * _MICROSECONDS
    for ordinal in unoffered(scope, rung):
        market, position = book.markets[ordinal], scope.positions[ordinal]
        if not market.closes:
            continue
        reference = market.price("close")
        auction = Auction(rung.number, position.size > 0, reference, book.time, ends_at)
        scope.auctions[ordinal] = auction
        book.schedule(scope, ends_at)
        price = auction.price(market.spec, rung.method.first)
        if step.workings is not None:
            factor = factor_of(rung.method, None)
            step.leave(price_lines(market, auction, factor, price), scope)
        note(step, scope, market, auction, "opened", size=position.size, price=price)


def goes_on(book: Book, scope: Scope, market: Market, auction: Auction, now: Measure) -> bool:
    """Whether there still is cause for an auction: rules, something to sell, where it may be sold.

    With a rung that cancels, its condition as well.
    """
    rung = rung_of(scope, auction)
    if rung is None or not book.derives(scope):
        return False
    if not market.closes or not offered(scope, market.ordinal, auction):
        return False
    return not rung.cancels or holds(book, scope, rung, now)


def review_auctions(step: Step, scope: Scope, now: Measure) -> None:
    """Cancel the auctions that there is no cause for, and forget what stays ended."""
    book = step.book
    for ordinal in sorted(scope.auctions):
        market = book.markets[ordinal]
        if not goes_on(book, scope, market, scope.auctions[ordinal], now):
            cancel(step, scope, market)
    for number, ordinal in sorted(scope.unsold):
        rung = None if scope.rules is None else scope.rules.ladder[number - 1]
        if rung is None or ordinal not in scope.positions or not holds(book, scope, rung, now):
            scope.unsold.discard((number, ordinal))


def cancel_auctions(step: Step, scope: Scope) -> None:
    """Cancel every auction: nothing is asked of the scope any more."""
    scope.unsold.clear()
    for ordinal in sorted(scope.auctions):
        cancel(step, scope, step.book.markets[ordinal])


def cancel(step: Step, scope: Scope, market: Market) -> None:
    """End an auction that there is no cause for; bids are void."""
    note(step, scope, market, scope.auctions.pop(market.ordinal), "cancelled")


def end_auction(step: Step, scope: Scope, market: Market) -> None:
    """End an auction that had its time, or sold everything; note what is left for later rungs."""
    auction = scope.auctions.pop(market.ordinal)
    left = offered(scope, market.ordinal, auction)
    if left:
        scope.unsold.add((auction.rung, market.ordinal))
    note(step, scope, market, auction, "over", size=left if auction.long else -left)


def note(
    step: Step,
    scope: Scope,
    market: Market,
    auction: Auction,
    outcome: str,
    *,
    taker: int = 0,
    size: int = 0,
    price: int = 0,
) -> None:
    """Leave an auction's entry; ``size`` is signed as held, ``price`` at price decimals."""
    step.entries.append(
        (
            "auction",
            scope.account,
            scope.asset,
            market.ordinal,
            auction.rung,
            outcome,
            taker,
            size,
            price,
            auction.ends_at,
        )
    )
