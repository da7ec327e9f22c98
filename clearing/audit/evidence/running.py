"""What a pack of evidence says: one fold over its events, and everything about its account.

The same function makes the figures of a pack and, on another machine, makes them again.
"""

from collections.abc import Iterable
from typing import Any

from clearing.audit.entries import entry_view
from clearing.audit.explain.grouping import grouped
from clearing.audit.replay.tally import scopes_of
from clearing.engine import ENGINE_VERSION, Engine, Entry
from clearing.engine.book import Book
from clearing.engine.scope import Scope
from clearing.engine.valuation import accrued_funding, equity_of, measure, unrealised
from clearing.events import EventRow
from clearing.events.fields import from_microseconds
from clearing.quantities import Trace, format_exact, format_scaled

Figures = dict[str, Any]
"""JSON-ready: texts, whole numbers, lists and objects."""


def figures_of(engine: Engine, rows: Iterable[EventRow], account: str) -> Figures:
    """Fold ``rows`` from where ``engine`` stands, and return the figures about an account.

    ``events``: every event with an entry about it, these entries, and the working of its margin
    before each rung of its ladder and each close at a price that others named; ``course``: its
    equity and requirements after every event that changed them; ``marks`` and ``funds``: those of
    the markets it held and of every fund, as they changed; ``standing`` at the end; ``digest`` and
    ``entry_hash`` of the book there.
    """
    notes = _Notes(engine, account)
    for row in rows:
        entries, workings = engine.explain(row)
        notes.take(row, entries, workings)
    return notes.figures()


class _Notes:
    """What is noted on the way."""

    def __init__(self, engine: Engine, account: str) -> None:
        self._engine = engine
        self._account = account
        self._since = engine.position
        self._events: list[Figures] = []
        self._course: list[Figures] = []
        self._marks: list[Figures] = []
        self._funds: list[Figures] = []
        self._held: set[int] = set()
        self._last: dict[int, tuple[str, str, str]] = {}

    @property
    def _ordinal(self) -> int:
        return self._engine.book.registry.account_ordinals.get(self._account, 0)

    def take(
        self, row: EventRow, entries: list[Entry], workings: list[tuple[int, Scope, Trace]]
    ) -> None:
        """Note what an event did to the account, its markets and the funds."""
        book, account = self._engine.book, self._ordinal
        at = {"log_position": row.position, "occurred_at": _time(row.occurred_at)}
        mine = [e for e in entries if any(who == account for who, _ in scopes_of(book, e))]
        mine += [e for e in entries if e not in mine and _names(e, account)]
        registry = book.registry
        if account and mine:
            rungs = [
                {
                    "before_entry": rung.margin[0],
                    "working": [part.document() for part in rung.margin[2].inputs],
                    "did": [figure.document() for _, _, figure in rung.did],
                }
                for rung in grouped(workings)
                if rung.margin[1].account == account
            ]
            shown = [entry_view(registry, entry) for entry in entries if entry in mine]
            self._events.append({**at, "entries": shown, "rungs": rungs})
        for scope in self._scopes():
            self._held |= set(scope.positions)
            self._note_course(at, book, scope)
        for entry in entries:
            if entry[0] == "mark" and entry[3] and entry[1] in self._held:
                self._marks.append({**at, **_without_kind(entry_view(registry, entry))})
            elif entry[0] == "fund":
                self._funds.append({**at, **_without_kind(entry_view(registry, entry))})

    def _scopes(self) -> list[Scope]:
        found = sorted(self._engine.book.scopes.items())
        return [scope for (account, _), scope in found if account == self._ordinal]

    def _note_course(self, at: Figures, book: Book, scope: Scope) -> None:
        now, working = measure(book, scope), book.assets[scope.asset].working
        figures = (now.equity, now.initial, now.maintenance)
        equity, initial, maintenance = (format_exact(figure, working) for figure in figures)
        if self._last.get(scope.asset) == (equity, initial, maintenance):
            return
        self._last[scope.asset] = (equity, initial, maintenance)
        self._course.append(
            {
                **at,
                "asset": book.registry.asset(scope.asset).name,
                "equity": equity,
                "initial": initial,
                "maintenance": maintenance,
                "status": scope.status,
            }
        )

    def figures(self) -> Figures:
        """Return everything that was noted."""
        engine = self._engine
        book = engine.book
        return {
            "account": self._account,
            "since": self._since,
            "upto": engine.position,
            "engine_version": ENGINE_VERSION,
            "rulebooks": {
                book.registry.asset(asset.ordinal).name: {
                    "rulebook": f"{asset.rulebook.name}@{asset.rulebook.version}",
                    "document_sha256": asset.rulebook.sha256,
                }
                for asset in book.assets.values()
                if asset.rulebook is not None
            },
            "standing": [_standing(book, scope) for scope in self._scopes()],
            "funds_at_the_end": _fund_equities(book),
            "events": self._events,
            "course": self._course,
            "marks": self._marks,
            "funds": self._funds,
            "digest": engine.digest(),
            "entry_hash": engine.entry_hash.hex(),
        }


def _names(entry: Entry, account: int) -> bool:
    """Whether a ranking or an auction is of the account's liquidation."""
    return entry[0] in ("adl", "haircut", "bankruptcy", "closed") and entry[1] == account


def _without_kind(view: dict[str, Any]) -> Figures:
    return {name: value for name, value in view.items() if name not in ("entry", "effective")}


def _time(microseconds: int) -> str:
    return from_microseconds(microseconds).isoformat().replace("+00:00", "Z")


def _standing(book: Book, scope: Scope) -> Figures:
    asset = book.assets[scope.asset]
    now = measure(book, scope)
    names = [] if scope.rules is None else scope.rules.levels
    return {
        "asset": book.registry.asset(scope.asset).name,
        "cash": format_scaled(scope.cash, asset.decimals),
        "equity": format_exact(now.equity, asset.working),
        "levels": {name: format_exact(now.asked(i), asset.working) for i, name in enumerate(names)},
        "counted": {
            name: format_exact(now.counted(i), asset.working) for i, name in enumerate(names)
        },
        "status": scope.status,
        "positions": [
            {
                "market": market.spec.name,
                "size": format_exact(position.size, market.spec.size_decimals),
                "cost": format_scaled(position.cost, asset.decimals),
                "mark": format_exact(market.mark, market.spec.mark_decimals),
                "unrealised": format_exact(unrealised(asset, market, position), asset.working),
                "accrued_funding": format_exact(
                    accrued_funding(market, position) * market.funding_lift, asset.working
                ),
            }
            for market, position in (
                (book.markets[ordinal], position)
                for ordinal, position in sorted(scope.positions.items())
            )
        ],
    }


def _fund_equities(book: Book) -> list[Figures]:
    return [
        {
            "fund": book.registry.account(account).name,
            "asset": book.registry.asset(asset).name,
            "equity": format_exact(equity_of(book, scope), book.assets[asset].working),
        }
        for (account, asset), scope in sorted(book.scopes.items())
        if book.is_fund(account)
    ]
