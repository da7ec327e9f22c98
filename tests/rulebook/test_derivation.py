"""Recipes: how a number follows from measures of the log."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.rulebook import check_document
from clearing.rulebook.derivation import DerivationRefused, check_recipe, derive, reduced
from tests.engine.venue import rulebook

BASE = "0" * 64
PATH = "schedules.majors.maintenance.rate"
MEASURE = {"series": "mark", "market": "BTC", "window_seconds": 60, "sample_seconds": 20}


def recipe(path: str = PATH, **fields: Any) -> dict[str, Any]:
    limits = {"floor": "0.01", "ceiling": "0.04", "step": "0.005"}
    measure = MEASURE | {"reduce": "worst_move"}
    parameter = {"path": path, "measure": measure, "times": "0.5", **limits, **fields}
    return {"producer": "worst-moves", "version": "3", "parameters": [parameter]}


def derived(measure: str, **fields: Any) -> tuple[str, str]:
    """Return the number that maintenance gets, and what limited it."""
    derivation = {"base_sha256": BASE, "position": 9, "recipe": recipe(**fields)}
    document, (working,) = derive(rulebook(), derivation, [Fraction(measure)])
    assert document["derivation"] == derivation
    assert check_document(document)[1] == []
    number = document["schedules"]["majors"]["maintenance"]["rate"]
    assert (working.before, working.after) == ("0.01", number)
    return number, working.limit


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("last", "90"),
        ("least", "90"),
        ("greatest", "120"),
        ("mean", "102.5"),
        ("median", "100"),
        ("worst_move", "1/4"),
    ],
)
def test_reductions(how: str, expected: str) -> None:
    samples = [Fraction(value) for value in (100, 100, 120, 90)]
    assert reduced(samples, how) == Fraction(expected)


def test_deviation_is_the_root_of_the_mean_squared_return() -> None:
    assert reduced([Fraction(100), Fraction(103), Fraction("98.88")], "deviation") == Fraction(
        "0.035355339059"  # the root of (0.03² + 0.04²) / 2, rounded down
    )


@pytest.mark.parametrize("samples", [[1], [0, 1]])
def test_returns_need_something_to_return_from(samples: list[int]) -> None:
    with pytest.raises(DerivationRefused, match="two samples or more, none of them 0"):
        reduced([Fraction(value) for value in samples], "worst_move")


def test_the_number_is_rounded_to_its_step_and_kept_within_its_limits() -> None:
    assert derived("0.031") == ("0.02", "")
    assert derived("0.031", rounding="down") == ("0.015", "")
    assert derived("0.031", add="0.01") == ("0.03", "")
    assert derived("0.001") == ("0.01", "floor")
    assert derived("0.5") == ("0.04", "ceiling")
    assert derived("0.5", moves_at_most="0.005") == ("0.015", "moves_at_most")


@given(
    measure=st.fractions(0, 1, max_denominator=10**6),
    most=st.integers(1, 6).map(lambda steps: steps * Decimal("0.005")),
)
def test_a_version_never_moves_further_than_it_may(measure: Fraction, most: Decimal) -> None:
    number = Decimal(derived(str(measure), moves_at_most=str(most))[0])
    assert Decimal("0.01") <= number <= min(Decimal("0.04"), Decimal("0.01") + most)
    assert number % Decimal("0.005") == 0


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("schedules.minors.maintenance.rate", "nothing at 'minors.maintenance.rate'"),
        ("bindings.7.account_class", "nothing at '7.account_class'"),
        ("schedules.majors.maintenance", "not a decimal"),
        ("mode", "has 'derive' there, not a decimal"),
        ("derivation.position", "nothing at 'derivation.position'"),
    ],
)
def test_a_path_has_to_lead_to_a_decimal(path: str, why: str) -> None:
    base = rulebook(derivation={"position": "1"})
    derivation = {"base_sha256": BASE, "position": 9, "recipe": recipe(path)}
    with pytest.raises(DerivationRefused, match=why):
        derive(base, derivation, [Fraction(1)])


def test_names_may_have_points() -> None:
    base = rulebook()
    base["schedules"]["majors.v2"] = {
        "initial": {"op": "rate", "rate": "0.2"},
        "maintenance": {"op": "rate", "rate": "0.1"},
    }
    wanted = recipe("schedules.majors.v2.maintenance.rate")
    derivation = {"base_sha256": BASE, "position": 9, "recipe": wanted}
    document, _ = derive(base, derivation, [Fraction("0.04")])
    assert document["schedules"]["majors.v2"]["maintenance"]["rate"] == "0.02"
    assert base["schedules"]["majors.v2"]["maintenance"]["rate"] == "0.1"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ceiling": "0.005"}, "parameters.0.ceiling: 0.005 is below floor, 0.01"),
        ({"floor": "0.011"}, "parameters.0.floor: 0.011 is no multiple of step, 0.005"),
        ({"measure": MEASURE | {"reduce": "mode"}}, "parameters.0.measure.reduce"),
        (
            {"measure": MEASURE | {"reduce": "last", "sample_seconds": 7}},
            "parameters.0.measure: window_seconds is 60, no multiple of sample_seconds, 7",
        ),
        (
            {"measure": MEASURE | {"reduce": "last", "notional": True}},
            "parameters.0.measure.notional: a mark is a price already",
        ),
        (
            {
                "measure": MEASURE
                | {"reduce": "last", "window_seconds": 10_000, "sample_seconds": 1}
            },
            "parameters.0.measure: more than 10000 samples",
        ),
    ],
)
def test_an_unsound_recipe_is_refused_with_the_path(change: dict[str, Any], problem: str) -> None:
    (found,) = check_recipe(recipe(**change))
    assert found.startswith(problem)


def test_a_path_may_stand_once() -> None:
    twice = recipe()
    twice["parameters"] *= 2
    assert check_recipe(twice) == [f"parameters.1.path: {PATH} stands twice"]
    assert check_recipe(recipe()) == []
