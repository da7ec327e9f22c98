"""Who trades on the invented venue, and a rough book of each that decides what they would do.

The rough book (whole units floored, no funding) only keeps the sample plausible: nobody opens
beyond their means, and an account in trouble stops trading. It is not the ledger's arithmetic and
no amount of it reaches an event.
"""

from clearing.samples.draw import Draw
from clearing.samples.venue import DOLLAR, MARKETS


class Trader:
    """An account with its habits and its rough book.

    ``leverage`` is the aimed-at notional over cash, in hundredths; ``bullish`` the percentage of
    its openings that are long; ``favourites`` indexes of the markets it trades. ``frozen``: its
    owner only looks on any more.
    """

    __slots__ = (
        "account_class",
        "bullish",
        "cash",
        "costs",
        "favourites",
        "frozen",
        "leverage",
        "name",
        "sizes",
    )

    def __init__(
        self,
        name: str,
        account_class: str,
        cash: int,
        leverage: int,
        bullish: int,
        favourites: list[int],
    ) -> None:
        self.name = name
        self.account_class = account_class
        self.cash = cash
        self.leverage = leverage
        self.bullish = bullish
        self.favourites = favourites
        self.sizes = [0] * len(MARKETS)
        self.costs = [0] * len(MARKETS)
        self.frozen = False

    def equity(self, marks: list[int]) -> int:
        """Return cash plus unrealised PnL, roughly."""
        total = self.cash
        for i, size in enumerate(self.sizes):
            if size:
                total += MARKETS[i].value(size, marks[i]) - self.costs[i]
        return total

    def notional(self, marks: list[int]) -> int:
        """Return the sum of |position| at mark, roughly."""
        return sum(
            abs(MARKETS[i].value(size, marks[i])) for i, size in enumerate(self.sizes) if size
        )

    def required(self, marks: list[int], *, initial: bool) -> int:
        """Return a requirement at the lowest tier's rates, roughly."""
        total = 0
        for i, size in enumerate(self.sizes):
            if size:
                rate = MARKETS[i].initial if initial else MARKETS[i].maintenance
                total += abs(MARKETS[i].value(size, marks[i])) * rate // 10_000
        return total

    def fill(self, index: int, size: int, amount: int, fee: int) -> None:
        """Book a fill: ``size`` and ``amount`` signed, buying positive."""
        held = self.sizes[index]
        self.cash -= fee
        if held and (held > 0) != (size > 0):
            closed = min(abs(held), abs(size))
            closing = amount * closed // abs(size)
            released = self.costs[index] * closed // abs(held)
            self.cash -= closing + released
            self.costs[index] += amount - closing - released
        else:
            self.costs[index] += amount
        self.sizes[index] = held + size

    def hand_over(self, taker: "Trader", marks: list[int]) -> None:
        """Give up what the venue's rules would take now, roughly: half of the largest, or all."""
        required = self.required(marks, initial=False)
        equity = self.equity(marks)
        if not required or equity >= required:
            return
        everything = equity * 10 < required * 4
        largest = max(
            range(len(MARKETS)), key=lambda i: abs(MARKETS[i].value(self.sizes[i], marks[i]))
        )
        for i, held in enumerate(self.sizes):
            if held and (everything or i == largest):
                size = held if everything else held - held // 2
                if not size:
                    continue
                amount = MARKETS[i].value(size, marks[i])
                self.fill(i, -size, -amount, 0)
                taker.fill(i, size, amount, 0)

    def forget(self) -> None:
        """Start from nothing: whatever was held has been closed by others."""
        self.sizes = [0] * len(MARKETS)
        self.costs = [0] * len(MARKETS)
        self.cash = 0
        self.frozen = False


def make_traders(draw: Draw, count: int) -> list[Trader]:
    """Return ``count`` accounts: a few whales first, then the public.

    Deposits span two orders of magnitude; most are long, as before a crash, and a good part hold
    more leverage than they will survive.
    """
    traders = []
    for number in range(1, count + 1):
        whale = number <= 3
        if whale:
            cash = draw.between(300, 400) * 1000 * DOLLAR
            leverage = draw.between(420, 520)
            bullish, favourites = 100, [[2], [1, 2], [0, 1]][number - 1]
        else:
            cash = (draw.between(500, 2000) << draw.below(7)) * DOLLAR
            cash += draw.below(100) * DOLLAR // 100
            leverage = draw.pick((50, 50, 80, 100, 120, 150, 150, 200, 300, 500, 900))
            bullish = draw.pick((100, 100, 90, 80, 60, 20, 0))
            favourites = [_market(draw)]
            if draw.chance(50):
                favourites.append(_market(draw))
        traders.append(Trader(f"trader-{number:03}", "trader", cash, leverage, bullish, favourites))
    return traders


def make_makers(draw: Draw, count: int) -> list[Trader]:
    """Return ``count`` market makers: large, everywhere, on the other side of nearly everything."""
    return [
        Trader(
            f"maker-{number}",
            "maker",
            draw.between(3, 5) * 1_000_000 * DOLLAR,
            0,
            50,
            list(range(len(MARKETS))),
        )
        for number in range(1, count + 1)
    ]


def _market(draw: Draw) -> int:
    point = draw.below(100)
    for i, market in enumerate(MARKETS):
        point -= market.weight
        if point < 0:
            return i
    return 0
