"""Pooled funds: providers hold shares of a fund's equity, in the asset's smallest unit."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from clearing.events import PoolJoined, PoolLeaveCancelled, PoolLeaveRequested, PoolLeft
from tests.auditor import facts
from tests.auditor.margin import measure
from tests.auditor.numbers import ceiling, floor, scaled
from tests.auditor.state import Book, Pool

Event = PoolJoined | PoolLeft | PoolLeaveRequested | PoolLeaveCancelled
HOUSE = 0


@dataclass
class Visit:
    """A provider at a fund, and what the fund was worth before it came."""

    book: Book
    fund: int
    asset: int
    provider: int
    equity: Fraction = field(init=False)

    def __post_init__(self) -> None:
        self.equity = measure(self.book, self.fund, self.asset).equity

    @property
    def pool(self) -> Pool:
        """The fund's shares."""
        return self.book.pools.setdefault((self.fund, self.asset), Pool())

    @property
    def mine(self) -> int:
        """The provider's shares."""
        return self.pool.shares.get(self.provider, 0)

    def set_shares(self, shares: int) -> None:
        """The provider has ``shares`` from now on."""
        self.pool.shares[self.provider] = shares
        total = sum(self.pool.shares.values())
        where = (self.fund, self.asset, self.provider)
        self.book.entries.append(("shares", *where, shares, total))

    def deviate(self, code: str, account: int, expected: int | str = "", found: int = 0) -> None:
        """A deviation of the pool."""
        texts = ("", "")
        if isinstance(expected, int):
            texts = (self.book.fine(self.asset, expected), self.book.fine(self.asset, found))
        about: dict[str, Any] = {"account": account, "asset": self.asset}
        self.book.deviate(code, **about, expected=texts[0], found=texts[1])

    def bought(self, amount: int) -> int:
        """How many shares an amount is."""
        total = sum(self.pool.shares.values())
        if not total:
            return amount
        if self.equity <= 0:
            self.deviate("pool_worthless", self.provider or self.fund, 0, amount)
            return 0
        return floor(amount * total / self.equity)

    def worth(self, shares: int) -> int:
        """What shares are worth."""
        total = sum(self.pool.shares.values())
        return floor(shares * max(Fraction(0), self.equity) / total) if total else 0

    def available(self, shares: int) -> int:
        """At most what the provider has."""
        if shares > self.mine:
            self.deviate("beyond_shares", self.provider, self.mine, shares)
            return self.mine
        return shares

    def end_request(self) -> None:
        """Nothing is asked for any more."""
        del self.pool.requests[self.provider]
        where = (self.fund, self.asset, self.provider)
        self.book.entries.append(("leave_request", *where, 0, 0))


def fold(book: Book, event: Event) -> None:
    """What a provider does."""
    asset = book.asset(event.asset)
    holder = facts.known(book, event.account, asset.ordinal)
    fund = facts.fund_holder(book, event.fund, asset.ordinal)
    told = {"PoolJoined": "amount", "PoolLeaveCancelled": ""}.get(event.kind, "shares")
    amount = scaled(getattr(event, told), asset.decimals) if told else 0
    if "suspense" in (holder[0], fund[0]):
        if isinstance(event, PoolJoined):
            facts.limit(book, holder, asset.ordinal, amount)
            book.post("pool_joined", asset.ordinal, holder, fund, amount)
        return
    visit = Visit(book, fund[1], asset.ordinal, holder[1])
    if isinstance(event, PoolJoined):
        _join(visit, amount)
    elif isinstance(event, PoolLeft):
        _leave(visit, amount)
    elif isinstance(event, PoolLeaveRequested):
        shares = visit.available(amount)
        if not shares:
            return
        worth = visit.worth(shares)
        visit.pool.requests[visit.provider] = (shares, worth)
        where = (visit.fund, visit.asset, visit.provider)
        book.entries.append(("leave_request", *where, shares, worth))
    else:
        _stay(visit)


def _join(visit: Visit, amount: int) -> None:
    facts.limit(visit.book, ("account", visit.provider), visit.asset, amount)
    if not sum(visit.pool.shares.values()):
        house = Visit(visit.book, visit.fund, visit.asset, HOUSE)
        if house.equity >= 1:
            house.set_shares(floor(house.equity))
    shares = visit.bought(amount)
    payer, payee = ("account", visit.provider), ("account", visit.fund)
    visit.book.post("pool_joined", visit.asset, payer, payee, amount)
    visit.set_shares(visit.mine + shares)


def _leave(visit: Visit, told: int) -> None:
    shares = visit.available(told)
    if not shares:
        return
    amount = visit.worth(shares)
    request = visit.pool.requests.get(visit.provider)
    if request is not None:
        amount = min(amount, floor(Fraction(request[1] * shares, request[0])) if request[0] else 0)
    if request is not None:
        visit.end_request()
    have = visit.book.cash(visit.fund, visit.asset)
    if amount > have:
        visit.deviate("fund_overdrawn", visit.fund, have, amount)
    payer, payee = ("account", visit.fund), ("account", visit.provider)
    visit.book.post("pool_left", visit.asset, payer, payee, amount)
    visit.set_shares(visit.mine - shares)


def _stay(visit: Visit) -> None:
    """What the shares gained since the request is lost."""
    request = visit.pool.requests.get(visit.provider)
    if request is None:
        visit.deviate("no_request", visit.provider)
        return
    shares, worth = request
    total = sum(visit.pool.shares.values())
    visit.end_request()
    if visit.worth(shares) > worth:
        kept = floor(Fraction(worth * (total - shares), floor(visit.equity) - worth))
        visit.set_shares(visit.mine - shares + min(shares, kept))


def house_moves(book: Book, fund: int, asset: int, amount: int) -> None:
    """The house's shares follow what will be contributed (negative: withdrawn)."""
    if not sum(book.pools.get((fund, asset), Pool()).shares.values()):
        return
    house = Visit(book, fund, asset, HOUSE)
    if amount > 0:
        house.set_shares(house.mine + (house.bought(amount) if house.equity > 0 else 0))
        return
    total = sum(house.pool.shares.values())
    taken = ceiling(-amount * total / house.equity) if house.equity > 0 else total
    if taken > house.mine:
        house.deviate("beyond_shares", fund, house.mine, taken)
    house.set_shares(max(0, house.mine - taken))
