"""Deviations with their evidence, asked on the command line of a venue that breaks its rules."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.engine.test_scenarios_verifying import FEES, crowd, sold


@pytest.fixture
def venue(clearing: Run, tmp_path: Path) -> None:
    """A venue that deleverages the wrong one, at a wrong price and for a wrong fee."""
    v = crowd(fees=FEES)
    sold(v, "10", "85.40", "dan", buyer_cause="adl", seller_fee="8.54", buyer_fee="1")
    v("FundingSettled", market="BTC", rate="0.001", price="80")
    v("ClockTicked", after=61)
    path = tmp_path / "venue.jsonl"
    path.write_text("".join(event.model_dump_json(exclude_none=True) + "\n" for event in v.events))
    assert clearing("append", str(path))[0] == 0
    assert clearing("project")[0] == 0


@pytest.mark.usefixtures("venue")
def test_each_deviation_has_its_event_its_rulebook_and_units(answer: Callable[..., Any]) -> None:
    (found,) = answer("deviations", "--code", "liquidation_price", "--evidence")
    said = found["deviation"]
    assert (said["account"], said["expected"], said["found"]) == ("ada", "85.5", "85.4")
    assert found["unit"] == "USD per BTC"
    assert found["meaning"].startswith("wrong price")
    assert (found["mark"], found["equity"], found["maintenance"]) == ("80.00", "-55", "40")
    assert found["event"]["seller_cause"] == "liquidation"
    source = found["source"]
    assert (source["kind"], source["source"]) == ("Traded", "venue")
    assert (source["log_position"], len(source["leaf"])) == (said["log_position"], 64)
    assert found["rulebook"]["status"] == "in_force"
    assert found["rulebook"]["since"] < said["log_position"]


@pytest.mark.usefixtures("venue")
def test_ranks_fees_and_unpaid_funding_have_their_units(answer: Callable[..., Any]) -> None:
    found = answer("deviations", "--evidence")
    shown = {
        (one["deviation"]["code"], one["deviation"]["account"]): (
            one["deviation"]["expected"],
            one["deviation"]["found"],
            one["unit"],
        )
        for one in found
    }
    assert shown["adl_rank", "dan"] == ("1", "2", "")
    assert shown["fee_mismatch", "dan"] == ("0", "1", "USD")
    assert shown["funding_unpaid", "bob"] == ("0.8", "0", "USD")
    (rank,) = [one for one in found if one["deviation"]["code"] == "adl_rank"]
    assert rank["deviation"]["detail"] == "cyd"
    assert json.dumps(found)


@pytest.mark.usefixtures("venue")
def test_evidence_prints_for_people_and_nothing_is_said_of_nothing(clearing: Run) -> None:
    code, out, _ = clearing("deviations", "--evidence", "--code", "liquidation_price")
    assert code == 0
    assert "expected 85.5, found 85.4 USD per BTC" in " ".join(out.split())
    assert clearing("deviations", "--evidence", "--at", "3")[1].strip() == "no deviations"
