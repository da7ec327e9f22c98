"""The engine, with either watch, and the second ledger leave the same entries."""

from collections import Counter
from functools import cache

import pytest

from tests.auditor.run import Outcome, compare

CHUNK = 10


@cache
def outcome_of(seed: int) -> Outcome:
    """A seed compared once, for all tests of one run."""
    return compare(seed, 120)


@pytest.mark.parametrize("first", range(1, 51, CHUNK))
def test_the_engine_and_the_second_ledger_agree(first: int) -> None:
    differences = []
    for seed in range(first, first + CHUNK):
        outcome = outcome_of(seed)
        if outcome.difference:
            differences.append(f"seed {seed}: {outcome.difference}")
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("first", range(101, 121, CHUNK))
def test_they_agree_where_gains_are_sold_and_debts_are_covered(first: int) -> None:
    differences, covered = [], 0
    for seed in range(first, first + CHUNK):
        outcome = compare(seed, 120, unwinds=True)
        covered += outcome.counts["liquidation cover"]
        if outcome.difference:
            differences.append(f"seed {seed}: {outcome.difference}")
    assert not differences, "\n".join(differences)
    assert covered


REACHED = {
    "breakers": {"breaker", "price", "deviation no_trading"},
    "ramps": {"closed reduce", "posting penalty"},
    "auctions": {
        "auction opened",
        "auction taken",
        "auction bid",
        "auction over",
        "closed auction",
    },
    "impact": {"impact", "depth"},
    "claims": {"closed fund", "closed deficit"},
    "pools": {"shares", "leave_request", "posting pool_joined", "posting pool_left"},
}
"""What has to occur where a venue has a mechanism besides."""


@pytest.mark.parametrize("mechanism", REACHED)
def test_they_agree_where_a_venue_has_more(mechanism: str) -> None:
    differences, counts = [], Counter[str]()
    for seed in range(11, 14):
        outcome = compare(seed, 120, mechanisms=(mechanism,))
        counts += outcome.counts
        if outcome.difference:
            differences.append(f"seed {seed}: {outcome.difference}")
    assert not differences, "\n".join(differences)
    assert not REACHED[mechanism] - set(counts)


def test_the_streams_reach_what_they_are_meant_to_reach() -> None:
    """Agreement says little where nothing happens: the rarest outcomes must occur."""
    counts = sum((outcome_of(seed).counts for seed in range(1, 41)), outcome_of(41).counts)
    wanted = {
        "closed reduce",
        "closed fund",
        "closed adl",
        "closed deficit",
        "margin_call met",
        "margin_call missed",
        "margin_call lapsed",
        "posting residual",
        "liquidation cover",
        "liquidation reduce",
        "posting variation",
        "posting loss",
        "posting haircut",
        "haircut",
        "posting penalty",
        "posting cost_basis",
        "posting funding_rounding",
        "remainder funding",
        "withheld takeover",
        "withheld reduce",
        "rulebook scheduled",
        "waiting",
        "deviation after_takeover",
        "deviation funding_mismatch",
        "deviation liquidation_missing",
        "deviation negative_balance",
        "deviation reported_pnl",
        "deviation reversed_twice",
        "deviation unknown_account",
    }
    assert not wanted - set(counts)
