"""The commands about rulebooks, on a ledger of one asset, one market and a fund."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import ledger_events
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
    code, _, err = clearing("rulebook", "check", files["floats"])
    assert code == 2
    assert "schedules.majors.initial.rate" in err
    assert clearing("rulebook", "check", files["elsewhere"])[0] == 0
    code, _, err = clearing("rulebook", "check", files["elsewhere"], "--against-ledger")
    assert code == 1
    assert "settlement_asset: 'EUR' is not declared" in err


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
