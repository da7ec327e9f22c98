"""Scenarios kept in generations of their own: asked like the books, and never the books."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import psycopg
import pytest

from clearing.audit import (
    LOG,
    FirstDifference,
    Moment,
    MomentUnclear,
    ScenarioRefused,
    parse_scenario,
)
from clearing.audit.accounts import account_view
from clearing.audit.house import house_view
from clearing.audit.load import Histories
from clearing.audit.replay import keeping
from clearing.audit.replay.run import Column, Observer
from clearing.audit.replay.running import log_rows, start
from clearing.database import connect
from clearing.engine import Entry
from clearing.events.fields import parse_time
from clearing.ledger import Ledger
from clearing.projectors import BrokenCheckpoint, CheckpointMoved, RebuildBusy, one_rebuild
from clearing.projectors.generations import table_differences
from tests.audit.stories import stored
from tests.audit.test_scenarios import AFTER, WICK, mirrored, scenario, wick
from tests.engine.stories import MARKETS, Story
from tests.engine.venue import PERSON, START, Venue

DEPOSIT = {"kind": "Deposited", "account": "bob", "asset": "USD", "amount": "5"}
CLAMPED = scenario({"override": "prices", **WICK, "from": AFTER}, name="clamped")


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """A wick that takes ada, and a quiet mark after it."""
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    with stored(venue, database_url) as found:
        yield found


def test_without_overrides_it_is_the_books(ledger: Ledger) -> None:
    number, answer = ledger.keep_scenario(scenario())
    live, kept = ledger.generations()
    assert (kept.number, kept.status, kept.since) == (number, "scenario", AFTER + 2)
    assert table_differences(ledger.connection, 1, number, live.position) == []
    assert (kept.position, kept.entry_hash) == (live.position, live.entry_hash)
    assert answer == ledger.replay(scenario())


def test_it_is_asked_like_the_books(ledger: Ledger) -> None:
    number, answer = ledger.keep_scenario(CLAMPED)
    assert answer == ledger.replay(CLAMPED)
    now = ledger.moment(generation=number)
    (scope,) = ledger.account("ada", now).scopes
    assert (scope.status, scope.equity) == ("healthy", "70")
    (told,) = ledger.account("ada").scopes
    assert told.status == "flat"
    assert ledger.liquidations(now) == []
    assert ledger.market("BTC", ledger.moment(AFTER, generation=number)).prices[0].price == "99.00"
    before = ledger.moment(AFTER - 1, generation=number)
    assert ledger.account("ada", before) == ledger.account("ada", AFTER - 1)
    assert ledger.verify().model_findings == ()
    assert [g.status for g in ledger.generations()] == ["live", "scenario"]


def test_it_has_rulebooks_and_a_clock_of_its_own(ledger: Ledger) -> None:
    """A rulebook that the log never had, and a deposit that happened an hour later than all."""
    path, later = "schedules.majors.maintenance.rate", "2026-01-01T02:00:00Z"
    stricter = {"override": "rulebook", "asset": "USD", "from": AFTER, "set": {path: "0.03"}}
    moved = {"override": "insert", "from": later, "event": DEPOSIT}
    number, _ = ledger.keep_scenario(scenario(stricter, moved))
    end = ledger.moment(generation=number)
    (scope,) = ledger.account("bob", end).scopes
    assert scope.rulebook.endswith("+scenario")
    assert scope.cash == "10005.00"
    price = ledger.market("BTC", end).prices[0]
    assert price.since is not None
    assert price.age_seconds == (parse_time(later) - price.since).total_seconds()


def test_its_clock_is_the_scenarios_at_every_position(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late facts that did not happen, or did besides, and one of an hour later: written in steps.

    What is inserted before an event stands at the position of the one before it, also where that is
    the last of a step.
    """
    monkeypatch.setattr(keeping, "_BATCH", 1)
    venue = wick()
    venue.deposit("bob", "1")
    venue("Deposited", account="bob", asset="USD", amount="2", at=START)
    late = venue.engine.position
    venue.deposit("bob", "3")

    def inserted(time: str) -> dict[str, Any]:
        event = {**DEPOSIT, "occurred_at": time}
        return {"override": "insert", "from": late, "event": event}

    documents = [
        scenario({"override": "drop", "event": late}),
        scenario(inserted("2026-01-01T00:00:02Z"), **{"from": AFTER}),
        scenario(inserted("2026-01-01T00:00:02Z")),
        scenario(inserted("2026-01-01T01:00:00Z")),
        scenario({**inserted("2026-01-01T01:00:00Z"), "from": late + 2}),
    ]
    with stored(venue, database_url) as ledger:
        for document in documents:
            number, answer = ledger.keep_scenario(document)
            running = start(ledger.connection, parse_scenario(document), ledger.moment())
            latest: dict[int, int] = {}
            running.observers.append(noting(running.scenario, latest))
            position = running.recorded.engine.position
            running.run(log_rows(ledger.connection, position, running.overlay.upto))
            assert latest
            for position, time in latest.items():
                moment = ledger.moment(position, generation=number)
                assert Histories(ledger.connection, moment).empty_book().latest == time
            told = ledger.diff_generations(1, number).columns[1]
            assert told.digest == answer.columns[-1].digest


def noting(column: Column, latest: dict[int, int]) -> Observer:
    """What notes the greatest time of a column's facts at each position."""

    def observe(of: Column, position: int, entries: list[Entry]) -> None:
        del entries
        if of is column:
            latest[position] = of.book.latest

    return observe


def test_what_is_contested_stands_in_its_house_and_its_trial_balance(database_url: str) -> None:
    """Ada was closed before her sale: the market's contested holder has her side."""
    venue = wick()
    venue.mark(BTC="97")
    venue.trade("bob", "ada", "BTC", "10", "98")
    deeper = {"override": "prices", "market": "BTC", "scale": "0.9", "from": AFTER}
    with stored(venue, database_url) as ledger:
        number, answer = ledger.keep_scenario(scenario(deeper))
        now = ledger.moment(generation=number)
        (asset,) = ledger.house(now).assets
        lines = ledger.trial_balance(now)
    assert [view.account for view in answer.contested] == ["ada"]
    assert set(asset.differences.values()) == {"0"}
    assert sum(Fraction(line.balance) for line in lines if not line.memo) == 0


def test_what_reads_the_log_itself_refuses_it(ledger: Ledger) -> None:
    number, _ = ledger.keep_scenario(CLAMPED)
    now = ledger.moment(generation=number)
    for question in (
        lambda: ledger.explain_equity("ada", "USD", now),
        lambda: ledger.explain_price("BTC", now),
        lambda: ledger.replay(CLAMPED, now),
        lambda: ledger.corrections(now),
    ):
        with pytest.raises(MomentUnclear, match=f"generation {number} is a scenario's"):
            question()
    with pytest.raises(MomentUnclear, match="ask it --at or --recorded"):
        ledger.moment(occurred=ledger.liquidations()[0].occurred_at, generation=number)
    with pytest.raises(MomentUnclear, match=f"there is no generation 9 to ask; .*1, {number}"):
        ledger.moment(generation=9)
    with pytest.raises(MomentUnclear, match="beyond generation 2, which ends at 14"):
        ledger.moment(15, generation=number)


def test_it_never_becomes_the_books(ledger: Ledger) -> None:
    number, _ = ledger.keep_scenario(CLAMPED)
    for status in ("live", "retired", "building"):
        with pytest.raises(psycopg.errors.CheckViolation):
            ledger.connection.execute(
                "UPDATE clearing.generation SET status = %s WHERE number = %s", (status, number)
            )
    rebuilt = ledger.rebuild()
    assert (rebuilt.previous, rebuilt.generation) == (1, 3)
    ledger.drop_generation(number)
    assert [g.number for g in ledger.generations()] == [1, 3]
    for wrong, problem in ((3, "is live"), (9, "there is no generation 9")):
        with pytest.raises(ValueError, match=problem):
            ledger.drop_generation(wrong)


def test_what_is_refused_or_interrupted_leaves_nothing(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    absurd = {"override": "rulebook", "asset": "USD", "from": AFTER}
    wrong = {**absurd, "set": {"schedules.majors.maintenance.rate": "3"}}
    with pytest.raises(ScenarioRefused, match="at most 1"):
        ledger.keep_scenario(scenario(wrong))
    assert len(ledger.generations()) == 1
    with monkeypatch.context() as cut:
        cut.setattr("clearing.projectors.staging.Staging.discard", lambda _: None)
        with pytest.raises(ScenarioRefused):
            ledger.keep_scenario(scenario(wrong))
    _, staging = ledger.generations()
    assert staging.status == "staging"
    with pytest.raises(ValueError, match="is being written"):
        ledger.drop_generation(staging.number)
    number, _ = ledger.keep_scenario(CLAMPED)
    assert [g.status for g in ledger.generations()] == ["live", "scenario"]
    with (
        connect(database_url, autocommit=True) as other,
        one_rebuild(other),
        pytest.raises(RebuildBusy),
    ):
        ledger.keep_scenario(CLAMPED)
    assert [g.number for g in ledger.generations()] == [1, number]


def test_a_number_is_never_given_twice(ledger: Ledger) -> None:
    """An old report that names a generation never means another one."""
    first, _ = ledger.keep_scenario(CLAMPED)
    ledger.drop_generation(first)
    second, _ = ledger.keep_scenario(CLAMPED)
    assert second > first


def test_books_that_were_rebuilt_and_dropped_meanwhile_are_asked_for_again(ledger: Ledger) -> None:
    before = ledger.moment()
    ledger.rebuild()
    ledger.drop_generation(before.generation.number)
    with pytest.raises(CheckpointMoved, match="was rebuilt and dropped meanwhile: ask again"):
        ledger.keep_scenario(CLAMPED, before)
    assert ledger.keep_scenario(CLAMPED)[0]


def test_nothing_is_kept_beside_the_books_of_another_engine(ledger: Ledger) -> None:
    ledger.connection.execute("UPDATE clearing.generation SET engine_version = '5'")
    with pytest.raises(BrokenCheckpoint, match=r"generation 1 was written by engine 5 .* rebuild"):
        ledger.keep_scenario(CLAMPED)
    assert [g.number for g in ledger.generations()] == [1]
    assert ledger.replay(CLAMPED).fates, "what is not stored is told anyway"


def overrides(dice: Random, end: int) -> list[dict[str, Any]]:
    """A few overrides of every sort at places of the dice's choosing."""
    first = dice.randrange(end // 2, end)
    market = dice.choice(MARKETS)
    person: dict[str, Any] = {"account": "a1", "asset": "USD", "amount": "5"}
    every: list[dict[str, Any]] = [
        {"override": "prices", "market": market, "scale": "0.8", "from": first},
        {"override": "prices", "market": "*", "median": 3, "from": first},
        {"override": "drop", "kind": "Traded", "from": first},
        {"override": "state", "market": market, "state": "liquidations_paused", "from": first},
        {"override": "fund", "fund": "insurance", "asset": "USD", "balance": "1", "from": first},
        {"override": "insert", "from": first, "event": {"kind": "Withdrawn", **person}},
    ]
    return dice.sample(every, 3)


@pytest.mark.parametrize("seed", range(4))
def test_its_histories_are_the_engines_at_every_position(database_url: str, seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    for _ in range(120):
        story.step()
    venue: Venue = story.venue
    document = scenario(*overrides(dice, venue.engine.position))
    with stored(venue, database_url) as ledger:
        number, _ = ledger.keep_scenario(document)
        running = start(ledger.connection, parse_scenario(document), ledger.moment())
        generation = ledger.moment(generation=number).generation
        engine = running.scenario.engine
        for row in log_rows(ledger.connection, engine.position, running.overlay.upto):
            running.step(row)
            moment = Moment(generation, row.position)
            assert ledger.house(moment) == house_view(engine.book, moment)
            for name, ordinal in list(engine.book.registry.account_ordinals.items())[:4]:
                found = ledger.account(name, moment)
                expected = account_view(engine.book, ordinal, moment, {})
                assert shown(found) == shown(expected)
        assert generation.entry_hash == engine.entry_hash


def shown(view: Any) -> list[Any]:
    """What there is to see of an account: scopes of nothing are only in one of the two."""
    return [scope for scope in view.scopes if scope.equity != "0" or scope.positions]


def test_only_sides_of_fills_are_counted_as_contested(database_url: str) -> None:
    """Ada's sale, its reversal, her sale again, and the market's end: two sides were contested."""
    venue = wick()
    venue.mark(BTC="97")
    venue.trade("bob", "ada", "BTC", "10", "98")
    target = {"source": "venue", "external_id": venue.events[-1].external_id}
    venue("Reversed", target=target, **PERSON)
    venue.trade("bob", "ada", "BTC", "10", "98")
    venue("MarketSettled", market="BTC", price="100")
    deeper = {"override": "prices", "market": "BTC", "scale": "0.9", "from": AFTER}
    with stored(venue, database_url) as ledger:
        number, answer = ledger.keep_scenario(scenario(deeper))
        assert len(answer.contested) == 2
        assert ledger.diff_generations(1, number).columns[1].contested == 2


def test_who_accrues_by_other_funding_is_who_held_the_market_then(database_url: str) -> None:
    """Dan holds when funding differs, and no longer at the end: his entries differ since then."""
    venue = wick()
    venue.account("dan")
    venue.deposit("dan", "1000")
    venue.trade("dan", "bob", "BTC", "1", "100")
    venue("FundingSettled", market="BTC", rate="0.001", price="100")
    at = venue.engine.position
    venue.trade("bob", "dan", "BTC", "1", "100")
    dearer = scenario({"override": "amend", "event": at, "set": {"rate": "0.002"}})
    with stored(venue, database_url) as ledger:
        number, _ = ledger.keep_scenario(dearer)
        read = ledger.diff_generations(1, number)
        run = ledger.diff(LOG, parse_scenario(dearer))
    for answer in (read, run):
        found = [(fate.account, fate.diverged) for fate in answer.fates]
        assert found == [("ada", at), ("bob", at), ("dan", at)]


COUNTED = (
    "liquidation_steps",
    "told_liquidations",
    "liquidation_events",
    "margin_calls",
    "deleveragings",
    "contested",
)
"""What is counted since different places by the two, but differs by as much."""


@pytest.mark.parametrize("seed", range(4, 8))
def test_generations_differ_in_what_their_runs_differ_in(database_url: str, seed: int) -> None:
    """What is stored of two runs says the same of them as running them again."""
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    for _ in range(120):
        story.step()
    end = story.venue.engine.position
    documents = [
        scenario(*(o for o in overrides(dice, end) if o["override"] in ("prices", "drop")))
        for _ in range(2)
    ]
    with stored(story.venue, database_url) as ledger:
        kept = [ledger.keep_scenario(document)[0] for document in documents]
        one, other = map(parse_scenario, documents)
        run = ledger.diff(one, other)
        read = ledger.diff_generations(*kept)
        assert as_text(read.first) == as_text(run.first)
        assert read.first == ledger.bisect_generations(*kept)
        assert read.house == run.house
        assert [replace(fate, cause="") for fate in run.fates] == list(read.fates)
        assert mirrored(ledger.diff_generations(*reversed(kept))) == read
        if run.first is not None:
            assert read.since == run.first.log_position
        for told, again in zip(run.columns, read.columns, strict=True):
            assert (told.liquidated_accounts, told.digest) == (
                again.liquidated_accounts,
                again.digest,
            )
        for name in COUNTED:
            (a, b), (c, d) = (
                [getattr(column, name) for column in answer.columns] for answer in (run, read)
            )
            assert b - a == d - c, name
        against = ledger.diff_generations(1, kept[0])
        whole = ledger.diff(LOG, parse_scenario(documents[0]))
        assert as_text(against.first) == as_text(whole.first)
        assert against.house == whole.house
        same = ledger.diff_generations(1, 1)
        assert (same.first, same.fates, same.house) == (None, (), ())
        assert same.since == same.upto + 1


def as_text(first: FirstDifference | None) -> Any:
    """A first difference whose entries have text: a table does not know which numbers were."""
    if first is None:
        return None
    entries = [
        sorted((name, str(value)) for name, value in side.items())
        for side in (first.only_a, first.only_b)
    ]
    return (replace(first, only_a={}, only_b={}), *entries)


def test_generations_of_two_engines_are_compared_as_they_are_stored(ledger: Ledger) -> None:
    """The one before wrote other entries: whatever it was, it need not be at hand."""
    connection = ledger.connection
    ledger.rebuild()
    connection.execute("UPDATE clearing.generation SET engine_version = '5' WHERE number = 1")
    connection.execute("UPDATE generation_1.posting SET amount = amount * 2 WHERE position = 9")
    answer = ledger.diff_generations(1, 2)
    assert answer.first is not None
    assert (answer.first.log_position, answer.since) == (9, 9)
    assert answer.first.only_a["amount"] == 2 * int(answer.first.only_b["amount"])
    assert ledger.account("ada", ledger.moment(9, generation=1)).scopes


def test_funds_and_counts_are_told_of_generations(ledger: Ledger) -> None:
    number, told = ledger.keep_scenario(CLAMPED)
    read = ledger.diff_generations(1, number)
    for mine, theirs in zip(read.columns, told.columns, strict=True):
        assert mine == replace(theirs, column=mine.column, digest=mine.digest)
    assert read.columns[1].digest == told.columns[1].digest
    with pytest.raises(MomentUnclear, match="beyond generation 2"):
        ledger.diff_generations(number, 1, upto=99)
