"""Scenarios: portfolio margin by scenario grid, risk arrays, Greeks, and depth of the book."""

from collections.abc import Iterator
from typing import Any

import pytest

from clearing.engine import Entry
from clearing.engine.valuation import measure
from clearing.quantities import Trace
from clearing.rulebook import check_document
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook

MOVES = ["-0.15", "-0.05", "0", "0.05", "0.15"]


def grid(**classes: Any) -> dict[str, Any]:
    """A portfolio of one group, asked in full at maintenance and a quarter more at initial."""
    group = {"moves": MOVES, "classes": classes}
    return {"groups": {"crypto": group}, "levels": {"initial": "1.25", "maintenance": "1"}}


def members(*markets: str, offset: str = "0") -> dict[str, Any]:
    return {"markets": list(markets), "offset": offset}


class Grid(Venue):
    """BTC and a dated JUN at 100, ETH at 10, a call on BTC at 8; ada's portfolio is margined."""

    def __init__(self, portfolio: dict[str, Any], mode: str = "verify", **sections: Any) -> None:
        super().__init__()
        for name in ("BTC", "JUN", "ETH"):
            self.market(name)
        self.market("CALL", payoff="option", expires_at="2026-02-01T00:00:00Z")
        self.account("ada")
        self.account("maker", account_class="maker")
        self.deposit("ada", "1000")
        self.mark(BTC="100.00", JUN="100.00", ETH="10.00", CALL="8.00")
        document = rulebook(mode=mode, ladder=[TAKEOVER], portfolios={"all": portfolio}, **sections)
        document["bindings"][0] |= {"markets": {}, "portfolio": "all"}
        assert deviations(self.adopt(document)) == []

    def buy(self, market: str, size: str, price: str) -> list[Entry]:
        return self.trade("ada", "maker", market, size, price)

    def sell(self, market: str, size: str, price: str) -> list[Entry]:
        return self.trade("maker", "ada", market, size, price)

    def publish(self, *losses: str, **fields: Any) -> list[Entry]:
        told = {"producer": "desk", "version": "1", "losses": losses, **fields}
        return self("RiskArrayPublished", market="CALL", **told)


def test_the_worst_scenario_is_asked() -> None:
    """10 at 100 lose 150 if the price falls by 15 %; a quarter more at initial."""
    venue = Grid(grid(btc=members("BTC")))
    assert deviations(venue.buy("BTC", "10", "100.00")) == []
    assert venue.asked("ada", "maintenance") == "150"
    assert venue.asked("ada", "initial") == "187.5"


def test_a_hedge_in_one_class_cancels() -> None:
    """Long 10 perpetual, short 10 dated: whatever the price does, nothing is lost."""
    venue = Grid(grid(btc=members("BTC", "JUN")))
    venue.buy("BTC", "10", "100.00")
    venue.sell("JUN", "10", "100.00")
    assert venue.asked("ada", "maintenance") == "0"
    venue.sell("JUN", "2", "100.00")  # short 2 more: the worst is now a rise
    assert venue.asked("ada", "maintenance") == "30"


def test_gains_of_another_class_count_by_its_offset() -> None:
    """At −15 %: BTC loses 150, short ETH (100 in all worth 1,000) gains 150, 80 % of it counts."""
    venue = Grid(grid(btc=members("BTC"), eth=members("ETH", offset="0.8")))
    venue.buy("BTC", "10", "100.00")
    venue.sell("ETH", "100", "10.00")
    # At −15 %: 150 − 0.8 × 150 = 30. At +15 %: ETH loses 150, BTC's gains count for nothing.
    assert venue.asked("ada", "maintenance") == "150"
    both = Grid(grid(btc=members("BTC", offset="0.9"), eth=members("ETH", offset="0.8")))
    both.buy("BTC", "10", "100.00")
    both.sell("ETH", "100", "10.00")
    assert both.asked("ada", "maintenance") == "30"  # −15 %; at +15 % 150 − 0.9 × 150 = 15


def test_a_floor_of_gross_notional() -> None:
    portfolio = grid(btc=members("BTC", "JUN"))
    portfolio["groups"]["crypto"]["floor"] = "0.01"
    venue = Grid(portfolio)
    venue.buy("BTC", "10", "100.00")
    venue.sell("JUN", "10", "100.00")
    assert venue.asked("ada", "maintenance") == "20"


def test_an_options_risk_arrives_as_data() -> None:
    """Until an array fits, a call is its whole value; then what the array says, signed by side."""
    venue = Grid(grid(btc=members("BTC", "CALL")))
    venue.sell("CALL", "10", "8.00")
    assert venue.asked("ada", "maintenance") == "80"
    entries = venue.publish("7", "3", "0.5", "-4", "-14.00", delta="0.5", vega="0.12")
    assert of_kind(entries, "risk_array") == [
        {
            "market": 4,
            "producer": "desk",
            "version": "1",
            "losses": '["7","3","0.5","-4","-14"]',
            "greeks": '{"delta":"0.5","vega":"0.12"}',
        }
    ]
    assert venue.asked("ada", "maintenance") == "140"  # short: 10 × 14 at +15 %
    venue.buy("BTC", "10", "100.00")
    # Covered: +15 %: 140 − 150 < 0; −15 %: −70 + 150 = 80; −5 %: −30 + 50 = 20.
    assert venue.asked("ada", "maintenance") == "80"


def test_an_array_of_another_grid_is_said_and_not_used() -> None:
    venue = Grid(grid(btc=members("BTC", "CALL")))
    venue.buy("CALL", "10", "8.00")
    entries = venue.publish("1", "-1")
    assert deviations(entries) == ["risk_array_mismatch"]
    (found,) = of_kind(entries, "deviation")
    assert (found["expected"], found["found"]) == ("5", "2")
    assert venue.asked("ada", "maintenance") == "80"


def test_every_mark_of_the_group_is_looked_at() -> None:
    """50 BTC on 1,000: what falls is lost, and 15 % of what is left is asked."""
    venue = Grid(grid(btc=members("BTC", "JUN")))
    venue.buy("BTC", "50", "100.00")
    assert venue.status("ada") == "healthy"  # 1,000 against 750
    venue.mark(BTC="95.00")  # 750 against 712.50: below initial
    assert venue.status("ada") == "restricted"
    entries = venue.mark(BTC="94.10")  # 705 against 705.75
    assert [t["to_status"] for t in of_kind(entries, "transition")] == ["liquidation"]


def test_the_working_names_the_worst_scenario_and_sums_greeks() -> None:
    venue = Grid(grid(btc=members("BTC", "CALL")))
    venue.sell("CALL", "10", "8.00")
    venue.publish("7", "3", "0.5", "-4", "-14", delta="0.5")
    book = venue.engine.book
    trace = Trace("measure", "")
    measure(book, book.scope(venue.ordinal("ada"), 1), trace)
    found = {part.name: part for part in steps(trace)}
    assert found["group crypto"].result == found["scenario 5"].result == "140"
    assert found["group crypto"].note == "the worst is scenario 5; delta -5"


def steps(trace: Trace) -> Iterator[Trace]:
    yield trace
    for part in trace.inputs:
        yield from steps(part)


def test_a_takeover_under_portfolio_margin() -> None:
    venue = Grid(grid(btc=members("BTC", "JUN")), mode="derive")
    venue.buy("BTC", "50", "100.00")
    venue.sell("JUN", "10", "100.00")
    entries = venue.mark(BTC="80.00", JUN="80.00")
    assert of_kind(entries, "liquidation")
    assert (venue.size("ada", "BTC"), venue.size("ada", "JUN")) == ("0", "0")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"levels": {"initial": "1", "maintenance": "2"}}, "initial"),
        ({"levels": {"initial": "1"}}, "maintenance is missing"),
        ({"levels": {"initial": "1", "maintenance": "1", "odd": "1"}}, "no schedule has a level"),
        ({"groups": {"g": {"moves": ["-1"], "classes": {"a": members("BTC")}}}}, "leaves no price"),
        (
            {
                "groups": {
                    "g": {"moves": ["0"], "classes": {"a": members("BTC"), "b": members("BTC")}}
                }
            },
            "twice",
        ),
    ],
)
def test_portfolios_that_contradict_themselves_are_refused(
    change: dict[str, Any], path: str
) -> None:
    document = rulebook(portfolios={"all": grid(btc=members("BTC")) | change})
    document["bindings"][0]["portfolio"] = "all"
    _, problems = check_document(document)
    assert problems
    assert path in str(problems)


def test_depth_makes_large_positions_dear() -> None:
    """10 of 100 that bids take, at a coefficient of 0.5: 5 % of 1,000; without a book all of it."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    deep = {"op": "depth", "coefficient": "0.5", "ceiling": "0.4"}
    schedule = {
        "initial": {"op": "ratio", "level": "maintenance", "factor": "2"},
        "maintenance": {"op": "sum", "of": [{"op": "rate", "rate": "0.01"}, deep]},
    }
    assert deviations(venue.adopt(rulebook(mode="verify", schedule=schedule))) == []
    venue.deposit("ada", "1000")
    venue.deposit("bob", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    assert venue.asked("ada", "maintenance") == "410"
    seen = {"market": "BTC", "bid_size": "100", "ask_size": "20", "within": "0.01"}
    entries = venue("DepthObserved", **seen)
    assert of_kind(entries, "depth") == [
        {"market": 1, "bids": 100_000, "asks": 20_000, "within": "0.01"}
    ]
    assert venue.asked("ada", "maintenance") == "60"
    assert venue.asked("bob", "maintenance") == "260"  # 10 of 20 asked: 25 %


def test_an_option_that_opens_without_an_array_is_said_so() -> None:
    """A short one is asked its premium, which is no bound of what it may lose."""
    venue = Grid(grid(btc=members("BTC", "CALL")))
    found = of_kind(venue.sell("CALL", "10", "8.00"), "deviation")
    assert [(d["code"], d["expected"], d["found"]) for d in found] == [("no_risk_array", "5", "0")]
    venue.publish("7", "3", "0.5", "-4", "-14.00")
    assert deviations(venue.sell("CALL", "1", "8.00")) == []
