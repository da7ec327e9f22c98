"""What moved between two moments: an account's postings and fills, or all postings of the ledger.

Read from the histories where both moments are positions of the log, and from a fold in the order of
occurring where late facts are among what had happened by the later one. Nothing is rounded.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from clearing.audit.following import FOLLOWED, Fills, Follower
from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress, refold_period
from clearing.engine import Engine, Entry
from clearing.engine.book import Book
from clearing.events import EventRow, Registry
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled

_STRETCH: Final = 200_000
"""Of how many log positions the rows are read at a time."""


@dataclass(frozen=True, slots=True)
class PostedView:
    """The sum of an account's (or ledger's) postings of one purpose; positive: it got so much.

    ``ledger`` is ``account`` or ``pending`` for an account's; ``market`` is empty without one.
    """

    ledger: str
    account: str
    asset: str
    purpose: str
    market: str
    amount: str
    count: int


@dataclass(frozen=True, slots=True)
class FillsView:
    """What an account bought and sold in a market (unsigned sizes) for one cause.

    ``cause``: ``trade``, ``liquidation`` (its own position was closed by force), ``takeover`` (it
    took what was another's), ``adl`` (it was closed as a counterparty), ``carried``, ``settlement``
    or ``reversal``. ``against_mark`` is what these fills changed its equity by at the mark in force
    at each: size × (mark − price), exactly.
    """

    market: str
    asset: str
    cause: str
    count: int
    bought: str
    sold: str
    against_mark: str


@dataclass(frozen=True, slots=True)
class RemainderView:
    """The sum of what roundings left of an account's amounts: exact − rounded."""

    operation: str
    market: str
    cause: str
    asset: str
    amount: str


@dataclass(frozen=True, slots=True)
class SharedView:
    """What an account's units of open interest were charged of others' losses (negative)."""

    market: str
    asset: str
    amount: str


@dataclass(frozen=True, slots=True)
class PeriodView:
    """What moved of an account between two moments, after the one and up to the other."""

    posted: tuple[PostedView, ...]
    fills: tuple[FillsView, ...]
    remainders: tuple[RemainderView, ...]
    shared: tuple[SharedView, ...]


def exact_text(value: Fraction) -> str:
    """Write a fraction that is a finite decimal in its shortest exact form."""
    places, denominator = 0, value.denominator
    while denominator % 10 == 0:
        denominator //= 10
        places += 1
    while denominator > 1:  # of twos and fives alone
        denominator //= 2 if denominator % 2 == 0 else 5
        places += 1
    return format_exact(value.numerator * 10**places // value.denominator, places)


def account_period(
    connection: Connection,
    name: str,
    opening: Moment,
    closing: Moment,
    progress: Progress | None = None,
) -> PeriodView:
    """Return what moved of an account after ``opening`` and up to ``closing``.

    Both moments are of the books and of what was known at one position. An account that was not
    opened by then had nothing that could move.
    """
    if closing.reordered is None:
        histories = Histories(connection, closing)
        ordinal = histories.registry.account_ordinals.get(name, 0)
        if not ordinal:
            return PeriodView((), (), (), ())
        before = Histories(connection, opening)
        held = before.book([ordinal] if before.registry.account_ordinals.get(name) else [])
        follower = Follower(ordinal, histories.empty_book(), held)
        for row in _rows(histories, ordinal, opening.plain()):
            follower.row(*row)
        return _view(histories.registry, follower)
    return _refolded(connection, name, opening, closing, progress)


def _refolded(
    connection: Connection,
    name: str,
    opening: Moment,
    closing: Moment,
    progress: Progress | None,
) -> PeriodView:
    found: list[Follower] = []
    books: list[Book] = []

    def opened(engine: Engine) -> None:
        books.append(engine.book)
        ordinal = engine.book.registry.account_ordinals.get(name, 0)
        if ordinal:  # all declarations come first in this order
            found.append(Follower(ordinal, engine.book, engine.book))

    def observe(row: EventRow, entries: list[Entry]) -> None:
        for follower in found:
            follower.event(row, entries)

    refold_period(connection, closing, opening, opened, observe, progress)
    if not found:
        return PeriodView((), (), (), ())
    return _view(books[0].registry, found[0])


# One row for each posting line, position and the like, in the order in which they were made.
_ROWS: Final = {
    "posting": (
        "SELECT position, line, side, ledger, asset, amount, purpose, market FROM {posting}"
        " WHERE ledger = ANY(ARRAY['account', 'pending']) AND ordinal = %(who)s"
        " AND asset = ANY(%(assets)s) AND position > %(first)s AND position <= %(last)s"
    ),
    "position": (
        "SELECT h.position, h.line, 0, h.market, h.size, h.cost, (SELECT price FROM {mark} m"
        " WHERE m.market = h.market AND m.effective"
        " AND (m.market, m.position, m.line) < (h.market, h.position, h.line)"
        " ORDER BY m.market DESC, m.position DESC, m.line DESC LIMIT 1),"
        " l.kind, l.flags, l.account, l.contra FROM {position_history} h"
        " JOIN clearing.log l ON l.position = h.position"
        " WHERE h.holder_kind = 'account' AND h.holder = %(who)s AND h.market = ANY(%(markets)s)"
        " AND h.position > %(first)s AND h.position <= %(last)s"
    ),
    "closed": (
        "SELECT position, line, 0, account, market, layer, taker FROM {closing}"
        " WHERE (account = %(who)s OR taker = %(who)s)"
        " AND position > %(first)s AND position <= %(last)s"
    ),
    "remainder": (
        "SELECT position, line, 0, operation, market, asset, amount::text FROM {remainder}"
        " WHERE holder_kind = 'account' AND holder = %(who)s"
        " AND position > %(first)s AND position <= %(last)s"
    ),
    "per_unit": (
        "SELECT position, line, 0, market, each::text FROM {per_unit}"
        " WHERE position > %(first)s AND position <= %(last)s"
    ),
}
_TABLES: Final = {
    "posting": ("posting",),
    "position": ("position_history", "mark"),
    "closed": ("closing",),
    "remainder": ("remainder",),
    "per_unit": ("per_unit",),
}


def _rows(histories: Histories, ordinal: int, after: int) -> Iterator[tuple[str, Any]]:
    """Yield the kind and the values of every row that concerns an account, in order."""
    _, assets, markets, _ = histories.registry.counts()
    values = {
        "who": ordinal,
        "assets": list(range(1, assets + 1)),
        "markets": list(range(1, markets + 1)),
    }
    for first in range(after, histories.position, _STRETCH):
        last = min(first + _STRETCH, histories.position)
        found = [
            (*row[:3], kind, row[3:])
            for kind in FOLLOWED
            for row in histories.rows(_ROWS[kind], _TABLES[kind], first=first, last=last, **values)
        ]
        found.sort(key=lambda row: row[:3])
        yield from ((kind, told) for _, _, _, kind, told in found)


def _view(registry: Registry, follower: Follower) -> PeriodView:
    def market_name(ordinal: int) -> str:
        return registry.market(ordinal).name if ordinal else ""

    def asset_name(ordinal: int) -> str:
        return registry.asset(ordinal).name

    def settled_in(market: int) -> str:
        return asset_name(registry.market(market).settlement_asset)

    account = registry.account(follower.account).name
    return PeriodView(
        tuple(
            PostedView(
                ledger,
                account,
                asset_name(asset),
                purpose,
                market_name(market),
                format_scaled(units, registry.asset(asset).decimals),
                follower.counts[ledger, asset, purpose, market],
            )
            for (ledger, asset, purpose, market), units in sorted(follower.posted.items())
        ),
        tuple(
            _fills(registry, settled_in(market), market, cause, fills)
            for (market, cause), fills in sorted(follower.fills.items())
        ),
        tuple(
            RemainderView(
                operation, market_name(market), cause, asset_name(asset), exact_text(amount)
            )
            for (operation, market, cause, asset), amount in sorted(follower.remainders.items())
        ),
        tuple(
            SharedView(market_name(market), settled_in(market), exact_text(amount))
            for market, amount in sorted(follower.shared.items())
        ),
    )


def _fills(registry: Registry, asset: str, market: int, cause: str, fills: Fills) -> FillsView:
    decimals = registry.market(market).size_decimals
    return FillsView(
        registry.market(market).name,
        asset,
        cause,
        fills.count,
        format_exact(fills.bought, decimals),
        format_exact(fills.sold, decimals),
        exact_text(fills.against_mark),
    )


def ledger_period(
    connection: Connection,
    opening: Moment,
    closing: Moment,
    progress: Progress | None = None,
) -> list[PostedView]:
    """Return the sums of all postings after ``opening`` and up to ``closing``, by ledger account.

    Funds are named, all other accounts are one; so are the markets. The sums of one asset and
    purpose over all ledger accounts are zero.
    """
    sums: Counter[tuple[int, str, int, str]] = Counter()
    counts: Counter[tuple[int, str, int, str]] = Counter()
    if closing.reordered is None:
        histories = Histories(connection, closing)
        registry = histories.registry
        funds = [n for n in range(1, registry.counts()[3] + 1) if _is_fund(registry, n)]
        for asset, ledger, fund, purpose, units, count in histories.rows(
            "SELECT asset, ledger, CASE WHEN ledger = 'account' AND ordinal = ANY(%(funds)s)"
            " THEN ordinal ELSE 0 END AS fund, purpose, sum(amount), count(*) FROM {posting}"
            " WHERE position > %(first)s AND position <= %(position)s GROUP BY 1, 2, 3, 4",
            ["posting"],
            first=opening.plain(),
            funds=funds,
        ):
            sums[asset, ledger, fund, purpose] += int(units)
            counts[asset, ledger, fund, purpose] += int(count)
    else:
        books: list[Book] = []

        def observe(row: EventRow, entries: list[Entry]) -> None:
            del row
            for entry in entries:
                if entry[0] != "posting":
                    continue
                purpose, asset, payer_kind, payer, payee_kind, payee, amount = entry[1:8]
                for kind, who, sign in ((payer_kind, payer, -1), (payee_kind, payee, 1)):
                    fund = int(who) if kind == "account" and books[0].is_fund(int(who)) else 0
                    key = (int(asset), str(kind), fund, str(purpose))
                    sums[key] += sign * int(amount)
                    counts[key] += 1

        def opened(engine: Engine) -> None:
            books.append(engine.book)

        refold_period(connection, closing, opening, opened, observe, progress)
        registry = books[0].registry
    return [
        PostedView(
            "fund" if fund else ("accounts" if ledger == "account" else ledger),
            registry.account(fund).name if fund else "",
            registry.asset(asset).name,
            purpose,
            "",
            format_scaled(units, registry.asset(asset).decimals),
            counts[asset, ledger, fund, purpose],
        )
        for (asset, ledger, fund, purpose), units in sorted(sums.items())
    ]


def _is_fund(registry: Registry, ordinal: int) -> bool:
    return registry.account(ordinal).account_class == "fund"
