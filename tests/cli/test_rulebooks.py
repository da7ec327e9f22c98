"""The commands about rulebooks, on a ledger of one asset, one market and a fund."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from clearing.rulebook.presets import PRESETS
from tests.cli.conftest import Run
from tests.cli.test_commands import event, ledger_events
from tests.engine.venue import rulebook

Answer = Callable[..., Any]
WHO = ("--author", "ann", "--approver", "bob", "--reason", "tighter", "--source", "desk")
NAMED = ("--name", "rules", "--version", "2", *WHO)


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def files(tmp_path: Path, clearing: Run) -> dict[str, str]:
    """A ledger with rules@1, and files of the same rules, tighter ones, and broken ones."""
    lines = "".join(json.dumps(event) + "\n" for event in ledger_events())
    (tmp_path / "day.jsonl").write_text(lines)
    assert clearing("append", str(tmp_path / "day.jsonl"))[0] == 0
    assert clearing("project")[0] == 0
    tighter = deepcopy(rulebook())
    tighter["schedules"]["majors"]["maintenance"] = {"op": "rate", "rate": "0.04"}
    broken = deepcopy(rulebook())
    broken["schedules"]["majors"]["initial"] = {"op": "rate", "rate": "0.001"}
    elsewhere = rulebook(asset="EUR")
    floats = deepcopy(rulebook())
    floats["schedules"]["majors"]["initial"] = {"op": "rate", "rate": 0.1}
    named = {
        "same": rulebook(),
        "tighter": tighter,
        "broken": broken,
        "elsewhere": elsewhere,
        "floats": floats,
    }
    return {name: write(tmp_path / f"{name}.json", what) for name, what in named.items()}


def test_list_and_show_say_what_holds_and_who_said_so(
    files: dict[str, str], answer: Answer, clearing: Run
) -> None:
    (adoption,) = answer("rulebook", "list")
    assert (adoption["name"], adoption["version"], adoption["status"]) == (
        "rules",
        "1",
        "in_force",
    )
    assert (adoption["author"], adoption["approver"], adoption["since"]) == ("ann", "bob", 7)
    shown = answer("rulebook", "show", "rules")
    assert shown["document"] == json.loads(Path(files["same"]).read_text())
    code, out, _ = clearing("rulebook", "show", "rules", "--version", "1")
    assert code == 0
    assert adoption["document_sha256"] in out
    code, _, err = clearing("rulebook", "show", "rules", "--version", "9")
    assert code == 2
    assert "'rules@9'" in err
    assert "rules@1" in err
    assert clearing("rulebook", "list")[0] == 0


def test_check_names_every_problem_with_its_path(files: dict[str, str], clearing: Run) -> None:
    assert clearing("rulebook", "check", files["same"])[0] == 0
    code, _, err = clearing("rulebook", "check", files["broken"])
    assert code == 1
    assert "schedules.majors" in err
    assert clearing("rulebook", "check", files["elsewhere"])[0] == 0
    code, _, err = clearing("rulebook", "check", files["elsewhere"], "--against-ledger")
    assert code == 1
    assert "settlement_asset: 'EUR' is not declared" in err


def test_a_number_is_taken_from_its_text(files: dict[str, str], clearing: Run) -> None:
    """0.1 without quotes is what it says, as in files of events."""
    code, out, _ = clearing("rulebook", "diff", files["floats"], files["same"], "--json")
    assert code == 1
    (found,) = json.loads(out)
    assert (found["path"], found["one"]) == ("schedules.majors.initial.rate", "0.1")


MALFORMED = {
    "nothing in it": ("", "is empty"),
    "no JSON": ("rules:\n  a: 1\n", "is not JSON"),
    "a list": ("[]", "must be a JSON object"),
    "a key that stands twice": ('{"mode": "derive", "mode": "record"}', "mode: stands twice"),
    "nested without end": ("[" * 100_000, "nested deeper than"),
    "a number that is none": ('{"format": NaN}', "format: NaN is not a finite number"),
    "more digits than a number has": ('{"format": ' + "9" * 5_000 + "}", "format: "),
    "no UTF-8": ("\udcff", "is not UTF-8"),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("command", ["check", "adopt", "derive"])
@pytest.mark.usefixtures("files")
def test_a_file_that_is_no_document_is_refused_by_name(
    tmp_path: Path, clearing: Run, name: str, command: str
) -> None:
    content, why = MALFORMED[name]
    path = tmp_path / "odd.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    more = {"adopt": NAMED, "derive": ("--base", "rules", "--out", str(tmp_path / "out.json"))}
    code, _, err = clearing("rulebook", command, str(path), *more.get(command, ()))
    told = " ".join(err.split())
    assert code == 2
    assert "odd.json: " in told
    assert why in told


@pytest.mark.parametrize("text", ["missing.json", "no/such", ".", "rules@", "@1"])
def test_what_is_neither_file_nor_name_is_said_so(clearing: Run, text: str) -> None:
    """Without opening a ledger."""
    code, _, err = clearing("rulebook", "check", text)
    assert code == 2
    assert "no file" in err or "neither a file nor NAME" in " ".join(err.split())


def test_a_version_can_be_shown_by_its_whole_name(
    files: dict[str, str], clearing: Run, answer: Answer
) -> None:
    shown = answer("rulebook", "show", "rules@1")
    assert shown["document"] == json.loads(Path(files["same"]).read_text())
    code, _, err = clearing("rulebook", "show", "rules@1", "--version", "2")
    assert code == 2
    assert "--version 2 is not the one of rules@1" in err


def test_a_document_may_come_back_as_a_new_version(files: dict[str, str], answer: Answer) -> None:
    """Rolling back is a decision of its own, with its own version, reason and position."""
    answer("rulebook", "adopt", files["tighter"], *NAMED)
    back = [text if text != "2" else "3" for text in NAMED]
    adopted = answer("rulebook", "adopt", files["same"], *back)
    assert (adopted["duplicate"], adopted["status"]) == (False, "in_force")
    assert [view["status"] for view in answer("rulebook", "list")] == [
        "replaced",
        "replaced",
        "in_force",
    ]


def test_a_version_names_one_document(files: dict[str, str], clearing: Run, answer: Answer) -> None:
    first = [text if text != "2" else "1" for text in NAMED]
    code, _, err = clearing("rulebook", "adopt", files["tighter"], *first)
    assert code == 2
    assert "rules@1 was adopted at log position 7 with another document" in " ".join(err.split())
    assert len(answer("rulebook", "list")) == 1


def test_an_effective_position_that_has_passed_is_said_so(
    files: dict[str, str], clearing: Run
) -> None:
    code, out, _ = clearing("rulebook", "adopt", files["tighter"], *NAMED, "--effective", "2")
    assert code == 0
    assert "; 2 had passed" in out


def test_diff_names_the_paths(files: dict[str, str], clearing: Run) -> None:
    assert clearing("rulebook", "diff", files["same"], "rules@1")[0] == 0
    code, out, _ = clearing("rulebook", "diff", "rules", files["tighter"], "--json")
    assert code == 1
    (found,) = json.loads(out)
    assert found["path"] == "schedules.majors.maintenance.rate"
    assert found["other"] == "0.04"
    code, out, _ = clearing("rulebook", "diff", "rules", files["tighter"])
    assert "schedules.majors.maintenance.rate" in out


def test_adopt_replaces_what_held(files: dict[str, str], answer: Answer) -> None:
    adopted = answer("rulebook", "adopt", files["tighter"], *NAMED, "--cite", "page 3")
    assert adopted["duplicate"] is False
    old, new = answer("rulebook", "list")
    assert (old["status"], old["until"]) == ("replaced", adopted["position"] - 1)
    assert (new["status"], new["since"]) == ("in_force", adopted["position"])
    assert new["citations"] == ["page 3"]
    again = answer("rulebook", "adopt", files["tighter"], *NAMED)
    assert again == {**adopted, "duplicate": True}
    assert (adopted["status"], adopted["since"]) == ("in_force", adopted["position"])
    assert len(answer("rulebook", "list")) == 2


def test_adopt_for_later_is_scheduled(files: dict[str, str], answer: Answer) -> None:
    answer("rulebook", "adopt", files["tighter"], *NAMED, "--effective", "1000")
    old, new = answer("rulebook", "list")
    assert (old["status"], new["status"], new["since"]) == ("in_force", "scheduled", None)


def test_adopt_refuses_before_anything_is_appended(
    files: dict[str, str], clearing: Run, answer: Answer
) -> None:
    code, _, err = clearing("rulebook", "adopt", files["elsewhere"], *NAMED)
    assert code == 1
    assert "settlement_asset" in err
    alone = [text if text != "bob" else "ann" for text in NAMED]
    code, _, err = clearing("rulebook", "adopt", files["tighter"], *alone)
    assert code == 2
    assert "somebody else has to approve" in err
    assert clearing("rulebook", "adopt", "missing.json", *NAMED)[0] == 2
    assert len(answer("rulebook", "list")) == 1


RECIPE: dict[str, Any] = {
    "producer": "worst-moves",
    "version": "1",
    "parameters": [
        {
            "path": "schedules.majors.maintenance.rate",
            "measure": {
                "series": "mark",
                "market": "BTC",
                "window_seconds": 7200,
                "sample_seconds": 3600,
                "reduce": "worst_move",
            },
            "times": "0.2",
            "floor": "0.01",
            "ceiling": "0.05",
            "step": "0.001",
        }
    ],
}


@pytest.mark.usefixtures("files")
def test_parameters_are_derived_from_the_log_and_adopted_like_any_others(
    tmp_path: Path, answer: Answer, clearing: Run
) -> None:
    """The mark fell from 1000 to 870 in an hour: a fifth of that is 0.026 of maintenance."""
    recipe, out = write(tmp_path / "recipe.json", RECIPE), str(tmp_path / "derived.json")
    made = answer("rulebook", "derive", recipe, "--base", "rules", "--out", out)
    (parameter,) = made["parameters"]
    numbers = [float(parameter[name]) for name in ("measured", "before", "after")]
    assert numbers == [0.13, 0.01, 0.026]
    document = json.loads(Path(out).read_text())
    assert document["schedules"]["majors"]["maintenance"]["rate"] == "0.026"
    adopted = answer("rulebook", "adopt", out, *NAMED)
    assert adopted["document_sha256"] == made["document_sha256"]
    assert [view["status"] for view in answer("rulebook", "list")] == ["replaced", "in_force"]
    assert answer("rulebook", "check", "rules@2", "--against-ledger")["problems"] == []
    again = str(tmp_path / "again.json")
    at = ("--at", str(made["position"]))
    made_again = answer("rulebook", "derive", recipe, "--base", "rules@1", "--out", again, *at)
    assert made_again["document_sha256"] == made["document_sha256"]
    third = str(tmp_path / "third.json")
    code, shown, _ = clearing(
        "rulebook", "derive", recipe, "--base", "rules@1", "--out", third, *at
    )
    assert code == 0
    assert "0.026" in shown


@pytest.mark.usefixtures("files")
def test_a_derivation_that_does_not_give_the_document_is_refused(
    tmp_path: Path, answer: Answer, clearing: Run
) -> None:
    recipe, out = write(tmp_path / "recipe.json", RECIPE), str(tmp_path / "derived.json")
    answer("rulebook", "derive", recipe, "--base", "rules", "--out", out)
    document = json.loads(Path(out).read_text())
    document["schedules"]["majors"]["maintenance"]["rate"] = "0.02"
    tampered = write(tmp_path / "tampered.json", document)
    code, _, err = clearing("rulebook", "adopt", tampered, *NAMED)
    assert code == 1
    assert "schedules.majors.maintenance.rate: is 0.02, derived is 0.026" in err
    document["derivation"]["position"] = 10_000
    code, _, err = clearing(
        "rulebook", "check", write(tmp_path / "later.json", document), "--against-ledger"
    )
    assert code == 1
    assert "derivation.position: 10000 is beyond log position" in err
    document["derivation"] |= {"position": 12, "base_sha256": "0" * 64}
    code, _, err = clearing(
        "rulebook", "check", write(tmp_path / "baseless.json", document), "--against-ledger"
    )
    assert code == 1
    assert "no rulebook with hash 0000" in err
    assert len(answer("rulebook", "list")) == 1


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("series", "notional", "expected"),
    [
        ("open_interest", False, 12),  # 10 and 14, on average
        ("open_interest", True, 11_090),  # 10 at 1000.00 and 14 at 870.00
        ("depth", False, 3),  # the asks of 2 and the bids of 4
    ],
)
def test_interest_and_depth_are_measured_in_size_or_at_the_mark(
    tmp_path: Path,
    answer: Answer,
    clearing: Run,
    series: str,
    notional: bool,
    expected: int,
) -> None:
    told = [
        event(21, "OpenInterestObserved", 3, market="BTC", size="10"),
        event(22, "OpenInterestObserved", 4, market="BTC", size="14"),
        event(23, "DepthObserved", 3, market="BTC", bid_size="5", ask_size="2", within="0.02"),
        event(24, "DepthObserved", 4, market="BTC", bid_size="4", ask_size="9", within="0.02"),
    ]
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    assert clearing("append", str(tmp_path / "more.jsonl"))[0] == 0
    assert clearing("project")[0] == 0
    recipe = deepcopy(RECIPE)
    measure = {"series": series, "notional": notional, "reduce": "mean", "window_seconds": 3600}
    recipe["parameters"][0]["measure"] |= measure
    path, out = write(tmp_path / "recipe.json", recipe), str(tmp_path / "derived.json")
    made = answer("rulebook", "derive", path, "--base", "rules", "--out", out)
    (parameter,) = made["parameters"]
    assert float(parameter["measured"]) == expected
    assert parameter["limit"] == "ceiling"


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        ({"market": "DOGE"}, 2, "market 'DOGE' is not declared"),
        ({"series": "depth"}, 2, "BTC has no depth at 2026-01-01T02:00:00+00:00 yet"),
        ({"window_seconds": 86_400}, 2, "BTC has no mark at 2025-12-31T04:00:00+00:00 yet"),
        ({"sample_seconds": 7}, 1, "parameters.0.measure: window_seconds is 7200"),
    ],
)
def test_what_cannot_be_derived_is_refused_and_nothing_written(
    files: dict[str, str],
    tmp_path: Path,
    clearing: Run,
    change: dict[str, Any],
    code: int,
    why: str,
) -> None:
    recipe = deepcopy(RECIPE)
    recipe["parameters"][0]["measure"] |= change
    out = tmp_path / "derived.json"
    path = write(tmp_path / "recipe.json", recipe)
    found, _, err = clearing("rulebook", "derive", path, "--base", "rules", "--out", str(out))
    assert found == code
    assert why in " ".join(err.split())
    assert not out.exists()
    out.write_text("mine")
    found, _, err = clearing(
        "rulebook", "derive", files["same"], "--base", "rules", "--out", str(out)
    )
    assert found != 0
    assert out.read_text() == "mine"


def test_presets_are_listed_explained_and_written_with_the_ledgers_names(
    clearing: Run, tmp_path: Path
) -> None:
    """No ledger is opened: a preset is a document to check and to adopt."""
    code, text, _ = clearing("rulebook", "preset")
    assert code == 0
    assert "binance-usdm" in text
    code, text, _ = clearing("rulebook", "preset", "--json")
    assert [row["name"] for row in json.loads(text)] == sorted(PRESETS)
    code, text, _ = clearing("rulebook", "preset", "vega", "--about", "--json")
    assert json.loads(text)["citations"] == list(PRESETS["vega"].citations)
    assert clearing("rulebook", "preset", "vega", "--about")[0] == 0
    code, text, _ = clearing("rulebook", "preset", "vega", "--asset", "EUR", "--fund", "pool")
    document = json.loads(text)
    assert document["settlement_asset"] == "EUR"
    assert document["waterfalls"]["standard"]["fund"] == "pool"
    file = tmp_path / "vega.json"
    file.write_text(text, encoding="utf-8")
    assert clearing("rulebook", "check", str(file))[0] == 0
    code, _, err = clearing("rulebook", "preset", "mtgox")
    assert code == 2
    assert "there is no preset 'mtgox'; there are aave-v3, binance-usdm, " in " ".join(err.split())


def test_the_commands_on_the_page_about_presets_work(clearing: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rulebooks.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"## Presets\n.*?```console\n(.*?)```", page, re.DOTALL)
    lines = [line.removeprefix("$ clearing ") for line in commands.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert clearing(*line.split())[0] == 0
