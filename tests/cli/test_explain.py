"""Explanations at the command line: trees for people, everything for programs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.audit.stories import stored
from tests.audit.test_scenarios import AFTER, wick
from tests.cli.conftest import Run
from tests.engine.test_scenarios_auctions import LINEAR, House


@pytest.fixture
def day(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url):
        pass


@pytest.mark.usefixtures("day")
def test_trees_and_json(clearing: Run, answer: Callable[..., Any]) -> None:
    _, out, _ = clearing("explain", "margin", "ada", "--at", str(AFTER - 1))
    assert "beyond maintenance 50 = equity - maintenance" in out
    assert "deposit 60.00" in out
    told = answer("explain", "margin", "ada", "--at", str(AFTER - 1), "--level", "initial")
    assert (told["result"], told["rulebook"]["rulebook"]) == ("10", "rules@6")
    _, out, _ = clearing("explain", "equity", "ada", "--depth", "1")
    assert "1 inputs (--depth, or --json)" in out
    _, out, _ = clearing("explain", "liquidation", "ada")
    assert "rung 1, takeover: equity -440 < 5 (1 × maintenance): short of it by 445" in out
    assert answer("explain", "liquidation", "ada")["steps"][0]["marks"] == {"BTC": "50"}
    assert answer("explain", "fund", "insurance")["about"] == ["insurance", "USD"]
    assert answer("explain", "funding", "ada", "BTC")["result"] == "0.00"
    assert answer("explain", "price", "BTC")["mark"] == "50"
    _, out, _ = clearing("explain", "price", "BTC")
    assert "Marked venue/" in out


def test_what_an_auction_sold_is_told_with_its_figures(
    clearing: Run, answer: Callable[..., Any], database_url: str
) -> None:
    venue = House(LINEAR)
    venue.mark(BTC="84.00")
    venue.take("dan", "4", after=50)
    with stored(venue, database_url):
        pass
    _, out, _ = clearing("explain", "liquidation", "ada")
    assert "taken, for rung 1: at marks BTC 84\n" in out
    assert "price BTC 84 = max(0.01, up(reference * factor, 2))" in out
    (close,) = answer("explain", "liquidation", "ada")["closes"]
    assert (close["outcome"], close["rung"], close["marks"]) == ("taken", 1, {"BTC": "84"})
    gained = [entry for entry in close["entries"] if entry["entry"] == "posting"]
    assert close["did"][gained[0]["working"] - 1]["name"] == "realised_pnl BTC ada"


@pytest.mark.usefixtures("day")
def test_what_cannot_be_explained(clearing: Run) -> None:
    code, _, err = clearing("explain", "liquidation", "bob")
    assert (code, "no rung acted on account 'bob'" in err) == (2, True)
    code, _, err = clearing("explain", "equity", "ada", "--at", "2")
    assert (code, "no rulebook was in force by log position 2" in err) == (2, True)
