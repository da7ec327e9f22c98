"""The incident day: one day of a small venue, with a crash in the middle.

Midnight: deposits, an insurance fund, positions built. A slow slide before one o'clock brings the
first margin calls. At 13:10 prices fall by a third in eight minutes; the SOL market's liquidations
are paused for two minutes by a well-meaning operator and resume far lower, so accounts are closed
below zero, the fund runs out and counterparties are deleveraged. Then a rebound and a quiet
evening in which what the fund still holds recovers. Around it stand a few of every rarer event.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from clearing.events import (
    AccountOpened,
    Adjusted,
    ClockTicked,
    Deposited,
    Event,
    FundContributed,
    FundingSettled,
    FundWithdrawn,
    Marked,
    MarketPrice,
    MarketStateChanged,
    PriceObserved,
    Reference,
    Reversed,
    Traded,
    Transferred,
    Withdrawn,
)
from clearing.quantities import exact_decimal
from clearing.samples.draw import Draw
from clearing.samples.prices import CRASH_END, CRASH_START, Path, steps
from clearing.samples.traders import Trader, make_makers, make_traders
from clearing.samples.venue import (
    ASSET,
    ASSET_DECIMALS,
    DOLLAR,
    FUND,
    MARKETS,
    adopt,
    declare,
    rulebook_document,
)

DEFAULT_INCIDENT_SEED: Final = 20240618
"""The seed of the day that the demo shows."""

_DAY: Final = datetime(2024, 6, 18, tzinfo=UTC)
_FREEZE_FROM: Final = 39_600
_PAUSE: Final = (47_730, 47_850)  # 13:15:30 to 13:17:30
_PAUSED_MARKET: Final = 2  # SOL-PERP
_TAKER_FEE: Final = 5  # parts per 10,000
_MAKER_REBATE: Final = 1
_SELL_PERCENT: Final = 5


def incident_day(
    seed: int = DEFAULT_INCIDENT_SEED, accounts: int = 300, trades_per_minute: int = 11
) -> Iterator[Event]:
    """Yield the events of the incident day in log order.

    ``accounts`` is the number of trading accounts (at least 10), without six market makers and the
    fund; ``trades_per_minute`` the trades in an ordinary minute. The story is written for the
    defaults; other values give a valid day with another ending. The same arguments always give
    the same events.
    """
    if accounts < 10:
        raise ValueError(f"accounts is {accounts}; the day needs at least 10")
    if trades_per_minute < 1:
        raise ValueError(f"trades_per_minute is {trades_per_minute}; at least 1 is needed")
    return _Day(seed, accounts, trades_per_minute).events()


def _usd(units: int) -> dict[str, object]:
    return {"asset": ASSET, "amount": exact_decimal(units, ASSET_DECIMALS)}


class _Day:
    """The day being written: who trades, where prices stand, what is numbered how."""

    def __init__(self, seed: int, accounts: int, trades_per_minute: int) -> None:
        self.draw = Draw(seed)
        self.traders = make_traders(self.draw, accounts)
        self.makers = make_makers(self.draw, 6)
        self.fund = Trader(FUND, "fund", 0, 0, 50, [])
        self.path = Path(Draw(seed + 1))
        self.trades_per_minute = trades_per_minute
        self.numbers = {"trade": 0, "deposit": 0, "withdrawal": 0, "mark": 0}
        self.stamped = (0, 0)

    def next_id(self, kind: str) -> str:
        self.numbers[kind] += 1
        return f"{kind}-{self.numbers[kind]:06}"

    def stamp(self, second: int) -> datetime:
        """Return the next free millisecond in the last tenth of ``second``, after marks."""
        before = self.stamped[1] if self.stamped[0] == second else 900
        self.stamped = (second, before + 1)
        return _at(second, before + 1)

    def events(self) -> Iterator[Event]:
        yield from self.opening()
        agenda = self.agenda()
        moments = steps()
        for second, following in zip(moments, [*moments[1:], 86_400], strict=True):
            self.path.move(second)
            yield from self.marks(second)
            if second >= _FREEZE_FROM:
                self.freeze()
            if second % 3600 == 0 and second:
                yield from self.funding(second)
            while agenda and agenda[0][0] <= second:
                yield from agenda.pop(0)[1](second)
            yield from self.trading(second, following - second)
        yield ClockTicked(source="oracle", external_id="tick:day-end", occurred_at=_at(86_400))

    # What happens before the first mark.

    def opening(self) -> Iterator[Event]:
        at = _DAY - timedelta(hours=1)
        yield from declare(at)
        yield self.open_account(FUND, "fund", at)
        for trader in (*self.makers, *self.traders):
            yield self.open_account(trader.name, trader.account_class, at)
        schedules = {market.name: market.schedule for market in MARKETS}
        yield adopt("risk", at, rulebook_document(ASSET, schedules))
        for number, thousands in enumerate((350, 180, 90), start=1):
            yield FundContributed(
                source="treasury",
                external_id=f"contribution-{number}",
                occurred_at=at + timedelta(minutes=number),
                fund=FUND,
                **_usd(thousands * 1000 * DOLLAR),
            )
        for i, trader in enumerate((*self.makers, *self.traders)):
            yield self.deposit(trader.name, trader.cash, at + timedelta(minutes=5, seconds=i))

    def open_account(self, name: str, account_class: str, at: datetime) -> Event:
        return AccountOpened(
            source="venue",
            external_id=f"account:{name}",
            occurred_at=at,
            account=name,
            account_class=account_class,
        )

    def deposit(self, account: str, units: int, at: datetime) -> Event:
        return Deposited(
            source="treasury",
            external_id=self.next_id("deposit"),
            occurred_at=at,
            account=account,
            **_usd(units),
        )

    # Prices and funding.

    def marks(self, second: int) -> Iterator[Event]:
        yield self.mark(second, range(len(MARKETS)))
        if not CRASH_START <= second < CRASH_END and self.draw.chance(25):
            index = self.draw.below(len(MARKETS))
            self.path.nudge(index)
            yield self.mark(second, (index,), millisecond=500)
        if second % 14_400 == 7_200:
            for i, market in enumerate(MARKETS):
                yield PriceObserved(
                    source="oracle",
                    external_id=f"observed:{market.name}:{second}",
                    occurred_at=_at(second, 600),
                    market=market.name,
                    role="index",
                    price=exact_decimal(self.path.marks[i], market.mark_decimals),
                )

    def mark(self, second: int, indexes: "range | tuple[int, ...]", millisecond: int = 0) -> Event:
        return Marked(
            source="oracle",
            external_id=self.next_id("mark"),
            occurred_at=_at(second, millisecond),
            marks=tuple(
                MarketPrice(
                    market=MARKETS[i].name,
                    price=exact_decimal(self.path.marks[i], MARKETS[i].mark_decimals),
                )
                for i in indexes
            ),
        )

    def funding(self, second: int) -> Iterator[Event]:
        """Longs pay in the calm; after the crash shorts pay."""
        for i, market in enumerate(MARKETS):
            base = 12_500 if second < CRASH_START else -35_000 if second < 61_200 else 4_000
            rate = base * market.beta // 100 + self.draw.bell(6_000)  # at nine decimals
            yield FundingSettled(
                source="risk",
                external_id=f"funding:{market.name}:{second}",
                occurred_at=_at(second, 900),
                market=market.name,
                rate=exact_decimal(rate, 9),
                price=exact_decimal(self.path.marks[i], market.mark_decimals),
                interval_seconds=3600,
            )

    # Trading.

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

    def trading(self, second: int, length: int) -> Iterator[Event]:
        building = 3 if second < 7_200 else 1
        count = max(1, self.trades_per_minute * building * length // 60)
        if CRASH_START <= second < CRASH_END:
            count *= 2
        offsets = sorted(self.draw.between(1_000, length * 1000 - 1) for _ in range(count))
        for millisecond in offsets:
            trade = self.trade(second, millisecond)
            if trade is not None:
                yield trade

    def trade(self, second: int, millisecond: int) -> Event | None:
        """One trade of a willing trader, if the one drawn is willing."""
        trader = self.draw.pick(self.traders)
        index = self.draw.pick(trader.favourites)
        if index == _PAUSED_MARKET and _PAUSE[0] <= second < _PAUSE[1]:
            return None
        size = self.wanted(trader, index, second)
        if size == 0 or trader.frozen:
            return None
        return self.execute(trader, index, size, _at(second, millisecond))

    def execute(self, taker: Trader, index: int, size: int, at: datetime) -> Event:
        """Let ``taker`` trade ``size`` (signed) with a market maker, with fees to both."""
        market = MARKETS[index]
        maker = self.draw.pick(self.makers)
        buys = size > 0
        price = self.price(index, buys)
        amount = market.value(abs(size), price * 10 ** (market.mark_decimals - market.price_decimals))
        taker_fee = amount * _TAKER_FEE // 10_000
        rebate = -(amount * _MAKER_REBATE // 10_000)
        taker.fill(index, size, amount if buys else -amount, taker_fee)
        maker.fill(index, -size, -amount if buys else amount, rebate)
        buyer, seller = (taker, maker) if buys else (maker, taker)
        buyer_fee, seller_fee = (taker_fee, rebate) if buys else (rebate, taker_fee)
        return Traded(
            source="venue",
            external_id=self.next_id("trade"),
            occurred_at=at,
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
        return -(-(mark + worse) // scale) if buys else (mark - worse) // scale

    def wanted(self, trader: Trader, index: int, second: int) -> int:
        """Return the signed size the trader would trade now, 0 for none."""
        marks = self.path.marks
        market = MARKETS[index]
        held = trader.sizes[index]
        target = trader.cash * trader.leverage // 100 // len(trader.favourites)
        carried = abs(market.value(held, marks[index]))
        if held and (carried > target or self.draw.chance(_closing_chance(second))):
            size = held * self.draw.pick((20, 25, 33, 50, 100)) // 100
            return -_whole(size, market.lot)
        long = held > 0 if held else self.draw.chance(trader.bullish)
        room = max(0, target - carried) * self.draw.pick((10, 20, 35, 60)) // 100
        size = market.size_for(room, marks[index])
        more = market.value(size, marks[index]) * market.initial // 10_000
        if trader.equity(marks) * 9 // 10 < trader.required(marks, initial=True) + more:
            return 0
        return size if long else -size

    # The rarer events, by second of the day.

    def agenda(self) -> list[tuple[int, Callable[[int], Iterator[Event]]]]:
        planned: list[tuple[int, Callable[[int], Iterator[Event]]]] = [
            (3_600 * hour, self.movements) for hour in range(3, 24)
        ]
        planned += [
            (21_600, self.corrections),
            (30_000, self.late_deposit),
            (43_200, self.top_ups),
            (46_800, self.top_ups),
            (47_640, self.top_ups),
            (48_120, self.top_ups),
            (_PAUSE[0], self.pause),
            (_PAUSE[1], self.resume),
            *((second, self.sell_down) for second in range(47_970, 54_000, 300)),
            (56_400, self.replenish),
            (66_600, self.returns),
            (79_200, self.overdraw),
            (82_800, self.fund_payout),
            *((3_600 * hour, self.tick) for hour in (3, 9, 15, 21)),
        ]
        return sorted(planned, key=lambda item: item[0])

    def movements(self, second: int) -> Iterator[Event]:
        """A few deposits and withdrawals, each within the account's means."""
        marks = self.path.marks
        for _ in range(3):
            trader = self.draw.pick(self.traders)
            if trader.frozen:
                continue
            if self.draw.chance(50):
                units = self.draw.between(100, 2_000) * DOLLAR
                trader.cash += units
                yield self.deposit(trader.name, units, self.stamp(second))
                continue
            free = min(trader.cash, trader.equity(marks) - trader.required(marks, initial=True) * 2)
            if free > 100 * DOLLAR:
                units = free // 5
                trader.cash -= units
                yield self.withdrawal(trader.name, units, second)

    def tick(self, second: int) -> Iterator[Event]:
        yield ClockTicked(
            source="oracle", external_id=f"tick:{second}", occurred_at=self.stamp(second)
        )

    def withdrawal(self, account: str, units: int, second: int) -> Event:
        return Withdrawn(
            source="treasury",
            external_id=self.next_id("withdrawal"),
            occurred_at=self.stamp(second),
            account=account,
            **_usd(units),
        )

    def corrections(self, second: int) -> Iterator[Event]:
        """A transfer between two makers, a refunded fee, and a deposit booked twice and undone."""
        payer, payee = self.makers[0], self.makers[1]
        units = 250_000 * DOLLAR
        payer.cash -= units
        payee.cash += units
        yield Transferred(
            source="treasury",
            external_id="transfer-000001",
            occurred_at=self.stamp(second),
            account=payer.name,
            to_account=payee.name,
            **_usd(units),
        )
        yield Adjusted(
            source="treasury",
            external_id="adjustment-000001",
            occurred_at=self.stamp(second),
            account=self.traders[-1].name,
            category="fee-refund",
            author="back-office",
            approver="controller",
            reason="Taker fees of the first hour refunded: the fee tier was set a day late",
            **_usd(12_345_678),
        )
        doubled = self.deposit(self.traders[-2].name, 1_500 * DOLLAR, self.stamp(second))
        yield doubled
        yield Reversed(
            source="treasury",
            external_id="reversal-000001",
            occurred_at=self.stamp(second),
            author="back-office",
            approver="controller",
            reason="The same bank transfer had been credited the evening before",
            target=Reference(source="treasury", external_id=doubled.external_id),
        )

    def late_deposit(self, second: int) -> Iterator[Event]:
        """A deposit that the bank reported forty minutes after it happened."""
        trader = self.traders[-3]
        trader.cash += 900 * DOLLAR
        yield self.deposit(trader.name, 900 * DOLLAR, _at(second - 2_400))

    def top_ups(self, second: int) -> Iterator[Event]:
        """Owners near their margin call who pay in, and trade on."""
        marks = self.path.marks
        for trader in self.traders:
            required = trader.required(marks, initial=False)
            tight = required and trader.equity(marks) * 10 < required * 16
            if tight and self.draw.chance(60):
                units = trader.required(marks, initial=True) * 3 // 2
                units += DOLLAR - units % DOLLAR
                trader.cash += units
                trader.frozen = False
                yield self.deposit(trader.name, units, self.stamp(second))

    def pause(self, second: int) -> Iterator[Event]:
        yield self.market_state(second, "liquidations_paused", "Prices from one source only")

    def resume(self, second: int) -> Iterator[Event]:
        yield self.market_state(second, "normal", "Three sources agree again")

    def market_state(self, second: int, state: str, reason: str) -> Event:
        return MarketStateChanged.model_validate(
            {
                "source": "risk",
                "external_id": f"state:SOL-PERP:{second}",
                "occurred_at": self.stamp(second),
                "author": "risk-duty",
                "approver": "risk-desk",
                "reason": reason,
                "market": "SOL-PERP",
                "state": state,
            }
        )

    def sell_down(self, second: int) -> Iterator[Event]:
        """The fund sells part of what it took over, to market makers, a little at a time."""
        for i, market in enumerate(MARKETS):
            size = _whole(self.fund.sizes[i] * _SELL_PERCENT // 100, market.lot)
            if size:
                yield self.execute(self.fund, i, -size, self.stamp(second))

    def replenish(self, second: int) -> Iterator[Event]:
        """The venue pays into the fund after the crash."""
        yield FundContributed(
            source="treasury",
            external_id="contribution-4",
            occurred_at=self.stamp(second),
            fund=FUND,
            **_usd(150_000 * DOLLAR),
        )

    def returns(self, second: int) -> Iterator[Event]:
        """Some who were closed out pay in again and start from nothing."""
        for trader in self.traders:
            if trader.frozen and self.draw.chance(20):
                trader.forget()
                trader.leverage = min(trader.leverage, 300)
                trader.cash = self.draw.between(300, 3_000) * DOLLAR
                yield self.deposit(trader.name, trader.cash, self.stamp(second))

    def overdraw(self, second: int) -> Iterator[Event]:
        """A withdrawal that should not have been allowed: it happened, so it posts."""
        marks = self.path.marks
        exposed = max(
            (t for t in self.traders if not t.frozen and t.cash > 0),
            key=lambda t: t.required(marks, initial=True),
        )
        units = exposed.cash * 95 // 100
        exposed.cash -= units
        exposed.frozen = True
        yield self.withdrawal(exposed.name, units, second)

    def fund_payout(self, second: int) -> Iterator[Event]:
        """The venue takes a little of its contribution back out."""
        yield FundWithdrawn(
            source="treasury",
            external_id="fund-withdrawal-1",
            occurred_at=self.stamp(second),
            author="treasurer",
            approver="risk-committee",
            reason="Part of the emergency contribution returned",
            fund=FUND,
            **_usd(10_000 * DOLLAR),
        )


def _at(second: int, millisecond: int = 0) -> datetime:
    return _DAY + timedelta(seconds=second, milliseconds=millisecond)


def _closing_chance(second: int) -> int:
    """Percent of trades that reduce: few while positions are built, more when prices fall."""
    if second < 7_200:
        return 5
    if second < CRASH_START:
        return 22
    return 45 if second < CRASH_END else 30


def _whole(size: int, lot: int) -> int:
    """Return ``size`` cut to whole lots toward zero."""
    lots = abs(size) // lot * lot
    return lots if size > 0 else -lots
