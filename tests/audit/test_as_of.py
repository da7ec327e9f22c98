"""As of a moment by SQL is as of that moment by the engine, whatever is asked and whenever."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from clearing.audit import AccountView, Moment, TrialBalanceLine, accounts, funds, house, market
from clearing.audit import trial_balance as balances_by_sql
from clearing.audit.accounts import account_view
from clearing.audit.balances import lines_of
from clearing.audit.funds import fund_view
from clearing.audit.house import house_view
from clearing.audit.markets import market_view
from clearing.database import connect
from clearing.engine.book import Book
from clearing.log import Connection, LogWriter
from clearing.projectors import project
from tests.engine.stories import Story
from tests.projectors.ledgers import eventful_ledger, folded, live

EMPTY = ("0", "0.00", "0.000000", "0.00000000")


def anything(view: AccountView) -> AccountView:
    """The account without scopes that hold nothing: which of these there are is of no meaning."""
    scopes = tuple(
        scope
        for scope in view.scopes
        if scope.positions
        or not {scope.cash, scope.pending, scope.equity, scope.initial} <= set(EMPTY)
        or scope.status != "flat"
    )
    return replace(view, scopes=scopes)


def lines_with_funds(lines: list[TrialBalanceLine]) -> list[TrialBalanceLine]:
    """A trial balance without funds that have nothing: the book may know of one before it had."""
    return [line for line in lines if line.ledger != "fund" or Decimal(line.balance)]


def by_engine(book: Book, moment: Moment) -> list[AccountView]:
    count = book.registry.counts()[3]
    return [anything(account_view(book, n, moment, {})) for n in range(1, count + 1)]


def compare(ledger: Connection, seed: int, many: int = 20) -> None:
    project(ledger, batch=60)
    generation = live(ledger)
    dice = Random(seed)  # noqa: S311 - dice
    chosen = set(dice.sample(range(1, generation.position + 1), many))
    for engine, _ in folded(ledger):
        if engine.position not in chosen:
            continue
        moment = Moment(generation, engine.position)
        book = engine.book
        registry = book.registry
        assert [anything(view) for view in accounts(ledger, moment)] == by_engine(book, moment)
        assert house(ledger, moment) == house_view(book, moment)
        assert lines_with_funds(balances_by_sql(ledger, moment)) == lines_with_funds(lines_of(book))
        for name, ordinal in registry.market_ordinals.items():
            found = market(ledger, name, moment)
            plain = tuple(
                replace(price, log_position=None, since=None, age_seconds=None)
                for price in found.prices
            )
            expected = market_view(book, ordinal, moment, plain, found.last_funding)
            assert replace(found, prices=plain) == expected
        expected_funds = [
            fund_view(book, scope, moment)
            for (ordinal, _), scope in sorted(book.scopes.items())
            if book.is_fund(ordinal)
        ]
        assert [f for f in funds(ledger, moment) if f.equity != "0"] == [
            f for f in expected_funds if f.equity != "0"
        ]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6, 7, 8])
def test_as_of_by_sql_is_as_of_by_the_engine_in_random_stories(
    database_url: str, seed: int
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(200):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        compare(ledger, seed)


@pytest.mark.parametrize("seed", [2, 5, 7, 11, 13, 31])
def test_as_of_by_sql_is_as_of_by_the_engine_on_generated_venues(
    database_url: str, seed: int
) -> None:
    with eventful_ledger(database_url, seed, 200) as ledger:
        compare(ledger, seed)
