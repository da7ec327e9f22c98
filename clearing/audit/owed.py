"""What is owed to whom in each asset, from the book that the events up to a moment fold to.

An asset's part of an account is its cash in it with the unrealised PnL and the accrued funding of
its positions in markets that settle in it. Assets that count as collateral are the account's in
their own asset. So every amount is in one asset, and all of an account's equity in one.
"""

from dataclasses import dataclass
from datetime import datetime

from clearing.audit.moments import Moment
from clearing.audit.replay.running import engine_at
from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import HOUSES
from clearing.engine.pool_shares import worth
from clearing.engine.pools import HOUSE
from clearing.engine.scope import Scope
from clearing.engine.valuation import accrued_funding, equity_of, unrealised
from clearing.events.fields import from_microseconds
from clearing.log import Connection, read_head, read_log
from clearing.log.merkle import Frontier


@dataclass(frozen=True, slots=True)
class OwedAccount:
    """An account's part of an asset, at the asset's ``decimals``; negative: it owes it.

    ``amount`` is ``cash`` + ``unrealised`` + ``accrued``.
    """

    account: str
    account_class: str
    cash: int
    unrealised: int
    accrued: int

    @property
    def amount(self) -> int:
        """The sum of the three parts."""
        return self.cash + self.unrealised + self.accrued


@dataclass(frozen=True, slots=True)
class OwedAsset:
    """Everybody's part of an asset; all amounts are integers at ``decimals`` decimals.

    ``accounts`` are those with cash or a position, funds included, in order of opening.
    ``pending`` are deposits that were not final, ``not_named`` what stands for accounts that are
    not declared and sides that facts did not name, ``claims`` what the shares of the funds'
    providers are worth: a part of the funds' own.
    """

    asset: str
    decimals: int
    accounts: tuple[OwedAccount, ...]
    pending: int
    not_named: int
    claims: int


@dataclass(frozen=True, slots=True)
class OwedAll:
    """What was owed at a log position, and which log and state that is of.

    ``log_root`` is the root of the log's first ``log_position`` events, ``state`` the digest of the
    book that they fold to by ``engine``: those that a checkpoint of that size signs. ``as_of`` is
    the greatest time at which a fact had occurred.
    """

    log_position: int
    log_root: bytes
    state: str
    engine: str
    as_of: datetime
    assets: tuple[OwedAsset, ...]


def owed(connection: Connection, moment: Moment) -> OwedAll:
    """Return what was owed at a moment.

    Raises :class:`~clearing.audit.MomentUnclear` where the moment's books are not the log's.
    """
    position = moment.of_log()
    engine = engine_at(connection, moment, position)
    book = engine.book
    scopes: dict[int, list[Scope]] = {}
    for _, scope in sorted(book.scopes.items()):
        if scope.cash or scope.positions:
            scopes.setdefault(scope.asset, []).append(scope)
    return OwedAll(
        position,
        _root(connection, position),
        engine.digest(),
        moment.generation.engine_version,
        from_microseconds(book.latest),
        tuple(_of_asset(book, book.assets[n], scopes.get(n, [])) for n in sorted(book.assets)),
    )


def _root(connection: Connection, position: int) -> bytes:
    """Return the root of the tree of the log's first events."""
    head = read_head(connection)
    if head.position == position:
        return head.root
    frontier = Frontier()
    for stored in read_log(connection, upto=position):
        for _, leaf in stored:
            frontier.append(leaf)
    return frontier.root()


def _of_asset(book: Book, asset: Asset, scopes: list[Scope]) -> OwedAsset:
    claims = sum(_claims(book, scope) for scope in scopes if book.is_fund(scope.account))
    pending = not_named = 0
    for (kind, _, ordinal), units in book.balances.items():
        if ordinal == asset.ordinal and kind == "pending":
            pending += units
        elif ordinal == asset.ordinal and kind in HOUSES:
            not_named += units
    not_named *= asset.lift
    for market in asset.markets:
        for position in market.houses.values():
            not_named += unrealised(asset, market, position)
            not_named += accrued_funding(market, position) * market.funding_lift
    return OwedAsset(
        book.registry.asset(asset.ordinal).name,
        asset.working,
        tuple(_of_account(book, asset, scope) for scope in scopes),
        pending * asset.lift,
        not_named,
        claims * asset.lift,
    )


def _of_account(book: Book, asset: Asset, scope: Scope) -> OwedAccount:
    spec = book.registry.account(scope.account)
    gain = funding = 0
    for ordinal, position in scope.positions.items():
        market = book.markets[ordinal]
        gain += unrealised(asset, market, position)
        funding += accrued_funding(market, position) * market.funding_lift
    return OwedAccount(spec.name, spec.account_class, scope.cash * asset.lift, gain, funding)


def _claims(book: Book, fund: Scope) -> int:
    """Return what the shares of others than the house are worth, in units."""
    total, equity = sum(fund.shares.values()), equity_of(book, fund)
    lift = book.assets[fund.asset].lift
    return sum(
        worth(shares, total, equity, lift)
        for provider, shares in fund.shares.items()
        if provider != HOUSE
    )
