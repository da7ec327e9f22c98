"""Questions as of a moment of the past, over a log of any length, against one indexed look-up.

Every answer that is timed is compared with the engine's own at that position: one fold of the log
from genesis stops at each of them. How long that fold took is told, too, since an answer by replay
would take as long.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, Final

from psycopg import sql

from benchmarks.measure import Ratio, compared, percentiles, seconds
from clearing import audit
from clearing.audit import AccountView, FundStateView, MarketView, Moment
from clearing.audit.accounts import account_view
from clearing.audit.funds import fund_view
from clearing.audit.house import house_view
from clearing.audit.markets import market_view
from clearing.engine import Engine
from clearing.engine.book import Book
from clearing.events import Registry
from clearing.log import Connection, load_registry
from clearing.projectors import Generation, fold_log, schema_of

_SORTS: Final[dict[str, Callable[[Connection, str, Moment], Any]]] = {
    "account": audit.account,
    "market": audit.market,
    "fund": lambda connection, name, moment: audit.funds(connection, moment, fund=name),
    "house": lambda connection, _, moment: audit.house(connection, moment),
}


class Asked:
    """A question, what it was answered and how long that took (seconds)."""

    __slots__ = ("answer", "moment", "name", "sort", "took")

    def __init__(self, sort: str, name: str, moment: Moment) -> None:
        self.sort = sort
        self.name = name
        self.moment = moment
        self.answer: Any = None
        self.took = 0.0

    def ask(self, connection: Connection) -> None:
        """Have it answered, and note how long that takes."""
        began = time.perf_counter()
        self.answer = _SORTS[self.sort](connection, self.name, self.moment)
        self.took = time.perf_counter() - began


def run(connection: Connection, live: Generation, *, samples: int, repeats: int) -> list[Ratio]:
    """Measure on a log that is projected.

    ``samples`` questions of each sort are asked in each of ``repeats`` rounds.
    """
    asked = _questions(load_registry(connection), live, live.position, samples * repeats)
    look_ups = []
    for number in range(repeats):
        for sort in _SORTS:
            for question in asked[sort][number::repeats]:
                question.ask(connection)
        look_ups.append(_look_up(connection, asked["account"][number::repeats]))
    replay = seconds(lambda: _verify(connection, asked))
    about = f"as of a random position of {live.position:,} events"
    return [
        compared(
            f"{sort}, {about}",
            [1 / _median(asked[sort][number::repeats]) for number in range(repeats)],
            "one look-up of a balance by index",
            [1 / took for took in look_ups],
            unit="answers",
            floor=None,
            at_most=True,
            note=f"{_percentiles(asked[sort])}; a replay of all events took {replay:,.1f} s",
        )
        for sort in _SORTS
    ]


def _questions(
    registry: Registry, live: Generation, seed: int, count: int
) -> dict[str, list[Asked]]:
    """Return questions about anybody at any position after the declarations."""
    dice = Random(seed)  # noqa: S311 - a benchmark's dice
    accounts = list(registry.account_ordinals)
    funds = [
        name
        for name, ordinal in registry.account_ordinals.items()
        if registry.account(ordinal).account_class == "fund"
    ]
    names = {
        "account": accounts,
        "market": list(registry.market_ordinals),
        "fund": funds,
        "house": [""],
    }
    first = min(sum(registry.counts()), live.position)
    return {
        sort: [
            Asked(sort, dice.choice(names[sort]), Moment(live, dice.randint(first, live.position)))
            for _ in range(count)
        ]
        for sort in _SORTS
    }


def _median(asked: Iterable[Asked]) -> float:
    return statistics.median(question.took for question in asked)


def _percentiles(asked: list[Asked]) -> str:
    return percentiles([question.took for question in asked])


def _look_up(connection: Connection, asked: list[Asked]) -> float:
    """Return the median time of looking up one balance as of each question's position."""
    query = sql.SQL(
        "SELECT balance FROM {} WHERE ledger = 'account' AND ordinal = %s AND asset = 1"
        " AND position <= %s ORDER BY position DESC, line DESC, side DESC LIMIT 1"
    )
    found = []
    for number, question in enumerate(asked, 1):
        schema = schema_of(question.moment.generation.number)
        text = query.format(sql.Identifier(schema, "posting"))
        values = (number, question.moment.position)
        began = time.perf_counter()
        connection.execute(text, values).fetchone()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def _verify(connection: Connection, asked: dict[str, list[Asked]]) -> None:
    """Fold the log and hold every answer against the book at its position."""
    waiting: dict[int, list[Asked]] = {}
    for questions in asked.values():
        for question in questions:
            waiting.setdefault(question.moment.position, []).append(question)

    def compare(engine: Engine) -> None:
        for question in waiting.pop(engine.position, ()):
            if _plain(question.answer) != _by_engine(engine.book, question):
                raise RuntimeError(
                    f"{question.sort} {question.name} at {engine.position} is not the engine's"
                )

    fold_log(connection, visit=compare)
    if waiting:
        raise RuntimeError(f"{len(waiting)} positions were never reached")


def _plain(answer: Any) -> Any:
    """Return an answer without what the book alone cannot say: ages, and scopes of nothing."""
    if isinstance(answer, AccountView):
        scopes = (scope for scope in answer.scopes if scope.equity != "0" or scope.positions)
        return replace(answer, scopes=tuple(scopes))
    if isinstance(answer, MarketView):
        prices = (
            replace(price, log_position=None, since=None, age_seconds=None)
            for price in answer.prices
        )
        return replace(answer, prices=tuple(prices), last_funding=None)
    if isinstance(answer, list):
        return [one for one in answer if isinstance(one, FundStateView) and one.equity != "0"]
    return answer


def _by_engine(book: Book, question: Asked) -> Any:
    registry, moment = book.registry, question.moment
    if question.sort == "account":
        ordinal = registry.account_ordinals[question.name]
        return _plain(account_view(book, ordinal, moment, {}))
    if question.sort == "market":
        ordinal = registry.market_ordinals[question.name]
        return market_view(book, ordinal, moment, _plain(question.answer).prices)
    if question.sort == "fund":
        ordinal = registry.account_ordinals[question.name]
        found = [scope for scope in book.scopes.values() if scope.account == ordinal]
        return _plain([fund_view(book, scope, moment) for scope in found])
    return house_view(book, moment)
