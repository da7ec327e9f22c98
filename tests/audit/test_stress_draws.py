"""Random walks in Decimals: what they are drawn from, how they go together, how sure one is."""

import hashlib
import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.audit.stress.document import parse_stress
from clearing.audit.stress.draws import Draws, cholesky, correlated
from clearing.audit.stress.paths import Drawn, bases_of, sources_of
from clearing.audit.stress.statistics import mean, quantile, rounded, wilson
from tests.engine.venue import Venue

MARKETS = ("BTC", "ETH")


def walks(**fields: Any) -> Drawn:
    """Random walks of BTC and ETH, from 1,000 each."""
    venue = Venue()
    for name in MARKETS:
        venue.market(name)
        venue.mark(**{name: "1000"})
    path = {"path": "monte_carlo", "name": "walks", "seed": 3, "count": 1, "steps": 400}
    path |= {"step_seconds": 1, "volatility": {"*": "0.01"}, **fields}
    stress = parse_stress({"stress": 1, "name": "test", "paths": [path]})
    assert bases_of(venue.engine.book) == {1: 100_000, 2: 100_000}
    still, drawn = sources_of(stress, venue.engine.book)
    assert [marks for _, marks in still.course(0)] == [{1: 100_000, 2: 100_000}] * 400
    assert isinstance(drawn, Drawn)
    return drawn


def steps(drawn: Drawn, market: int) -> list[float]:
    """The log returns of a market."""
    marks = [100_000, *(marks[market] for _, marks in drawn.course(0))]
    return [math.log(after / before) for before, after in pairwise(marks)]


def going_together(drawn: Drawn) -> float:
    """The correlation of the two markets' returns."""
    one, other = steps(drawn, 1), steps(drawn, 2)
    both = sum(a * b for a, b in zip(one, other, strict=True))
    return both / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def test_a_stream_is_the_polar_method_over_sha_256() -> None:
    """The same numbers, made here with what is at hand: blocks, words, floats."""
    blocks = b"".join(
        hashlib.sha256(f"clearing stress/5/2/{k}".encode()).digest() for k in range(9)
    )
    words = [int.from_bytes(blocks[i : i + 8], "big") for i in range(0, len(blocks), 8)]
    found: list[float] = []
    for w, x in zip(words[::2], words[1::2], strict=True):
        u, v = (w + 0.5) / 2**63 - 1, (x + 0.5) / 2**63 - 1
        s = u * u + v * v
        if s < 1:
            factor = math.sqrt(-2 * math.log(s) / s)
            found += [u * factor, v * factor]
    draws = Draws(5, 2)
    assert len(found) > 10
    for expected in found:
        assert float(draws.normal()) == pytest.approx(expected, abs=1e-12)


def test_draws_are_normal_and_paths_have_streams_of_their_own() -> None:
    draws = Draws(1, 0)
    values = [float(draws.normal()) for _ in range(4000)]
    assert abs(sum(values) / 4000) < 0.05
    assert sum(v * v for v in values) / 4000 == pytest.approx(1, abs=0.07)
    assert sum(v > 1.96 for v in values) / 4000 == pytest.approx(0.025, abs=0.008)
    assert Draws(1, 1).normal() != Draws(1, 0).normal() != Draws(2, 0).normal()


def test_correlated_markets_move_together_and_others_do_not() -> None:
    for _, marks in walks(correlation=1).course(0):
        assert marks[1] == marks[2]
    assert going_together(walks(correlation=-1)) < -0.99
    assert abs(going_together(walks())) < 0.12
    assert going_together(walks(correlation="0.8")) == pytest.approx(0.8, abs=0.06)
    named = walks(correlations={"ETH": {"BTC": "0.8"}})
    assert list(named.course(0)) == list(walks(correlation="0.8").course(0))


def test_heavier_tails_have_the_same_variance_and_more_extremes() -> None:
    plain, heavy = steps(walks(), 1), steps(walks(degrees=3), 1)
    assert sum(r * r for r in plain) / 400 == pytest.approx(1e-4, rel=0.2)
    assert max(abs(r) for r in heavy) > 1.5 * max(abs(r) for r in plain)


def test_a_walk_never_leaves_the_numbers_there_are() -> None:
    for _, marks in walks(volatility={"*": 1}, steps=400, degrees=3).course(0):
        assert all(1 <= mark < 100_000 * 1_300_000 for mark in marks.values())


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_a_factor_gives_its_matrix_again(rows: list[list[int]]) -> None:
    """Every Gram matrix has one: some of these are singular."""
    gram = [[Decimal(sum(a * b for a, b in zip(x, y, strict=True))) for y in rows] for x in rows]
    factor = cholesky(gram)
    if factor is None:
        assert any(gram[i][i] == 0 or _close_to_singular(gram) for i in range(3))
        return
    for i in range(3):
        for j in range(i + 1):
            product = sum(factor[i][k] * factor[j][k] for k in range(j + 1))
            assert abs(product - gram[i][j]) < Decimal("1e-8")


def _close_to_singular(gram: list[list[Decimal]]) -> bool:
    (a, b, c), (_, d, e), (_, _, f) = gram
    return a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d) == 0


def test_correlations_that_cannot_be_have_no_factor() -> None:
    one, less = Decimal(1), Decimal("-0.6")
    assert cholesky([[one, less, less], [less, one, less], [less, less, one]]) is None
    assert cholesky([[one, one, less], [one, one, one], [less, one, one]]) is None
    half = cholesky([[one, Decimal("0.6")], [Decimal("0.6"), one]])
    assert half is not None
    assert correlated(half, [one, one]) == [Decimal(1), Decimal("1.4")]


@pytest.mark.parametrize(
    ("hits", "runs", "interval"),
    [
        (0, 10, ("0.000000", "0.277533")),  # z² / (n + z²) = 3.841459 / 13.841459
        (10, 10, ("0.722467", "1.000000")),
        (5, 10, ("0.236593", "0.763407")),
        (10, 100, ("0.055229", "0.174366")),
    ],
)
def test_the_interval_of_wilson(hits: int, runs: int, interval: tuple[str, str]) -> None:
    """By hand for 5 of 10: 0.5 ± 1.959964 × √(0.025 + 3.841459/400) / 1.3841459 = 0.5 ± 0.263407.

    For 10 of 100: (0.1192073 ± 1.959964 × √(0.0009 + 0.00009604)) / 1.0384146. Outwards.
    """
    assert wilson(hits, runs) == interval


def test_quantiles_are_values_that_were_and_means_are_exact() -> None:
    values = [Fraction(n) for n in range(1, 101)]
    assert [quantile(values, p) for p in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert quantile([Fraction(7)], 50) == 7
    assert quantile([Fraction(1), Fraction(2), Fraction(3)], 50) == 2
    assert rounded(mean([Fraction(1), Fraction(0), Fraction(0)]), 4) == "0.3333"
    assert rounded(Fraction(-1, 8), 2) == "-0.12", "half-even"
