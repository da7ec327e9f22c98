"""The nearest within tolerances: found without looking at everything, the same as if it were."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.windows import naive_within_tolerance
from clearing.reconcile.lines import SCALE, Movement
from clearing.reconcile.nearest import within_tolerance
from clearing.reconcile.opensides import OpenSides
from clearing.reconcile.ranks import Ranks
from clearing.reconcile.tolerances import Field, Tolerance, Tolerances
from tests.reconcile.sides import HOUR, UNITS, match, side


def adopted(amount: int, millionths: int, hours: int) -> Tolerances:
    """Tolerances of amounts (in whole units) and of time."""
    fields: dict[Field, tuple[int, int]] = {
        "amount": (amount * SCALE, millionths),
        "fee": (SCALE, 0),
        "time": (hours * HOUR, 0),
    }
    return Tolerances(
        Tolerance(version, "*", "*", field, absolute, share, "rounding")
        for version, (field, (absolute, share)) in enumerate(fields.items(), start=1)
    )


def test_the_nearest_amount_counts_first_then_the_nearest_moment_then_the_first() -> None:
    ours = side(
        {"amount": 102, "at": 2 * HOUR},
        {"amount": 101, "at": 0},
        {"amount": 101, "at": 3 * HOUR},
        {"amount": 99, "at": 3 * HOUR},
        {"amount": 99, "at": 3 * HOUR},
    )
    theirs = side(*({"amount": 100, "at": 2 * HOUR} for _ in range(4)))
    matched = match(ours, theirs, adopted(1, 0, 5))
    assert [one.ours for one in matched.matches] == [(2,), (3,), (4,), (1,)]


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 3),
    st.sampled_from([0, 200_000]),
    st.integers(0, 8),
    st.sampled_from([2, 12, 40]),
)
def test_the_same_is_found_as_by_looking_at_everything(
    seed: int, amount: int, millionths: int, hours: int, most: int
) -> None:
    """Whatever is alike: amounts, moments, assets and classes."""
    dice = Random(seed)  # noqa: S311 - dice

    def draw() -> list[Movement]:
        return [
            Movement(
                place,
                dice.randrange(10) * HOUR,
                dice.choice(["USD", "BTC"]),
                dice.choice(["deposit", "fee"]),
                dice.randrange(-most, most) * SCALE,
                (),
            )
            for place in range(dice.randrange(60))
        ]

    ours, theirs = draw(), draw()
    found = []
    for rule in (within_tolerance, naive_within_tolerance):
        sides = OpenSides(ours, theirs, adopted(amount, millionths, hours), UNITS)
        rule(sides)
        found.append((sides.found.matches, list(sides.open_ours), list(sides.open_theirs)))
    assert found[0] == found[1]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), max_size=60))
def test_a_set_of_ranks_tells_what_is_next(steps: list[tuple[bool, int]]) -> None:
    ranks, plain = Ranks(3_001), set[int]()
    for put, rank in steps:
        (ranks.add if put else ranks.discard)(rank)
        (plain.add if put else plain.discard)(rank)
        for asked in (0, rank - 1, rank, rank + 1, 1_024, 3_000):
            if asked < 0:
                continue
            assert ranks.at_least(asked) == min(
                (one for one in plain if one >= asked), default=None
            )
            assert ranks.below(asked) == max((one for one in plain if one < asked), default=None)
