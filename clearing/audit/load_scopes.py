"""Loading the scopes of a book: cash, positions, status, what was observed; and ledger accounts.

``accounts`` are those wanted, by ordinal. None means everybody: then the pairs that there are (an
account with an asset, or with a market) are found first, from one to the next by the index, since
most of all possible ones do not exist.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from clearing.engine.auction import Auction
from clearing.engine.book import Book
from clearing.engine.market import HOUSES, Market
from clearing.engine.observed import set_orders
from clearing.engine.scope import KNOWN, UNKNOWN, MarginCall, Position
from clearing.events.kinds import RATE_DECIMALS
from clearing.projectors import OF_MARKETS
from clearing.quantities import to_scaled

if TYPE_CHECKING:
    from clearing.audit.load import Histories

Accounts = Sequence[int] | None

_LEDGERS: Final = (
    "external",
    "fees",
    "suspense",
    "rounding",
    "deficit",
    "adjustment",
    "interest",
)
"""Ledger accounts of the whole ledger, one for each asset."""

_NAMED: Final = (
    "SELECT * FROM unnest(%(firsts)s::int[]) a (one) CROSS JOIN unnest(%(others)s::int[]) b (other)"
)
_FOUND: Final = (
    "WITH RECURSIVE p AS ((SELECT {first} AS one, {second} AS other FROM {table} WHERE {only}"
    " ORDER BY {first}, {second} LIMIT 1) UNION ALL SELECT n.* FROM p CROSS JOIN LATERAL ("
    " SELECT {first}, {second} FROM {table} WHERE {only} AND ({first}, {second}) > (one, other)"
    " ORDER BY {first}, {second} LIMIT 1) n) SELECT * FROM p"
)
# Rows are compared whole and sorted by all columns of the one index that is meant: what is equal
# could be left out of the order, and then another index would look as good, and be read to its end
# for somebody to whom nothing happened lately.
_LATEST: Final = (
    "SELECT p.one, p.other, t.* FROM ({pairs}) p CROSS JOIN LATERAL ("
    " SELECT {columns} FROM {table} WHERE ({key}, position) >= ({value}p.one, p.other, 0)"
    " AND ({key}, position) <= ({value}p.one, p.other, %(position)s) ORDER BY {order} LIMIT 1) t"
)


def _latest(
    histories: "Histories",
    table: str,
    pair: tuple[str, str],
    columns: Sequence[str],
    firsts: Accounts,
    others: Iterable[int],
    *,
    of: tuple[str, str | int] | None = None,
) -> list[Any]:
    """Return the two of ``pair`` and ``columns`` of the last row of each pair that has one.

    ``pair`` are the columns of the table that name it; ``of`` is a column before them in the index,
    and the value that it has.
    """
    key = [*([] if of is None else [of[0]]), *pair]
    order = [*key, "position", "line", *(["side"] if table == "posting" else [])]
    only: sql.Composable = sql.SQL("true")
    value: sql.Composable = sql.SQL("")
    if of is not None:
        only = sql.SQL("{} = {}").format(sql.Identifier(of[0]), sql.Literal(of[1]))
        value = sql.SQL("{}, ").format(sql.Literal(of[1]))
    names = {
        "table": sql.Identifier(histories.schema, table),
        "first": sql.Identifier(pair[0]),
        "second": sql.Identifier(pair[1]),
        "only": only,
    }
    query = sql.SQL(_LATEST).format(
        pairs=sql.SQL(_FOUND if firsts is None else _NAMED).format(**names),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        key=sql.SQL(", ").join(map(sql.Identifier, key)),
        value=value,
        order=sql.SQL(", ").join(sql.SQL("{} DESC").format(sql.Identifier(name)) for name in order),
        table=names["table"],
    )
    values = {"firsts": firsts, "others": list(others), "position": histories.position}
    return histories.connection.execute(query, values).fetchall()


def load_cash(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load what each account had in each asset; one that it never had makes no scope."""
    for account, asset, balance in _balances(histories, book, "account", accounts):
        book.scope(account, asset).cash = int(balance)


def load_pending(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load deposits that were not final yet."""
    for account, asset, balance in _balances(histories, book, "pending", accounts):
        book.balances["pending", account, asset] = int(balance)


def load_balances(histories: "Histories", book: Book) -> None:
    """Load every ledger account that is not an account's."""
    for ledger in _LEDGERS:
        for _, asset, balance in _balances(histories, book, ledger, [0]):
            book.balances[ledger, 0, asset] = int(balance)
    for ledger in (*OF_MARKETS, "contested"):
        for market, asset, balance in _balances(histories, book, ledger, list(book.markets)):
            book.balances[ledger, market, asset] = int(balance)


def _balances(
    histories: "Histories", book: Book, ledger: str, ordinals: Accounts
) -> list[tuple[int, int, Decimal]]:
    pair, of = ("ordinal", "asset"), ("ledger", ledger)
    return _latest(histories, "posting", pair, ["balance"], ordinals, book.assets, of=of)


_HELD: Final = ("size", "cost", "entry_known", "funding_index", "accrued")


def load_positions(
    histories: "Histories", book: Book, accounts: Accounts, markets: Iterable[int] | None = None
) -> None:
    """Load what accounts held, in ``markets`` (all by default)."""
    wanted = book.markets if markets is None else markets
    pair, of = ("holder", "market"), ("holder_kind", "account")
    for account, ordinal, *held in _latest(
        histories, "position_history", pair, _HELD, accounts, wanted, of=of
    ):
        if not held[0]:
            continue
        market = book.markets[ordinal]
        scope = book.scope(account, market.asset)
        scope.positions[ordinal] = _position(market, *held)
        market.holders[account] = scope


def load_sides(histories: "Histories", book: Book, markets: Iterable[int]) -> None:
    """Load what the control, suspense and contested holders of markets held."""
    wanted, pair = list(markets), ("holder", "market")
    for kind in HOUSES:
        for _, ordinal, *held in _latest(
            histories, "position_history", pair, _HELD, [0], wanted, of=("holder_kind", kind)
        ):
            market = book.markets[ordinal]
            market.houses[kind] = _position(market, *held)


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


_SCOPE: Final = ("account", "asset")


def load_status(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load the status of every scope that ever had another than its first."""
    columns = ["to_status"]
    found = _latest(histories, "transition", _SCOPE, columns, accounts, book.assets)
    for account, asset, status in found:
        book.scope(account, asset).status = str(status)


def load_calls(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load the margin calls that were open, missed ones included."""
    columns = ("outcome", "amount_due", "level", "due_at")
    found = _latest(histories, "margin_call", _SCOPE, columns, accounts, book.assets)
    for account, asset, outcome, due, level, due_at in found:
        if outcome in ("opened", "missed"):
            call = MarginCall(int(due), str(level), int(due_at), outcome == "missed")
            book.scope(account, asset).call = call


_PLACE: Final = ("account", "market")


def load_observed(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load the leverages that accounts chose and what their open orders add up to."""
    found = _latest(histories, "leverage", _PLACE, ["leverage"], accounts, book.markets)
    for account, ordinal, leverage in found:
        scope = book.scope(account, book.markets[ordinal].asset)
        scope.leverages[ordinal] = to_scaled(leverage, RATE_DECIMALS)
    found = _latest(histories, "orders", _PLACE, ["buys", "sells"], accounts, book.markets)
    for account, ordinal, buys, sells in found:
        market = book.markets[ordinal]
        set_orders(market, book.scope(account, market.asset), int(buys), int(sells))


def load_auctions(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load which positions were being auctioned off, and until when; not what was bid."""
    columns = ("outcome", "ends_at")
    found = _latest(histories, "auction", _PLACE, columns, accounts, book.markets)
    for account, ordinal, outcome, ends_at in found:
        if outcome not in ("over", "cancelled"):
            scope = book.scope(account, book.markets[ordinal].asset)
            held = scope.positions.get(ordinal)
            long = held is None or held.size > 0
            scope.auctions[ordinal] = Auction(0, long, 0, 0, int(ends_at))


def load_shares(histories: "Histories", book: Book, accounts: Accounts) -> None:
    """Load who had shares of the funds among ``accounts``, and who asked to leave."""
    _, _, _, count = book.registry.counts()
    for fund in range(1, count + 1) if accounts is None else accounts:
        if not book.is_fund(fund):
            continue
        pair, of = ("asset", "provider"), ("account", fund)
        for asset, provider, shares in _latest(
            histories, "shares", pair, ["shares"], None, (), of=of
        ):
            if shares:
                book.scope(fund, asset).shares[provider] = int(shares)
        for asset, provider, shares, worth in _latest(
            histories, "leave_request", pair, ["shares", "worth"], None, (), of=of
        ):
            if shares:
                book.scope(fund, asset).requests[provider] = (int(shares), int(worth))
