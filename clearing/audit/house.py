"""The whole ledger as of a moment: who owns what in each asset, and the sums that must add up."""

from collections.abc import Iterable

from clearing.audit.house_views import HouseAssetView, HouseView, OwnersView
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress, refold
from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.pool_shares import worth
from clearing.engine.pools import HOUSE
from clearing.engine.scope import Position, Scope
from clearing.engine.valuation import accrued_funding, equity_of, position_value, unrealised
from clearing.log import Connection
from clearing.quantities import format_exact

_OTHERS = ("control", "suspense", "contested")
"""Ledger accounts of those who hold positions without being an account."""


def whole_book(connection: Connection, moment: Moment, progress: Progress | None = None) -> Book:
    """Return the whole book of a moment: from the histories, or folded in its own order."""
    if moment.reordered is not None:
        return refold(connection, moment, progress).book
    return Histories(connection, moment).whole_book()


def house(connection: Connection, moment: Moment, progress: Progress | None = None) -> HouseView:
    """Return what everybody owns together, asset by asset, with the sums that add up."""
    return house_view(whole_book(connection, moment, progress), moment)


def house_view(book: Book, moment: Moment) -> HouseView:
    """Return what a whole book says of the house."""
    scopes: dict[int, list[Scope]] = {}
    for _, scope in sorted(book.scopes.items()):
        scopes.setdefault(scope.asset, []).append(scope)
    views = tuple(
        _asset_view(book, asset, scopes.get(ordinal, []))
        for ordinal, asset in sorted(book.assets.items())
    )
    return HouseView(moment.position, views, moment.reordered)


class _Owners:
    """What some owners have together, at the working scale."""

    __slots__ = ("_asset", "accrued", "cash", "unrealised")

    def __init__(self, asset: Asset) -> None:
        self._asset = asset
        self.cash = self.unrealised = self.accrued = 0

    def hold(self, market: Market, position: Position) -> None:
        self.unrealised += unrealised(self._asset, market, position)
        self.accrued += accrued_funding(market, position) * market.funding_lift

    def view(self) -> OwnersView:
        parts = (self.cash, self.unrealised, self.accrued)
        return OwnersView(
            *(format_exact(amount, self._asset.working) for amount in (*parts, sum(parts)))
        )


def _asset_view(book: Book, asset: Asset, scopes: list[Scope]) -> HouseAssetView:
    accounts, funds, others = _Owners(asset), _Owners(asset), _Owners(asset)
    claims = 0
    for scope in scopes:
        owners = funds if book.is_fund(scope.account) else accounts
        owners.cash += scope.cash * asset.lift
        for ordinal, position in scope.positions.items():
            owners.hold(book.markets[ordinal], position)
        if owners is funds:
            claims += _claims(book, asset, scope)
    for market in asset.markets:
        for position in market.houses.values():
            others.hold(market, position)
    ledgers = _ledgers(book, asset)
    for kind in _OTHERS:
        others.cash += ledgers.pop(kind, 0) * asset.lift
    open_value = sum(_open_value(asset, market) for market in asset.markets)
    everybody = (accounts, funds, others)
    remainder = ledgers.get("funding", 0) * asset.lift - sum(o.accrued for o in everybody)
    cash = sum(o.cash for o in everybody) + sum(ledgers.values()) * asset.lift
    gains = sum(o.unrealised for o in everybody) - open_value
    differences = {"cash": cash, "unrealised": gains - ledgers.get("clearing", 0) * asset.lift}
    return HouseAssetView(
        book.registry.asset(asset.ordinal).name,
        accounts.view(),
        funds.view(),
        others.view(),
        {kind: format_exact(units, asset.decimals) for kind, units in ledgers.items()},
        format_exact(open_value, asset.working),
        format_exact(remainder, asset.working),
        format_exact(claims, asset.decimals),
        {name: format_exact(amount, asset.working) for name, amount in differences.items()},
    )


def _ledgers(book: Book, asset: Asset) -> dict[str, int]:
    """Return the balances of ledger accounts that are no account's, by kind, in units."""
    found: dict[str, int] = {}
    for (kind, _, ordinal), units in sorted(book.balances.items()):
        if ordinal == asset.ordinal:
            found[kind] = found.get(kind, 0) + units
    return found


def _open_value(asset: Asset, market: Market) -> int:
    """Return the value of what is held in a market, all holders together (at cost, unmarked)."""
    held: Iterable[Position] = (
        *market.houses.values(),
        *(scope.positions[market.ordinal] for scope in market.holders.values()),
    )
    if market.mark:
        return sum(position_value(market, position) for position in held)
    return sum(position.cost for position in held) * asset.lift


def _claims(book: Book, asset: Asset, fund: Scope) -> int:
    """Return what the shares of others than the house are worth, in units."""
    total, equity = sum(fund.shares.values()), equity_of(book, fund)
    return sum(
        worth(shares, total, equity, asset.lift)
        for provider, shares in fund.shares.items()
        if provider != HOUSE
    )
