"""Cascades: forced closes move the mark where a rulebook states by how much, and nowhere else.

Three longs of 10 BTC each from 1,000, eve short against them. 1 % is asked, and one that falls
short is closed at the mark against the fund.
"""

from typing import Any

import pytest

from clearing.engine import Engine
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook

CLOSE = {"action": "reduce", "when": {"level": "maintenance"}, "quantity": {"op": "all"}}
END = {**TAKEOVER, "when": {"level": "zero", "comparator": "<="}}
TENTH = {"op": "linear", "coefficient": "0.1", "depth": "100"}
"""Closing 100 BTC moves the mark by a tenth, closing 10 by a hundredth."""


def venue(impact: dict[str, Any] | None, *, mode: str = "derive") -> Venue:
    """ada, bob and cyd have 150, 200 and 300 beside their 10 BTC."""
    v = Venue()
    v.market("BTC")
    v.account("ada", "bob", "cyd", "eve")
    v("FundContributed", fund="insurance", asset="USD", amount="100000")
    sections: dict[str, Any] = {} if impact is None else {"impact": {"BTC": impact}}
    assert deviations(v.adopt(rulebook(ladder=[CLOSE, END], mode=mode, **sections))) == []
    for name, cash in (("ada", "150"), ("bob", "200"), ("cyd", "300"), ("eve", "100000")):
        v.deposit(name, cash)
    v.mark(BTC="1000")
    for name in ("ada", "bob", "cyd"):
        v.trade(name, "eve", "BTC", "10", "1000")
    return v


def impacts(entries: list[Any]) -> list[tuple[str, str, str]]:
    """Size closed, mark before and mark after, in whole units."""
    return [
        (
            f"{int(e['size']) / 1000:g}",
            f"{int(e['before']) / 100:.2f}",
            f"{int(e['after']) / 100:.2f}",
        )
        for e in of_kind(entries, "impact")
    ]


def closed(v: Venue, entries: list[Any]) -> list[int]:
    return [int(e["account"]) - v.ordinal("ada") for e in of_kind(entries, "closed")]


def test_without_a_rule_a_close_moves_no_mark() -> None:
    v = venue(None)
    entries = v.mark(BTC="994")
    assert closed(v, entries) == [0]
    assert impacts(entries) == []
    assert v.engine.book.markets[1].mark == 99400


def test_one_close_brings_down_the_next_until_all_is_at_rest() -> None:
    """ada has 90 at 994, below 99.40. Her 10 BTC move the mark by 1 % of it to 984.06.

    There bob has 40.60 of 98.41; his take it to 974.22, where cyd has 42.20 of 97.42.
    """
    v = venue(TENTH)
    entries = v.mark(BTC="994")
    assert closed(v, entries) == [0, 1, 2]
    assert impacts(entries) == [
        ("10", "994.00", "984.06"),
        ("10", "984.06", "974.22"),
        ("10", "974.22", "964.48"),
    ]
    assert v.engine.book.markets[1].mark == 96448
    assert (v.cash("ada"), v.cash("bob"), v.cash("cyd")) == ("90", "40.6", "42.2")


def test_what_is_closed_in_one_round_moves_the_mark_once() -> None:
    """At 989 ada and bob fall short together and both are closed there: 20 BTC are 2 %.

    cyd, who has 7.80 less than nothing at 969.22, is taken over, which is no sale.
    """
    v = venue(TENTH)
    entries = v.mark(BTC="989")
    assert impacts(entries) == [("20", "989.00", "969.22")]
    assert (v.cash("ada"), v.cash("bob"), v.cash("cyd")) == ("40", "90", "0")


def test_shorts_that_are_bought_back_move_it_up() -> None:
    v = venue(TENTH)
    v("Withdrawn", account="eve", asset="USD", amount="99600")
    entries = v.mark(BTC="1004")
    assert impacts(entries) == [("-30", "1004.00", "1034.12")]


def test_the_next_mark_stands_where_nothing_else_is_said() -> None:
    v = venue(TENTH)
    v.mark(BTC="994")
    assert impacts(v.mark(BTC="993")) == []
    assert v.engine.book.markets[1].mark == 99300


def test_impact_may_fade_over_later_marks() -> None:
    """After the cascade the mark is 964.48 where 994 was told: 2.9698 % lower.

    Of that 90 % is left 10 seconds later and 40 % after 60, of the prices then told.
    """
    v = venue({**TENTH, "fades_seconds": 100})
    v.mark(BTC="994")
    assert impacts(v("Marked", after=10, marks=[{"market": "BTC", "price": "1000"}])) == [
        ("0", "964.48", "973.28")
    ]
    v("Marked", after=50, marks=[{"market": "BTC", "price": "1000"}])
    assert v.engine.book.markets[1].mark == 98813
    v("Marked", after=50, marks=[{"market": "BTC", "price": "1000"}])
    assert v.engine.book.markets[1].mark == 100000


def test_a_square_root_moves_further_for_small_closes() -> None:
    """√(10 / 100) × 0.01 = 0.3162 % of 994 are 3.14: bob, who has 168.60 at 990.86, stays."""
    v = venue({"op": "square_root", "coefficient": "0.01", "depth": "100"})
    entries = v.mark(BTC="994")
    assert impacts(entries) == [("10", "994.00", "990.86")]
    assert closed(v, entries) == [0]


def test_depth_is_what_was_last_observed_of_the_side_that_takes_it() -> None:
    v = venue({"op": "linear", "coefficient": "0.1"})
    v("DepthObserved", market="BTC", bid_size="500", ask_size="5", within="0.01")
    assert impacts(v.mark(BTC="994")) == [("10", "994.00", "992.02")]


def test_without_a_depth_a_close_moves_the_mark_by_the_ceiling() -> None:
    v = venue({"op": "linear", "coefficient": "0.1", "ceiling": "0.001"})
    assert impacts(v.mark(BTC="994")) == [("10", "994.00", "993.01")]


def test_a_takeover_counts_as_a_sale_where_the_rule_says_so() -> None:
    """At 985 ada, with nothing left, is taken over, and bob's 10 BTC are closed at the mark."""
    both = venue({**TENTH, "closes": ["reduce", "takeover"]})
    assert impacts(both.mark(BTC="985"))[0] == ("20", "985.00", "965.30")
    one = venue({**TENTH, "closes": ["takeover"]})
    assert impacts(one.mark(BTC="985"))[0] == ("10", "985.00", "975.15")


@pytest.mark.parametrize("mode", ["record", "verify"])
def test_recorded_marks_have_their_impact_in_them_already(mode: str) -> None:
    v = venue(TENTH, mode=mode)
    assert impacts(v.mark(BTC="900")) == []


def test_a_correction_amends_the_price_that_was_told() -> None:
    v = venue(TENTH)
    v("Marked", id="wrong", marks=[{"market": "BTC", "price": "994"}])
    v(
        "Marked",
        amends={"source": "venue", "external_id": "wrong"},
        marks=[{"market": "BTC", "price": "999"}],
    )
    assert v.engine.book.markets[1].mark == 99900


def test_a_snapshot_knows_what_is_left_of_the_impact() -> None:
    v = venue({**TENTH, "fades_seconds": 100})
    v.mark(BTC="994")
    other = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert other.digest() == v.engine.digest()
    v("Marked", after=10, marks=[{"market": "BTC", "price": "1000"}])
    other.apply(v.log[-1])
    assert other.digest() == v.engine.digest()
    assert other.entry_hash == v.engine.entry_hash
