"""Scenarios: margin rates that follow volatility in published steps, with floor and cap."""

from typing import Any

from clearing.engine import Entry
from clearing.rulebook import check_document
from tests.engine.venue import Venue, deviations, of_kind, rulebook

POLICY = {
    "sample_seconds": 60,
    "decay": "0.75",
    "multiple": "4",
    "floor": "0.02",
    "cap": "0.30",
    "step": "0.01",
}
SCHEDULE = {
    "initial": {"op": "ratio", "level": "maintenance", "factor": "2"},
    "maintenance": {"op": "volatility"},
}


class Volatile(Venue):
    """ada is long 10 BTC at 100; the first sample was 100."""

    def __init__(self, **policy: Any) -> None:
        super().__init__()
        self.market("BTC")
        self.account("ada", "bob")
        for name in ("ada", "bob"):
            self.deposit(name, "1000")
        self.mark(BTC="100.00")
        volatility = {"BTC": POLICY | policy}
        document = rulebook(mode="verify", schedule=SCHEDULE, volatility=volatility)
        document["bindings"][0]["markets"] = {"BTC": "majors"}
        assert deviations(self.adopt(document)) == []
        self.trade("ada", "bob", "BTC", "10", "100.00")
        self("ClockTicked", after=60)

    def minute(self, price: str) -> list[Entry]:
        """A mark one minute later."""
        self.now = self.now.replace(second=0)
        return self("Marked", after=60, marks=[{"market": "BTC", "price": price}])

    def rates(self, entries: list[Entry]) -> list[tuple[str, str]]:
        return [(str(e["deviation"]), str(e["rate"])) for e in of_kind(entries, "margin_rate")]


def test_the_rate_begins_at_its_floor() -> None:
    assert Volatile().asked("ada", "maintenance") == "20"


def test_a_move_raises_it_in_steps() -> None:
    """5 %: variance 0.25 × 0.0025, deviation 2.5 %, four times that is 10 % of 1,050."""
    venue = Volatile()
    assert venue.rates(venue.minute("105.00")) == [("0.025", "0.1")]
    assert venue.asked("ada", "maintenance") == "105"
    # 2 % more: √(0.75 × 0.000625 + 0.25 × 0.0004) × 4 = 9.54 %: published stays 10 %.
    assert venue.rates(venue.minute("107.10")) == []
    assert venue.asked("ada", "maintenance") == "107.1"


def test_it_falls_in_silence_and_not_below_the_floor() -> None:
    venue = Volatile()
    venue.minute("105.00")
    venue("ClockTicked", after=60)  # √(0.75 × 0.000625) × 4 = 8.66 %, aimed at below 9 %
    assert venue.asked("ada", "maintenance") == "94.5"
    venue("ClockTicked", after=86_400)
    assert venue.asked("ada", "maintenance") == "21"


def test_hysteresis_keeps_a_rate_until_it_is_well_above() -> None:
    venue = Volatile(hysteresis="0.02")
    venue.minute("105.00")
    venue("ClockTicked", after=60)
    assert venue.asked("ada", "maintenance") == "105"  # 8.66 % + 2 % is not below 9 %
    venue("ClockTicked", after=120)  # √(0.75³ × 0.000625) × 4 = 6.495 %: + 2 % is
    assert venue.asked("ada", "maintenance") == "73.5"


def test_it_never_exceeds_its_cap() -> None:
    venue = Volatile()
    assert venue.rates(venue.minute("50.00")) == [("0.25", "0.3")]


def test_what_happens_between_samples_does_not_count() -> None:
    venue = Volatile()
    venue.now = venue.now.replace(second=5)
    assert venue.rates(venue.mark(BTC="150.00")) == []
    assert venue.rates(venue.mark(BTC="100.00")) == []
    assert venue.rates(venue.minute("100.00")) == []


def test_a_rate_that_rises_restricts_at_once() -> None:
    """20 BTC at 105: 30 % of 2,100 is 630, twice that 1,260 at initial, of an equity of 1,100."""
    venue = Volatile(multiple="40")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    assert venue.status("ada") == "healthy"
    entries = venue.minute("105.00")
    assert [t["to_status"] for t in of_kind(entries, "transition")] == ["restricted"] * 2


def test_a_schedule_by_volatility_needs_a_policy() -> None:
    _, problems = check_document(rulebook(schedule=SCHEDULE))
    asks = "schedule 'majors' asks by volatility, which needs"
    assert problems == [f"bindings.0.markets.*: {asks} its markets by name"]
    document = rulebook(schedule=SCHEDULE)
    document["bindings"][0]["markets"] = {"BTC": "majors"}
    assert check_document(document)[1] == [f"bindings.0.markets.BTC: {asks} volatility.BTC"]


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    for change, says in (({"cap": "0.01"}, "below floor"), ({"decay": "1"}, "must be below 1")):
        _, problems = check_document(rulebook(volatility={"BTC": POLICY | change}))
        assert says in str(problems)
