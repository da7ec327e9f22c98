"""A book as it was at a log position, loaded from the histories."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from psycopg import sql

from clearing.audit.moments import Moment
from clearing.audit.rulebooks import document_of
from clearing.engine.book import Book
from clearing.engine.market import Market, RiskArray
from clearing.engine.observed import set_orders
from clearing.engine.scope import KNOWN, UNKNOWN, Position
from clearing.engine.volatility import set_volatility
from clearing.events import Registry
from clearing.events.kinds import RATE_DECIMALS
from clearing.log import Connection, load_registry
from clearing.projectors import schema_of
from clearing.quantities import to_scaled
from clearing.rulebook import compile_rulebook
from clearing.rulebook.prices import PricePolicy
from clearing.rulebook.volatility import VolatilityRule


class Histories:
    """The histories of one generation up to one position.

    ``registry`` holds what was declared by then. Queries go through :meth:`rows`, in which
    ``{name}`` stands for a table of the generation and ``%(position)s`` for the position.
    """

    def __init__(
        self, connection: Connection, moment: Moment, registry: Registry | None = None
    ) -> None:
        self.connection = connection
        self.moment = moment
        self.schema = schema_of(moment.generation.number)
        self.registry = registry or load_registry(connection, moment.position)

    def rows(self, query: str, tables: Iterable[str], **values: Any) -> list[Any]:
        """Run a query over tables of the generation and return its rows."""
        names = {table: sql.Identifier(self.schema, table) for table in tables}
        # The query is a constant of this room; only table names and bound values go in.
        text = sql.SQL(query).format(**names)
        parameters = {"position": self.moment.position, **values}
        return self.connection.execute(text, parameters).fetchall()

    def book(self, accounts: Iterable[int] | None = None) -> Book:
        """Return the book at that position with the scopes of ``accounts`` (all by default).

        It is complete for valuing those scopes: cash, positions, marks, funding, rules, status.
        """
        book = Book(self.registry)
        _, assets, markets, count = self.registry.counts()
        for ordinal in range(1, assets + 1):
            book.add_asset(ordinal, self.registry.asset(ordinal).decimals)
        for ordinal in range(1, markets + 1):
            book.add_market(self.registry.market(ordinal))
        self._load_markets(book)
        self._load_rulebooks(book)
        wanted = list(range(1, count + 1)) if accounts is None else list(accounts)
        self._load_cash(book, wanted)
        self._load_positions(book, wanted)
        self._load_status(book, wanted)
        self._load_observed(book, wanted)
        return book

    def open_auctions(self, accounts: list[int]) -> dict[tuple[int, int], int]:
        """Return when each open auction ends (µs), by the account it sells off and the market."""
        rows = self.rows(
            "SELECT DISTINCT ON (account, market) account, market, outcome, ends_at FROM {auction}"
            " WHERE position <= %(position)s AND account = ANY(%(accounts)s::int[])"
            " ORDER BY account, market, position DESC, line DESC",
            ["auction"],
            accounts=accounts,
        )
        return {
            (int(account), int(market)): int(ends_at)
            for account, market, outcome, ends_at in rows
            if outcome not in ("over", "cancelled")
        }

    def _latest(
        self, table: str, columns: tuple[str, ...], market: Market, *, effective: bool = False
    ) -> Any:
        """Return ``columns`` of a history's last row for a market, None where there is none.

        ``effective``: of the last row that took effect.
        """
        query = sql.SQL(
            "SELECT {columns} FROM {table} WHERE market = %(market)s AND position <= %(position)s"
            " {effective} ORDER BY position DESC, line DESC LIMIT 1"
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            table=sql.Identifier(self.schema, table),
            effective=sql.SQL("AND effective" if effective else ""),
        )
        values = {"market": market.ordinal, "position": self.moment.position}
        return self.connection.execute(query, values).fetchone()

    def _load_markets(self, book: Book) -> None:
        for market in book.markets.values():
            if row := self._latest("mark", ("price",), market, effective=True):
                market.set_mark(int(row[0]))
            if row := self._latest("funding", ("index",), market):
                market.index = market.short_index = to_scaled(row[0], market.index_decimals)
            if row := self._latest("short_index", ("index",), market):
                market.short_index = to_scaled(row[0], market.index_decimals)
            if row := self._latest("funding_coming", ("payment",), market):
                market.coming = to_scaled(row[0], market.index_decimals)
            if row := self._latest("market_state", ("state",), market):
                market.state = str(row[0])
            if row := self._latest("open_interest", ("size",), market):
                market.open_interest = int(row[0])
            if row := self._latest(
                "depth",
                (
                    "bids",
                    "asks",
                ),
                market,
            ):
                market.depth = (int(row[0]), int(row[1]))
            if row := self._latest(
                "risk_array",
                (
                    "losses",
                    "greeks",
                ),
                market,
            ):
                market.risk = _risk_array(market, *row)

    def _load_rulebooks(self, book: Book) -> None:
        found = self.rows(
            "SELECT DISTINCT ON (asset) asset, name, version, document_sha256 FROM {rulebook}"
            " WHERE status = 'in_force' AND position <= %(position)s"
            " ORDER BY asset, position DESC, line DESC",
            ["rulebook"],
        )
        for asset, name, version, sha256 in found:
            document = document_of(self.connection, sha256, self.moment.position)
            book.assets[asset].rulebook = rulebook = compile_rulebook(
                document, self.registry, name=name, version=version, sha256=sha256
            )
            book.assets[asset].rescale()
            for ordinal, policy in rulebook.prices.items():
                self._load_prices(book, book.markets[ordinal], policy)
            for ordinal, rule in rulebook.volatility.items():
                self._load_rate(book, book.markets[ordinal], rule)

    def _load_rate(self, book: Book, market: Market, rule: VolatilityRule) -> None:
        state = set_volatility(book, market, rule, 0)
        row = self._latest("margin_rate", ("rate",), market)
        if row and state is not None:
            state.rate = to_scaled(row[0], RATE_DECIMALS)

    def _load_prices(self, book: Book, market: Market, policy: PricePolicy) -> None:
        book.follow_prices(market, policy)
        for role, price in self.rows(
            "SELECT DISTINCT ON (role) role, price FROM {price} WHERE market = %(market)s"
            " AND position <= %(position)s ORDER BY role, position DESC, line DESC",
            ["price"],
            market=market.ordinal,
        ):
            if price:
                market.feed.values[role] = int(price)
        if row := self._latest("price_status", ("status",), market):
            market.feed.status = str(row[0])

    def _load_cash(self, book: Book, accounts: list[int]) -> None:
        found = self.rows(
            "SELECT l.ledger, a.ordinal, s.asset, p.balance"
            " FROM unnest(%(accounts)s::int[]) a (ordinal)"
            " CROSS JOIN generate_series(1, %(assets)s) s (asset)"
            " CROSS JOIN unnest(ARRAY['account', 'pending']) l (ledger) CROSS JOIN LATERAL ("
            " SELECT balance FROM {posting} WHERE ledger = l.ledger AND ordinal = a.ordinal"
            " AND asset = s.asset AND position <= %(position)s"
            " ORDER BY position DESC, line DESC, side DESC LIMIT 1) p",
            ["posting"],
            accounts=accounts,
            assets=len(book.assets),
        )
        for ledger, account, asset, balance in found:
            scope = book.scope(account, asset)
            if ledger == "account":
                scope.cash = int(balance)
            else:
                book.balances[ledger, account, asset] = int(balance)

    def _load_positions(self, book: Book, accounts: list[int]) -> None:
        found = self.rows(
            "SELECT a.ordinal, m.market, p.size, p.cost, p.entry_known, p.funding_index, p.accrued"
            " FROM unnest(%(accounts)s::int[]) a (ordinal)"
            " CROSS JOIN generate_series(1, %(markets)s) m (market) CROSS JOIN LATERAL ("
            " SELECT * FROM {position_history} WHERE holder_kind = 'account'"
            " AND holder = a.ordinal AND market = m.market AND position <= %(position)s"
            " ORDER BY position DESC, line DESC LIMIT 1) p WHERE p.size <> 0",
            ["position_history"],
            accounts=accounts,
            markets=len(book.markets),
        )
        for account, ordinal, size, cost, known, index, accrued in found:
            market = book.markets[ordinal]
            scope = book.scope(account, market.asset)
            scope.positions[ordinal] = _position(market, size, cost, known, index, accrued)
            market.holders[account] = scope

    def _load_status(self, book: Book, accounts: list[int]) -> None:
        found = self.rows(
            "SELECT a.ordinal, s.asset, t.to_status FROM unnest(%(accounts)s::int[]) a (ordinal)"
            " CROSS JOIN generate_series(1, %(assets)s) s (asset) CROSS JOIN LATERAL ("
            " SELECT to_status FROM {transition} WHERE account = a.ordinal AND asset = s.asset"
            " AND position <= %(position)s ORDER BY position DESC, line DESC LIMIT 1) t",
            ["transition"],
            accounts=accounts,
            assets=len(book.assets),
        )
        for account, asset, status in found:
            book.scope(account, asset).status = str(status)

    def _load_observed(self, book: Book, accounts: list[int]) -> None:
        for account, ordinal, leverage in self.rows(
            "SELECT DISTINCT ON (account, market) account, market, leverage FROM {leverage}"
            " WHERE position <= %(position)s AND account = ANY(%(accounts)s::int[])"
            " ORDER BY account, market, position DESC",
            ["leverage"],
            accounts=accounts,
        ):
            scope = book.scope(account, book.markets[ordinal].asset)
            scope.leverages[ordinal] = to_scaled(leverage, RATE_DECIMALS)
        for account, ordinal, buys, sells in self.rows(
            "SELECT DISTINCT ON (account, market) account, market, buys, sells FROM {orders}"
            " WHERE position <= %(position)s AND account = ANY(%(accounts)s::int[])"
            " ORDER BY account, market, position DESC",
            ["orders"],
            accounts=accounts,
        ):
            market = book.markets[ordinal]
            set_orders(market, book.scope(account, market.asset), int(buys), int(sells))


def _risk_array(market: Market, losses: str, greeks: str) -> RiskArray:
    decimals = market.spec.mark_decimals
    values: dict[str, str] = json.loads(greeks)
    return RiskArray(
        tuple(to_scaled(Decimal(loss), decimals) for loss in json.loads(losses)),
        {name: to_scaled(Decimal(value), RATE_DECIMALS) for name, value in values.items()},
    )


def _position(
    market: Market, size: Decimal, cost: Decimal, known: bool, index: Decimal, accrued: Decimal
) -> Position:
    return Position(
        int(size),
        int(cost),
        KNOWN if known else UNKNOWN,
        to_scaled(index, market.index_decimals),
        to_scaled(accrued, market.accrued_decimals),
    )
