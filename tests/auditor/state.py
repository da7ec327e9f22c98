"""What the second ledger's book holds, and the entries that it leaves.

Money is whole smallest units (``int``) or fine (``Fraction`` of a smallest unit); sizes are whole
numbers at the market's size decimals; prices are fractions in whole units of account.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.auditor.collateral import Policy
from tests.auditor.numbers import text
from tests.auditor.price_rules import Prices
from tests.auditor.rules import Binding, Rulebook, Rung

Entry = tuple[str | int, ...]
Holder = tuple[str, int]
"""A ledger account or a holder of positions: its kind and its ordinal."""


@dataclass(frozen=True)
class Asset:
    ordinal: int
    name: str
    decimals: int


@dataclass
class Pool:
    """A fund's shares by provider (0: the house), and who asked to leave: shares, their worth."""

    shares: dict[int, int] = field(default_factory=dict)
    requests: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Moved:
    """By how much the mark was moved, as a share of the price told, and when."""

    share: Fraction
    moment: int


@dataclass
class Market:
    ordinal: int
    name: str
    asset: int
    multiplier: Fraction
    lot: int
    price_decimals: int
    mark_decimals: int
    size_decimals: int
    mark: Fraction | None = None
    mark_time: int = 0
    mark_event: tuple[str, str] | None = None
    last_fill: Fraction | None = None
    state: str = "normal"
    index: Fraction = Fraction(0)
    executions: set[str] = field(default_factory=set)
    settled: tuple[Fraction, Fraction] | None = None
    told: Fraction | None = None
    """The price of the mark in force as it was told, before forced closes moved it."""
    moved: Moved | None = None
    depth: tuple[int, int] | None = None
    """What can be sold and bought, as last observed."""


@dataclass(frozen=True)
class Account:
    ordinal: int
    name: str
    account_class: str


@dataclass
class Position:
    size: int = 0
    cost: int = 0
    known: bool = True
    index: Fraction = Fraction(0)
    accrued: Fraction = Fraction(0)


@dataclass
class Call:
    """An open margin call: the level that it restores, how much is due and when."""

    restore: str
    amount: int
    due: int
    missed: bool = False


@dataclass(frozen=True)
class Bid:
    """Who would take how much (unsigned) for which price, and the log position that says so."""

    bidder: int
    size: int
    price: Fraction
    position: int


@dataclass
class Auction:
    """A position that is put up: by which rung of which ladder, and from when to when."""

    rung: int
    ladder: tuple[Rung, ...]
    opened: int
    ends: int
    long: bool
    opening: Fraction
    bids: list[Bid] = field(default_factory=list)


@dataclass
class Scope:
    account: int
    asset: int
    status: str = "flat"
    call: Call | None = None
    taken_over: bool = False
    withheld: bool = False
    venue_closed: bool = False
    rests: dict[int, int] = field(default_factory=dict)
    """Until when a rung rests, by its place in the ladder."""
    stays: dict[int, int] = field(default_factory=dict)
    """Since when a rung's inequality (or its ``until``) is true, by its place in the ladder."""
    left_over: set[tuple[int, int]] = field(default_factory=set)
    """By rung and market: what was put up, and not all of it sold."""
    freed: dict[int, Fraction] = field(default_factory=dict)
    """What a ramped rung's level was made up for in its stay, by its place in the ladder."""


@dataclass
class Book:
    assets: list[Asset] = field(default_factory=list)
    markets: list[Market] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    balances: dict[tuple[str, int, int], int] = field(default_factory=dict)
    positions: dict[tuple[str, int, int], Position] = field(default_factory=dict)
    waiting: dict[tuple[int, int], int] = field(default_factory=dict)
    scopes: dict[tuple[int, int], Scope] = field(default_factory=dict)
    rulebooks: dict[int, Rulebook] = field(default_factory=dict)
    scheduled: list[tuple[int, Rulebook]] = field(default_factory=list)
    time: int = 0
    newest: int = 0
    entries: list[Entry] = field(default_factory=list)
    touched: set[tuple[int, int]] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    """Markets of which a mark took effect in this event."""
    flows: dict[tuple[int, int], int] = field(default_factory=dict)
    """By account and market: what fills realised since gains were last paid there."""

    prices: dict[int, Prices] = field(default_factory=lambda: defaultdict(Prices))
    auctions: dict[tuple[int, int], Auction] = field(default_factory=dict)
    """By account and market."""
    pools: dict[tuple[int, int], Pool] = field(default_factory=dict)
    """By fund and asset."""
    borne: dict[tuple[int, int], int] = field(default_factory=dict)
    """By fund and market: units borne since the first under a waterfall that limits its claims."""
    drawn: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Every loss of a fund: when, the fund, the asset, and units, rounded up."""
    untouched: set[tuple[int, int]] = field(default_factory=set)
    """Scopes that a rung acted on to no effect, and that nothing touched since: not tested."""
    trials: int = 0
    """How many trials, one in the other, are on."""

    def asset(self, name: str) -> Asset:
        return next(a for a in self.assets if a.name == name)

    def market(self, name: str) -> Market:
        return next(m for m in self.markets if m.name == name)

    def account(self, name: str) -> Account | None:
        return next((a for a in self.accounts if a.name == name), None)

    def scope(self, account: int, asset: int) -> Scope:
        return self.scopes.setdefault((account, asset), Scope(account, asset))

    def unit(self, asset: int) -> int:
        """How many smallest units one whole unit of ``asset`` has."""
        return int(10 ** self.assets[asset - 1].decimals)

    def fine(self, asset: int, amount: int | Fraction) -> str:
        """An exact amount of smallest units, as text in whole units."""
        return text(Fraction(amount) / self.unit(asset))

    def worth(self, market: Market, size: int, price: Fraction) -> Fraction:
        """The fine value of ``size`` at ``price`` in smallest units of the settlement asset."""
        whole = Fraction(size, 10**market.size_decimals) * price * market.multiplier
        return whole * self.unit(market.asset)

    def cash(self, account: int, asset: int) -> int:
        return self.balances.get(("account", account, asset), 0)

    def position(self, holder: Holder, market: int) -> Position:
        return self.positions.setdefault((*holder, market), Position())

    def accrued(self, market: Market, position: Position) -> Fraction:
        """Accrued funding in smallest units, up to the market's index."""
        size = Fraction(position.size, 10**market.size_decimals)
        growth = (market.index - position.index) * self.unit(market.asset)
        return position.accrued - size * growth

    def held(self, account: int, asset: int) -> list[tuple[Market, Position]]:
        """The positions that an account holds in markets of ``asset``, in market order."""
        found = []
        for market in self.markets:
            position = self.positions.get(("account", account, market.ordinal))
            if market.asset == asset and position is not None and position.size:
                found.append((market, position))
        return found

    def binding(self, account: int, asset: int) -> Binding | None:
        """The binding of an account's class under the rulebook in force for ``asset``."""
        account_class = self.accounts[account - 1].account_class
        rulebook = self.rulebooks.get(asset)
        if rulebook is None or account_class == "fund":
            return None
        return rulebook.bindings.get(account_class)

    def policy(self, account: int, asset: int) -> Policy | None:
        """The collateral policy of an account's class for ``asset``, if it has one."""
        binding = self.binding(account, asset)
        return binding.policy if binding else None

    @contextmanager
    def trial(self) -> Iterator[None]:
        """What is done inside never happened: money, positions and entries are as before."""
        balances, entries = dict(self.balances), list(self.entries)
        touched, flows = set(self.touched), dict(self.flows)
        positions = {key: (held, replace(held)) for key, held in self.positions.items()}
        self.trials += 1
        try:
            yield
        finally:
            self.trials -= 1
            self.balances, self.entries = balances, entries
            self.touched, self.flows = touched, flows
            self.positions = {}
            for key, (held, before) in positions.items():
                held.__dict__.update(before.__dict__)
                self.positions[key] = held

    def mode(self, asset: int) -> str:
        rulebook = self.rulebooks.get(asset)
        return rulebook.mode if rulebook else "record"

    def touch(self, holder: Holder, asset: int) -> None:
        if holder[0] == "account":
            self.touched.add((holder[1], asset))
            self.untouched.discard((holder[1], asset))

    def post(
        self, purpose: str, asset: int, payer: Holder, payee: Holder, amount: int, market: int = 0
    ) -> None:
        """Move ``amount`` from payer to payee (negative: the other way; zero: no posting)."""
        if amount < 0:
            payer, payee, amount = payee, payer, -amount
        if amount == 0:
            return
        for holder, change in ((payer, -amount), (payee, amount)):
            key = (*holder, asset)
            self.balances[key] = self.balances.get(key, 0) + change
            self.touch(holder, asset)
        self.entries.append(("posting", purpose, asset, *payer, *payee, amount, market))

    def position_entry(self, holder: Holder, market: Market) -> None:
        position = self.position(holder, market.ordinal)
        self.touch(holder, market.asset)
        self.entries.append(
            (
                "position",
                holder[0],
                holder[1],
                market.ordinal,
                position.size,
                position.cost,
                int(position.known),
                text(position.index),
                self.fine(market.asset, position.accrued),
            )
        )

    def remainder(self, operation: str, market: Market, holder: Holder, amount: Fraction) -> None:
        """An entry that states what a rounding left over."""
        if amount:
            stated = self.fine(market.asset, amount)
            self.entries.append(
                ("remainder", operation, market.ordinal, market.asset, *holder, stated)
            )

    def deviate(
        self,
        code: str,
        *,
        account: int = 0,
        market: int = 0,
        asset: int = 0,
        expected: str = "",
        found: str = "",
        detail: str = "",
    ) -> None:
        self.entries.append(("deviation", code, account, market, asset, expected, found, detail))


def paid_at_marks(book: Book, market: Market) -> bool:
    """Whether gains and losses of ``market`` are paid at every mark."""
    rulebook = book.rulebooks.get(market.asset)
    return (
        rulebook is not None
        and rulebook.mode == "derive"
        and ("*" in rulebook.variation or market.name in rulebook.variation)
    )
