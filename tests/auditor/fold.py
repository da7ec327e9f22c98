"""The second fold: the order of work in one event."""

from fractions import Fraction

from clearing.events import (
    AccountOpened,
    Adjusted,
    AssetDeclared,
    AuctionBid,
    AuctionTaken,
    Deposited,
    DepthObserved,
    Event,
    Filled,
    FundContributed,
    FundingPaid,
    FundingSettled,
    FundWithdrawn,
    Marked,
    MarketDeclared,
    MarketStateChanged,
    PoolJoined,
    PoolLeaveCancelled,
    PoolLeaveRequested,
    PoolLeft,
    PositionCarried,
    PriceObserved,
    Reversed,
    RulebookAdopted,
    SourceDeclared,
    Traded,
    Transferred,
    Withdrawn,
)
from clearing.events.fields import to_microseconds
from tests.auditor import (
    auctions,
    executions,
    facts,
    funding,
    impact,
    liquidation,
    margin,
    pools,
    prices,
    reversals,
    variation,
)
from tests.auditor.numbers import scaled
from tests.auditor.reversals import Done
from tests.auditor.state import Account, Asset, Book, Entry, Market
from tests.auditor.testing import examine_all, wake

CASH = (Deposited, Withdrawn, Transferred, FundContributed, FundWithdrawn, Adjusted)
ROUNDS = 1000
"""Far more than any event needs: a fold with a planted fault might go on for ever."""
DECLARATIONS = (SourceDeclared, AssetDeclared, MarketDeclared, AccountOpened)


class Auditor:
    """The second ledger: :meth:`apply` takes events in order and returns their entries."""

    def __init__(self) -> None:
        self.book = Book()
        self.position = 0
        self.done: dict[tuple[str, str], Done] = {}

    def apply(self, event: Event) -> list[Entry]:
        """Fold one event."""
        book = self.book
        self.position += 1
        book.entries = []
        book.touched = set()
        moment = to_microseconds(event.occurred_at)
        if not isinstance(event, DECLARATIONS):
            if moment < book.newest:
                book.entries.append(("late", book.newest - moment))
            book.newest = max(book.newest, moment)
        self._take_effect()
        done = self._fact(event)
        self.done[event.source, event.external_id] = done
        fund_entries(book)
        if event.kind in ("Marked", "ClockTicked"):
            book.time = max(book.time, moment)
        prices.evaluate(book)
        prices.break_markets(book)
        variation.settle_marked(book)
        if event.kind in ("Marked", "ClockTicked"):
            fire(book)
        wake(book)
        examine_all(book)
        for _ in range(ROUNDS):
            since = len(book.entries)
            acted = liquidation.act(book)
            impact.move(book, since, max(book.time, moment))
            fund_entries(book)
            if not acted:
                break
            examine_all(book)
        return book.entries

    def _take_effect(self) -> None:
        """Rulebooks whose effective position has come, in order of adoption."""
        book = self.book
        due = [item for item in book.scheduled if item[0] <= self.position]
        for item in due:
            book.scheduled.remove(item)
            facts.put_in_force(book, item[1])

    def _fact(self, event: Event) -> Done:
        book, done = self.book, Done(event.kind)
        if isinstance(event, DECLARATIONS):
            declare(book, event)
        elif isinstance(event, CASH):
            done.postings = self._cash(event)
        elif isinstance(event, Filled | Traded):
            done.sides = self._execution(event)
        elif isinstance(event, PositionCarried):
            executions.carried(book, event, facts.holder_of(book, event.account))
        elif isinstance(event, Marked):
            facts.marked(book, event)
        elif isinstance(event, FundingSettled):
            variation.share_paid(book, event.market, funding.settled(book, event))
        elif isinstance(event, FundingPaid):
            self._paid(event, done)
        elif isinstance(event, MarketStateChanged):
            facts.market_state(book, event)
        elif isinstance(event, RulebookAdopted):
            facts.adopted(book, event, self.position)
        elif isinstance(event, Reversed):
            reversals.undo(book, event, self.done)
        else:
            self._told(event)
        return done

    def _told(self, event: Event) -> None:
        """Facts that cannot be undone: of auctions, order books, pools and prices."""
        book = self.book
        if isinstance(event, AuctionTaken):
            auctions.take(book, event)
        elif isinstance(event, AuctionBid):
            auctions.bid(book, event, self.position)
        elif isinstance(event, DepthObserved):
            impact.observed(book, event)
        elif isinstance(event, PoolJoined | PoolLeft | PoolLeaveRequested | PoolLeaveCancelled):
            pools.fold(book, event)
        elif isinstance(event, PriceObserved):
            prices.observed(book, event)

    def _cash(self, event: facts.Cash) -> list[facts.Posting]:
        """A movement of cash; of a fund, the house's shares follow."""
        book, asset = self.book, self.book.asset(event.asset)
        fund = None
        if isinstance(event, FundContributed | FundWithdrawn):
            fund = book.account(event.fund)
        if fund is None:
            return facts.cash(book, event)
        amount = scaled(event.amount, asset.decimals)
        sign = 1 if isinstance(event, FundContributed) else -1
        where = fund.ordinal, asset.ordinal
        return facts.cash(book, event, lambda: pools.house_moves(book, *where, sign * amount))

    def _execution(self, event: Filled | Traded) -> list[executions.Side]:
        book = self.book
        if isinstance(event, Filled):
            return executions.filled(book, event, facts.holder_of(book, event.account))
        buyer = facts.holder_of(book, event.buyer)
        return executions.traded(book, event, buyer, facts.holder_of(book, event.seller))

    def _paid(self, event: FundingPaid, done: Done) -> None:
        book, market = self.book, self.book.market(event.market)
        holder = facts.holder_of(book, event.account)
        if holder[0] == "suspense":
            book.deviate(
                "unknown_account", market=market.ordinal, asset=market.asset, found=event.account
            )
        if funding.paid(book, event, holder):
            amount = scaled(event.amount, book.assets[market.asset - 1].decimals)
            source = ("funding", market.ordinal)
            done.postings = [("funding", market.asset, source, holder, amount)]
            done.market = market.ordinal


def declare(book: Book, event: Event) -> None:
    """Take up a declaration; its ordinal is its place among its sort."""
    if isinstance(event, AssetDeclared):
        book.assets.append(Asset(len(book.assets) + 1, event.name, event.decimals))
    elif isinstance(event, MarketDeclared):
        book.markets.append(
            Market(
                len(book.markets) + 1,
                event.name,
                book.asset(event.settlement_asset).ordinal,
                Fraction(event.multiplier),
                scaled(event.lot, event.size_decimals),
                event.price_decimals,
                event.mark_decimals,
                event.size_decimals,
            )
        )
    elif isinstance(event, AccountOpened):
        book.accounts.append(Account(len(book.accounts) + 1, event.account, event.account_class))


def fund_entries(book: Book) -> None:
    """An entry for every fund whose cash or positions changed since the last ones."""
    for account, asset in sorted(book.touched):
        if book.accounts[account - 1].account_class == "fund":
            numbers = margin.measure(book, account, asset)
            fine = (numbers.equity - numbers.cash, numbers.equity)
            texts = [book.fine(asset, number) for number in fine]
            book.entries.append(("fund", account, asset, numbers.cash, *texts))
    book.touched = set()


def fire(book: Book) -> None:
    """Margin calls due at or before fold time are missed; auctions are over."""
    timers = [
        (scope.call.due, scope.account, scope.asset, 0)
        for scope in book.scopes.values()
        if scope.call is not None and not scope.call.missed and scope.call.due <= book.time
    ]
    timers += [
        (auction.ends, account, book.markets[market - 1].asset, market)
        for (account, market), auction in book.auctions.items()
        if auction.ends <= book.time
    ]
    for _, account, asset, market in sorted(timers):
        if market:
            auctions.finish(book, (account, market))
            continue
        scope = book.scope(account, asset)
        if scope.call is None:
            continue
        scope.call.missed = True
        numbers, restore = margin.measure(book, account, asset), scope.call.restore
        level = numbers.level(restore) + numbers.haircuts.get(restore, 0)
        margin.call_entry(book, scope, "missed", scope.call, level)
