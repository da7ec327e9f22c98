"""Scenarios: figures that warn before margin does, and thresholds that say so and do nothing.

ada is long 10 BTC from 100 with 145: at 90 she has 45, which is 5 % of 900. The market's forecast
is a deviation of 0.5 % a minute, so 1 % in the horizon of four minutes.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Engine, Entry
from clearing.events import Event, parse_event
from clearing.rulebook import check_document
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook
from tests.properties.test_losses import folded, told, without_hashes

POLICY = {
    "sample_seconds": 60,
    "decay": "0.75",
    "multiple": "4",
    "floor": "0.02",
    "cap": "0.30",
    "step": "0.01",
}
FIVE = {"initial": {"op": "rate", "rate": "0.1"}, "maintenance": {"op": "rate", "rate": "0.05"}}
CLOSE = {**TAKEOVER, "when": {"level": "maintenance"}}


class Watched(Venue):
    def __init__(self, *alerts: dict[str, Any], mode: str = "derive", **told: Any) -> None:
        super().__init__()
        self.market("BTC")
        self.market("ETH")
        self.account("ada", "bob")
        self.deposit("ada", "145")
        self.deposit("bob", "100000")
        self.told = {"horizon_seconds": 240, "alerts": list(alerts), **told}
        document = rulebook(
            mode=mode,
            schedule=FIVE,
            ladder=[CLOSE],
            alerts={"desk": self.told},
            volatility={"BTC": POLICY},
        )
        document["bindings"][0]["alerts"] = "desk"
        self.document = document
        assert deviations(self.adopt(document)) == []
        self.mark(BTC="100.00", ETH="10.00")
        self.trade("ada", "bob", "BTC", "10", "100.00")

    def said(self, entries: list[Entry]) -> list[tuple[int, str, int]]:
        """Number, value and whether it holds, of ada's alerts."""
        return [
            (int(a["number"]), str(a["value"]), int(a["holds"]))
            for a in of_kind(entries, "alert")
            if a["account"] == self.ordinal("ada")
        ]


DISTANCE = {"figure": "distance", "threshold": "5"}


def test_the_distance_is_counted_in_deviations_of_the_horizon() -> None:
    """At 94.74 the move to 90 is 5.0032 % of the mark, at 94.73 4.9931 %; a deviation is 1 %."""
    v = Watched(DISTANCE)
    assert v.said(v.mark(BTC="94.74")) == []
    (number, value, holds) = v.said(v.mark(BTC="94.73"))[0]
    assert (number, value[:6], holds) == (1, "4.9931", 1)
    assert v.said(v.mark(BTC="94.00")) == []
    assert v.said(v.mark(BTC="94.74"))[0][2] == 0


def test_an_alert_may_last_until_the_figure_is_clearly_better() -> None:
    """8 deviations are 8 % of the mark: 97.82 is not enough, 97.83 is."""
    v = Watched({**DISTANCE, "until": "8"})
    v.mark(BTC="94.00")
    assert v.said(v.mark(BTC="97.82")) == []
    assert [said[2] for said in v.said(v.mark(BTC="97.83"))] == [0]


def test_the_score_bounds_the_chance_to_be_there_at_the_end_of_the_horizon() -> None:
    """At 92.31 the move is 2.5024 %: 1 / (1 + 6.262) = 0.1377; at 91.84 it is 2.0035 %: 0.1994."""
    v = Watched({"figure": "risk_score", "threshold": "0.15"})
    assert v.said(v.mark(BTC="92.31")) == []
    ((_, value, holds),) = v.said(v.mark(BTC="91.84"))
    assert (value[:6], holds) == ("0.1994", 1)


def test_the_time_to_breach_is_when_a_move_of_so_many_deviations_gets_there() -> None:
    """9.0909 % of 99 are 9.0909 deviations of four minutes: 240 × 82.64 = 19,834 seconds.

    For two deviations a quarter of it, 4,958.
    """
    v = Watched({"figure": "time_to_breach", "threshold": "19834"})
    assert v.said(v.mark(BTC="99.01")) == []
    assert v.said(v.mark(BTC="99.00")) == [(1, "19834", 1)]
    v = Watched({"figure": "time_to_breach", "threshold": "4958"}, sigmas="2")
    assert v.said(v.mark(BTC="99.00")) == [(1, "4958", 1)]


def test_beyond_the_price_nothing_is_left_of_distance_and_time() -> None:
    v = Watched(
        DISTANCE,
        {"figure": "risk_score", "threshold": "1"},
        {"figure": "time_to_breach", "threshold": "0"},
        mode="record",
    )
    said = v.said(v.mark(BTC="89.00"))
    assert [(number, value[:6]) for number, value, _ in said] == [
        (1, "-1.123"),
        (2, "1"),
        (3, "0"),
    ]


def test_a_liquidation_ends_what_it_made_pointless() -> None:
    v = Watched(DISTANCE)
    v.mark(BTC="94.00")
    entries = v.mark(BTC="89.00")
    assert v.size("ada", "BTC") == "0"
    assert v.said(entries) == [(1, "", 0)]


def test_a_market_without_a_forecast_has_no_figures() -> None:
    v = Watched(DISTANCE, {"figure": "risk_score", "threshold": "0.000001"})
    v.deposit("ada", "1000")
    v.trade("ada", "bob", "ETH", "100", "10.00")
    markets = {int(a["market"]) for a in of_kind(v.mark(ETH="1.00"), "alert")}
    assert v.registry.market_ordinals["ETH"] not in markets


def test_what_a_model_says_warns_and_nothing_else() -> None:
    told = {"figure": "told_score", "model": "desk-7", "threshold": "0.5", "until": "0.3"}
    v = Watched(told)

    def scores(score: str, model: str = "desk-7") -> list[tuple[int, str, int]]:
        entries = v("RiskScored", account="ada", market="BTC", model=model, score=score)
        assert {entry[0] for entry in entries} <= {"risk_score", "alert"}
        return v.said(entries)

    assert scores("0.9", model="another") == []
    assert scores("0.5") == [(1, "0.5", 1)]
    assert scores("0.31") == []
    assert scores("0.3") == [(1, "0.3", 0)]


def test_a_score_of_nobody_is_a_deviation() -> None:
    v = Watched(DISTANCE)
    found = v("RiskScored", account="eve", market="BTC", model="desk-7", score="1")
    assert deviations(found) == ["unknown_account"]


def test_other_alerts_begin_anew_and_the_same_go_on() -> None:
    v = Watched(DISTANCE)
    v.mark(BTC="94.00")
    assert v.said(v.adopt(v.document)) == []
    other = {**v.told, "horizon_seconds": 241}
    assert [s[2] for s in v.said(v.adopt({**v.document, "alerts": {"desk": other}}))] == [1]


def test_a_snapshot_knows_which_alerts_hold() -> None:
    v = Watched(DISTANCE)
    v("RiskScored", account="ada", market="BTC", model="desk-7", score="0.4")
    v.mark(BTC="94.00")
    v.engine = Engine.restore(v.engine.snapshot(), resolver=v.find)
    assert [said[2] for said in v.said(v.mark(BTC="99.00"))] == [0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_alerts_never_move_money(seed: int) -> None:
    """The same story with and without them leaves the same entries, alerts and hashes aside."""
    events = told(seed).venue.events
    warned = [[e for e in found if e[0] != "alert"] for found in folded(events)[0]]
    silent = folded([without_alerts(event) for event in events])[0]
    assert without_hashes(warned) == without_hashes(silent)


def without_alerts(event: Event) -> Event:
    """The event, if it adopts a rulebook, with one that warns of nothing."""
    if event.kind != "RulebookAdopted":
        return event
    document = json.loads(event.model_dump_json(exclude_none=True))
    document.pop("document_sha256")
    document["document"].pop("alerts", None)
    for binding in document["document"]["bindings"]:
        binding.pop("alerts", None)
    return parse_event(document)


@pytest.mark.parametrize(
    ("alert", "problem"),
    [
        ({"figure": "told_score", "threshold": "0.5"}, "model: goes with told_score"),
        ({"figure": "distance", "threshold": "1", "model": "m"}, "model: goes with told_score"),
        ({"figure": "risk_score", "threshold": "2"}, "threshold: 2 must be above 0 and at most 1"),
        ({**DISTANCE, "until": "4"}, "until: 4 is below the threshold, 5"),
        ({"figure": "risk_score", "threshold": "0.1", "until": "0.2"}, "until: 0.2 is above"),
    ],
)
def test_what_could_never_warn_is_refused(alert: dict[str, Any], problem: str) -> None:
    problems = check_document(rulebook(alerts={"desk": {"alerts": [alert]}}))[1]
    assert any(problem in found for found in problems), problems


def test_a_binding_names_alerts_that_there_are() -> None:
    document = rulebook()
    document["bindings"][0]["alerts"] = "desk"
    assert check_document(document)[1] == ["bindings.0.alerts: there is no alerts 'desk'"]
