"""The parts of a change of equity add up to it, and the price part is marks × positions held."""

from fractions import Fraction
from random import Random

import pytest

from clearing.audit import Moment, account, account_period
from clearing.books.attribution import attribution
from clearing.books.kinds import LIQUIDATION, PRICE
from clearing.database import connect
from clearing.engine.scope import Position
from clearing.engine.valuation import unrealised
from clearing.events import Registry
from clearing.log import Connection, LogWriter
from clearing.projectors import project
from tests.engine.stories import Story
from tests.projectors.ledgers import eventful_ledger, folded, live

Gains = dict[tuple[int, int, int], Fraction]
"""What a position (account, market) gained by an event's marks, by log position."""


def gains_of_marks(ledger: Connection) -> tuple[Registry, Gains]:
    """What was declared, and what every mark did to every position, one by one."""
    held: dict[tuple[int, int], Position] = {}
    marks: dict[int, int] = {}
    gains: Gains = {}
    registry = Registry()
    for engine, entries in folded(ledger):
        book, registry = engine.book, engine.book.registry
        for entry in entries:
            if entry[0] == "position" and entry[1] == "account":
                held[int(entry[2]), int(entry[3])] = Position(int(entry[4]), int(entry[5]))
            if entry[0] != "mark" or not entry[3]:
                continue
            market = book.markets[int(entry[1])]
            asset, now, before = (
                book.assets[market.asset],
                market.mark,
                marks.get(market.ordinal, 0),
            )
            for (who, where), position in held.items():
                if where != market.ordinal:
                    continue
                values = []
                for mark in (before, int(entry[2])):
                    market.set_mark(mark)
                    values.append(unrealised(asset, market, position))
                gained = Fraction(values[1] - values[0], 10**asset.working)
                key = (engine.position, who, where)
                gains[key] = gains.get(key, Fraction(0)) + gained
            market.set_mark(now)
            marks[market.ordinal] = int(entry[2])
    return registry, gains


def compare(ledger: Connection, seed: int, many: int = 12) -> set[str]:
    """Attribute random periods of everybody; return the parts that there were."""
    project(ledger)
    registry, gains = gains_of_marks(ledger)
    generation = live(ledger)
    dice = Random(seed)  # noqa: S311 - dice
    parts: set[str] = set()
    for _ in range(many):
        first, last = sorted(dice.sample(range(generation.position + 1), 2))
        opening, closing = Moment(generation, first), Moment(generation, last)
        for name, who in registry.account_ordinals.items():
            before = {scope.asset: scope for scope in account(ledger, name, opening).scopes}
            after = {scope.asset: scope for scope in account(ledger, name, closing).scopes}
            period = account_period(ledger, name, opening, closing)
            for asset, scope in after.items():
                found = attribution(asset, before.get(asset), scope, period)
                total = sum((Fraction(part.amount) for part in found.parts), Fraction(0))
                assert total == Fraction(found.closing) - Fraction(found.opening)
                parts |= {part.part for part in found.parts}
                by_market = {
                    line.market: line.amount
                    for part in found.parts
                    for line in part.lines
                    if part.part == PRICE
                }
                for part in found.parts:
                    made_of = sum((Fraction(line.amount) for line in part.lines), Fraction(0))
                    assert made_of == Fraction(part.amount)
                ordinal = registry.asset_ordinals[asset]
                for market, place in registry.market_ordinals.items():
                    if registry.market(place).settlement_asset != ordinal:
                        continue
                    expected = sum(
                        (
                            gains.get((at, who, place), Fraction(0))
                            for at in range(first + 1, last + 1)
                        ),
                        Fraction(0),
                    )
                    assert Fraction(by_market.get(market, "0")) == expected, (name, market)
    return parts


@pytest.mark.parametrize("seed", range(1, 9))
def test_parts_add_up_and_price_is_marks_times_positions_in_random_stories(
    database_url: str, seed: int
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(200):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        found = compare(ledger, seed)
    assert {PRICE, LIQUIDATION} <= found


@pytest.mark.parametrize("seed", [2, 5, 7, 11, 13, 31])
def test_parts_add_up_and_price_is_marks_times_positions_on_generated_venues(
    database_url: str, seed: int
) -> None:
    with eventful_ledger(database_url, seed, 200) as ledger:
        assert PRICE in compare(ledger, seed)
