"""Stress tests: what paths of prices would do to a small book, worked out by hand."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from clearing.audit.stress import (
    MonteCarloPath,
    PathAnswer,
    Stress,
    StressAnswer,
    StressRefused,
    parse_stress,
    read_stress,
)
from clearing.audit.stress.moves import drawn
from clearing.ledger import Ledger
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.engine.venue import Venue, rulebook

NORMAL = Fraction("1.959963984540054235524594430520551527955")


def document(*paths: dict[str, Any], **fields: Any) -> Stress:
    return parse_stress({"stress": 1, "name": "test", "paths": list(paths), **fields})


def shock(move: str, **fields: Any) -> dict[str, Any]:
    return {"path": "shock", "label": f"shock {move}", "moves": {"*": move}, **fields}


def monte_carlo(**fields: Any) -> dict[str, Any]:
    return {
        "path": "monte_carlo",
        "label": "random",
        "seed": 7,
        "paths": 20,
        "steps": 5,
        "volatility": {"*": "0.05"},
        **fields,
    }


def run(ledger: Ledger, *paths: dict[str, Any], **fields: Any) -> tuple[PathAnswer, ...]:
    return ledger.stress(document(*paths, **fields), processes=1).paths


def test_a_crash_at_once_and_in_small_steps(database_url: str) -> None:
    """Ada is long ten at 100 with 60: half off at once costs the fund 440, in steps 20 or less."""
    with stored(wick(), database_url) as ledger:
        before = ledger.status()
        at_once, slowly, small = run(
            ledger,
            shock("-0.5"),
            shock("-0.5", label="slowly", steps=25),
            shock("-0.03"),
        )
        status = ledger.status()
    assert at_once.outcome is not None
    assert slowly.outcome is not None
    assert small.outcome is not None
    assert at_once.outcome.liquidated_accounts == 1
    (totals,) = at_once.outcome.assets
    assert (totals.losses, totals.funds, totals.deficit) == ("440", "440", "0")
    (fund,) = at_once.outcome.funds
    assert (fund.fund, fund.equity, fund.low) == ("insurance", "560", "560")
    (driver, market) = at_once.drivers
    assert (driver.what, driver.name, driver.loss, driver.share) == (
        "account",
        "ada",
        "440.000000",
        "1.000000",
    )
    assert (market.what, market.name, market.share) == ("market", "BTC", "1.000000")
    # Two a step: at 96 she has 20, above a hundredth of 960; at 94 nothing, and the fund loses.
    (fund,) = slowly.outcome.funds
    assert slowly.outcome.liquidated_accounts == 1
    assert Fraction(fund.low) < 1000
    assert small.outcome.liquidated_accounts == 0, "60 bear a loss of 30"
    assert small.outcome.funds[0].low == "1000"
    assert status == before, "nothing was written"


def test_sales_that_move_the_mark_make_it_worse(database_url: str) -> None:
    """Seven off leave ada 10 short. Her ten of a depth of fifty move the mark by a fifth more, to
    74.4, where cay, fifty long with 1000, is 280 short; his sale finds nobody else to take.
    """
    venue = wick()
    venue.account("cay")
    venue.deposit("cay", "1000")
    venue.trade("cay", "bob", "BTC", "50", "100")
    impact = {"BTC": {"op": "linear", "coefficient": "1", "depth": "50", "closes": ["takeover"]}}
    with stored(venue, database_url) as ledger:
        (without,) = run(ledger, shock("-0.07"))
        (with_it,) = run(ledger, shock("-0.07"), impact=impact)
    assert without.outcome is not None
    assert with_it.outcome is not None
    assert (without.outcome.liquidated_accounts, without.outcome.assets[0].losses) == (1, "10")
    assert (with_it.outcome.liquidated_accounts, with_it.outcome.assets[0].losses) == (2, "290")


def test_random_paths_are_the_same_for_any_number_of_processes(database_url: str) -> None:
    with stored(wick(), database_url) as ledger:
        told = document(monte_carlo(), shock("-0.1"))
        reached: list[int] = []
        alone = ledger.stress(told, processes=1, progress=reached.append)
        again = ledger.stress(told, processes=2, progress=reached.append)
        other = ledger.stress(document(monte_carlo(seed=8), shock("-0.1")), processes=1)
    assert alone == again
    assert other != alone
    assert reached.count(21) == 2, "both said that all paths were done"


def spread(path: PathAnswer, figure: str) -> tuple[Fraction, ...]:
    found = next(s for s in path.spreads if s.figure == figure)
    return tuple(map(Fraction, (found.mean, found.median, found.p95, found.p99, found.worst)))


def test_spreads_and_the_interval_of_a_share(database_url: str) -> None:
    """Half a price's worth of volatility a step, and ada is lost on nearly every path."""
    with stored(wick(), database_url) as ledger:
        (path,) = run(ledger, monte_carlo(paths=40, volatility={"BTC": "0.5"}))
    average, median, p95, p99, worst = spread(path, "accounts liquidated")
    assert p95 == p99 == worst == 1
    assert median in (0, 1)
    (depletion,) = path.depletion
    k, n = depletion.depleted, depletion.paths
    assert (n, Fraction(depletion.probability)) == (40, Fraction(k, n))
    for bound in (depletion.low, depletion.high):
        p = Fraction(bound)
        # Wilson's bounds are where (share - p)² = z² p (1 - p) / n.
        assert abs((Fraction(k, n) - p) ** 2 - NORMAL**2 * p * (1 - p) / n) < Fraction(1, 10**5)
    lows = spread(path, "low of insurance, USD")
    assert lows[1:] == tuple(sorted(lows[1:], reverse=True)), "of a fund the least is the worst"
    assert (average * 40).denominator == 1, "the mean is of whole accounts"


def moves(correlation: Any, volatility: str = "0.1") -> list[tuple[Decimal, Decimal]]:
    """Log returns of A and B over 400 independent steps of one path."""
    path = document(
        monte_carlo(steps=400, volatility={"*": volatility}, correlation=correlation)
    ).paths[0]
    assert isinstance(path, MonteCarloPath)
    scale = 10**30
    marks = [(scale, scale)]
    marks += [(m[0], m[1]) for _, m in drawn(path, 0, {0: scale, 1: scale}, {"A": 0, "B": 1})]
    return [
        (Decimal(b[0]).ln() - Decimal(a[0]).ln(), Decimal(b[1]).ln() - Decimal(a[1]).ln())
        for a, b in pairwise(marks)
    ]


def mean(numbers: Iterable[Decimal]) -> Decimal:
    found = list(numbers)
    return sum(found, Decimal(0)) / len(found)


def correlated(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    a, b = mean(x for x, _ in pairs), mean(y for _, y in pairs)
    together = mean((x - a) * (y - b) for x, y in pairs)
    apart = mean((x - a) ** 2 for x, _ in pairs) * mean((y - b) ** 2 for _, y in pairs)
    return together / apart.sqrt()


def test_markets_move_as_volatile_and_as_correlated_as_told() -> None:
    together = moves("1")
    assert all(abs(a - b) < Decimal("1e-20") for a, b in together)
    assert all(abs(a + b) < Decimal("1e-20") for a, b in moves("-1"))
    assert abs(correlated(moves("0"))) < Decimal("0.15")
    assert abs(correlated(moves({"B/A": "0.8"})) - Decimal("0.8")) < Decimal("0.06")
    assert abs(mean(a * a for a, _ in together).sqrt() - Decimal("0.1")) < Decimal("0.01")


@pytest.mark.parametrize(
    ("paths", "fields", "problem"),
    [
        ([shock("-1")], {}, "paths.0.moves.*: -1 must be more than -1"),
        ([shock("0.1"), shock("0.1")], {}, "paths.1.label: 'shock 0.1' stands twice"),
        ([monte_carlo(paths=0)], {}, "paths.0.paths"),
        ([monte_carlo(correlation="1.5")], {}, "1.5 must lie between -1 and 1"),
        ([], {}, "paths"),
        ([{"path": "walk", "label": "x"}], {}, "paths.0"),
    ],
)
def test_what_cannot_be_run_is_refused_by_its_path(
    paths: list[dict[str, Any]], fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StressRefused) as refused:
        document(*paths, **fields)
    assert any(problem in told for told in refused.value.problems), refused.value.problems


@pytest.mark.parametrize(
    ("path", "impact", "problem"),
    [
        (shock("0.1", moves={"ETH": "0.1"}), None, "paths.0.moves.ETH: is no market with a mark"),
        (monte_carlo(volatility={"ETH": "1"}), None, "paths.0.volatility.ETH: is no market"),
        (monte_carlo(correlation={"BTC/ETH": "0"}), None, "correlation.BTC/ETH: is no pair"),
        (shock("0.1"), {"BTC": {"per_million": "-1"}}, "impact.BTC"),
        (shock("0.1"), {"ETH": {"op": "linear", "coefficient": "1"}}, "impact.ETH: is no market"),
    ],
)
def test_what_the_book_does_not_have_is_refused(
    database_url: str, path: dict[str, Any], impact: Any, problem: str
) -> None:
    with stored(wick(), database_url) as ledger, pytest.raises(StressRefused) as refused:
        run(ledger, path, impact=impact)
    assert any(problem in told for told in refused.value.problems), refused.value.problems


def test_prices_that_cannot_be_correlated_so_are_refused(database_url: str) -> None:
    """Two markets that each move with a third cannot move against each other."""
    venue = Venue()
    venue.market("A")
    venue.market("B")
    venue.market("C")
    venue.adopt(rulebook())
    venue.mark(A="100", B="100", C="100")
    told = {"A/B": "1", "A/C": "1", "B/C": "-1"}
    with stored(venue, database_url) as ledger, pytest.raises(StressRefused) as refused:
        run(ledger, monte_carlo(correlation=told))
    assert refused.value.problems == ["correlation: no prices can be correlated so with each other"]


def test_texts_of_both_forms_say_the_same() -> None:
    yaml = "stress: 1\nname: t\npaths:\n  - path: shock\n    label: s\n    moves: {BTC: -0.5}\n"
    as_json = (
        '{"stress": 1, "name": "t", "paths":'
        ' [{"path": "shock", "label": "s", "moves": {"BTC": -0.5}}]}'
    )
    assert read_stress(yaml) == read_stress(as_json)
    with pytest.raises(StressRefused, match="cannot be read"):
        read_stress("a: [", "x.yaml")


def test_a_book_without_positions_has_nothing_to_lose(database_url: str) -> None:
    venue = Venue()
    venue.market("BTC")
    venue.mark(BTC="100")
    with stored(venue, database_url) as ledger:
        answer: StressAnswer = ledger.stress(document(shock("-0.9")), processes=1)
    (path,) = answer.paths
    assert path.outcome is not None
    assert (path.outcome.liquidated_accounts, path.outcome.funds, path.drivers) == (0, (), ())
    assert answer.log_position == venue.engine.position
