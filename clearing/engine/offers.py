"""What an auction rung may put up, what an auction still offers, and which rungs wait for it."""

from clearing.engine.auction import Auction
from clearing.engine.scope import Scope
from clearing.rulebook import AuctionRung


def rung_of(scope: Scope, auction: Auction) -> AuctionRung | None:
    """Return the rung that opened an auction, if the scope's ladder still has it."""
    if scope.rules is None or not auction.rung:
        return None
    rung = scope.rules.ladder[auction.rung - 1]
    return rung if isinstance(rung, AuctionRung) else None


def offered(scope: Scope, market: int, auction: Auction) -> int:
    """Return how much (unsigned) there is of the position that an auction sells."""
    position = scope.positions.get(market)
    if position is None or (position.size > 0) is not auction.long:
        return 0
    return abs(position.size)


def unoffered(scope: Scope, rung: AuctionRung) -> list[int]:
    """Return the markets of positions that the rung may still put up in this stay, in order."""
    return [
        ordinal
        for ordinal in sorted(scope.positions)
        if ordinal not in scope.auctions and (rung.number, ordinal) not in scope.unsold
    ]


def waits(scope: Scope, number: int) -> bool:
    """Whether the closing rung of that number waits for an auction that a rung before it opened."""
    return any(0 < auction.rung < number for auction in scope.auctions.values())
