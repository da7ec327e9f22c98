"""Cash, unrealised PnL, accrued funding and equity by SQL are the engine's to the last digit."""

from random import Random

import pytest

from clearing.database import connect
from clearing.engine import Engine
from clearing.engine.valuation import accrued_funding, equity_of, unrealised
from clearing.log import Connection, LogWriter
from clearing.projectors import equity_components, project
from clearing.quantities import exact_decimal
from tests.engine.stories import Story
from tests.engine.test_scenarios_computed_funding import HOURLY, Funded
from tests.log.small import declarations, deposit, event, trade
from tests.projectors.ledgers import eventful_ledger, folded, live, small_ledger

Scopes = dict[tuple[int, int], tuple[object, ...]]


def by_engine(engine: Engine) -> Scopes:
    """What each scope that has anything consists of, by the engine."""
    book = engine.book
    found: Scopes = {}
    for (account, ordinal), scope in book.scopes.items():
        asset = book.assets[ordinal]
        gain = owed = 0
        for number, position in scope.positions.items():
            market = book.markets[number]
            gain += unrealised(asset, market, position)
            owed += accrued_funding(market, position) * market.funding_lift
        parts = (gain, owed, equity_of(book, scope))
        exact = [exact_decimal(part, asset.working) for part in parts]
        if scope.cash or scope.positions:
            found[account, ordinal] = (exact_decimal(scope.cash, asset.decimals), *exact)
    return found


@pytest.mark.parametrize("seed", [2, 5, 7, 11, 13, 31])
def test_sql_components_are_the_engines_at_random_positions(database_url: str, seed: int) -> None:
    with eventful_ledger(database_url, seed, 200) as ledger:
        _compare(ledger, seed)


@pytest.mark.parametrize("seed", [3, 4])
def test_sql_components_know_every_payoff(database_url: str, seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(150):
        story.step()
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(story.venue.events)
        _compare(ledger, seed)


def _compare(ledger: Connection, seed: int) -> None:
    """Compare both at 25 positions by chance."""
    number = project(ledger, batch=60).generation
    chosen = set(Random(seed).sample(range(1, live(ledger).position + 1), 25))  # noqa: S311 - dice
    held = 0
    for engine, _ in folded(ledger):
        if engine.position not in chosen:
            continue
        stored = {
            (c.account, c.asset): (c.cash, c.unrealised, c.accrued, c.equity)
            for c in equity_components(ledger, number, engine.position)
        }
        expected = by_engine(engine)
        assert {key: parts for key, parts in stored.items() if any(parts)} == {
            key: parts for key, parts in expected.items() if any(parts)
        }
        held += len(expected)
    assert held > 25


def test_the_working_of_one_account_can_be_read(database_url: str) -> None:
    """ada buys 1 BTC at 100 with 1,000 in cash; the mark is 107.25; longs pay 0.01 on 107.25."""
    with connect(database_url, autocommit=True) as ledger:
        derive = {
            "format": 1,
            "settlement_asset": "USD",
            "mode": "derive",
            "bindings": [],
            "schedules": {},
            "ladders": {},
            "waterfalls": {},
        }
        person = {"author": "ann", "approver": "bob", "reason": "funding by index"}
        LogWriter(ledger).append(
            [
                *declarations(),
                event(7, "RulebookAdopted", name="r", version="1", document=derive, **person),
                deposit(8, amount="1000"),
                trade(9),
                event(10, "Marked", marks=[{"market": "BTC", "price": "107.25"}]),
                event(
                    11,
                    "FundingSettled",
                    market="BTC",
                    rate="0.01",
                    price="107.25",
                    interval_seconds=3600,
                ),
            ]
        )
        number = project(ledger).generation

        def ada(position: int) -> tuple[str, ...]:
            (one,) = equity_components(ledger, number, position, [1])
            return tuple(
                format(part.normalize(), "f")
                for part in (one.cash, one.unrealised, one.accrued, one.equity)
            )

        assert equity_components(ledger, number, 7, [1]) == []
        assert ada(8) == ("1000", "0", "0", "1000")
        assert ada(9) == ("1000", "0", "0", "1000")
        assert ada(10) == ("1000", "7.25", "0", "1007.25")
        assert ada(11) == ("1000", "7.25", "-1.0725", "1006.1775")


def test_sides_whose_indexes_meet_again_are_the_engines(database_url: str) -> None:
    """Longs pay half of 25 % and get half of it back an hour later: both indexes are 0 again.

    A reader of the histories must not go on with the short positions' index of the hour before.
    """
    sides = {"long": {"pays": "0.5", "receives": "0.5"}, "residual": "pool"}
    venue = Funded({**HOURLY, "sides": sides, "pays_at": "reference"})
    market = venue.engine.book.markets[1]
    indexes = []
    for mark, at in (("100.00", "01:00:00"), ("60.00", "02:00:00")):
        venue.index("80.00")
        venue.mark(BTC=mark)
        venue.tick(at)
        indexes.append((market.index, market.short_index))
    assert indexes[0][0] != indexes[0][1]
    assert indexes[1] == (0, 0)
    with connect(database_url, autocommit=True) as ledger:
        LogWriter(ledger).append(venue.events)
        number = project(ledger).generation
        stored = {
            (c.account, c.asset): (c.cash, c.unrealised, c.accrued, c.equity)
            for c in equity_components(ledger, number, live(ledger).position)
        }
        expected = by_engine(venue.engine)
        assert {key: stored[key] for key in expected} == expected


def test_sums_longer_than_pythons_decimal_context_are_exact(database_url: str) -> None:
    with small_ledger(database_url) as ledger:
        LogWriter(ledger).append(
            [
                deposit(40, amount="9" * 34 + ".99"),
                event(41, "Marked", marks=[{"market": "BTC", "price": "100.01"}]),
            ]
        )
        number = project(ledger).generation
        (one,) = equity_components(ledger, number, 12, [1])
        cash = int("9" * 34 + "99") + 1000 + 1100 + 1200
        assert one.equity == exact_decimal(cash + 1, 2)
