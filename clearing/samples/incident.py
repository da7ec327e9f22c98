"""The incident day: one day of a small venue, with a crash in the middle.

Midnight: deposits, an insurance fund, positions built. A slow slide before one o'clock brings the
first margin calls. At 13:10 prices fall by a third in eight minutes; the SOL market's liquidations
are paused for two minutes by a well-meaning operator and resume far lower, so accounts are closed
below zero, the fund runs out and counterparties are deleveraged. Then a rebound and a quiet
evening in which what the fund still holds recovers. Around it stand a few of every rarer event.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from clearing.events import (
    Adjusted,
    ClockTicked,
    Event,
    FundContributed,
    FundingSettled,
    FundWithdrawn,
    MarketStateChanged,
    PriceObserved,
    Reference,
    Reversed,
    Transferred,
)
from clearing.quantities import exact_decimal
from clearing.samples.desk import DAY, PAUSE, Desk, at, usd, whole
from clearing.samples.prices import CRASH_END, CRASH_START, steps
from clearing.samples.venue import (
    ASSET,
    DOLLAR,
    FUND,
    MARKETS,
    adopt,
    declare,
    rulebook_document,
)

DEFAULT_INCIDENT_SEED: Final = 20240618
"""The seed of the day that the demo shows."""

_FREEZE_FROM: Final = 39_600
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


class _Day:
    """What happens when."""

    def __init__(self, seed: int, accounts: int, trades_per_minute: int) -> None:
        self.desk = Desk(seed, accounts)
        self.trades_per_minute = trades_per_minute

    def events(self) -> Iterator[Event]:
        yield from self.opening()
        agenda = self.agenda()
        moments = steps()
        for second, following in zip(moments, [*moments[1:], 86_400], strict=True):
            self.desk.path.move(second)
            yield from self.marks(second)
            if second >= _FREEZE_FROM:
                self.desk.freeze()
            if second % 3600 == 0 and second:
                yield from self.funding(second)
            while agenda and agenda[0][0] <= second:
                yield from agenda.pop(0)[1](second)
            yield from self.trading(second, following - second)
        yield ClockTicked(source="oracle", external_id="tick:day-end", occurred_at=at(86_400))

    # What happens before the first mark.

    def opening(self) -> Iterator[Event]:
        before = DAY - timedelta(hours=1)
        yield from declare(before)
        yield self.desk.open_account(FUND, "fund", before)
        for trader in (*self.desk.makers, *self.desk.traders):
            yield self.desk.open_account(trader.name, trader.account_class, before)
        schedules = {market.name: market.schedule for market in MARKETS}
        yield adopt("risk", before, rulebook_document(ASSET, schedules))
        for number, thousands in enumerate((350, 180, 90), start=1):
            yield FundContributed(
                source="treasury",
                external_id=f"contribution-{number}",
                occurred_at=before + timedelta(minutes=number),
                fund=FUND,
                asset=ASSET,
                amount=usd(thousands * 1000 * DOLLAR),
            )
        for i, trader in enumerate((*self.desk.makers, *self.desk.traders)):
            yield self.desk.deposit(
                trader.name, trader.cash, before + timedelta(minutes=5, seconds=i)
            )

    # Prices and funding.

    def marks(self, second: int) -> Iterator[Event]:
        yield self.desk.mark(second, range(len(MARKETS)))
        if not CRASH_START <= second < CRASH_END and self.desk.draw.chance(25):
            index = self.desk.draw.below(len(MARKETS))
            self.desk.path.nudge(index)
            yield self.desk.mark(second, (index,), millisecond=500)
        if second % 14_400 == 7_200:
            for i, market in enumerate(MARKETS):
                yield PriceObserved(
                    source="oracle",
                    external_id=f"observed:{market.name}:{second}",
                    occurred_at=at(second, 600),
                    market=market.name,
                    role="index",
                    price=exact_decimal(self.desk.path.marks[i], market.mark_decimals),
                )

    def funding(self, second: int) -> Iterator[Event]:
        """Longs pay in the calm; after the crash shorts pay."""
        for i, market in enumerate(MARKETS):
            base = 12_500 if second < CRASH_START else -35_000 if second < 61_200 else 4_000
            rate = base * market.beta // 100 + self.desk.draw.bell(6_000)  # at nine decimals
            yield FundingSettled(
                source="risk",
                external_id=f"funding:{market.name}:{second}",
                occurred_at=at(second, 900),
                market=market.name,
                rate=exact_decimal(rate, 9),
                price=exact_decimal(self.desk.path.marks[i], market.mark_decimals),
                interval_seconds=3600,
            )

    # Trading.

    def trading(self, second: int, length: int) -> Iterator[Event]:
        building = 3 if second < 7_200 else 1
        count = max(1, self.trades_per_minute * building * length // 60)
        if CRASH_START <= second < CRASH_END:
            count *= 2
        offsets = sorted(self.desk.draw.between(1_000, length * 1000 - 1) for _ in range(count))
        for millisecond in offsets:
            trade = self.desk.trade(second, millisecond)
            if trade is not None:
                yield trade

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
            (PAUSE[0], self.pause),
            (PAUSE[1], self.resume),
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
        marks = self.desk.path.marks
        for _ in range(3):
            trader = self.desk.draw.pick(self.desk.traders)
            if trader.frozen:
                continue
            if self.desk.draw.chance(50):
                units = self.desk.draw.between(100, 2_000) * DOLLAR
                trader.cash += units
                yield self.desk.deposit(trader.name, units, self.desk.stamp(second))
                continue
            free = min(trader.cash, trader.equity(marks) - trader.required(marks, initial=True) * 2)
            if free > 100 * DOLLAR:
                units = free // 5
                trader.cash -= units
                yield self.desk.withdrawal(trader.name, units, second)

    def tick(self, second: int) -> Iterator[Event]:
        yield ClockTicked(
            source="oracle", external_id=f"tick:{second}", occurred_at=self.desk.stamp(second)
        )

    def corrections(self, second: int) -> Iterator[Event]:
        """A transfer between two makers, a refunded fee, and a deposit booked twice and undone."""
        payer, payee = self.desk.makers[0], self.desk.makers[1]
        units = 250_000 * DOLLAR
        payer.cash -= units
        payee.cash += units
        yield Transferred(
            source="treasury",
            external_id="transfer-000001",
            occurred_at=self.desk.stamp(second),
            account=payer.name,
            to_account=payee.name,
            asset=ASSET,
            amount=usd(units),
        )
        yield Adjusted(
            source="treasury",
            external_id="adjustment-000001",
            occurred_at=self.desk.stamp(second),
            account=self.desk.traders[-1].name,
            category="fee-refund",
            author="back-office",
            approver="controller",
            reason="Taker fees of the first hour refunded: the fee tier was set a day late",
            asset=ASSET,
            amount=usd(12_345_678),
        )
        doubled = self.desk.deposit(
            self.desk.traders[-2].name, 1_500 * DOLLAR, self.desk.stamp(second)
        )
        yield doubled
        yield Reversed(
            source="treasury",
            external_id="reversal-000001",
            occurred_at=self.desk.stamp(second),
            author="back-office",
            approver="controller",
            reason="The same bank transfer had been credited the evening before",
            target=Reference(source="treasury", external_id=doubled.external_id),
        )

    def late_deposit(self, second: int) -> Iterator[Event]:
        """A deposit that the bank reported forty minutes after it happened."""
        trader = self.desk.traders[-3]
        trader.cash += 900 * DOLLAR
        yield self.desk.deposit(trader.name, 900 * DOLLAR, at(second - 2_400))

    def top_ups(self, second: int) -> Iterator[Event]:
        """Owners near their margin call who pay in, and trade on."""
        marks = self.desk.path.marks
        for trader in self.desk.traders:
            required = trader.required(marks, initial=False)
            tight = required and trader.equity(marks) * 10 < required * 16
            if tight and self.desk.draw.chance(60):
                units = trader.required(marks, initial=True) * 3 // 2
                units += DOLLAR - units % DOLLAR
                trader.cash += units
                trader.frozen = False
                yield self.desk.deposit(trader.name, units, self.desk.stamp(second))

    def pause(self, second: int) -> Iterator[Event]:
        yield self.market_state(second, "liquidations_paused", "Prices from one source only")

    def resume(self, second: int) -> Iterator[Event]:
        yield self.market_state(second, "normal", "Three sources agree again")

    def market_state(self, second: int, state: str, reason: str) -> Event:
        return MarketStateChanged.model_validate(
            {
                "source": "risk",
                "external_id": f"state:SOL-PERP:{second}",
                "occurred_at": self.desk.stamp(second),
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
            size = whole(self.desk.fund.sizes[i] * _SELL_PERCENT // 100, market.lot)
            if size:
                yield self.desk.execute(self.desk.fund, i, -size, self.desk.stamp(second))

    def replenish(self, second: int) -> Iterator[Event]:
        """The venue pays into the fund after the crash."""
        yield FundContributed(
            source="treasury",
            external_id="contribution-4",
            occurred_at=self.desk.stamp(second),
            fund=FUND,
            asset=ASSET,
            amount=usd(150_000 * DOLLAR),
        )

    def returns(self, second: int) -> Iterator[Event]:
        """Some who were closed out pay in again and start from nothing."""
        for trader in self.desk.traders:
            if trader.frozen and self.desk.draw.chance(20):
                trader.forget()
                trader.leverage = min(trader.leverage, 300)
                trader.cash = self.desk.draw.between(300, 3_000) * DOLLAR
                yield self.desk.deposit(trader.name, trader.cash, self.desk.stamp(second))

    def overdraw(self, second: int) -> Iterator[Event]:
        """A withdrawal that should not have been allowed: it happened, so it posts."""
        marks = self.desk.path.marks
        exposed = max(
            (t for t in self.desk.traders if not t.frozen and t.cash > 0),
            key=lambda t: t.required(marks, initial=True),
        )
        units = exposed.cash * 95 // 100
        exposed.cash -= units
        exposed.frozen = True
        yield self.desk.withdrawal(exposed.name, units, second)

    def fund_payout(self, second: int) -> Iterator[Event]:
        """The venue takes a little of its contribution back out."""
        yield FundWithdrawn(
            source="treasury",
            external_id="fund-withdrawal-1",
            occurred_at=self.desk.stamp(second),
            author="treasurer",
            approver="risk-committee",
            reason="Part of the emergency contribution returned",
            fund=FUND,
            asset=ASSET,
            amount=usd(10_000 * DOLLAR),
        )
