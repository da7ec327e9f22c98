"""Stress: a small venue's book put through shocks, files of marks and random walks."""

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.audit import ScenarioRefused, StressAnswer
from clearing.audit.replay.answer import ColumnTotals
from clearing.audit.stress import Chance, Driver, Figure, PathAnswer, stage
from clearing.ledger import Ledger
from tests.audit.stories import stored
from tests.audit.test_scenarios import wick
from tests.engine.test_scenarios_impact import TENTH
from tests.engine.test_scenarios_impact import venue as cascade
from tests.engine.test_scenarios_prices import Priced, told
from tests.engine.venue import Venue, deviations, rulebook


def shock(name: str = "fall", /, **fields: Any) -> dict[str, Any]:
    return {"path": "shock", "name": name, **fields}


def walk(**fields: Any) -> dict[str, Any]:
    walks = {"path": "monte_carlo", "name": "walks", "seed": 7, "count": 12, "steps": 3}
    return {**walks, "step_seconds": 60, "volatility": {"*": "0.05"}, **fields}


def document(*paths: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"stress": 1, "name": "test", "paths": list(paths), **fields}


def run(ledger: Ledger, *paths: dict[str, Any], **fields: Any) -> StressAnswer:
    return ledger.stress(document(*paths, **fields), processes=1)


def totals(path: PathAnswer) -> ColumnTotals:
    assert path.totals is not None
    return path.totals


def fund(of: ColumnTotals) -> tuple[str, str]:
    """What the fund had at least, and at the end."""
    (state,) = of.funds
    return state.low, state.equity


def drivers(of: tuple[Driver, ...]) -> list[tuple[str, str, str]]:
    return [(driver.name, driver.loss, driver.share) for driver in of]


def figure(path: PathAnswer, name: str) -> Figure:
    (found,) = [figure for figure in path.figures if figure.figure == name]
    return found


def test_at_thirty_per_cent_down_ada_is_closed_and_the_fund_bears_what_she_has_not(
    database_url: str,
) -> None:
    """Ada is long ten at 100 with 60: at 70 she is 240 short, which the fund's 1,000 bears.

    In ten steps she is taken over at 94, where she has nothing left: no loss. The fund's ten lose
    the other 24 each: the same 240.
    """
    fall = {"moves": {"BTC": "-0.3"}}
    with stored(wick(), database_url) as ledger:
        before = ledger.digest()
        answer = run(ledger, shock("at once", **fall), shock("slow", **fall, steps=10, seconds=600))
        assert ledger.digest() == before
    at_once, slow = answer.paths
    for path, loss in ((at_once, "240"), (slow, "0")):
        assert totals(path).liquidated_accounts == 1
        assert fund(totals(path)) == ("760", "760")
        assert [(a.losses, a.funds) for a in totals(path).assets if loss != "0"] == [
            (loss, loss) for _ in range(loss != "0")
        ]
    assert drivers(at_once.accounts) == [("ada", "240.00", "1.0000")]
    assert [d.liquidated for d in at_once.accounts] == [1]
    assert drivers(at_once.markets) == [("BTC", "240.00", "1.0000")]
    assert drivers(slow.accounts) == [("ada", "0.00", "0.0000")], "liquidated, without a loss"
    assert slow.markets == ()
    assert (answer.still.liquidated_accounts, fund(answer.still)) == (0, ("1000", "1000"))
    (state,) = at_once.funds
    assert (state.fund, state.start, state.lowest) == ("insurance", "1000", "760")
    assert state.depleted == state.beyond == Chance(0, "", "", ""), "not drawn: not probable"


def test_a_fund_that_cannot_bear_it(database_url: str) -> None:
    """Of 240, a fund of 100 bears what it can in whole lots, and bob, deleveraged, the rest.

    Without that layer it is the only one to bear it, and ends 140 below zero.
    """
    venue = poor()
    layers = [{"layer": "fund", "capacity": "unlimited"}, {"layer": "deficit"}]
    assert deviations(venue.adopt(rulebook(layers=layers))) == []
    fall = shock(moves={"*": "-0.3"})
    with stored(venue, database_url) as ledger:
        shared = run(ledger, fall, upto=venue.engine.position - 1)
        alone = run(ledger, fall)
        richer = run(ledger, fall, upto=venue.engine.position - 2)
        asked = ledger.stress(document(fall), venue.engine.position - 2)
    (state,) = shared.paths[0].funds
    assert (state.lowest, state.depleted.paths, state.beyond.paths) == ("0.02", 0, 1)
    assert totals(shared.paths[0]).deleveraged_accounts == 1
    (state,) = alone.paths[0].funds
    assert (state.lowest, state.depleted.paths, state.beyond.paths) == ("-140", 1, 0)
    assert richer.paths[0].funds[0].lowest == "760", "the book as it was before"
    assert asked == richer


def poor() -> Venue:
    """The same, with 100 in the fund."""
    venue = wick()
    decided = {"author": "ann", "approver": "bob", "reason": "moved"}
    venue("FundWithdrawn", fund="insurance", asset="USD", amount="900", **decided)
    return venue


def two_markets() -> Venue:
    """Ada is long ten BTC and ten ETH at 100 with 60; bob sold to her."""
    venue = wick()
    venue.market("ETH")
    venue.mark(ETH="100")
    venue.trade("ada", "bob", "ETH", "10", "100")
    return venue


def test_a_loss_comes_from_the_markets_that_fell_as_far_as_they_fell(database_url: str) -> None:
    """BTC takes 200 of ada and ETH 100; of the 240 she has not, that is 160 and 80."""
    with stored(two_markets(), database_url) as ledger:
        down = run(ledger, shock(moves={"BTC": "-0.2", "ETH": "-0.1"})).paths[0]
        apart = run(ledger, shock(moves={"BTC": "-0.2", "ETH": "0.1"})).paths[0]
    assert drivers(down.markets) == [("BTC", "160.00", "0.6667"), ("ETH", "80.00", "0.3333")]
    assert drivers(apart.markets) == [("BTC", "40.00", "1.0000")]


def test_collateral_that_falls_bears_its_part_of_the_loss(database_url: str) -> None:
    """Ada is long ten BTC at 100 against 1 COIN of 400, and has lost 300 and 300: 200 too much."""
    venue = wick()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.mark(**{"COIN-USD": "400"})
    venue.deposit("ada", "1", "COIN")
    counted = {"market": "COIN-USD", "weights": {"initial": "0.8", "maintenance": "0.9"}}
    policy = {"all": {"assets": {"COIN": counted}, "unrealised": {}}}
    rules = rulebook(collateral=policy)
    rules["bindings"][0]["collateral"] = "all"
    assert deviations(venue.adopt(rules)) == []
    venue("Withdrawn", account="ada", asset="USD", amount="60")
    with stored(venue, database_url) as ledger:
        (path,) = run(ledger, shock(moves={"BTC": "-0.3", "COIN-USD": "-0.75"})).paths
    assert drivers(path.accounts) == [("ada", "200.00", "1.0000")]
    assert drivers(path.markets) == [("BTC", "100.00", "0.5000"), ("COIN-USD", "100.00", "0.5000")]


def test_a_loss_that_was_there_before_anything_moved_is_no_market_s(database_url: str) -> None:
    """A venue that closed nobody at 90: ada is 40 short before the path begins."""
    venue = wick("record")
    venue.mark(BTC="90")
    with stored(venue, database_url) as ledger:
        (path,) = run(ledger, shock(moves={"*": "0"})).paths
    assert drivers(path.markets) == [("", "40.00", "1.0000")]


@pytest.mark.parametrize("mode", ["record", "verify"])
def test_ladders_act_where_the_rulebook_only_records(database_url: str, mode: str) -> None:
    with stored(wick(mode), database_url) as ledger:
        answer = run(ledger, shock(moves={"*": "-0.3"}))
    assert totals(answer.paths[0]).liquidated_accounts == 1
    assert answer.still.liquidated_accounts == 0


def test_what_the_rulebook_does_anyhow_stands_apart(database_url: str) -> None:
    """A venue that did not close ada at 94: she is due before anything moves."""
    venue = wick("record")
    venue.mark(BTC="94")
    with stored(venue, database_url) as ledger:
        answer = run(ledger, shock(moves={"*": "0.01"}))
    assert answer.still.liquidated_accounts == 1


def test_time_after_the_last_mark_lets_timers_fire(database_url: str) -> None:
    """A margin call with an hour's grace is missed only when the hour has passed."""
    call = {
        "action": "margin_call",
        "when": {"level": "initial"},
        "grace_seconds": 3600,
        "restore": "initial",
        "on_missed": "liquidate",
    }
    take = {"action": "takeover", "when": {"level": "maintenance"}, "residual": "trader"}
    venue = wick()
    venue.adopt(rulebook(ladder=[call, take]))
    with stored(venue, database_url) as ledger:
        fall = {"moves": {"*": "-0.02"}}
        answer = run(ledger, shock("at once", **fall), shock("later", **fall, after_seconds=3600))
    assert [totals(path).margin_calls for path in answer.paths] == [1, 1]
    assert [totals(path).liquidated_accounts for path in answer.paths] == [0, 1]


def test_the_same_seed_gives_the_same_answer_on_any_number_of_processes(database_url: str) -> None:
    asked = document(walk(correlation="0.5", degrees=4), shock(moves={"*": "-0.1"}))
    done: list[int] = []
    with stored(two_markets(), database_url) as ledger:
        alone = ledger.stress(asked, processes=1, progress=done.append)
        again = ledger.stress(asked, processes=1)
        both = ledger.stress(asked, processes=2)
        asked["paths"][0]["seed"] = 8
        other = ledger.stress(asked, processes=1)
    assert alone == again == both
    assert alone.paths[0].digest != other.paths[0].digest
    assert alone.paths[1].digest == other.paths[1].digest
    assert done == list(range(1, 15)), "twelve walks, one shock, one that stands still"


def test_without_volatility_nothing_changes(database_url: str) -> None:
    with stored(two_markets(), database_url) as ledger:
        answer = run(ledger, walk(volatility={"*": 0}))
    (path,) = answer.paths
    assert figure(path, "liquidated_accounts").worst == "0"
    assert (figure(path, "fund_low").worst, figure(path, "fund_end").worst) == ("1000", "1000")
    assert path.accounts == path.markets == ()
    (state,) = path.funds
    nothing = Chance(0, "0.000000", "0.000000", "0.242495")
    assert state.depleted == state.beyond == nothing, "z² / (n + z²) for n = 12"


def test_what_walks_come_to_is_told_from_good_to_bad(database_url: str) -> None:
    with stored(poor(), database_url) as ledger:
        (path,) = run(ledger, walk(count=60, steps=4, volatility={"*": "0.1"})).paths
    hits = figure(path, "liquidated_accounts")
    assert (hits.worst, hits.asset) == ("1", "")
    low, losses = figure(path, "fund_low"), figure(path, "losses")
    assert low.worst == path.funds[0].lowest
    assert float(low.median) > float(low.p95) >= float(low.p99) >= float(low.worst)
    assert float(losses.worst) >= float(losses.p95) > float(losses.median)
    (ada,) = path.accounts
    assert (ada.name, ada.loss, ada.share) == ("ada", losses.mean, "1.0000")
    assert ada.liquidated == round(float(hits.mean) * 60)
    (state,) = path.funds
    assert 0 < state.beyond.paths < 60
    assert float(state.beyond.low) < float(state.beyond.probability) < float(state.beyond.high)


@pytest.mark.parametrize("mode", ["derive", "record"])
def test_forced_sales_that_move_the_mark_make_it_worse_and_come_to_rest(
    database_url: str, mode: str
) -> None:
    """The cascade of the engine's own test: ada's ten take bob, his take cyd, and there it ends."""
    with stored(cascade(None, mode=mode), database_url) as ledger:
        fall = shock(moves={"BTC": "-0.006"})
        plain = run(ledger, fall).paths[0]
        moved = run(ledger, fall, impact={"*": TENTH}).paths[0]
        named = run(ledger, fall, impact={"BTC": TENTH}).paths[0]
    assert (totals(plain).liquidated_accounts, plain.moved_marks) == (1, 0)
    assert (totals(moved).liquidated_accounts, moved.moved_marks) == (3, 3)
    assert named == moved
    assert float(fund(totals(moved))[1]) < float(fund(totals(plain))[1])


def test_observations_that_make_the_mark_move_with_it(database_url: str) -> None:
    """A tree makes the mark of an oracle, and the record has another one: both fall by 30 %."""
    venue = Priced()
    venue("FundContributed", fund="insurance", asset="USD", amount="1000")
    venue.prices(roles={"mark": told("a")})
    venue.says("a", "100")
    venue.trade("ada", "maker", "BTC", "40", "100")
    with stored(venue, database_url) as ledger:
        answer = run(ledger, shock(moves={"BTC": "-0.3"}))
    assert totals(answer.paths[0]).liquidated_accounts == 1
    assert drivers(answer.paths[0].accounts) == [("ada", "200.00", "1.0000")]
    assert fund(totals(answer.paths[0])) == ("800", "800")


BARS = """\
market,time,mark_open,mark_high,mark_low,mark_close
OLD,2020-03-12T10:00:00Z,8000,8000,7600,7600
OLD,2020-03-12T11:00:00Z,7600,7600,6000,6400
"""


def filed(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    file = tmp_path / "bars.csv"
    file.write_text(BARS)
    return {"path": "file", "name": "march", "files": [str(file)], **fields}


def test_the_book_is_put_through_a_day_of_a_file(database_url: str, tmp_path: Path) -> None:
    """From 8,000 the file goes to 7,600 (95), where ada is 10 up, and to 6,000 (75), a takeover.

    At 95 she has 10 of 9.50. At 75 she is 190 short, the fund has 810; at 80 (6,400) 860. Half of
    the moves take her to 97.50 and to 87.50, where she is 65 short.
    """
    with stored(wick(), database_url) as ledger:
        path = filed(tmp_path, markets={"BTC": "OLD"})
        once = run(ledger, path).paths[0]
        half = run(ledger, {**path, "scale": "0.5"}).paths[0]
        first = run(ledger, {**path, "to": "2020-03-12T10:59:59Z"}).paths[0]
        again = run(ledger, {**path, "format": "binance", "settings": {"path": "olhc"}}).paths[0]
    assert drivers(once.accounts) == [("ada", "190.00", "1.0000")]
    assert fund(totals(once)) == ("810", "860")
    assert drivers(half.accounts) == [("ada", "65.00", "1.0000")]
    assert totals(first).liquidated_accounts == 0
    assert again == once
    assert list(once.files) == path["files"]
    assert len(once.files[path["files"][0]]) == 64


def test_five_days_of_a_real_crash(database_url: str, shared_data: Path) -> None:
    """12 March 2020, with the marks counted here: where ada's 60 end, the fund's ten begin."""
    file = shared_data / "data/crash/crash_2020-03-12_marks.csv.gz"
    with gzip.open(file, "rt") as lines:
        bars = [row for row in csv.DictReader(lines) if row["market"] == "BTCUSDT"]
    names = ("mark_open", "mark_low", "mark_high", "mark_close")
    told = [Decimal(bar[name]) for bar in bars for name in names]
    marks = [(100 * price / told[0]).quantize(Decimal("0.01")) for price in told]
    taken = next(i for i, mark in enumerate(marks) if 10 * mark - 940 < mark / 10)
    worst = 10 * (min(marks[taken:]) - max(marks[taken], Decimal(94)))
    path = {"path": "file", "name": "march", "files": [str(file)], "markets": {"*": "BTCUSDT"}}
    with stored(wick(), database_url) as ledger:
        whole = run(ledger, path).paths[0]
    assert totals(whole).liquidated_accounts == 1
    assert Decimal(fund(totals(whole))[0]) == 1000 + worst


def test_marks_of_event_files_are_followed_by_name(database_url: str, tmp_path: Path) -> None:
    venue = wick()
    file = tmp_path / "marks.jsonl"
    lines = [
        {
            "kind": "Marked",
            "source": "x",
            "external_id": str(i),
            "occurred_at": f"2021-01-01T00:00:0{i}Z",
            "marks": [{"market": "BTC", "price": price}, {"market": "ELSE", "price": "1"}],
        }
        for i, price in enumerate(("2000", "1400"))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with stored(venue, database_url) as ledger:
        path = {"path": "file", "name": "marks", "files": [str(file)]}
        answer = run(ledger, path)
    assert drivers(answer.paths[0].accounts) == [("ada", "240.00", "1.0000")]


ILL_MATCHED = {"BTC": {"ETH": "0.9"}, "ETH": {"SOL": "0.9"}, "SOL": {"BTC": "-0.9"}}


@pytest.mark.parametrize(
    ("paths", "fields", "problem"),
    [
        ([shock(moves={"BTC": "-1"})], {}, "paths.0.moves.BTC: -1 must be more than -1"),
        ([shock(moves={"XYZ": "-0.1"})], {}, "paths.0.moves.XYZ: is not declared"),
        ([shock(moves={}, steps=0)], {}, "paths.0.steps"),
        ([shock(moves={"*": "0"}), shock(moves={"*": "0"})], {}, "'fall' is the name of another"),
        ([{"path": "storm", "name": "x"}], {}, "paths.0: path is 'storm', and must be one of"),
        ([walk(seed=-1)], {}, "paths.0.seed: must be"),
        ([walk(volatility={"*": "1.1"})], {}, "paths.0.volatility.*: 1.1 must lie between 0 and 1"),
        (
            [walk(steps=100_000, step_seconds=86_400)],
            {},
            "paths.0.step_seconds: 100000 steps of 86400 seconds are more than ten years",
        ),
        ([walk(degrees=2)], {}, "paths.0.degrees: must be"),
        ([walk(correlation="1.2")], {}, "paths.0.correlation: 1.2 is no correlation"),
        ([walk(correlation="-0.6")], {}, "paths.0.correlations: no markets can go together"),
        ([walk(correlations=ILL_MATCHED)], {}, "paths.0.correlations: no markets can go together"),
        (
            [walk(correlations={"BTC": {"ETH": "0.9"}, "ETH": {"BTC": "0.8"}})],
            {},
            "paths.0.correlations.BTC.ETH: is 0.9, and 0.8 the other way round",
        ),
        (
            [walk(volatility={"BTC": "0.1"}, correlations={"BTC": {"ETH": "0.5"}})],
            {},
            "paths.0.correlations: 'ETH' has no volatility here",
        ),
        ([shock(moves={"*": "0"})], {"upto": 999}, "upto: 999 is beyond log position"),
        ([shock(moves={"*": "0"})], {"upto": 2}, "upto: no market has a mark by then"),
        (
            [shock(moves={"*": "0"})],
            {"impact": {"XYZ": TENTH}},
            "impact.XYZ: is not declared by then",
        ),
        (
            [shock(moves={"*": "0"})],
            {"impact": {"BTC": {**TENTH, "depth": "0.00001"}}},
            "impact: impact.BTC.depth",
        ),
        ([{"path": "file", "name": "x", "files": ["no.csv"]}], {}, "paths.0.files: no.csv is no"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(
    database_url: str, paths: list[dict[str, Any]], fields: dict[str, Any], problem: str
) -> None:
    venue = two_markets()
    venue.market("SOL")
    venue.mark(SOL="10")
    with stored(venue, database_url) as ledger, pytest.raises(ScenarioRefused) as refused:
        ledger.stress(document(*paths, **fields))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "paths.0.markets: is needed; the files have only OLD"),
        ({"markets": {"BTC": "NEW"}}, "paths.0.markets: the files have no marks of 'NEW'"),
        ({"format": "tape"}, "paths.0.format: 'tape' must be one of"),
        ({"format": "csv"}, "paths.0.files: "),
        ({"settings": {"path": "up"}}, "paths.0.settings: binance: path='up' is not one of"),
        ({"format": "jsonl", "settings": {"path": "up"}}, "events has no option 'path'"),
        ({"from": "2021-01-01T00:00:00Z"}, "paths.0.files: have no marks here"),
        ({"from": "2021-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}, "paths.0.to: "),
    ],
)
def test_files_that_do_not_fit_are_refused(
    database_url: str, tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    with stored(wick(), database_url) as ledger, pytest.raises(ScenarioRefused) as refused:
        run(ledger, filed(tmp_path, **fields))
    assert problem in str(refused.value)


def test_a_market_that_a_path_does_not_name_is_told_as_well(database_url: str) -> None:
    """Else its price would grow old, and the path would differ from the one that stands still."""
    told = []

    def noted(self: Any, event: Any) -> None:
        told.append(event)
        tell(self, event)

    with stored(two_markets(), database_url) as ledger, pytest.MonkeyPatch.context() as patch:
        tell = stage._Run._tell
        patch.setattr(stage._Run, "_tell", noted)
        run(ledger, shock(moves={"BTC": "-0.2"}, steps=2, seconds=120))
    marks = [
        {mark.market: str(mark.price) for mark in event.marks}
        for event in told
        if event.kind == "Marked"
    ]
    assert marks[-2:] == [{"BTC": "90.00", "ETH": "100.00"}, {"BTC": "80.00", "ETH": "100.00"}]
