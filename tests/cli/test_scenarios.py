"""Scenarios and corrections at the command line: files, tables, JSON, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.stories import stored
from tests.audit.test_scenarios import AFTER, wick
from tests.cli.conftest import Run
from tests.engine.venue import PERSON

CLAMPED = f"""\
scenario: 1
name: clamped
overrides:
  - override: prices
    market: BTC
    at_least: 99.50
    from: {AFTER}
"""


@pytest.fixture
def day(database_url: str) -> None:
    """A wick that takes ada, and a deposit that is taken back."""
    venue = wick()
    venue.mark(BTC="50")
    venue("Deposited", account="bob", asset="USD", amount="5", id="wrong")
    venue("Reversed", target={"source": "venue", "external_id": "wrong"}, **PERSON)
    with stored(venue, database_url):
        pass


@pytest.mark.usefixtures("day")
def test_a_scenario_file_is_replayed(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "clamped.yaml"
    file.write_text(CLAMPED)
    told = answer("replay", str(file))
    assert [column["liquidated_accounts"] for column in told["columns"]] == [1, 0]
    as_json = tmp_path / "clamped.json"
    override = {"override": "prices", "market": "BTC", "at_least": "99.5", "from": AFTER}
    as_json.write_text(json.dumps({"scenario": 1, "name": "clamped", "overrides": [override]}))
    assert answer("replay", str(as_json)) == told
    _, out, _ = clearing("replay", str(file))
    assert "Accounts that end otherwise" in out
    assert "flat, liquidated at 13" in out
    _, out, _ = clearing("diff", "log", str(file))
    assert "log and clamped differ since the event at log position 13: Marked venue/" in out
    assert "clamped: overrides.0" in out
    assert answer("bisect", "log", str(file))["log_position"] == AFTER
    (part,) = answer("attribute", str(file))
    assert (part["override"], part["kind"]) == ("overrides.0", "prices")
    assert part["effect"]["columns"][1]["digest"] == told["columns"][1]["digest"]
    _, out, _ = clearing("attribute", str(file))
    assert "overrides.0 prices" in out
    _, out, _ = clearing("bisect", "log", "log")
    assert out.strip() == "log and log do not differ"


@pytest.mark.usefixtures("day")
def test_a_name_is_shown_as_it_is_written(clearing: Run, tmp_path: Path) -> None:
    """Brackets in a scenario's name are its own, in titles and in columns."""
    name = "[red]a[/b] [0]"
    file = tmp_path / "brackets.yaml"
    file.write_text(CLAMPED.replace("name: clamped", f"name: '{name}'"))
    for command in (("replay",), ("attribute",), ("diff", "log")):
        code, out, err = clearing(*command, str(file))
        assert (code, name in out) == (0, True), err


@pytest.mark.usefixtures("day")
def test_corrections_and_their_impact(clearing: Run, answer: Callable[..., Any]) -> None:
    (reversal,) = answer("corrections")
    assert (reversal["what"], reversal["amends"]) == ("reversal", AFTER + 1)
    _, out, _ = clearing("corrections")
    assert "reversal" in out
    assert answer("impact", str(reversal["log_position"]))["what"] == "reversal"
    code, _, err = clearing("impact", "3")
    assert (code, "neither late nor" in err) == (2, True)


@pytest.mark.usefixtures("day")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("scenario: 2\nname: x", "scenario"),
        ("scenario: 1\nname: [", "cannot be read"),
        ("scenario: 1\nname: x\noverrides: [{override: drop, event: 99}]", "99 is not in the log"),
        ("scenario: 1\nname: &a x\nnote: *a", "aliases are not read"),
        ("scenario: 1\nname: x\nwish: y", "wish: is not a field here"),
        (CLAMPED.replace("BTC", "ETH"), "overrides.0.market: 'ETH' is not declared"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(
    clearing: Run, tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    code, _, err = clearing("replay", str(file))
    said = " ".join(err.split())
    assert code == 2
    assert problem in said
    assert "bad.yaml" in said.replace(" ", "")


def test_a_file_that_is_not_there(clearing: Run, tmp_path: Path) -> None:
    code, _, err = clearing("replay", str(tmp_path / "no.yaml"))
    assert code == 2
    assert "no.yaml" in err.replace("\n", "")


@pytest.mark.usefixtures("day")
def test_a_scenario_is_kept_and_asked(
    clearing: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "clamped.yaml"
    file.write_text(CLAMPED)
    told = answer("replay", str(file), "--keep")
    assert told["generation"] == 2
    assert told["answer"] == answer("replay", str(file))
    _, out, _ = clearing("replay", str(file), "--keep")
    assert "kept as generation 3" in out
    (scope,) = answer("account", "ada", "--generation", "2")["account"]["scopes"]
    assert scope["status"] == "healthy"
    _, out, _ = clearing("accounts", "--generation", "2")
    assert "of generation 2, a scenario" in out
    for command in (
        ("market", "BTC"),
        ("house",),
        ("fund", "insurance"),
        ("trial-balance",),
        ("liquidations",),
    ):
        code, _, err = clearing(*command, "--generation", "2")
        assert code == 0, (command, err)
    listed = answer("generations")
    assert [(one["status"], one["since"]) for one in listed] == [
        ("live", None),
        ("scenario", AFTER),
        ("scenario", AFTER),
    ]
    assert listed[1]["scenario"]["name"] == "clamped"
    _, out, _ = clearing("generations")
    assert "clamped" in out
    assert answer("diff", "generation:2", "generation:3")["first"] is None
    first = answer("bisect", "log", "generation:2")
    assert first["log_position"] == AFTER
    assert answer("diff", "log", "generation:2")["first"] == first
    _, out, _ = clearing("diff", "log", "generation:2")
    assert "generation 1 and generation 2 differ since the event at log position 13" in out
    code, _, err = clearing("diff", str(file), "generation:2")
    assert (code, "keep the scenario first" in " ".join(err.split())) == (2, True)
    code, _, err = clearing("diff", "log", "generation:2", "--recorded", "2026-01-01T00:00:00Z")
    assert (code, "compared --at a position" in " ".join(err.split())) == (2, True)
    assert answer("generations", "drop", "3") == {"dropped": 3}
    assert clearing("generations", "drop", "1")[0] == 2
