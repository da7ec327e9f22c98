"""Facts of auctions: who takes what is offered at the price of the moment, and who bids for it.

In derive mode the ledger is the venue: what its auctions do not provide for is a deviation and
moves nothing.
"""

from clearing.engine.auction import Auction, Bid
from clearing.engine.auctioning import end_auction, goes_on, note
from clearing.engine.content import Content
from clearing.engine.market import Market
from clearing.engine.offers import offered, rung_of
from clearing.engine.priced_close import PricedClose
from clearing.engine.priced_close_lines import factor_of, price_lines
from clearing.engine.scope import Scope
from clearing.engine.selling import Lot, amount_at, may_take, refuse, sell
from clearing.engine.step import Step
from clearing.engine.valuation import measure
from clearing.quantities import format_exact
from clearing.rulebook import AuctionRung, DutchMethod, SealedMethod


class _Call:
    """The auction that an event is for: whose it is, its market and rung, at which time."""

    __slots__ = ("at", "auction", "market", "rung", "scope")

    def __init__(
        self, scope: Scope, market: Market, auction: Auction, rung: AuctionRung, at: int
    ) -> None:
        self.scope = scope
        self.market = market
        self.auction = auction
        self.rung = rung
        self.at = at


def apply_take(step: Step, content: Content) -> None:
    """Apply ``AuctionTaken``: as much as is left goes to the taker at the price of the moment."""
    call = _call(step, content, "taker")
    if call is None:
        return
    method = call.rung.method
    if not isinstance(method, DutchMethod):
        refuse(step, "no_auction", content.account, call.market, found="sealed")
        return
    scope, market, auction = call.scope, call.market, call.auction
    left = offered(scope, market.ordinal, auction)
    quantity = min(content.quantity, left)
    size = quantity if auction.long else -quantity
    elapsed = auction.elapsed(call.at)
    price = auction.price(market.spec, method.factor(elapsed))
    close = PricedClose(step, scope, market, call.rung, size)
    least = close.bankrupt if call.rung.floored else None
    lot = Lot(market, size, price, content.quantity, left, least)
    if close.lines.asked:
        lot.priced = price_lines(market, auction, factor_of(method, elapsed), price)
    if content.price and _is_worse(auction, market, lot, content.price):
        decimals = market.spec.price_decimals
        limit, found = format_exact(content.price, decimals), format_exact(price, decimals)
        refuse(step, "auction_price", content.account, market, expected=limit, found=found)
        return
    if not may_take(step, content.account, market, size, lot.amount):
        return
    sell(step, scope, market, auction, content.account, lot, "taken", close)
    if quantity < content.quantity:
        decimals = market.spec.size_decimals
        there, wanted = format_exact(left, decimals), format_exact(content.quantity, decimals)
        refuse(step, "beyond_auction", content.account, market, expected=there, found=wanted)
    if quantity == left:
        end_auction(step, scope, market)


def apply_bid(step: Step, content: Content) -> None:
    """Apply ``AuctionBid``: it waits for the end of the bidding."""
    call = _call(step, content, "bidder")
    if call is None:
        return
    if not isinstance(call.rung.method, SealedMethod):
        refuse(step, "no_auction", content.account, call.market, found="dutch")
        return
    quantity, price = content.quantity, content.price
    call.auction.bids.append(Bid(content.account, quantity, price, content.row.position))
    size = quantity if call.auction.long else -quantity
    taker = content.account
    note(step, call.scope, call.market, call.auction, "bid", taker=taker, size=size, price=price)


def _is_worse(auction: Auction, market: Market, lot: Lot, limit: int) -> bool:
    """Whether a lot's price, or what it has to fetch at least, is worse than a taker's limit."""
    beyond = lot.price > limit if auction.long else lot.price < limit
    return beyond or lot.amount > amount_at(market, lot.size, limit)


def _call(step: Step, content: Content, who: str) -> _Call | None:
    """Return the open auction that an event is for; where there is none, say so.

    Its time is the later of fold time and the event's own.
    """
    book, row = step.book, content.row
    market = book.markets[row.market]
    for field, account in ((who, content.account), ("account", content.contra)):
        if not account:
            refuse(step, "unknown_account", content.account, market, found=content.unknown(field))
            return None
    if content.account == content.contra:
        refuse(step, "own_auction", content.account, market)
        return None
    scope = book.scopes.get((content.contra, market.asset))
    auction = None if scope is None else scope.auctions.get(market.ordinal)
    at = max(book.time, row.occurred_at)
    if scope is not None and auction is not None and at < auction.ends_at:
        rung = rung_of(scope, auction)
        if rung is not None and goes_on(book, scope, market, auction, measure(book, scope)):
            return _Call(scope, market, auction, rung, at)
    refuse(step, "no_auction", content.account, market)
    return None
