"""A document that contradicts itself is refused, with the path of the field."""

from typing import Any

import pytest

from clearing.rulebook import check_document
from tests.engine.venue import MAJORS, TAKEOVER, rulebook

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
        "schedules.majors.maintenance: op is 'cube', and must be one of 'rate', 'tiers'",
    ),
    "an unknown operator inside another": (
        schedule(initial={"op": "sum", "of": [RATE, {"op": "cube"}]}),
        "schedules.majors.initial.of.1: op is 'cube', and must be one of 'rate', 'tiers'",
    ),
    "a level that is missing": (
        {"initial": RATE},
        "schedules.majors.maintenance: is missing; a schedule has initial and maintenance",
    ),
    "a tier table with a gap": (
        schedule(maintenance=tiers(("100", "0.01"))),
        "schedules.majors.maintenance.tiers.0.floor: 100; the first tier starts at 0",
    ),
    "tiers out of order": (
        schedule(maintenance=tiers(("0", "0.01"), ("50", "0.02"), ("50", "0.03"))),
        "schedules.majors.maintenance.tiers.2.floor: 50 is not above 50",
    ),
    "marginal rates that fall": (
        schedule(maintenance=tiers(("0", "0.02"), ("50", "0.01"))),
        "schedules.majors.maintenance.tiers.1.rate: 0.01 is below 0.02",
    ),
    "an amount that does not make tiers meet": (
        schedule(maintenance=tiers(("0", "0.01", "0"), ("1000", "0.02", "11"))),
        "schedules.majors.maintenance.tiers.1.amount: 11; the tiers below make it 10",
    ),
    "an amount above what is asked": (
        schedule(maintenance=tiers(("0", "0.01"), ("1000", "0.02", "21"), mode="whole")),
        "schedules.majors.maintenance.tiers.1.amount: 21 makes the requirement at notional 1000",
    ),
    "initial margin below maintenance": (
        schedule(initial=RATE, maintenance=TENTH),
        "schedules.majors.initial: is below maintenance at notional 1",
    ),
    "initial margin below maintenance from a tier on": (
        schedule(initial=RATE, maintenance=tiers(("0", "0.01"), ("100", "0.09"))),
        "schedules.majors.initial: is below maintenance at notional 201",
    ),
    "initial margin below maintenance at a jump": (
        schedule(
            initial=TENTH,
            maintenance=tiers(("0", "0.01"), ("700", "0.2"), mode="whole"),
        ),
        "schedules.majors.initial: is below maintenance at notional 700",
    ),
    "initial margin below maintenance between two operators": (
        schedule(
            initial={"op": "max", "of": [RATE, {"op": "amount", "amount": "50"}]},
            maintenance={"op": "sum", "of": [RATE, {"op": "amount", "amount": "10"}]},
        ),
        "schedules.majors.initial: is below maintenance at notional 1000",
    ),
    "a whole tier that asks less than the one below it": (
        schedule(maintenance=tiers(("0", "0.02"), ("200", "0.01"), mode="whole")),
        "schedules.majors.maintenance.tiers.1: asks less at notional 200 than the tier below it",
    ),
    "initial margin below maintenance at the default leverage": (
        schedule(initial={"op": "user_leverage", "default": "100"}),
        "schedules.majors.initial: is below maintenance at notional 1",
    ),
    "initial margin below maintenance, both by leverage": (
        schedule(
            initial={"op": "user_leverage", "default": "10"},
            maintenance={"op": "user_leverage", "default": "10", "rate": "2"},
        ),
        "schedules.majors.initial: is below maintenance at notional 1",
    ),
    "initial margin below maintenance by depth": (
        schedule(
            initial={"op": "depth", "coefficient": "0.1"},
            maintenance={"op": "depth", "coefficient": "0.2"},
        ),
        "schedules.majors.initial: is below maintenance at size 1, price 1, depth 10",
    ),
    "initial margin below maintenance of a large size": (
        schedule(maintenance={"op": "size_premium", "rate": "0.03", "coefficient": "0.01"}),
        "schedules.majors.initial: is below maintenance at size 1000, price 1",
    ),
    "initial margin below a multiple of itself": (
        schedule(
            initial={"op": "volatility"},
            maintenance={"op": "ratio", "level": "initial", "factor": "2"},
        ),
        "schedules.majors.initial: is below maintenance at size 1, price 1, depth unknown",
    ),
    "a rounding that is none": (
        schedule(initial={"op": "rounded", "of": RATE, "rounding": "sideways"}),
        "schedules.majors.initial.rounding: must be one of down, up, toward_zero",
    ),
    "an operator without its name": (
        schedule(initial={"rate": "0.1"}),
        "schedules.majors.initial: op is missing; it says which kind this is",
    ),
    "a ratio of a level that is not there": (
        schedule(maintenance={"op": "ratio", "level": "release", "factor": "0.5"}),
        "schedules.majors.maintenance: refers to level 'release', which is not there",
    ),
    "a ratio of itself": (
        schedule(
            initial={"op": "ratio", "level": "maintenance", "factor": "2"},
            maintenance={
                "op": "rounded",
                "of": {"op": "ratio", "level": "initial", "factor": "0.5"},
            },
        ),
        "schedules.majors.initial: is a ratio of itself: initial of maintenance of initial",
    ),
    "a level called zero": (
        schedule(zero=RATE),
        "schedules.majors.zero: is what a condition calls no requirement",
    ),
    "a rate beyond the whole": (
        schedule(initial={"op": "rate", "rate": "1.01"}),
        "schedules.majors.initial.rate: 1.01 must be greater than 0 and at most 1",
    ),
    "open interest bounds the wrong way round": (
        schedule(initial={"op": "open_interest", "rate": "0.1", "lower": "5", "upper": "5"}),
        "schedules.majors.initial.upper: 5 is not above lower, 5",
    ),
    "a field that does not exist": (
        schedule(initial={"op": "rate", "rates": "0.1"}),
        "schedules.majors.initial.rates: is not a field here",
    ),
    "a field that is missing": (
        schedule(initial={"op": "rate"}),
        "schedules.majors.initial.rate: is missing",
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


def portfolio_only(**binding: Any) -> dict[str, Any]:
    """A rulebook that asks by a portfolio alone, at both levels."""
    group = {"moves": ["-0.1", "0.1"], "classes": {"a": {"markets": ["BTC"], "offset": "0.5"}}}
    levels = {"initial": "1.2", "maintenance": "1"}
    document = rulebook(portfolios={"p": {"groups": {"g": group}, "levels": levels}})
    document["bindings"][0] |= {"markets": {}, "portfolio": "p", **binding}
    document["schedules"] = {}
    return document


def test_a_binding_without_schedules_has_the_levels_of_its_portfolio() -> None:
    assert check_document(portfolio_only())[1] == []
    call = {"action": "margin_call", "when": {"level": "maintenance"}, "grace_seconds": 60}
    ladders = [
        [{**TAKEOVER, "when": {"level": "backstop"}}],
        [{**call, "restore": "backstop"}, TAKEOVER],
    ]
    for ladder in ladders:
        document = portfolio_only()
        document["ladders"]["standard"] = ladder
        (problem,) = check_document(document)[1]
        assert problem == (
            "bindings.0.ladder: ladders.standard.0 looks at level 'backstop', which portfolio 'p'"
            " does not have"
        )
    assert check_document(portfolio_only(minimum={"backstop": "5"}))[1] == [
        "bindings.0.minimum.backstop: portfolio 'p' has no such level"
    ]


def test_a_minimum_of_initial_margin_below_that_of_maintenance() -> None:
    document = rulebook()
    document["bindings"][0]["minimum"] = {"initial": "5", "maintenance": "100"}
    assert check_document(document)[1] == [
        "bindings.0.minimum.initial: 5 is below maintenance, 100"
    ]


def collateral(**fields: Any) -> dict[str, Any]:
    """A rulebook with a collateral policy over one coin."""
    coin = {"market": "COIN-USD", "weights": {"maintenance": "0.9"}, **fields.pop("coin", {})}
    assets = {"COIN": coin, **fields.pop("assets", {})}
    document = rulebook(collateral={"some": {"assets": assets, **fields}})
    document["bindings"][0]["collateral"] = "some"
    return document


POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "a level that nothing has": (
        collateral(coin={"weights": {"intial": "0.5", "maintenance": "0.9"}}),
        "collateral.some.assets.COIN.weights.intial: no schedule has such a level",
    ),
    "a level of PnL that nothing has": (
        collateral(unrealised={"intial": {"gain": "0"}, "maintenance": {}}),
        "collateral.some.unrealised.intial: no schedule has such a level",
    ),
    "more that counts at initial": (
        collateral(coin={"weights": {"initial": "0.95", "maintenance": "0.9"}}),
        "collateral.some.assets.COIN.weights.initial: counts more than maintenance does",
    ),
    "debts that weigh less at initial": (
        collateral(coin={"liabilities": {"initial": "1", "maintenance": "1.1"}}),
        "collateral.some.assets.COIN.liabilities.initial: 1 is below maintenance, 1.1",
    ),
    "losses that weigh less at initial": (
        collateral(unrealised={"initial": {}, "maintenance": {"loss": "1.1"}}),
        "collateral.some.unrealised.initial.loss: 1 is below maintenance",
    ),
    "gains that count more at initial": (
        collateral(unrealised={"initial": {}, "maintenance": {"gain": "0.5"}}),
        "collateral.some.unrealised.initial.gain: 1 is above maintenance",
    ),
    "an asset that nothing prices": (
        collateral(assets={"WOOD": {"weights": {"maintenance": "1"}}}),
        "collateral.some.assets.WOOD.market: is missing: which market prices 'WOOD'?",
    ),
    "a settlement asset that something prices": (
        collateral(assets={"USD": {"market": "COIN-USD", "weights": {"maintenance": "1"}}}),
        "collateral.some.assets.USD.market: no market prices the settlement asset; leave it out",
    ),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_collateral_policy_that_contradicts_itself_is_refused(name: str) -> None:
    document, problem = POLICIES[name]
    assert check_document(document)[1] == [problem]


def test_every_contradiction_is_told_at_once() -> None:
    document = rulebook()
    document["bindings"][0] |= {"markets": {"A": "one", "B": "two"}, "ladder": "none"}
    assert check_document(document)[1] == [
        "bindings.0.markets.A: there is no schedule 'one'",
        "bindings.0.markets.B: there is no schedule 'two'",
        "bindings.0.ladder: there is no ladder 'none'",
    ]


def test_true_is_not_the_number_of_a_format() -> None:
    assert check_document(rulebook() | {"format": True})[1] == ["format: must be 1"]


def test_a_minimum_of_a_level_that_is_not_there() -> None:
    document = rulebook()
    document["bindings"][0]["minimum"] = {"release": "5"}
    assert check_document(document)[1] == [
        "bindings.0.minimum.release: schedule 'majors' of market * has no such level"
    ]


@pytest.mark.parametrize(
    "initial",
    [
        {"op": "max", "of": [RATE, {"op": "rate", "rate": "0.01"}]},
        {"op": "sum", "of": [RATE, {"op": "amount", "amount": "0"}]},
        {"op": "ratio", "level": "maintenance", "factor": "1"},
        {"op": "with_orders", "of": RATE},
        {"op": "user_leverage", "default": "20"},
    ],
)
def test_initial_margin_may_equal_maintenance(
    initial: dict[str, Any],
) -> None:
    assert check_document(rulebook(schedule=schedule(initial=initial)))[1] == []


HALF = {"op": "share", "share": "0.5"}
PENALTY = {"rate": "0.01", "recipients": [{"account": "insurance", "share": "1"}]}


@pytest.mark.parametrize(
    ("rung", "problem"),
    [
        ({"at_least": {}}, "at_least.share: or notional must be given"),
        (
            {"at_least": {"share": "0.5"}, "at_most": {"share": "0.1"}, "pause_seconds": 1},
            "at_least.share: 0.5 is above at_most.share, 0.1",
        ),
        ({"quantity": {"op": "restore", "level": "zero"}}, "quantity.level: a reduction needs"),
        ({"quantity": {"op": "share", "share": "0.001"}}, "quantity.share: less than 0.01 needs"),
        (
            {"price": {"op": "recorded"}, "pause_seconds": 5},
            "pause_seconds: recorded fills close what they close",
        ),
        ({"action": "convert"}, "takes collateral, so the binding needs a policy"),
        (
            {"action": "takeover", "penalty": {**PENALTY, "limit": "surplus"}},
            "penalty.limit: a takeover is at the bankruptcy amount",
        ),
    ],
)
def test_what_a_rung_would_not_look_at(rung: dict[str, Any], problem: str) -> None:
    """Nothing that is written is without effect, and nothing is without an end."""
    written = {"when": {"level": "maintenance"}, **rung}
    if rung.get("action", "reduce") == "reduce":
        written = {"action": "reduce", "quantity": HALF, **written}
    problems = check_document(rulebook(ladder=[written, TAKEOVER]))[1]
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize("name", ["equity", "collateral", "factor", "positions", "90-percent"])
def test_a_levels_name_is_no_other_figures(name: str) -> None:
    """A working that compares ``equity`` with a level of that name could not be computed again."""
    schedule = {**MAJORS, name: {"op": "rate", "rate": "0.02"}}
    (problem,) = check_document(rulebook(schedule=schedule))[1]
    assert problem.startswith(f"schedules.majors.{name}: workings call a figure so")


def test_a_ladder_that_no_binding_names_has_levels_that_exist() -> None:
    document = rulebook()
    document["ladders"]["spare"] = [{**TAKEOVER, "when": {"level": "warn"}}]
    assert check_document(document)[1] == ["ladders.spare.0: no schedule has a level 'warn'"]


@pytest.mark.parametrize(
    ("breaker", "problem"),
    [
        ({}, "breakers.0.up: or down must be given"),
        ({"up": "0.1", "reference": "mark"}, "breakers.0.reference: a mark is never far"),
        ({"up": "0.1", "reference": "close"}, "breakers.0.reference: close has no tree"),
        ({"up": "0.1", "state": "final_settlement"}, "breakers.0.state"),
    ],
)
def test_a_breaker_that_could_never_trip(breaker: dict[str, Any], problem: str) -> None:
    written = {"state": "halted", "seconds": 60, **breaker}
    roles = {"index": {"op": "recorded"}}
    prices = {"BTC": {"roles": roles, "breakers": [written]}}
    problems = check_document(rulebook(prices=prices))[1]
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"coefficient": "0"}, "coefficient"),
        ({"ceiling": "1"}, "ceiling"),
        ({"closes": ["adl"]}, "closes"),
        ({"closes": ["reduce", "reduce"]}, "a kind of close may stand only once"),
        ({"depth": "0"}, "depth"),
    ],
)
def test_an_impact_that_means_nothing(fields: dict[str, Any], problem: str) -> None:
    impact = {"BTC": {"op": "linear", "coefficient": "0.1", **fields}}
    problems = check_document(rulebook(impact=impact))[1]
    assert any("impact.BTC" in found and problem in found for found in problems), problems
