"""Events of auctions: somebody takes what is offered at the price of the moment, or bids for it.

They say what was wanted. Whether it happens is for the ladder's auction to say, in derive mode;
where the ledger holds none they move nothing.
"""

from typing import Literal

from clearing.events.base import EventBase
from clearing.events.fields import Name, PositiveAmount


class AuctionTaken(EventBase):
    """``taker`` takes ``size`` of what is auctioned off of ``account``, at the price of the moment.

    ``size`` is unsigned. ``limit`` is the worst price that the taker accepts: the most for what it
    buys of a long position, the least for what it sells to a short one. None: any price.
    """

    kind: Literal["AuctionTaken"] = "AuctionTaken"
    taker: Name
    account: Name
    market: Name
    size: PositiveAmount
    limit: PositiveAmount | None = None


class AuctionBid(EventBase):
    """``bidder`` binds itself to take up to ``size`` of what is auctioned off, for ``price``.

    ``size`` is unsigned. The price is what it pays for a long position, and what it gets for taking
    over a short one; a uniform auction may give it a better one.
    """

    kind: Literal["AuctionBid"] = "AuctionBid"
    bidder: Name
    account: Name
    market: Name
    size: PositiveAmount
    price: PositiveAmount
