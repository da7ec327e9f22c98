"""Fills of both sides: what matches by which rule, and every way in which two can differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.reconcile.chains import FEE_WORDS, GAP_WORDS, chain_gaps
from clearing.reconcile.differences import BreakType
from clearing.reconcile.fills import match_fills
from clearing.reconcile.lines import SCALE, Fill
from clearing.reconcile.matches import Matched
from clearing.reconcile.tolerances import Tolerances
from tests.reconcile.sides import HOUR, SECOND, fill, found, tolerance


def fills(*several: dict[str, Any]) -> list[Fill]:
    """A side of fills: purchases of 1 at 100 unless told otherwise."""
    return [fill(place, **fields) for place, fields in enumerate(several)]


def match(ours: list[Fill], theirs: list[Fill], tolerances: Tolerances | None = None) -> Matched:
    return match_fills(ours, theirs, tolerances or Tolerances())


def told(matched: Matched) -> list[tuple[str, str, str, str]]:
    """What differs: type, field, and what stands on each side."""
    return [(one.type, one.field, one.here, one.there) for one in matched.differences]


def rules(matched: Matched) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(one.rule, one.ours, one.theirs) for one in matched.matches]


# -- what matches


def test_the_same_trade_id_is_the_same_fill_whatever_the_order() -> None:
    ours = fills({"ids": "a"}, {"ids": "b", "size": 2})
    theirs = fills({"ids": "b", "size": 2}, {"ids": "a"})
    matched = match(ours, theirs)
    assert sorted(rules(matched)) == [("native id", (0,), (1,)), ("native id", (1,), (0,))]
    assert matched.differences == []


def test_without_ids_market_size_price_and_moment_tell() -> None:
    ours = fills({"at": 5}, {"at": 5, "market": "ETH-PERP"}, {"at": 6})
    theirs = fills({"at": 6}, {"at": 5}, {"at": 5, "market": "ETH-PERP"})
    matched = match(ours, theirs)
    assert sorted(rules(matched)) == [
        ("composite", (0,), (1,)),
        ("composite", (1,), (2,)),
        ("composite", (2,), (0,)),
    ]


def test_several_parts_of_ours_under_one_trade_id_are_one_of_theirs() -> None:
    parts = fills({"ids": "a", "size": 2, "fee": 2}, {"ids": "a", "size": 3, "fee": 3})
    whole = fills({"ids": "a", "size": 5, "fee": 5})
    assert rules(match(parts, whole)) == [("one to many", (0, 1), (0,))]
    assert rules(match(whole, parts)) == [("many to one", (0,), (0, 1))]


def test_parts_whose_fees_do_not_add_up_are_a_break_of_the_fee() -> None:
    parts = fills({"ids": "a", "size": 2, "fee": 2}, {"ids": "a", "size": 3, "fee": 3})
    matched = match(parts, fills({"ids": "a", "size": 5, "fee": 6}))
    assert told(matched) == [("fee", "fee", "5", "6")]
    assert found(matched) == [("fee", (0, 1), (0,))]


def test_parts_of_another_market_do_not_make_a_whole() -> None:
    parts = fills({"ids": "a", "size": 2}, {"ids": "a", "size": 3, "market": "ETH-PERP"})
    matched = match(parts, fills({"ids": "a", "size": 5}))
    assert matched.matches == []


def test_both_sides_of_a_trade_with_oneself_have_one_trade_id() -> None:
    both = fills({"ids": "a"}, {"ids": "a", "size": -1})
    matched = match(both, list(reversed(both)))
    assert sorted(rules(matched)) == [("native id", (0,), (1,)), ("native id", (1,), (0,))]


def test_a_price_or_fee_that_is_not_told_is_not_compared() -> None:
    matched = match(fills({"ids": "a"}), fills({"ids": "a", "price": 0, "fee": None}))
    assert rules(matched) == [("native id", (0,), (0,))]


def test_a_fee_of_nothing_is_nothing_in_any_asset() -> None:
    ours = fills({"ids": "a", "fee": 0})
    theirs = [one._replace(fee_asset="BTC") for one in fills({"ids": "a", "fee": 0})]
    assert match(ours, theirs).differences == []
    theirs = [one._replace(fee_asset="BTC") for one in fills({"ids": "a", "fee": 2})]
    assert told(match(ours, theirs)) == [("fee", "fee", "0", "2")]


# -- what differs


@pytest.mark.parametrize("ids", [{"ids": "a"}, {}])
@pytest.mark.parametrize(
    ("changed", "expected", "amount"),
    [
        ({"size": 3}, ("quantity", "quantity", "1", "3"), 2),
        ({"price": 101}, ("price", "price", "100", "101"), 0),
        ({"fee": 2}, ("fee", "fee", "1", "2"), 0),
        ({"fee": -1}, ("sign", "fee", "1", "-1"), 0),
        ({"size": -1}, ("sign", "quantity", "1", "-1"), -2),
        (
            {"at": HOUR},
            ("timing", "time", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"),
            0,
        ),
    ],
)
def test_one_field_that_differs_is_one_break(
    ids: dict[str, str],
    changed: dict[str, Any],
    expected: tuple[str, str, str, str],
    amount: int,
) -> None:
    matched = match(fills(ids), fills({**ids, **changed}))
    assert told(matched) == [expected]
    assert found(matched) == [(expected[0], (0,), (0,))]
    assert matched.differences[0].amount == amount * SCALE
    assert matched.matches == []


def test_another_market_under_the_same_id_is_static_data() -> None:
    matched = match(fills({"ids": "a"}), fills({"ids": "a", "market": "BTCUSD"}))
    assert told(matched) == [("static_data", "market", "BTC-PERP", "BTCUSD")]


def test_a_fee_in_another_asset_is_static_data() -> None:
    theirs = [one._replace(fee_asset="BTC") for one in fills({"ids": "a"})]
    assert told(match(fills({"ids": "a"}), theirs)) == [("static_data", "fee asset", "USD", "BTC")]


def test_two_fields_that_differ_are_two_breaks_of_one_pair() -> None:
    matched = match(fills({"ids": "a"}), fills({"ids": "a", "price": 101, "fee": 2}))
    assert [one.type for one in matched.differences] == ["fee", "price"]


def test_what_one_side_lacks_is_missing_there_or_here() -> None:
    matched = match(fills({"ids": "a"}, {"ids": "b", "size": 4}), fills({"ids": "a"}))
    assert found(matched) == [("missing_there", (1,), ())]
    assert (matched.differences[0].amount, matched.differences[0].words) == (
        -4 * SCALE,
        "bought 4 at 100",
    )
    matched = match(fills({"ids": "a"}), fills({"ids": "a"}, {"ids": "b", "size": -4}))
    assert found(matched) == [("missing_here", (), (1,))]
    assert (matched.differences[0].amount, matched.differences[0].words) == (
        -4 * SCALE,
        "sold 4 at 100",
    )


def test_one_that_is_missing_among_several_of_one_id_is_the_one_that_is_missing() -> None:
    three = fills(*({"ids": "a", "size": size} for size in (1, 2, 3)))
    two = fills(*({"ids": "a", "size": size} for size in (2, 3)))
    assert found(match(three, two)) == [("missing_there", (0,), ())]
    assert found(match(two, three)) == [("missing_here", (), (0,))]


def test_one_that_differs_among_several_of_one_id_is_the_one_that_differs() -> None:
    ours = fills(*({"ids": "a", "size": size} for size in (1, 2, 3)))
    theirs = fills(*({"ids": "a", "size": size} for size in (2, 3, 4)))
    matched = match(ours, theirs)
    assert told(matched) == [("quantity", "quantity", "1", "4")]
    assert len(matched.matches) == 2


@pytest.mark.parametrize("ids", [{"ids": "a"}, {}])
def test_the_same_fill_twice_is_a_duplicate_on_the_side_that_has_it_twice(
    ids: dict[str, str],
) -> None:
    once, twice = fills(ids), fills(ids, ids)
    matched = match(once, twice)
    assert [(one.type, one.theirs) for one in matched.differences] == [("duplicate", (1,))]
    assert matched.differences[0].amount == SCALE
    matched = match(twice, once)
    assert [(one.type, one.ours) for one in matched.differences] == [("duplicate", (1,))]
    assert matched.differences[0].amount == -SCALE


def test_two_equal_fills_with_ids_of_their_own_are_no_duplicates() -> None:
    matched = match(fills({"ids": "a"}), fills({"ids": "a"}, {"ids": "b"}))
    assert found(matched) == [("missing_here", (), (1,))]


# -- tolerances


def test_nothing_may_differ_unless_adopted() -> None:
    assert told(match(fills({"ids": "a"}), fills({"ids": "a", "price": 101})))


@pytest.mark.parametrize(
    ("field", "within", "beyond"),
    [
        ("price", {"price": 102}, {"price": 103}),
        ("quantity", {"size": 3}, {"size": 4}),
        ("fee", {"fee": 3}, {"fee": 4}),
        ("time", {"at": 2 * SECOND}, {"at": 3 * SECOND}),
    ],
)
def test_within_a_tolerance_sides_match_and_say_which(
    field: Any, within: dict[str, Any], beyond: dict[str, Any]
) -> None:
    adopted = tolerance(field, 2)
    (made,) = match(fills({"ids": "a"}), fills({"ids": "a", **within}), adopted).matches
    assert (made.rule, made.tolerance) == ("native id", 7)
    (made,) = match(fills({}), fills(within), adopted).matches
    assert (made.rule, made.tolerance) == ("tolerance", 7)
    assert len(match(fills({"ids": "a"}), fills({"ids": "a", **beyond}), adopted).differences) == 1


def test_a_tolerance_that_was_not_needed_is_not_named() -> None:
    (made,) = match(fills({"ids": "a"}), fills({"ids": "a"}), tolerance("price", 2)).matches
    assert (made.rule, made.tolerance) == ("native id", 0)


def test_a_tolerance_is_of_one_market() -> None:
    adopted = tolerance("price", 2, what="ETH-PERP")
    ours, theirs = fills({"ids": "a"}), fills({"ids": "a", "price": 101})
    assert told(match(ours, theirs, adopted)) == [("price", "price", "100", "101")]
    eth = (
        [one._replace(market="ETH-PERP") for one in ours],
        [one._replace(market="ETH-PERP") for one in theirs],
    )
    assert match(*eth, adopted).differences == []


# -- positions that chain


def chain(*several: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(gap.fill.ref, gap.amount // SCALE, gap.words) for gap in chain_gaps(fills(*several))]


def test_positions_that_follow_have_no_gap() -> None:
    assert chain({"before": 5}, {"before": 6, "size": -4}, {"before": 2}) == []


def test_a_leap_of_the_position_is_a_gap_of_its_size() -> None:
    assert chain({"before": 5}, {"before": 9}, {"before": 10}) == [(1, 3, GAP_WORDS)]
    assert chain({"after": 6}, {"after": 7}, {"after": 4}) == [(2, -4, GAP_WORDS)]


def test_a_leap_by_just_the_last_fee_says_so() -> None:
    assert chain({"before": 5, "fee": 2}, {"before": 4}) == [(1, -2, FEE_WORDS)]
    assert chain({"before": 5, "fee": 0}, {"before": 6}) == []


def test_fills_that_tell_no_position_are_counted_in() -> None:
    assert chain({"before": 5}, {"size": 3}, {"before": 9}) == []
    assert chain({"before": 5}, {"size": 3}, {"before": 6}) == [(2, -3, GAP_WORDS)]
    assert chain({}, {"before": 9}, {"before": 10}) == []


def test_accounts_and_markets_are_chained_apart() -> None:
    assert chain(
        {"before": 5, "account": "ada"},
        {"before": 100, "account": "bob"},
        {"before": 70, "account": "ada", "market": "ETH-PERP"},
        {"before": 6, "account": "ada"},
        {"before": 102, "account": "bob"},
    ) == [(4, 1, GAP_WORDS)]


# -- planted differences

PLANTS: dict[str, tuple[BreakType, ...]] = {
    "missing_here": ("missing_here",),
    "missing_there": ("missing_there",),
    "quantity": ("quantity",),
    "price": ("price",),
    "fee": ("fee",),
    "sign": ("sign",),
    "timing": ("timing",),
    "market": ("static_data",),
    "duplicate": ("duplicate",),
}


def planted(one: Fill, plant: str) -> tuple[list[Fill], list[Fill]]:
    """Return a fill on both sides with one difference planted."""
    both = ([one], [one])
    changes: dict[str, Fill] = {
        "quantity": one._replace(size=one.size + one.size // abs(one.size) * SCALE),
        "price": one._replace(price=one.price + SCALE),
        "fee": one._replace(fee=(one.fee or 0) + 3 * SCALE),
        "sign": one._replace(size=-one.size),
        "timing": one._replace(at=one.at + 7 * SECOND),
        "market": one._replace(market="OTHER"),
    }
    if plant in changes:
        return [one], [changes[plant]]
    return {
        "missing_here": ([], [one]),
        "missing_there": ([one], []),
        "duplicate": ([one], [one, one]),
    }.get(plant, both)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["none", *PLANTS]),
            st.sampled_from(["BTC-PERP", "ETH-PERP"]),
            st.sampled_from([-3, -2, -1, 1, 2, 3]),
            st.integers(1, 4),
            st.integers(0, 5),
            st.integers(1, 3),
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_planted_differences_are_found_and_nothing_else(
    drawn: list[tuple[str, str, int, int, int, int]], shuffle: Any
) -> None:
    ours: list[Fill] = []
    theirs: list[Fill] = []
    expected: list[tuple[str, str]] = []
    for number, (plant, market, size, price, at, fee) in enumerate(drawn):
        # What is missing has no twin on the other side that it could be taken for.
        own = 1_000 * (number + 1) if plant.startswith("missing") else 0
        one = fill(
            0,
            ids=f"t{number}",
            market=market,
            size=size + (own if size > 0 else -own),
            price=price + own,
            at=at * SECOND,
            fee=fee,
        )
        mine, yours = planted(one, plant)
        ours += mine
        theirs += yours
        expected += [(type_, f"t{number}") for type_ in PLANTS.get(plant, ())]
    for side in (ours, theirs):
        shuffle.shuffle(side)
        side[:] = [one._replace(ref=place) for place, one in enumerate(side)]
    matched = match(ours, theirs)
    named = [
        (one.type, (ours[one.ours[0]] if one.ours else theirs[one.theirs[0]]).ids[0])
        for one in matched.differences
    ]
    assert sorted(named) == sorted(expected)
    whole = sum(plant in ("none", "duplicate") for plant, *_ in drawn)
    assert len(matched.matches) == whole
