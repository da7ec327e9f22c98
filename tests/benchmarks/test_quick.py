"""Benchmarks in a tiny size: they run, verify what they time, and return ratios. No speed."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import append, as_of, marks, rebuild
from benchmarks.measure import Ratio, against, compared
from clearing.audit import AccountView
from clearing.audit.accounts import account_view
from clearing.database import connect
from clearing.engine.bands import BandedWatch
from clearing.engine.market import Market
from clearing.engine.scope import Scope


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


def test_as_of(database_url: str) -> None:
    ratios = as_of.run(database_url, events=1500, samples=3, repeats=2, accounts=10)
    names = measured(ratios)
    assert [name.split(",")[0] for name in names] == ["account", "market", "fund", "house"]
    assert all("p50" in ratio.note and "p99" in ratio.note for ratio in ratios)


def test_as_of_sees_an_answer_that_is_not_the_engines(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def richer(*arguments: Any) -> AccountView:
        return replace(account_view(*arguments), owner="somebody else")

    monkeypatch.setattr(as_of, "account_view", richer)
    with pytest.raises(RuntimeError, match="is not the engine's"):
        as_of.run(database_url, events=1500, samples=1, repeats=1, accounts=10)


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
