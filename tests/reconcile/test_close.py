"""A day's close: in one go, taken up again, with breaks, and never signed where it is not sound."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.close import Close, ClosePlan, PlanRefused, Tools, close_day, read_plan
from clearing.database import connect
from clearing.ledger import Ledger
from clearing.log.notes import Signer
from clearing.log.tiles import TileStore
from tests.reconcile.desk import Day, rows, written

DAY = "2024-05-01"
PLAN = """
format: 1
name: morning
accounts:
  - account: ada
    statements:
      - files: [statements]
"""


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    (tmp_path / "statements").mkdir()
    with Ledger.open(database_url) as ledger:
        made = Day(ledger, tmp_path / "statements")
        made.deposit("a", "1", 1)
        made.deposit("b", "2", 2)
        made.append({"kind": "ClockTicked", "occurred_at": "2024-05-02T00:00:00Z"})  # it is over
        yield made


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    signer = Signer.generate("ledger.example/day")
    return Tools(TileStore(tmp_path / "checkpoints"), signer, (signer.verifier,))


@pytest.fixture
def plan(tmp_path: Path) -> ClosePlan:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    return read_plan(path)


def closed(day: Day, plan: ClosePlan, tools: Tools) -> Close:
    return close_day(day.ledger, plan, DAY, person="ann", folder=day.folder.parent, tools=tools)


def state(day: Day, *lines: tuple[str, int, int, int]) -> None:
    """Put a statement of the day into the folder."""
    day.files += 1
    written(day.folder / f"page-{day.files}.csv", rows(lines))


GOOD = (("a", 1, 100_000_000, 100_000_000), ("b", 2, 200_000_000, 300_000_000))


def test_a_clean_day_ends_in_one_page_and_again_changes_nothing(
    day: Day, plan: ClosePlan, tools: Tools
) -> None:
    state(day, *GOOD)
    first = closed(day, plan, tools)
    assert first.verdict == "clean", first.steps
    assert [(one.step, one.good) for one in first.steps] == [
        ("take page-1.csv", True),
        ("reconcile ada with bitmex", True),
        ("rules for ada", True),
        ("approvals", True),
        ("statement of ada", True),
        ("statement of the house", True),
        ("verify", True),
        ("checkpoint", True),
    ]
    assert (first.breaks, first.waiting, first.act) == ((), (), {})
    again = closed(day, plan, tools)
    assert again.verdict == "clean"
    remembered = {one.step: one.again for one in again.steps}
    assert {name for name, known in remembered.items() if known} == {
        "take page-1.csv",
        "reconcile ada with bitmex",
        "rules for ada",
        "approvals",
        "checkpoint",
    }
    versions = [one.words for one in again.steps if one.step.startswith("statement of")]
    assert versions == ["version 1", "version 1"]


def test_what_was_interrupted_is_taken_up_where_it_was(
    day: Day, plan: ClosePlan, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(day, *GOOD)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "verify", interrupted)
        with pytest.raises(KeyboardInterrupt):
            closed(day, plan, tools)
    after = closed(day, plan, tools)
    assert after.verdict == "clean"
    assert [one.step for one in after.steps if one.again] == [
        "take page-1.csv",
        "reconcile ada with bitmex",
        "rules for ada",
        "approvals",
    ]


def test_breaks_are_listed_by_who_must_act_and_the_rest_is_done_all_the_same(
    day: Day, plan: ClosePlan, tools: Tools
) -> None:
    state(day, GOOD[0], ("c", 3, 7, 100_000_007))
    answer = closed(day, plan, tools)
    assert answer.verdict == "breaks"
    assert [one.type for one in answer.breaks] == ["missing_there", "missing_here"], "largest first"
    assert answer.act == {"": 2}
    assert [one.good for one in answer.steps] == [True, False, True, True, True, True, True, True]
    desk = day.ledger.desk("ann")
    desk.note(answer.breaks[0].number, "owner", "bob")
    desk.propose_for_break("write_off", answer.breaks[1].number, "seven satoshi")
    after = closed(day, plan, tools)
    assert after.act == {"": 1, "bob": 1}
    assert [one.kind for one in after.waiting] == ["write_off"]


def test_a_late_page_makes_the_day_clean(day: Day, plan: ClosePlan, tools: Tools) -> None:
    state(day, GOOD[0])
    assert closed(day, plan, tools).verdict == "breaks"
    state(day, GOOD[1])
    answer = closed(day, plan, tools)
    assert answer.verdict == "clean", answer
    assert [view.status for view in day.ledger.desk("ann").breaks()] == ["closed"]


def test_a_log_that_is_not_sound_is_not_signed(
    day: Day, plan: ClosePlan, tools: Tools, database_url: str
) -> None:
    state(day, *GOOD)
    assert closed(day, plan, tools).verdict == "clean"
    with connect(database_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE clearing.log DISABLE TRIGGER append_only")
        superuser.execute("UPDATE clearing.log SET amount = amount + 1 WHERE external_id = 'a'")
    answer = closed(day, plan, tools)
    assert answer.verdict == "not sound", "verifying is never taken as done before"
    assert answer.steps[-1].step == "verify"


def test_a_bad_line_takes_nothing_in_and_is_named(day: Day, plan: ClosePlan, tools: Tools) -> None:
    state(day, *GOOD)
    path = day.folder / "page-1.csv"
    path.write_text(path.read_text().replace("200000000", "2e8"))
    answer = closed(day, plan, tools)
    assert answer.verdict == "breaks"
    assert "amount" in answer.steps[0].words
    assert "page-1.csv:3" in answer.steps[0].words
    assert not answer.steps[1].good
    (kept,) = day.ledger.quarantined()
    assert (kept.field, kept.value, kept.line) == ("amount", "2e8", 3)


def test_a_day_that_is_not_over_has_no_statement(
    database_url: str, tmp_path: Path, plan: ClosePlan, tools: Tools
) -> None:
    (tmp_path / "statements").mkdir()
    with Ledger.open(database_url) as ledger:
        day = Day(ledger, tmp_path / "statements")
        for native, hour, amount in (("a", 1, "1"), ("b", 2, "2")):
            day.deposit(native, amount, hour)
        state(day, *GOOD)
        answer = closed(day, plan, tools)
    assert answer.verdict == "breaks"
    (one,) = [step for step in answer.steps if step.step == "statement of ada"]
    assert (one.good, "append what did, or a ClockTicked" in one.words) == (False, True), one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("format: 2", "format: Input should be 1"),
        ("colour: red", "colour: Extra inputs are not permitted"),
        ("accounts: []", "accounts: Tuple should have at least 1 item"),
        ("name: No Good", "name: String should match pattern"),
    ],
)
def test_a_plan_says_which_field_is_wrong(tmp_path: Path, change: str, message: str) -> None:
    key = change.split(":", maxsplit=1)[0]
    document = {
        "format": 1,
        "name": "morning",
        "accounts": [{"account": "ada"}],
    }
    path = tmp_path / "plan.yaml"
    kept = {name: value for name, value in document.items() if name != key}
    lines = [f"{name}: {json.dumps(value)}" for name, value in kept.items()]
    path.write_text("\n".join([*lines, change]), encoding="utf-8")
    with pytest.raises(PlanRefused, match=message):
        read_plan(path)
