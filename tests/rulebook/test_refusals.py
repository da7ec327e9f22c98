"""A document that contradicts itself is refused, with the path of the field."""

from typing import Any

import pytest

from clearing.rulebook import check_document
from tests.engine.venue import TAKEOVER, rulebook

RATE = {"op": "rate", "rate": "0.05"}
TENTH = {"op": "rate", "rate": "0.1"}


def schedule(**levels: Any) -> dict[str, Any]:
    return {"initial": TENTH, "maintenance": RATE, **levels}


def tiers(*rows: tuple[str, ...], **fields: Any) -> dict[str, Any]:
    names = ("floor", "rate", "amount")
    return {"op": "tiers", "tiers": [dict(zip(names, row, strict=False)) for row in rows], **fields}


SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown operator": (
        schedule(maintenance={"op": "cube", "rate": "0.05"}),
        "schedules.majors.maintenance: Input tag 'cube'",
    ),
    "an unknown operator inside another": (
        schedule(initial={"op": "sum", "of": [RATE, {"op": "cube"}]}),
        "schedules.majors.initial.of.1: Input tag 'cube'",
    ),
    "a level that is missing": (
        {"initial": RATE},
        "schedules.majors: maintenance is missing",
    ),
    "a tier table with a gap": (
        schedule(maintenance=tiers(("100", "0.01"))),
        "schedules.majors.maintenance: tiers.0.floor is 100; the first tier starts at 0",
    ),
    "tiers out of order": (
        schedule(maintenance=tiers(("0", "0.01"), ("50", "0.02"), ("50", "0.03"))),
        "schedules.majors.maintenance: tiers.2.floor is 50, not above 50",
    ),
    "marginal rates that fall": (
        schedule(maintenance=tiers(("0", "0.02"), ("50", "0.01"))),
        "schedules.majors.maintenance: tiers.1.rate is 0.01, below 0.02",
    ),
    "an amount that does not make tiers meet": (
        schedule(maintenance=tiers(("0", "0.01", "0"), ("1000", "0.02", "11"))),
        "schedules.majors.maintenance: tiers.1.amount is 11; the tiers below make it 10",
    ),
    "an amount above what is asked": (
        schedule(maintenance=tiers(("0", "0.01"), ("1000", "0.02", "21"), mode="whole")),
        "schedules.majors.maintenance: tiers.1.amount is 21: the requirement at notional 1000",
    ),
    "initial margin below maintenance": (
        schedule(initial=RATE, maintenance=TENTH),
        "schedules.majors: initial is below maintenance at notional 1",
    ),
    "initial margin below maintenance from a tier on": (
        schedule(initial=RATE, maintenance=tiers(("0", "0.01"), ("100", "0.09"))),
        "schedules.majors: initial is below maintenance at notional 201",
    ),
    "initial margin below maintenance at a jump": (
        schedule(
            initial=TENTH,
            maintenance=tiers(("0", "0.01"), ("700", "0.2"), ("800", "0.05"), mode="whole"),
        ),
        "schedules.majors: initial is below maintenance at notional 700",
    ),
    "initial margin below maintenance between two operators": (
        schedule(
            initial={"op": "max", "of": [RATE, {"op": "amount", "amount": "50"}]},
            maintenance={"op": "sum", "of": [RATE, {"op": "amount", "amount": "10"}]},
        ),
        "schedules.majors: initial is below maintenance at notional 1000",
    ),
    "a ratio of a level that is not there": (
        schedule(maintenance={"op": "ratio", "level": "release", "factor": "0.5"}),
        "schedules.majors: maintenance: refers to level 'release', which is not there",
    ),
    "a ratio of itself": (
        schedule(
            initial={"op": "ratio", "level": "maintenance", "factor": "2"},
            maintenance={
                "op": "rounded",
                "of": {"op": "ratio", "level": "initial", "factor": "0.5"},
            },
        ),
        "schedules.majors: initial: is a ratio of itself: initial of maintenance of initial",
    ),
    "a level called zero": (
        schedule(zero=RATE),
        "schedules.majors: zero: is what a condition calls no requirement",
    ),
    "a rate beyond the whole": (
        schedule(initial={"op": "rate", "rate": "1.01"}),
        "schedules.majors.initial.rate: 1.01 must be greater than 0 and at most 1",
    ),
    "open interest bounds the wrong way round": (
        schedule(initial={"op": "open_interest", "rate": "0.1", "lower": "5", "upper": "5"}),
        "schedules.majors.initial: upper is 5, not above lower, 5",
    ),
    "a field that does not exist": (
        schedule(initial={"op": "rate", "rates": "0.1"}),
        "schedules.majors.initial.rates: Extra inputs are not permitted",
    ),
    "a field that is missing": (
        schedule(initial={"op": "rate"}),
        "schedules.majors.initial.rate: Field required",
    ),
    "a binary number": (
        schedule(initial={"op": "rate", "rate": 0.1}),
        "schedules.majors.initial.rate: a float is not an exact amount; write a decimal string",
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_contradicts_itself_is_refused(name: str) -> None:
    document, problem = SCHEDULES[name]
    parsed, problems = check_document(rulebook(schedule=document))
    assert parsed is None
    assert any(found.startswith(problem) for found in problems), problems


def test_a_ladder_must_not_look_at_a_level_that_a_schedule_lacks() -> None:
    backstop = {**TAKEOVER, "when": {"level": "backstop"}}
    parsed, problems = check_document(rulebook(ladder=[backstop]))
    assert parsed is None
    (problem,) = problems
    assert problem.startswith("bindings.0.ladder: ladders.standard.0 looks at level 'backstop'")
    assert problem.endswith("schedule 'majors' of market * does not have")
    level = {"op": "ratio", "level": "maintenance", "factor": "0.5"}
    parsed, problems = check_document(
        rulebook(ladder=[backstop], schedule=schedule(backstop=level))
    )
    assert problems == []


def test_a_minimum_of_a_level_that_is_not_there() -> None:
    document = rulebook()
    document["bindings"][0]["minimum"] = {"release": "5"}
    assert check_document(document)[1] == ["bindings.0.minimum.release: 'majors' has no such level"]


@pytest.mark.parametrize(
    "initial",
    [
        {"op": "max", "of": [RATE, {"op": "rate", "rate": "0.01"}]},
        {"op": "sum", "of": [RATE, {"op": "amount", "amount": "0"}]},
        {"op": "ratio", "level": "maintenance", "factor": "1"},
        {"op": "with_orders", "of": RATE},
        {"op": "user_leverage", "default": "100"},
    ],
)
def test_initial_margin_may_equal_maintenance_or_be_beyond_deciding(
    initial: dict[str, Any],
) -> None:
    assert check_document(rulebook(schedule=schedule(initial=initial)))[1] == []
