"""The desk of the invented venue: its traders and prices as they stand, and the events they cause.

It numbers events, stamps their times and keeps the rough books that decide who can trade. What
happens when is told in :mod:`clearing.samples.incident`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from clearing.events import AccountOpened, Deposited, Event, Marked, MarketPrice, Traded, Withdrawn
from clearing.quantities import exact_decimal
from clearing.samples.draw import Draw
from clearing.samples.prices import CRASH_END, CRASH_START, Path
from clearing.samples.traders import Trader, make_makers, make_traders
from clearing.samples.venue import ASSET, ASSET_DECIMALS, FUND, MARKETS

DAY: Final = datetime(2024, 6, 18, tzinfo=UTC)
PAUSE: Final = (47_730, 47_850)  # 13:15:30 to 13:17:30
PAUSED_MARKET: Final = 2  # SOL-PERP
_TAKER_FEE: Final = 5  # parts per 10,000
_MAKER_REBATE: Final = 1


def at(second: int, millisecond: int = 0) -> datetime:
    """Return a moment of the day."""
    return DAY + timedelta(seconds=second, milliseconds=millisecond)


def usd(units: int) -> Decimal:
    """Return an amount of the venue's asset from its smallest units."""
    return exact_decimal(units, ASSET_DECIMALS)


class Desk:
    """Who trades, where prices stand, what is numbered how."""

    def __init__(self, seed: int, accounts: int) -> None:
        self.draw = Draw(seed)
        self.traders = make_traders(self.draw, accounts)
        self.makers = make_makers(self.draw, 6)
        self.fund = Trader(FUND, "fund", 0, 0, 50, [])
        self.path = Path(Draw(seed + 1))
        self._numbers = {"trade": 0, "deposit": 0, "withdrawal": 0, "mark": 0}
        self._stamped = (0, 0)

    def next_id(self, kind: str) -> str:
        """Return the next external id of ``kind``."""
        self._numbers[kind] += 1
        return f"{kind}-{self._numbers[kind]:06}"

    def stamp(self, second: int) -> datetime:
        """Return the next free millisecond in the last tenth of ``second``, after marks."""
        before = self._stamped[1] if self._stamped[0] == second else 900
        self._stamped = (second, before + 1)
        return at(second, before + 1)

    def open_account(self, name: str, account_class: str, moment: datetime) -> Event:
        """Open an account."""
        return AccountOpened(
            source="venue",
            external_id=f"account:{name}",
            occurred_at=moment,
            account=name,
            account_class=account_class,
        )

    def deposit(self, account: str, units: int, moment: datetime) -> Event:
        """Let ``units`` arrive for ``account``."""
        return Deposited(
            source="treasury",
            external_id=self.next_id("deposit"),
            occurred_at=moment,
            account=account,
            asset=ASSET,
            amount=usd(units),
        )

    def withdrawal(self, account: str, units: int, second: int) -> Event:
        """Let ``units`` leave ``account``."""
        return Withdrawn(
            source="treasury",
            external_id=self.next_id("withdrawal"),
            occurred_at=self.stamp(second),
            account=account,
            asset=ASSET,
            amount=usd(units),
        )

    def mark(self, second: int, indexes: Iterable[int], millisecond: int = 0) -> Event:
        """Publish the present marks of the markets at ``indexes``."""
        return Marked(
            source="oracle",
            external_id=self.next_id("mark"),
            occurred_at=at(second, millisecond),
            marks=tuple(
                MarketPrice(
                    market=MARKETS[i].name,
                    price=exact_decimal(self.path.marks[i], MARKETS[i].mark_decimals),
                )
                for i in indexes
            ),
        )

    def freeze(self) -> None:
        """Accounts near their maintenance requirement stop trading; below it they are closed."""
        marks = self.path.marks
        for trader in self.traders:
            if not trader.frozen:
                required = trader.required(marks, initial=False)
                if required and trader.equity(marks) * 4 < required * 5:
                    trader.frozen = True
            if trader.frozen:
                trader.hand_over(self.fund, marks)

    def trade(self, second: int, millisecond: int) -> Event | None:
        """One trade of a willing trader, if the one drawn is willing."""
        trader = self.draw.pick(self.traders)
        index = self.draw.pick(trader.favourites)
        if index == PAUSED_MARKET and PAUSE[0] <= second < PAUSE[1]:
            return None
        size = self.wanted(trader, index, second)
        if size == 0 or trader.frozen:
            return None
        return self.execute(trader, index, size, at(second, millisecond))

    def execute(self, taker: Trader, index: int, size: int, moment: datetime) -> Event:
        """Let ``taker`` trade ``size`` (signed) with a market maker, with fees to both."""
        market = MARKETS[index]
        maker = self.draw.pick(self.makers)
        buys = size > 0
        price = self.price(index, buys)
        amount = market.value(
            abs(size), price * 10 ** (market.mark_decimals - market.price_decimals)
        )
        taker_fee = amount * _TAKER_FEE // 10_000
        rebate = -(amount * _MAKER_REBATE // 10_000)
        taker.fill(index, size, amount if buys else -amount, taker_fee)
        maker.fill(index, -size, -amount if buys else amount, rebate)
        buyer, seller = (taker, maker) if buys else (maker, taker)
        buyer_fee, seller_fee = (taker_fee, rebate) if buys else (rebate, taker_fee)
        return Traded(
            source="venue",
            external_id=self.next_id("trade"),
            occurred_at=moment,
            market=market.name,
            buyer=buyer.name,
            seller=seller.name,
            size=exact_decimal(abs(size), market.size_decimals),
            price=exact_decimal(price, market.price_decimals),
            buyer_fee=exact_decimal(buyer_fee, ASSET_DECIMALS),
            seller_fee=exact_decimal(seller_fee, ASSET_DECIMALS),
        )

    def price(self, index: int, buys: bool) -> int:
        """Return a price at the market's price decimals, a little on the taker's worse side."""
        market = MARKETS[index]
        mark = self.path.marks[index]
        worse = mark * self.draw.below(300) // 1_000_000
        scale = 10 ** (market.mark_decimals - market.price_decimals)
        return int(-(-(mark + worse) // scale) if buys else (mark - worse) // scale)

    def wanted(self, trader: Trader, index: int, second: int) -> int:
        """Return the signed size the trader would trade now, 0 for none."""
        marks = self.path.marks
        market = MARKETS[index]
        held = trader.sizes[index]
        target = trader.cash * trader.leverage // 100 // len(trader.favourites)
        carried = abs(market.value(held, marks[index]))
        if held and (carried > target or self.draw.chance(_closing_chance(second))):
            size = held * self.draw.pick((20, 25, 33, 50, 100)) // 100
            return -whole(size, market.lot)
        long = held > 0 if held else self.draw.chance(trader.bullish)
        room = max(0, target - carried) * self.draw.pick((10, 20, 35, 60)) // 100
        size = market.size_for(room, marks[index])
        more = market.value(size, marks[index]) * market.initial // 10_000
        if trader.equity(marks) * 9 // 10 < trader.required(marks, initial=True) + more:
            return 0
        return size if long else -size


def _closing_chance(second: int) -> int:
    """Percent of trades that reduce: few while positions are built, more when prices fall."""
    if second < 7_200:
        return 5
    if second < CRASH_START:
        return 22
    return 45 if second < CRASH_END else 30


def whole(size: int, lot: int) -> int:
    """Return ``size`` cut to whole lots toward zero."""
    lots = abs(size) // lot * lot
    return lots if size > 0 else -lots
