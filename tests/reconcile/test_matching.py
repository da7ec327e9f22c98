"""The cascade: which rule finds what, and what a difference is called."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.reconcile.lines import SCALE, Movement
from clearing.reconcile.matching import match_movements
from clearing.reconcile.subsets import MOST_CANDIDATES, adding_up
from clearing.reconcile.tolerances import Tolerances
from tests.reconcile.sides import HOUR, SECOND, UNITS, found, match, side, tolerance


def test_the_same_identifier_belongs_together_whatever_else_is_near() -> None:
    ours = side({"amount": 5, "ids": "a"}, {"amount": 5, "ids": "b"})
    theirs = side({"amount": 5, "ids": "b"}, {"amount": 5, "ids": "a"})
    matched = match(ours, theirs)
    assert sorted((one.rule, one.ours, one.theirs) for one in matched.matches) == [
        ("native id", (0,), (1,)),
        ("native id", (1,), (0,)),
    ]
    assert not matched.differences


def test_parts_under_one_identifier_add_up() -> None:
    """They tell profit and fee of a trade in one line; we posted two."""
    ours = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -1, "ids": "t", "kind": "fee"},
    )
    theirs = side({"amount": 9, "ids": "t", "kind": "trade"})
    (one,) = match(ours, theirs).matches
    assert (one.rule, one.ours, one.theirs) == ("native id", (0, 1), (0,))


def test_of_parts_only_the_one_that_differs_is_a_break() -> None:
    ours = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -1, "ids": "t", "kind": "fee"},
    )
    theirs = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -2, "ids": "t", "kind": "fee"},
    )
    matched = match(ours, theirs)
    assert found(matched) == [("fee", (1,), (1,))]
    assert [(one.ours, one.theirs) for one in matched.matches] == [((0,), (0,))]


def test_a_part_that_they_lack_is_missing_and_one_that_is_late_is_late() -> None:
    ours = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -1, "ids": "t", "kind": "fee"},
    )
    alone = side({"amount": -1, "ids": "t", "kind": "fee"})
    assert found(match(ours, alone)) == [("missing_there", (0,), ())]
    late = side(
        {"amount": 10, "ids": "t", "kind": "realised_pnl"},
        {"amount": -1, "ids": "t", "kind": "fee", "at": 8 * HOUR},
    )
    assert found(match(ours, late)) == [("timing", (1,), (1,))]


def test_without_identifiers_asset_class_amount_and_moment_decide_in_order() -> None:
    ours = side({"amount": 5}, {"amount": 5}, {"amount": 5, "at": SECOND})
    theirs = side({"amount": 5, "at": SECOND}, {"amount": 5}, {"amount": 5})
    matched = match(ours, theirs)
    assert sorted((one.rule, one.ours, one.theirs) for one in matched.matches) == [
        ("composite", (0,), (1,)),
        ("composite", (1,), (2,)),
        ("composite", (2,), (0,)),
    ]


def test_tolerances_are_zero_unless_adopted_and_what_they_let_pass_is_stated() -> None:
    ours, theirs = side({"amount": 100}), side({"amount": 101})
    assert found(match(ours, theirs)) == [("amount", (0,), (0,))]
    (one,) = match(ours, theirs, tolerance("amount", 1)).matches
    assert (one.rule, one.tolerance, one.residual) == ("tolerance", 7, SCALE)
    assert found(match(ours, side({"amount": 102}), tolerance("amount", 1)))
    (one,) = match(ours, theirs, tolerance("amount", 0, millionths=10_000)).matches
    assert one.residual == SCALE
    assert found(match(ours, theirs, tolerance("amount", 1, what="BTC")))


def test_a_tolerance_of_time_is_a_window() -> None:
    ours, theirs = side({"amount": 5}), side({"amount": 5, "at": 3 * SECOND})
    assert found(match(ours, theirs)) == [("timing", (0,), (0,))]
    (one,) = match(ours, theirs, tolerance("time", 3)).matches
    assert (one.rule, one.tolerance, one.residual) == ("tolerance", 7, 0)


def test_several_of_ours_make_one_of_theirs_and_the_other_way_round() -> None:
    ours = side({"amount": 3}, {"amount": 4}, {"amount": 10, "at": SECOND})
    theirs = side({"amount": 7}, {"amount": 6, "at": SECOND}, {"amount": 4, "at": SECOND})
    matched = match(ours, theirs)
    assert [(one.rule, one.ours, one.theirs) for one in matched.matches] == [
        ("one to many", (0, 1), (0,)),
        ("many to one", (2,), (1, 2)),
    ]


def test_what_differs_is_named_by_what_it_is() -> None:
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "amount": ({"amount": 5}, {"amount": 6}),
        "sign": ({"amount": 5}, {"amount": -5}),
        "rounding": ({"amount": 5}, {"amount": 5.01}),
        "fee": ({"amount": -5, "kind": "fee"}, {"amount": -6, "kind": "fee"}),
        "funding": ({"amount": 5, "kind": "funding"}, {"amount": 6, "kind": "funding"}),
        "static_data": ({"amount": 5}, {"amount": 5, "asset": "BTC"}),
        "timing": ({"amount": 5}, {"amount": 5, "at": 8 * HOUR}),
    }
    for type_, (here, there) in cases.items():
        for ids in ("", "x"):
            told: dict[str, Any] = {"ids": ids} if ids else {}
            assert found(match(side(here | told), side(there | told))) == [(type_, (0,), (0,))]


def test_another_kind_of_the_same_amount_at_the_same_time_is_static_data() -> None:
    ours, theirs = side({"amount": 5}), side({"amount": 5, "kind": "interest"})
    (one,) = match(ours, theirs).differences
    assert (one.type, one.field, one.here, one.there) == (
        "static_data",
        "kind",
        "deposit",
        "interest",
    )


def test_a_line_told_twice_is_a_duplicate_on_whichever_side() -> None:
    once, twice = side({"amount": 5}), side({"amount": 5}, {"amount": 5})
    assert [one[0] for one in found(match(once, twice))] == ["duplicate"]
    assert [one[0] for one in found(match(twice, once))] == ["duplicate"]
    named = side({"amount": 5, "ids": "a"}, {"amount": 5, "ids": "a"})
    assert [one[0] for one in found(match(side({"amount": 5, "ids": "a"}), named))] == ["duplicate"]


def test_an_event_of_ours_that_is_there_twice_under_one_identifier_is_a_duplicate() -> None:
    """Two sources told us the same deposit, each under a name of its own after the venue's."""
    twice = side({"amount": 5, "ids": "a"}, {"amount": 5, "ids": "a"})
    once = side({"amount": 5, "ids": "a"})
    matched = match(twice, once)
    assert [(one.rule, one.ours, one.theirs) for one in matched.matches] == [
        ("native id", (0,), (0,))
    ]
    (one,) = matched.differences
    assert (one.type, one.ours, one.theirs, one.amount) == ("duplicate", (1,), (), -5 * SCALE)
    assert one.words == "we have it more often than they state it"


def test_of_copies_the_one_of_the_same_moment_is_the_match() -> None:
    twice = side({"amount": 5, "ids": "a", "at": -HOUR}, {"amount": 5, "ids": "a"})
    matched = match(twice, side({"amount": 5, "ids": "a"}))
    assert [one.ours for one in matched.matches] == [(1,)]
    assert found(matched) == [("duplicate", (0,), ())]


def test_parts_of_ours_that_are_alike_are_no_copies_where_they_add_up() -> None:
    """Half each, which they tell in one line; of three equal parts they tell the sum of two."""
    halves = side({"amount": 5, "ids": "a"}, {"amount": 5, "ids": "a"})
    assert not match(halves, side({"amount": 10, "ids": "a"})).differences
    thirds = side(*({"amount": 5, "ids": "a"} for _ in range(3)))
    assert found(match(thirds, side({"amount": 10, "ids": "a"}))) == [("duplicate", (2,), ())]


def test_a_profit_booked_twice_beside_its_fee_is_a_duplicate() -> None:
    """They tell profit less fee in one line; the fee is no copy of anything."""
    profit: dict[str, Any] = {"amount": 10, "ids": "t", "kind": "realised_pnl"}
    ours = side(profit, profit, {"amount": -1, "ids": "t", "kind": "fee"})
    matched = match(ours, side({"amount": 9, "ids": "t", "kind": "trade"}))
    assert found(matched) == [("duplicate", (1,), ())]
    assert [one.ours for one in matched.matches] == [(0, 2)]


def test_an_identifier_may_be_of_each_market() -> None:
    """Two markets number their trades by themselves; of the second they charge 2 more."""
    btc: dict[str, Any] = {"amount": -1, "ids": "7", "kind": "fee", "market": "BTC-PERP"}
    eth: dict[str, Any] = {"amount": -3, "ids": "7", "kind": "fee", "market": "ETH-PERP"}
    matched = match(side(eth, btc), side(btc, eth | {"amount": -5}))
    assert [(one.ours, one.theirs) for one in matched.matches] == [((1,), (0,))]
    assert found(matched) == [("fee", (0,), (1,))]
    swapped = side(btc | {"amount": -3}, eth | {"amount": -1})
    assert found(match(side(btc, eth), swapped)) == [("fee", (0,), (0,)), ("fee", (1,), (1,))]


def test_a_market_that_one_side_does_not_tell_or_names_otherwise_keeps_nothing_apart() -> None:
    btc: dict[str, Any] = {"amount": -1, "ids": "7", "kind": "fee", "market": "BTC-PERP"}
    eth: dict[str, Any] = {"amount": -3, "ids": "7", "kind": "fee", "market": "ETH-PERP"}
    untold = side({"amount": -4, "ids": "7", "kind": "fee"})
    assert not match(side(btc, eth), untold).differences
    assert not match(side(btc, eth), side(btc, eth | {"market": "ETHUSD"})).differences
    assert found(match(side(btc, eth), side(btc))) == [("missing_there", (1,), ())]


def test_what_moved_nothing_is_nobodys_copy() -> None:
    nothing: dict[str, Any] = {"amount": 0, "ids": "a"}
    ours = side(nothing, nothing, {"amount": 5, "ids": "a"})
    assert all(one[0] != "duplicate" for one in found(match(ours, side({"amount": 4, "ids": "a"}))))


def test_equal_ones_of_other_identifiers_are_no_copies() -> None:
    """Two real deposits of 5 in one second: one of them they do not have."""
    ours = side({"amount": 5, "ids": "a"}, {"amount": 5, "ids": "b"})
    assert found(match(ours, side({"amount": 5, "ids": "a"}))) == [("missing_there", (1,), ())]


def test_what_neither_side_can_pair_is_missing_on_the_other() -> None:
    matched = match(side({"amount": 5}), side({"amount": 7, "at": 100 * HOUR}))
    assert found(matched) == [("missing_there", (0,), ()), ("missing_here", (), (0,))]
    assert [one.amount for one in matched.differences] == [-5 * SCALE, 7 * SCALE]


def test_the_search_for_sums_is_bounded() -> None:
    assert adding_up([1, 2, 4, 8], 13) == (0, 2, 3)
    assert adding_up([1, 2, 4, 8], 16) is None
    assert adding_up([3, 3, 6], 6) == (0, 1)
    assert adding_up([5], 5) is None
    many = [2] * MOST_CANDIDATES + [1]
    assert adding_up(many, 3) is None, "beyond the most candidates nothing is looked at"
    assert adding_up([2] * MOST_CANDIDATES, 2 * MOST_CANDIDATES) == tuple(range(MOST_CANDIDATES))
    assert adding_up([10**i for i in range(24)], 7) is None


PLANTED = ("missing_here", "missing_there", "amount", "sign", "timing", "duplicate", "rounding")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_what_is_planted_is_found_and_nothing_else(seed: int, named: bool) -> None:
    dice = Random(seed)  # noqa: S311 - dice
    ours: list[Movement] = []
    theirs: list[Movement] = []
    planted = []
    for number in range(200):
        # Far apart and of amounts of their own, so that only what is planted is ambiguous.
        amount = (dice.randrange(1, 10**6) * 10_000 + number * 13) * UNITS["USD"]
        at = number * 100 * HOUR
        one = Movement(len(ours), at, "USD", "deposit", amount, (f"id{number}",))
        two = Movement(len(theirs), at, "USD", "deposit", amount, (f"id{number}",) if named else ())
        what = dice.choice(PLANTED) if dice.random() < 0.1 else ""
        match what:
            case "missing_here":
                theirs.append(two)
            case "missing_there":
                ours.append(one)
            case _:
                ours.append(one)
                change: dict[str, dict[str, Any]] = {
                    "amount": {"amount": amount + 500 * UNITS["USD"]},
                    "sign": {"amount": -amount},
                    "timing": {"at": at + 5 * HOUR},
                    "rounding": {"amount": amount - UNITS["USD"]},
                }
                theirs.append(two._replace(**change.get(what, {})))
                if what == "duplicate":
                    theirs.append(theirs[-1]._replace(ref=len(theirs)))
        if what:
            planted.append(what)
    matched = match_movements(ours, theirs, Tolerances(), UNITS)
    assert [one.type for one in matched.differences] == planted
    taken = [place for one in matched.matches for place in one.ours]
    assert len(taken) == len(set(taken))
    effects = sum(one.amount for one in matched.differences)
    assert effects == sum(t.amount for t in theirs) - sum(o.amount for o in ours)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_every_difference_of_the_sums_is_in_a_break_or_a_residual(seed: int) -> None:
    """However alike the movements are, what the sides differ by is accounted for."""
    dice = Random(seed)  # noqa: S311 - dice
    kinds = ("deposit", "fee", "funding", "realised_pnl")

    def draw() -> list[Movement]:
        return [
            Movement(
                place,
                dice.randrange(6) * HOUR,
                "USD",
                dice.choice(kinds),
                dice.randrange(-4, 5) * SCALE or SCALE,
                (dice.choice("abcdefgh"),) if dice.random() < 0.5 else (),
            )
            for place in range(dice.randrange(25))
        ]

    ours, theirs = draw(), draw()
    tolerances = dice.choice([Tolerances(), tolerance("amount", 1), tolerance("time", 3_600)])
    matched = match_movements(ours, theirs, tolerances, UNITS)
    accounted = sum(one.amount for one in matched.differences)
    accounted += sum(one.residual for one in matched.matches)
    assert accounted == sum(t.amount for t in theirs) - sum(o.amount for o in ours)
    whole = [one for one in matched.differences if one.type not in ("timing", "duplicate")]
    for places in (
        [place for one in matched.matches for place in one.ours],
        [place for one in matched.matches for place in one.theirs],
    ):
        assert len(places) == len(set(places)), "nothing counts twice"
    missing = [place for one in whole if one.type == "missing_there" for place in one.ours]
    taken = {place for one in matched.matches for place in one.ours}
    assert not taken & set(missing)
