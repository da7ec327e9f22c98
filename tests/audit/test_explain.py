"""Explanations: the facts of a working give its number, and each fact names its event."""

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import pytest

from clearing.audit import NameUnknown
from clearing.audit.explain import Node
from clearing.engine import Engine
from clearing.ledger import Ledger
from clearing.log import read_log
from clearing.projectors import log_resolver
from tests.audit.stories import stored
from tests.audit.test_scenarios import AFTER, wick
from tests.engine.test_scenarios_portfolio import Grid, grid, members
from tests.engine.venue import START, Venue, rulebook
from tests.projectors.ledgers import eventful_ledger
from tests.workings import computed


def test_equity_down_to_its_events(database_url: str) -> None:
    venue = wick()
    venue("FundingSettled", market="BTC", rate="0.001", price="100")
    venue.mark(BTC="101")
    last = venue.engine.position
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_equity("ada", "USD")
        (leaf,) = ledger.connection.execute(
            "SELECT leaf FROM clearing.log WHERE position = %s", (last,)
        ).fetchone() or (b"",)
    assert (answer.result, answer.log_position) == ("69", last)
    tree = answer.tree
    assert computed(asdict(tree)) == 69
    cash = tree.named("cash")
    assert [(node.name, node.result) for node in cash.inputs] == [("deposit", "60.00")]
    (deposit,) = cash.inputs[0].inputs
    assert (deposit.sources[0].log_position, deposit.sources[0].kind) == (9, "Deposited")
    gain = tree.named("unrealised BTC")
    assert gain.result == "10"
    (mark,) = gain.named("value of one").named("mark").sources
    assert (mark.log_position, mark.age_seconds, mark.leaf) == (last, "0", leaf.hex())
    assert gain.named("size").sources[0].kind == "Traded"
    owed = tree.named("accrued funding BTC")
    assert (owed.result, owed.named("index").sources[0].kind) == ("-1", "FundingSettled")
    assert answer.rulebook is not None
    assert (answer.rulebook.adopted.log_position, answer.rulebook.confidence) == (7, "own")


def test_a_late_fact_makes_no_other_younger(database_url: str) -> None:
    venue = wick()
    venue("ClockTicked", after=60)
    venue("Deposited", account="bob", asset="USD", amount="1", at=START)
    with stored(venue, database_url) as ledger:
        tree = ledger.explain_equity("ada", "USD").tree
    (mark,) = tree.named("unrealised BTC").named("value of one").named("mark").sources
    assert mark.kind == "Marked"
    assert mark.age_seconds == "61", "a trade and a minute after it"


def test_margin_and_its_clause(database_url: str) -> None:
    venue = wick()
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_margin("ada", "USD")
        initial = ledger.explain_margin("ada", "USD", level="initial")
        for level in ("variation", "equity"):
            with pytest.raises(NameUnknown, match="its levels are initial, maintenance"):
                ledger.explain_margin("ada", "USD", level=level)
        with pytest.raises(NameUnknown, match="no account 'eve'"):
            ledger.explain_margin("eve", "USD")
    assert (answer.result, initial.result) == ("50", "10")
    assert computed(asdict(answer.tree)) == 50
    (rule,) = answer.tree.named("maintenance").named("positions").inputs
    assert (rule.note, rule.result) == ("schedules.majors.maintenance", "10")
    tiers = rule.named("tiers")
    assert tiers.named("rate").sources[0].kind == "RulebookAdopted"


def test_funding_posted_and_accrued(database_url: str) -> None:
    venue = wick()
    venue("FundingSettled", market="BTC", rate="0.001", price="100")
    venue.trade("ada", "bob", "BTC", "1", "100")
    venue("FundingSettled", market="BTC", rate="0.001", price="100")
    venue("FundingSettled", market="BTC", rate="0.0005", price="100")
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_funding("ada", "BTC")
        nobody = ledger.explain_funding("insurance", "BTC")
    assert (answer.result, nobody.result) == ("-2.65", "0.00")
    assert computed(asdict(answer.tree)) == Fraction("-2.65")
    assert answer.tree.named("posted").result == "-1.00"
    index = answer.tree.named("accrued").inputs[0].named("index")
    assert [source.log_position for source in index.sources] == [AFTER + 3, AFTER + 2]


def test_a_liquidation_says_on_what_and_all_that_followed(database_url: str) -> None:
    venue = wick()
    venue("FundWithdrawn", fund="insurance", asset="USD", amount="900", **DECIDED)
    venue.mark(BTC="50")
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
        fund = ledger.explain_fund("insurance", "USD")
        with pytest.raises(NameUnknown, match="no rung acted on account 'bob'"):
            ledger.explain_liquidation("bob")
        with pytest.raises(NameUnknown, match="not of class fund"):
            ledger.explain_fund("ada", "USD")
    (step,) = answer.steps
    assert (step.equity, step.comparator, step.threshold, step.short) == ("-440", "<", "5", "445")
    assert step.marks == {"BTC": "50"}
    assert {part.name: computed(asdict(part)) for part in step.working} == {
        "equity": -440,
        "initial": 25,
        "maintenance": 5,
    }
    did = {part.name: computed(asdict(part)) for part in step.did}
    clause = answer.rulebooks["USD"]
    assert (clause.rulebook, clause.adopted.kind) == ("rules@6", "RulebookAdopted")
    notes = {node.note for part in step.did for node in every(part)}
    assert {"waterfalls.standard.layers.0"} <= notes
    assert not [note for note in notes if note.startswith(("rung.", "waterfall."))]
    assert did["bankruptcy amount BTC"] == 940
    assert did["taken BTC by fund insurance"] == Fraction("2.272")
    assert did["rank 1 bob"] > 0
    assert did["taken from bob"] == Fraction("7.728")
    assert did["loss"] == 440
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for entry in step.entries:
        by_kind.setdefault(str(entry["entry"]), []).append(entry)
    assert [(part["layer"], part["taker"], part["size"]) for part in by_kind["closed"]] == [
        ("fund", "insurance", "2.272"),
        ("adl", "bob", "7.728"),
    ]
    (rank,) = by_kind["adl"]
    assert (rank["rank"], rank["candidate"], rank["pnl"], rank["taken"]) == (
        1,
        "bob",
        "500",
        "7.728",
    )
    assert by_kind["loss"][0]["loss"] == "440"
    assert computed(asdict(fund.tree)) == Fraction(fund.result)


def every(node: Node) -> Iterator[Node]:
    """A working and all that it stands on."""
    yield node
    for child in node.inputs:
        yield from every(child)


def weighed() -> Venue:
    """ada is long 10 BTC from 100 with coin worth 1,000, of which 500 counts; BTC falls to 55."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("COIN-USD")
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.deposit("bob", "100000")
    venue.deposit("insurance", "100000")
    venue.mark(**{"COIN-USD": "100.00", "BTC": "100.00"})
    coin = {"market": "COIN-USD", "weights": {"maintenance": "0.5"}}
    levels = {
        "initial": {"op": "rate", "rate": "0.2"},
        "maintenance": {"op": "rate", "rate": "0.1"},
    }
    document = rulebook(schedule=levels, collateral={"mixed": {"assets": {"COIN": coin}}})
    document["bindings"][0]["collateral"] = "mixed"
    venue.adopt(document)
    venue.deposit("ada", "10", "COIN")
    venue.trade("ada", "bob", "BTC", "10", "100.00")
    venue.mark(BTC="55.00")
    return venue


def test_an_inequality_is_of_the_equity_that_counts(database_url: str) -> None:
    """Equity is 550, but of the coin only half counts: 50 is below a maintenance of 55."""
    with stored(weighed(), database_url) as ledger:
        (step,) = ledger.explain_liquidation("ada").steps
    assert (step.equity, step.counted, step.threshold, step.short) == ("550", "50", "55", "5")


def test_a_fact_that_the_event_set_itself_names_that_event(database_url: str) -> None:
    venue = weighed()
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
    (step,) = answer.steps
    (equity,) = (part for part in step.working if part.name == "equity")
    face = equity.named("unrealised BTC").named("value of one")
    assert (face.named("mark").result, step.marks["BTC"]) == ("55", "55")
    assert face.named("mark").sources == (answer.event,)
    (collateral,) = (part for part in step.working if part.name == "collateral")
    coin = collateral.inputs[0].named("value of one").named("mark")
    assert (coin.result, coin.sources[0].log_position) == ("100", 11)
    size = equity.named("unrealised BTC").named("size")
    assert size.sources[0].log_position == venue.engine.position - 1
    assert coin.sources[0].age_seconds == "4"


@pytest.mark.parametrize("scheduled", [0, 3])
def test_a_rulebook_that_closes_an_account_by_itself_is_the_one_named(
    database_url: str, scheduled: int
) -> None:
    """A stricter one at its adoption, or where it was scheduled for: it is what the rung was by."""
    levels = {
        "initial": {"op": "rate", "rate": "0.5"},
        "maintenance": {"op": "rate", "rate": "0.4"},
    }
    venue = wick()
    adopted = venue.engine.position + 1
    effective = {"effective_position": adopted + scheduled} if scheduled else {}
    venue.adopt(rulebook(schedule=levels), name="strict", confidence="secondary", **effective)
    for _ in range(scheduled):
        venue.mark(BTC="100")
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
    clause = answer.rulebooks["USD"]
    assert answer.log_position == adopted + scheduled
    assert (clause.rulebook, clause.confidence) == (f"strict@{adopted - 1}", "secondary")
    assert clause.adopted.log_position == adopted
    (step,) = answer.steps
    (asked,) = (part for part in step.working if part.name == "maintenance")
    rates = [node for node in every(asked) if node.name == "rate"]
    assert [node.sources[0].log_position for node in rates] == [adopted]


def test_a_risk_array_that_the_event_publishes_is_what_it_was_tested_by(database_url: str) -> None:
    venue = Grid(grid(btc=members("BTC", "CALL")), mode="derive")
    venue.sell("CALL", "10", "8.00")
    venue.publish("7", "3", "0.5", "-4", "-14")
    venue.publish("7", "3", "0.5", "-4", "-140")
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_liquidation("ada")
    (step,) = answer.steps
    losses = [n for part in step.working for n in every(part) if n.name == "loss of one"]
    assert losses
    assert {node.sources for node in losses} == {(answer.event,)}


def test_a_price_says_what_each_source_said_and_when(database_url: str) -> None:
    venue = Venue()
    for name in ("one", "two", "three"):
        venue("SourceDeclared", name=name, description="an exchange")
    venue.market("BTC")
    sources = [
        {"op": "source", "source": name, "price": "last"} for name in ("one", "two", "three")
    ]
    roles = {"mark": {"op": "median", "of": sources}}
    venue.adopt(rulebook(prices={"BTC": {"roles": roles}}))
    for name, price in (("one", "99"), ("two", "100"), ("three", "250")):
        venue("PriceObserved", source=name, market="BTC", role="last", price=price)
    with stored(venue, database_url) as ledger:
        answer = ledger.explain_price("BTC")
        plain = ledger.explain_price("BTC", 7)
        with pytest.raises(NameUnknown, match="no market 'ETH'"):
            ledger.explain_price("ETH")
    assert (answer.mark, answer.roles, answer.status) == ("100", {"mark": "100"}, "valid")
    assert [(o.source, o.price, o.age_seconds) for o in answer.observations] == [
        ("one", "99", "2"),
        ("two", "100", "1"),
        ("three", "250", "0"),
    ]
    assert answer.rules["roles"] == roles
    assert answer.made_by is not None
    assert (plain.mark, plain.observations, plain.rules) == ("", (), {})
    (role,) = answer.workings
    assert role.name == "role mark"
    assert computed(asdict(role)) == 100
    (median,) = role.inputs
    said = [part.inputs[0] for part in median.inputs]
    assert [(fact.name, fact.result, fact.note) for fact in said] == [
        ("one last", "99", "2 s old"),
        ("two last", "100", "1 s old"),
        ("three last", "250", "0 s old"),
    ]
    first, last = said[0].sources[0], said[2].sources[0]
    assert (first.kind, first.source, first.age_seconds) == ("PriceObserved", "one", "2")
    assert (last.log_position, last.age_seconds) == (answer.log_position, "0")
    assert plain.workings == ()


def test_a_price_that_is_missing_says_what_is_missing_for_it(database_url: str) -> None:
    venue = Venue()
    venue("SourceDeclared", name="quiet", description="an exchange")
    venue("SourceDeclared", name="dumb", description="an exchange")
    venue.market("BTC")
    sources = [
        {"op": "source", "source": "quiet", "price": "last", "fresh_seconds": 5},
        {"op": "source", "source": "dumb", "price": "last"},
    ]
    roles = {"index": {"op": "median", "of": sources}, "mark": {"op": "recorded"}}
    venue.adopt(rulebook(prices={"BTC": {"roles": roles}}))
    venue("PriceObserved", source="quiet", market="BTC", role="last", price="99")
    venue("Marked", after=10, marks=[{"market": "BTC", "price": "100.00"}])
    with stored(venue, database_url) as ledger:
        index, mark = ledger.explain_price("BTC").workings
    assert (index.result, index.inputs) == ("", ())
    assert "no price 1 (quiet last: 10 s old, which is stale)" in index.note
    assert "no price 2 (dumb last: nothing yet)" in index.note
    (fact,) = mark.inputs[0].inputs
    assert (fact.name, fact.sources[0].kind) == ("recorded mark", "Marked")
    assert computed(asdict(mark)) == 100


DECIDED = {"author": "ann", "approver": "bob", "reason": "scenario"}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happened_can_be_computed_again(database_url: str, seed: int) -> None:
    with eventful_ledger(database_url, seed) as connection:
        ledger = Ledger(connection)
        ledger.project()
        plain, explained = (Engine(resolver=log_resolver(connection)) for _ in range(2))
        for rows in read_log(connection):
            for row, _ in rows:
                entries, _ = explained.explain(row)
                assert plain.apply(row) == entries
        assert plain.entry_hash == explained.entry_hash
        for view in ledger.accounts():
            for scope in view.scopes:
                equity = ledger.explain_equity(view.account, scope.asset)
                assert computed(asdict(equity.tree)) == Fraction(scope.equity)
                for level, asked in scope.levels.items():
                    margin = ledger.explain_margin(view.account, scope.asset, level=level)
                    beyond = Fraction(scope.counted[level]) - Fraction(asked)
                    assert computed(asdict(margin.tree)) == beyond
        told = {view.account for view in ledger.liquidations()}
        for account in told:
            for step in ledger.explain_liquidation(account).steps:
                figures = {part.name: computed(asdict(part)) for part in step.working}
                assert figures["equity"] + figures.get("collateral", 0) == Fraction(
                    str(step.equity)
                )
                came_to = [(one.name, computed(asdict(one))) for one in step.did]
                for entry in step.entries:
                    if entry["entry"] == "loss":
                        assert ("loss", Fraction(str(entry["loss"]))) in came_to
