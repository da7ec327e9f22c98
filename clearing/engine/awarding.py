"""Auctions whose time has come: sealed bids are awarded, what is left goes down the ladder."""

from clearing.engine.auction import Auction, Bid
from clearing.engine.auctioning import cancel, end_auction, goes_on
from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.offers import offered, rung_of
from clearing.engine.priced_close import PricedClose
from clearing.engine.priced_close_lines import (
    bid_lines,
    factor_of,
    price_lines,
    together_lines,
)
from clearing.engine.scope import Scope
from clearing.engine.selling import Lot, amount_at, may_take, sell
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.quantities import Trace
from clearing.rulebook import AuctionRung, SealedMethod


def end_due(step: Step, scope: Scope, due_at: int) -> None:
    """End the auctions of a scope that a timer is for (microseconds), in market order.

    Others whose time has come, too, wait for their own: a timer may be left of what has ended.
    """
    book = step.book
    for ordinal in sorted(scope.auctions):
        auction, market = scope.auctions[ordinal], book.markets[ordinal]
        if auction.ends_at != due_at:
            continue
        step.touch(scope)
        rung = rung_of(scope, auction)
        if rung is None or not goes_on(book, scope, market, auction, measure(book, scope)):
            cancel(step, scope, market)
            continue
        if isinstance(rung.method, SealedMethod):
            _award(step, scope, market, auction, rung, rung.method)
        end_auction(step, scope, market)


def _award(
    step: Step,
    scope: Scope,
    market: Market,
    auction: Auction,
    rung: AuctionRung,
    method: SealedMethod,
) -> None:
    accepted = _accepted(step, scope, market, auction, rung, method)
    left = offered(scope, market.ordinal, auction)
    for bid, size, together in accepted:
        last = accepted[-1][0].price if method.uniform else None
        lot = Lot(market, size, bid.price if last is None else last, bid.size, left, None)
        left -= abs(size)
        close = PricedClose(step, scope, market, rung, size)
        if close.lines.asked:
            reserve = auction.price(market.spec, method.reserve)
            least = price_lines(market, auction, factor_of(method, None), reserve)
            lot.priced = bid_lines(market, bid, least, last, long=auction.long)
            lot.together = together
        sell(step, scope, market, auction, bid.bidder, lot, "awarded", close)


def _accepted(
    step: Step,
    scope: Scope,
    market: Market,
    auction: Auction,
    rung: AuctionRung,
    method: SealedMethod,
) -> list[tuple[Bid, int, Trace | None]]:
    """Return the bids that win and the size that each gets, signed as held, best price first.

    With each comes the working of what it and those before it fetch together, where that matters.
    A bidder that could not bear what it wins at its own price is left out. Where nothing goes for
    less than its bankruptcy amount, so does everything that wins together.
    """
    sign = 1 if auction.long else -1
    left = offered(scope, market.ordinal, auction)
    holding = Holding(step.book, scope, market)
    taken = fetched = 0
    by_bidder: dict[int, tuple[int, int]] = {}
    accepted = []
    for bid in _in_order(auction, auction.price(market.spec, method.reserve)):
        if not left:
            break
        quantity = min(bid.size, left)
        size = sign * quantity
        amount = amount_at(market, size, bid.price)
        together = fetched + amount
        if method.uniform:
            together = amount_at(market, sign * taken + size, bid.price)
        lines = None
        if rung.floored:
            surplus = holding.surplus_of(taken + quantity, together)
            if surplus < 0:
                break
            if step.workings is not None:
                all_of_them = sign * (taken + quantity)
                lines = together_lines(step, market, holding, all_of_them, together, surplus)
        won, paid = by_bidder.get(bid.bidder, (0, 0))
        if not may_take(step, bid.bidder, market, won + size, paid + amount):
            continue
        by_bidder[bid.bidder] = (won + size, paid + amount)
        accepted.append((bid, size, lines))
        taken, fetched, left = taken + quantity, fetched + amount, left - quantity
    return accepted


def _in_order(auction: Auction, reserve: int) -> list[Bid]:
    """Return the bids no worse than the reserve, best price first, then first come."""
    sign = 1 if auction.long else -1
    good = [bid for bid in auction.bids if sign * bid.price >= sign * reserve]
    return sorted(good, key=lambda bid: (-sign * bid.price, bid.position))
