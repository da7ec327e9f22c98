"""Benchmarks in a tiny size: they run, verify what they time, and return ratios. No speed."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from benchmarks import (
    append,
    as_of,
    checkpoints,
    liquidations,
    marks,
    matching,
    periods,
    proofs,
    rebuild,
    reconciling,
    stress_paths,
    verifying,
    what_if,
    windows,
)
from benchmarks.long_log import long_log
from benchmarks.measure import Ratio, against, compared
from benchmarks.two_sides import COMPOSITE, NATIVE, sides
from clearing.audit import AccountView
from clearing.audit.accounts import account_view
from clearing.database import connect
from clearing.engine.bands import BandedWatch
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.log import LogWriter
from clearing.samples import incident_day


def measured(ratios: Sequence[Ratio]) -> list[str]:
    """The names, of ratios that are numbers with a baseline."""
    for ratio in ratios:
        assert ratio.baseline
        assert 0 < ratio.lowest <= ratio.highest
        assert ratio.ratio > 0
        assert ratio.baseline in ratio.lines()
    return [ratio.name for ratio in ratios]


def test_append(database_url: str) -> None:
    (ratio,) = append.run(database_url, count=300, repeats=2)
    measured([ratio])
    with connect(database_url) as connection:
        rows = connection.execute("SELECT count(*) FROM clearing.log").fetchone()
    assert rows == (303 + 2 * 300,)


def test_append_sees_other_rows_in_the_bare_table(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        append.run(database_url, count=50, repeats=1)
        connection.execute("UPDATE public.bare SET price = price + 1 WHERE position = 310")
        with pytest.raises(RuntimeError, match="bare table"):
            append._verify(connection, expected=303 + 50, last=50)


def test_rebuild(database_url: str) -> None:
    ratios = rebuild.run(database_url, trades_per_minute=1, accounts=10, repeats=1)
    names = measured(ratios)
    assert "state only" in names[0]
    assert "every read model" in names[1]


def test_the_baseline_is_named_by_what_sends(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database_url, autocommit=True) as connection:
        if shutil.which("psql") is not None:
            name, send, note = rebuild._baseline(database_url, connection)
            send()
            assert name.startswith("psql binary COPY")
            assert "psql starting" in note
        monkeypatch.setattr(shutil, "which", lambda _: None)
        name, send, note = rebuild._baseline(database_url, connection)
        send()
        assert (name.split()[0], note) == ("psycopg", "")


EVENTS = 1500


def test_as_of(database_url: str) -> None:
    with long_log(database_url, EVENTS, accounts=10) as log:
        ratios = as_of.run(*log, samples=3, repeats=2)
    names = measured(ratios)
    assert [name.split(",")[0] for name in names] == ["account", "market", "fund", "house"]
    assert all("p50" in ratio.note and "p99" in ratio.note for ratio in ratios)


def test_as_of_sees_an_answer_that_is_not_the_engines(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def richer(*arguments: Any) -> AccountView:
        return replace(account_view(*arguments), owner="somebody else")

    monkeypatch.setattr(as_of, "account_view", richer)
    with (
        long_log(database_url, EVENTS, accounts=10) as log,
        pytest.raises(RuntimeError, match="is not the engine's"),
    ):
        as_of.run(*log, samples=1, repeats=1)


def test_a_long_log_is_taken_up_where_it_was_left(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        day = incident_day(accounts=10, trades_per_minute=1)
        LogWriter(connection).append(list(islice(day, 700)))
    with long_log(database_url, EVENTS, accounts=10) as (connection, live):
        first = live.position
        rows = connection.execute("SELECT count(*) FROM clearing.log").fetchone()
    assert rows == (first,)
    with long_log(database_url, EVENTS, accounts=10) as (_, again):
        assert again.position == first > 1000


def test_questions_of_a_log(database_url: str) -> None:
    """Explaining, what-if, stress, checkpoints and verification, one after another."""
    with long_log(database_url, EVENTS, accounts=40) as log:
        (explained,) = liquidations.run(*log, samples=3, repeats=1)
        (asked,) = what_if.run(*log)
        (walked,) = stress_paths.run(*log, paths=2, repeats=1)
        (signed,) = checkpoints.run(*log, samples=3)
        (verified,) = verifying.run(*log)
    measured([explained, asked, walked, signed, verified])
    assert "p99" in explained.note
    assert "the hour has" in asked.note


def test_proofs() -> None:
    ratios = proofs.run(leaves=700, samples=5, repeats=2)
    assert measured(ratios) == ["inclusion proofs", "growth proofs"]
    assert all("700 leaves" in ratio.note for ratio in ratios)


def test_marks() -> None:
    ratios = marks.run(sizes=(60, 120), marks=60, naive_marks=40, repeats=2)
    assert len(measured(ratios)) == 3
    assert "naive" in ratios[0].note
    assert "over the first 20" in ratios[1].note
    assert ratios[2].at_most


def test_marks_sees_a_watch_that_leaves_accounts_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(self: BandedWatch, market: Market, before: int) -> list[Scope]:
        del self, market, before
        return []

    monkeypatch.setattr(BandedWatch, "on_mark", nobody)
    with pytest.raises(RuntimeError, match="the watches differ"):
        marks.verify(60)


def test_matching() -> None:
    pytest.importorskip("polars", reason="matching is measured against polars")
    ratios = matching.run(count=1_500, repeats=2)
    names = measured(ratios)
    assert ["native id" in name for name in names] == [True, False]
    assert all("none invented" in ratio.note and "MiB" in ratio.note for ratio in ratios)


def test_matching_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "find_spec", lambda _: None)
    with pytest.raises(matching.NoBaseline, match=r"polars.*clearing\[benchmarks\]"):
        matching.run(count=1_500, repeats=1)


@pytest.mark.parametrize("native", [True, False])
def test_matching_sees_breaks_other_than_those_planted(native: bool) -> None:
    made = sides(1_500, NATIVE if native else COMPOSITE)
    found = [matching._expected(*one, native) for one in made.breaks]
    copied = sum(one.type.startswith("duplicate") for one in made.breaks)
    matches = made.alike + copied + (made.retimed if native else 0)
    right = matching._Outcome(1, 1, 1, matches, [*found])
    matching._verify(made, right, native=native)
    for wrong in (found[1:], [*found, ("amount", (0,), (0,))]):
        with pytest.raises(RuntimeError, match="other breaks than were planted"):
            matching._verify(made, replace(right, found=[*wrong]), native=native)
    with pytest.raises(RuntimeError, match="matches, not"):
        matching._verify(made, replace(right, matched=matches - 1), native=native)


def test_windows() -> None:
    assert len(measured(windows.run(count=300, many=600, repeats=2))) == 2


def test_windows_sees_other_matches_than_those_of_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "within_tolerance", lambda _: None)
    with pytest.raises(RuntimeError, match="0 matches, the baseline 200"):
        windows.run(count=300, many=600, repeats=1)


def test_periods(database_url: str) -> None:
    (ratio,) = periods.run(database_url, days=6, daily=8)
    assert "MiB" in ratio.note
    assert measured([ratio])


def test_reconciling(database_url: str) -> None:
    ratios = reconciling.run(database_url, count=1_500)
    names = [name.split(",")[0] for name in measured(ratios)]
    assert names == ["take", "reconcile", "take again", "reconcile again"]
    assert "none invented" in ratios[1].note


def test_reconciling_sees_a_break_that_is_not_found(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It claims to have planted one more balance that is told wrongly than it has."""
    write = reconciling._write
    monkeypatch.setattr(reconciling, "_write", lambda *given: [*write(*given), 7])
    with pytest.raises(RuntimeError, match="1 planted breaks are missed"):
        reconciling.run(database_url, count=1_500)


def test_medians_are_compared() -> None:
    ratio = compared("ours", [1, 2, 90], "theirs", [4, 4, 4], unit="x", floor=0.5)
    assert (ratio.ratio, ratio.lowest, ratio.highest) == (0.5, 0.25, 22.5)
    assert ratio.met
    times = compared("ours", [1, 2, 90], "theirs", [4, 4, 4], unit="x", floor=1.5, at_most=True)
    assert (times.ratio, times.met) == (2.0, False)
    assert "MISSED" in times.lines()
    assert compared("ours", [1], "theirs", [4], unit="x", floor=None).met


def test_rounds_are_interleaved_take_turns_and_are_prepared() -> None:
    calls: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: calls.append(name)

    against(
        "a",
        note("a"),
        "b",
        note("b"),
        count=1,
        unit="x",
        floor=1,
        repeats=2,
        prepare=note("prepare"),
    )
    assert calls == ["prepare", "b", "a", "prepare", "a", "b"]
