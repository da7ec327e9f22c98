"""A book as it was at a log position, loaded from the histories.

Every table is asked for its latest rows by an index, one small look-up for each account and market
concerned; nothing here reads a history from its beginning.
"""

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from clearing.audit.known import known
from clearing.audit.load_markets import load_markets, load_rulebooks
from clearing.audit.load_scopes import (
    load_auctions,
    load_balances,
    load_calls,
    load_cash,
    load_observed,
    load_pending,
    load_positions,
    load_shares,
    load_sides,
    load_status,
)
from clearing.audit.moments import Moment
from clearing.engine.book import Book
from clearing.events import Registry
from clearing.log import Connection
from clearing.projectors import schema_of


class Histories:
    """The histories of one generation up to one position.

    ``registry`` holds what was declared by then. Queries go through :meth:`rows`, in which
    ``{name}`` stands for a table of the generation and ``%(position)s`` for the position. Raises
    :class:`~clearing.audit.MomentUnclear` for a moment whose books are not the log's.
    """

    def __init__(
        self, connection: Connection, moment: Moment, registry: Registry | None = None
    ) -> None:
        self.connection = connection
        self.moment = moment
        self.schema = schema_of(moment.generation.number)
        self.position = moment.plain()
        self.registry = registry or known(connection).registry(connection, self.position)

    def rows(self, query: str, tables: Iterable[str], **values: Any) -> list[Any]:
        """Run a query over tables of the generation and return its rows."""
        names = {table: sql.Identifier(self.schema, table) for table in tables}
        # The query is a constant of this room; only table names and bound values go in.
        text = sql.SQL(query).format(**names)
        parameters = {"position": self.position, **values}
        return self.connection.execute(text, parameters).fetchall()

    def empty_book(self) -> Book:
        """Return a book that knows the markets and the rules in force, and nobody's scopes."""
        book = Book(self.registry)
        _, assets, markets, _ = self.registry.counts()
        for ordinal in range(1, assets + 1):
            book.add_asset(ordinal, self.registry.asset(ordinal).decimals)
        for ordinal in range(1, markets + 1):
            book.add_market(self.registry.market(ordinal))
        book.latest = self.latest_time()
        load_markets(self, book)
        load_rulebooks(self, book)
        return book

    def book(self, accounts: Iterable[int] | None = None) -> Book:
        """Return the book at that position with the scopes of ``accounts`` (all by default).

        It is complete for valuing those scopes: cash, positions, marks, funding, rules, status.
        Open auctions are in it by when they end alone.
        """
        book = self.empty_book()
        wanted = None if accounts is None else list(accounts)
        load_cash(self, book, wanted)
        load_pending(self, book, wanted)
        load_positions(self, book, wanted)
        load_status(self, book, wanted)
        load_calls(self, book, wanted)
        load_observed(self, book, wanted)
        load_auctions(self, book, wanted)
        load_shares(self, book, wanted)
        return book

    def whole_book(self) -> Book:
        """Return the book with all that anybody owns: cash, positions, shares, ledger accounts.

        What only the margin of an account is asked by is not in it: status, calls, orders.
        """
        book = self.empty_book()
        load_cash(self, book, None)
        load_pending(self, book, None)
        load_positions(self, book, None)
        load_shares(self, book, None)
        load_balances(self, book)
        load_sides(self, book, book.markets)
        return book

    def full_book(self) -> Book:
        """Return the book with everybody's scopes, as :meth:`book`, and all ledger accounts."""
        book = self.book()
        load_balances(self, book)
        load_sides(self, book, book.markets)
        return book

    def market_book(self, market: int) -> Book:
        """Return the book with every holder of one market, and the ledger accounts of markets."""
        book = self.empty_book()
        everybody = range(1, self.registry.counts()[3] + 1)
        load_positions(self, book, list(everybody), [market])
        load_balances(self, book)
        load_sides(self, book, [market])
        return book

    def latest_time(self) -> int:
        """Return the greatest time at which a fact had occurred (microseconds; 0: none had)."""
        if self.moment.generation.scenario:
            query = "SELECT latest FROM {clock} WHERE position = %(position)s"
            for (latest,) in self.rows(query, ["clock"]):
                return int(latest)
        found = self.rows(
            "SELECT occurred_at + coalesce(microseconds, 0) FROM ("
            " SELECT position, occurred_at FROM clearing.log WHERE position <= %(position)s"
            " AND kind > 4 ORDER BY position DESC LIMIT 1) f LEFT JOIN {late} USING (position)",
            ["late"],
        )
        return int(found[0][0]) if found else 0

    def latest(
        self, table: str, columns: tuple[str, ...], markets: Iterable[int], which: str = ""
    ) -> dict[int, Any]:
        """Return ``columns`` of a history's last row by market, where there is one.

        ``which`` is a condition on the rows that count, of ours.
        """
        query = sql.SQL(
            "SELECT m.market, t.* FROM unnest(%(markets)s::int[]) m (market) CROSS JOIN LATERAL ("
            " SELECT {columns} FROM {table} WHERE market = m.market AND position <= %(position)s"
            " {which} ORDER BY position DESC, line DESC LIMIT 1) t"
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            table=sql.Identifier(self.schema, table),
            which=sql.SQL(f"AND {which}" if which else ""),
        )
        values = {"markets": list(markets), "position": self.position}
        return {int(row[0]): row[1:] for row in self.connection.execute(query, values)}
