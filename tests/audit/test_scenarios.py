"""Scenarios: what a venue's day would have been, told as small ledgers that can be read."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from clearing.audit import LOG, Diff, ScenarioAnswer, ScenarioRefused, parse_scenario
from clearing.audit.replay import FateView
from clearing.cli.scenarios import print_columns
from clearing.events.fields import from_microseconds
from tests.audit.stories import stored
from tests.engine.venue import PERSON, Venue, rulebook

AFTER = 13
"""The first position after :func:`wick`."""

WICK = {"market": "BTC", "at_least": "99"}


def scenario(*overrides: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"scenario": 1, "name": "test", "overrides": list(overrides), **fields}


def wick(mode: str = "derive", *, decimals: int = 2) -> Venue:
    """Ada is long ten at 100 with 60 of cash; a wick to 50 would take her; bob sold to her."""
    venue = Venue(decimals=decimals)
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.adopt(rulebook(mode=mode))
    venue("FundContributed", fund="insurance", asset="USD", amount="1000")
    venue.deposit("ada", "60")
    venue.deposit("bob", "10000")
    venue.mark(BTC="100")
    venue.trade("ada", "bob", "BTC", "10", "100")
    return venue


def fate(answer: ScenarioAnswer, account: str) -> FateView:
    found = [view for view in answer.fates if view.account == account]
    assert found, f"nothing differs for {account}"
    return found[0]


def column(answer: ScenarioAnswer, name: str) -> Any:
    return next(totals for totals in answer.columns if totals.column == name)


def test_a_wick_that_is_clamped_liquidates_nobody(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    with stored(venue, database_url) as ledger:
        clamped = {"override": "prices", **WICK}
        answer = ledger.replay(scenario(clamped))
    ada = fate(answer, "ada")
    assert (ada.recorded.status, ada.recorded.liquidations) == ("flat", 1)
    assert (ada.scenario.status, ada.scenario.equity) == ("healthy", "70")
    assert ada.diverged == venue.engine.position - 1, "it is the wick that made the difference"
    assert [c.column for c in answer.columns] == ["recorded", "scenario"]
    assert column(answer, "recorded").liquidated_accounts == 1
    assert column(answer, "scenario").liquidated_accounts == 0
    assert [(o.events, o.first, o.last) for o in answer.overrides] == [
        (1, venue.engine.position - 1, venue.engine.position - 1)
    ]


def test_a_scenario_without_overrides_differs_from_the_log_in_nothing(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url) as ledger:
        for document in (scenario(), scenario(**{"from": 1})):
            answer = ledger.replay(document)
            recorded, mine = answer.columns
            assert answer.fates == ()
            assert recorded.digest == mine.digest == venue.engine.digest()
            assert answer.contested == ()
        assert recorded.liquidated_accounts == mine.liquidated_accounts == 1
        assert (answer.since, answer.upto) == (1, venue.engine.position)


def test_what_an_account_no_longer_has_it_cannot_sell(database_url: str) -> None:
    """In a deeper crash ada is closed, so her later sale is contested; bob's side stands."""
    venue = wick()
    venue.mark(BTC="97")
    venue.trade("bob", "ada", "BTC", "10", "98")
    with stored(venue, database_url) as ledger:
        deeper = {"override": "prices", "market": "BTC", "scale": "0.9", "from": AFTER}
        answer = ledger.replay(scenario(deeper))
    assert [(c.column, c.account, c.size, c.reason) for c in answer.contested] == [
        ("scenario", "ada", "-10", "closes what it does not have")
    ]
    ada = fate(answer, "ada")
    assert (ada.recorded.equity, ada.scenario.equity) == ("40", "0")
    assert [view.account for view in answer.fates] == ["insurance", "ada"], "bob's side stands"


def test_what_an_account_cannot_afford_is_contested(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="100")
    venue.trade("ada", "bob", "BTC", "1", "100")
    with stored(venue, database_url) as ledger:
        lost = {
            "override": "insert",
            "from": AFTER,
            "event": {"kind": "Withdrawn", "account": "ada"},
        }
        lost["event"] |= {"asset": "USD", "amount": "9"}  # type: ignore[operator]
        answer = ledger.replay(scenario(lost))
    assert [(c.account, c.size, c.reason) for c in answer.contested] == [
        ("ada", "1", "cannot afford it")
    ]
    assert fate(answer, "ada").scenario.equity == "51"


def told(mode: str, *, decimals: int = 2) -> Venue:
    """A venue that says itself whom it liquidated: ada at the wick, and funding after it."""
    venue = wick(mode, decimals=decimals)
    venue.mark(BTC="94.5")
    venue(
        "Traded",
        market="BTC",
        buyer="bob",
        seller="ada",
        size="10",
        price="94",
        seller_cause="liquidation",
    )
    venue.mark(BTC="100")
    return venue


@pytest.mark.parametrize("mode", ["record", "verify"])
def test_record_mode_holds_until_the_first_override(database_url: str, mode: str) -> None:
    venue = told(mode)
    with stored(venue, database_url) as ledger:
        later = {"override": "prices", "market": "BTC", "price": "101", "from": AFTER + 2}
        answer = ledger.replay(scenario(later))
        assert answer.contested == (), "the liquidation came before the override, and stands"
        filtered = {"override": "prices", "market": "BTC", "at_least": "99", "from": AFTER}
        answer = ledger.replay(scenario(filtered))
    ada = fate(answer, "ada")
    assert [c.column for c in answer.columns] == ["recorded", "derived", "scenario"]
    assert (ada.recorded.status, ada.recorded.equity) == ("flat", "0")
    assert ada.derived is not None
    # The rulebook itself takes her over at the mark: the model differs from the venue by nothing.
    assert (ada.derived.status, ada.derived.liquidations) == ("flat", 1)
    assert (ada.scenario.status, ada.scenario.equity) == ("healthy", "60")
    assert [(c.column, c.reason) for c in answer.contested] == [
        ("derived", "liquidation"),
        ("scenario", "liquidation"),
    ]


@pytest.mark.parametrize(
    ("decimals", "paid", "equity"),
    [
        (2, "-0.50", "54.5"),  # eleven instead of one: 5.50 instead of 0.50
        (18, "1.25", "73.75"),
        (18, "9.50", "164.5"),  # more than 63 bits, told and paid
    ],
)
def test_told_funding_follows_the_size_of_the_position(
    database_url: str, decimals: int, paid: str, equity: str
) -> None:
    venue = told("record", decimals=decimals)
    venue.trade("ada", "bob", "BTC", "1", "100")
    venue("FundingPaid", account="ada", market="BTC", amount=paid)
    with stored(venue, database_url) as ledger:
        filtered = {"override": "prices", "market": "BTC", "at_least": "99", "from": AFTER}
        answer = ledger.replay(scenario(filtered))
    assert fate(answer, "ada").scenario.equity == equity


def test_a_liquidation_that_the_record_refused_is_not_contested(database_url: str) -> None:
    """The rulebook derives, so a liquidation that the venue tells is nobody's: bob's neither."""
    venue = wick("derive")
    venue.mark(BTC="100")
    sides = {"buyer": "bob", "seller": "ada", "seller_cause": "liquidation"}
    venue("Traded", market="BTC", size="10", price="50", **sides)
    with stored(venue, database_url) as ledger:
        person = {"account": "ada", "asset": "USD", "amount": "1"}
        more = {"override": "insert", "from": AFTER, "event": {"kind": "Deposited", **person}}
        answer = ledger.replay(scenario(more))
    assert answer.contested == ()
    assert [(f.account, f.scenario.equity) for f in answer.fates] == [("ada", "61")]
    for name in ("recorded", "scenario"):
        assert column(answer, name).deviations == {"venue_outcome": 1}


def test_a_reversal_of_told_funding_takes_back_what_was_paid_there(database_url: str) -> None:
    venue = told("record")
    venue.trade("ada", "bob", "BTC", "1", "100")
    venue("FundingPaid", account="ada", market="BTC", amount="-0.50", id="paid")
    target = {"source": "venue", "external_id": "paid"}
    venue("Reversed", target=target, **PERSON)
    with stored(venue, database_url) as ledger:
        filtered = {"override": "prices", "market": "BTC", "at_least": "99", "from": AFTER}
        answer = ledger.replay(scenario(filtered))
    # Eleven instead of one paid 5.50, and got back as much.
    assert fate(answer, "ada").scenario.equity == "60"


def test_a_rulebook_with_another_margin(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="96")
    path = "schedules.majors.maintenance.rate"
    with stored(venue, database_url) as ledger:
        sooner = {"override": "rulebook", "asset": "USD", "from": AFTER, "set": {path: "0.03"}}
        answer = ledger.replay(scenario(sooner))
        assert fate(answer, "ada").scenario.status == "flat"
        assert fate(answer, "ada").recorded.status == "restricted"
        wrong = {**sooner, "set": {"schedules.minors.maintenance.rate": "0.03"}}
        with pytest.raises(ScenarioRefused, match=r"overrides\.0: .*nothing at 'minors"):
            ledger.replay(scenario(wrong))
        absurd = {**sooner, "set": {path: "3"}}
        with pytest.raises(ScenarioRefused, match="at most 1"):
            ledger.replay(scenario(absurd))


def test_a_later_rulebook_is_changed_in_the_same_way(database_url: str) -> None:
    venue = wick()
    venue.adopt(rulebook())
    venue.mark(BTC="96")
    path = "schedules.majors.maintenance.rate"
    with stored(venue, database_url) as ledger:
        sooner = {"override": "rulebook", "asset": "USD", "from": AFTER - 1, "set": {path: "0.03"}}
        answer = ledger.replay(scenario(sooner))
    assert fate(answer, "ada").scenario.status == "flat"
    assert answer.overrides[0].events == 2


def test_a_fund_of_another_size(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url) as ledger:
        small = {"override": "fund", "fund": "insurance", "asset": "USD", "from": AFTER}
        answer = ledger.replay(scenario({**small, "balance": "0"}))
    recorded, mine = (column(answer, name).assets[0] for name in ("recorded", "scenario"))
    assert (recorded.funds, recorded.adl) == ("440", "0")
    assert (mine.funds, mine.adl) == ("0", "440")
    bob = fate(answer, "bob")
    assert (bob.recorded.deleveraged, bob.scenario.deleveraged) == (0, 1)


def test_a_breaker_that_pauses_liquidations(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="100")
    last = venue.engine.position
    with stored(venue, database_url) as ledger:
        pause = {"override": "state", "market": "*", "state": "liquidations_paused"}
        answer = ledger.replay(scenario({**pause, "from": last - 1, "to": last}))
        assert fate(answer, "ada").scenario.status == "healthy"
        answer = ledger.replay(scenario({**pause, "from": last - 1, "to": last - 1}))
        # The pause ends before the rebound: resuming tests with the last mark.
        assert answer.fates == ()


def test_where_a_state_ends_another_may_still_hold(database_url: str) -> None:
    """Reduce only, and halted within it or beginning in it: each until its own end."""
    venue = wick()
    for _ in range(6):
        venue.mark(BTC="100")
    less = {"override": "state", "market": "*", "state": "reduce_only"}
    none = {"override": "state", "market": "BTC", "state": "halted"}
    stories = [
        ((AFTER, AFTER + 4), (AFTER + 1, AFTER + 2), "reduce_only"),
        ((AFTER, AFTER + 2), (AFTER + 1, AFTER + 4), "halted"),
    ]
    with stored(venue, database_url) as ledger:
        for first, second, between in stories:
            overrides = [
                {**less, "from": first[0], "to": first[1]},
                {**none, "from": second[0], "to": second[1]},
            ]
            for ordered in (overrides, overrides[::-1]):
                number, _ = ledger.keep_scenario(scenario(*ordered))
                states = [
                    ledger.market("BTC", ledger.moment(AFTER + i, generation=number)).state
                    for i in range(6)
                ]
                # What begins or ends before an event stands at the position before it.
                assert states == ["halted", "halted", between, between, "normal", "normal"]


def test_events_dropped_moved_and_found_by_identity(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    venue("Deposited", account="ada", asset="USD", amount="1000", id="late", at=venue.now)
    late = {"source": "venue", "external_id": "late"}
    with stored(venue, database_url) as ledger:
        answer = ledger.replay(scenario({"override": "move", "event": late, "to": AFTER}))
        ada = fate(answer, "ada")
        assert (ada.recorded.equity, ada.scenario.equity) == ("1000", "560")
        assert ada.scenario.liquidations == 0
        answer = ledger.replay(scenario({"override": "drop", "event": late}))
        assert fate(answer, "ada").scenario.equity == "0"
        by_kind = {"override": "drop", "kind": "Deposited", "account": "ada", "from": AFTER + 1}
        assert ledger.replay(scenario(by_kind)).fates == answer.fates
        never = {**late, "external_id": "never"}
        with pytest.raises(ScenarioRefused, match="venue/never is not in the log"):
            ledger.replay(scenario({"override": "drop", "event": never}))


def test_a_reversal_may_be_inserted_right_after_what_it_reverses(database_url: str) -> None:
    venue = wick()
    venue.deposit("ada", "100")
    target = {"source": "venue", "external_id": venue.events[-1].external_id}
    venue.mark(BTC="100")
    reversal = {"kind": "Reversed", "target": target, **PERSON}
    with stored(venue, database_url) as ledger:
        after = {"override": "insert", "from": AFTER + 1, "event": reversal}
        answer = ledger.replay(scenario(after))
        assert fate(answer, "ada").scenario.equity == "60"
        assert column(answer, "scenario").deviations == {}
        before = ledger.replay(scenario({**after, "from": AFTER}))
        assert column(before, "scenario").deviations == {"reversal_unknown": 1}


def test_nothing_reverses_itself(database_url: str) -> None:
    venue = wick()
    itself = {"source": "venue", "external_id": "itself"}
    venue("Reversed", id="itself", target=itself, **PERSON)
    with stored(venue, database_url) as ledger:
        told = column(ledger.replay(scenario(**{"from": AFTER})), "recorded")
    assert told.deviations == {"reversal_unknown": 1}


def test_a_market_is_dropped_from_marks_of_several(database_url: str) -> None:
    """The wick is told together with another market's mark, which stays."""
    venue = wick()
    venue.market("ETH")
    venue.mark(BTC="50", ETH="20")
    venue.mark(ETH="21")
    with stored(venue, database_url) as ledger:
        quiet = {"override": "drop", "kind": "Marked", "market": "BTC", "from": AFTER}
        number, answer = ledger.keep_scenario(scenario(quiet))
        ada = fate(answer, "ada").scenario
        assert (ada.status, ada.equity, ada.liquidations) == ("healthy", "60", 0)
        assert [(o.events, o.first) for o in answer.overrides] == [(1, AFTER + 1)]
        there = ledger.moment(AFTER + 1, generation=number)
        assert ledger.market("BTC", there).prices[0].price == "100.00"
        assert ledger.market("ETH", there).prices[0].price == "20.00"


def test_a_reversal_of_what_did_not_happen_reverses_nothing(database_url: str) -> None:
    venue = wick()
    venue.deposit("ada", "100")
    target = {"source": "venue", "external_id": venue.events[-1].external_id}
    venue("Reversed", target=target, **PERSON)
    with stored(venue, database_url) as ledger:
        answer = ledger.replay(scenario({"override": "drop", "event": AFTER}))
    assert answer.fates == ()
    assert column(answer, "scenario").deviations == {"reversal_unknown": 1}


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ({"override": "prices", "market": "BTC"}, "names one of drop, price"),
        ({"override": "prices", "market": "BTC", "median": 1}, "overrides.0.median"),
        ({"override": "drop"}, "either one event, or a kind"),
        ({"override": "drop", "kind": "AccountOpened"}, "kind: 'AccountOpened' must be one of"),
        ({"override": "state", "market": "BTC", "state": "on fire"}, "must be one of normal"),
        ({"override": "fund", "fund": "f", "asset": "USD"}, "names one of balance, scale, add"),
        ({"override": "rulebook", "asset": "USD"}, "either paths to set or remove"),
        ({"override": "wish"}, "must be one of 'rulebook'"),
        ({"override": "insert", "event": {}}, "from: says where"),
        ({"override": "prices", "market": "B", "drop": True, "from": 9, "to": 8}, "lies before"),
        ({"override": "prices", "market": "B", "price": 0.5}, "float is not an exact amount"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(override: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScenarioRefused) as refused:
        parse_scenario(scenario(override))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ({"override": "prices", "market": "ETH", "drop": True}, "market: 'ETH'"),
        ({"override": "prices", "market": "*", "source": "desk", "drop": True}, "source: 'desk'"),
        ({"override": "state", "market": "ETH", "state": "halted"}, "market: 'ETH'"),
        ({"override": "drop", "kind": "Traded", "market": "ETH"}, "market: 'ETH'"),
        ({"override": "drop", "kind": "Traded", "account": "eve"}, "account: 'eve'"),
    ],
)
def test_what_is_not_declared_is_refused_by_name(
    database_url: str, override: dict[str, Any], problem: str
) -> None:
    with (
        stored(wick(), database_url) as ledger,
        pytest.raises(ScenarioRefused, match=rf"overrides\.0\.{problem} is not declared"),
    ):
        ledger.replay(scenario(override))


@pytest.mark.parametrize(
    ("way", "problem"),
    [
        ({"add": "0.001"}, "add: 0.001 has more than 2 decimals"),
        ({"balance": "1.005"}, "balance: 1.005 has more than 2 decimals"),
        ({"scale": "1.0000000000001"}, "scale: 1.0000000000001 has more than 12 decimals"),
    ],
)
def test_a_fund_is_changed_by_what_its_asset_can_hold(
    database_url: str, way: dict[str, str], problem: str
) -> None:
    fund = {"override": "fund", "fund": "insurance", "asset": "USD", "from": AFTER - 1}
    with (
        stored(wick(), database_url) as ledger,
        pytest.raises(ScenarioRefused, match=rf"overrides\.0\.{problem}"),
    ):
        ledger.replay(scenario({**fund, **way}))


def mirrored(answer: Diff) -> Diff:
    """A difference seen from the other side."""
    first = answer.first
    if first is not None:
        first = replace(first, only_a=first.only_b, only_b=first.only_a)
    fates = tuple(
        replace(view, a=view.b, b=view.a, equity=negated(view.equity)) for view in answer.fates
    )
    house = tuple(replace(line, difference=negated(line.difference)) for line in answer.house)
    return replace(
        answer,
        a=answer.b,
        b=answer.a,
        first=first,
        columns=(answer.columns[1], answer.columns[0]),
        fates=fates,
        house=house,
    )


def negated(amount: str) -> str:
    return amount if amount == "0" else amount[1:] if amount[0] == "-" else f"-{amount}"


def test_a_difference_says_who_since_when_and_why_and_adds_up(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    clamped = parse_scenario(
        scenario({"override": "prices", **WICK, "from": AFTER}, name="clamped")
    )
    small = {"override": "fund", "fund": "insurance", "asset": "USD", "from": AFTER}
    poor = parse_scenario(scenario({**small, "scale": "0.1"}, name="poor"))
    with stored(venue, database_url) as ledger:
        for a, b in ((LOG, clamped), (clamped, poor), (LOG, poor), (clamped, LOG)):
            answer = ledger.diff(a, b)
            assert ledger.diff(b, a) == mirrored(answer)
            assert answer.first == ledger.bisect(a, b)
            assert sum(Fraction(line.difference) for line in answer.house) == 0
        answer = ledger.diff(LOG, clamped)
        assert ledger.diff(clamped, clamped).first is None
        assert ledger.bisect(LOG, LOG) is None
        poorer = ledger.diff(LOG, poor)
    first = answer.first
    assert first is not None
    assert (first.log_position, first.kind, first.source) == (AFTER, "Marked", "venue")
    assert (first.only_a["price"], first.only_b["price"]) == (5000, 9900)
    (ada,) = [view for view in answer.fates if view.account == "ada"]
    assert (ada.a.status, ada.b.status, ada.equity) == ("flat", "healthy", "70")
    assert (ada.diverged, ada.cause) == (AFTER, "clamped: overrides.0")
    lines = {line.line: line.difference for line in poorer.house}
    assert lines["external"] == "900"


def test_the_cause_is_what_changed_something_last_before_they_parted(database_url: str) -> None:
    """The clamp lifts a harmless mark, the fund is halved, and then the clamp lifts the wick."""
    venue = wick()
    venue.deposit("ada", "100")
    start = AFTER + 1
    for price in ("98", "101", "101", "50"):
        venue.mark(BTC=price)
    shock = start + 3
    clamped = {"override": "prices", **WICK, "from": start}
    halved = {"override": "fund", "fund": "insurance", "asset": "USD", "scale": "0.5"}
    told = scenario(clamped, {**halved, "from": start + 2}, name="told")
    scaled = {"override": "prices", "market": "BTC", "scale": "1.5", "from": shock}
    together = scenario(scaled, {**clamped, "from": shock}, name="together")
    with stored(venue, database_url) as ledger:
        answer, both = (ledger.diff(LOG, parse_scenario(one)) for one in (told, together))
        assert ledger.diff(parse_scenario(told), LOG) == mirrored(answer)
        assert ledger.diff(parse_scenario(together), LOG) == mirrored(both)
    causes = {view.account: (view.diverged, view.cause) for view in answer.fates}
    assert causes["insurance"] == (start + 1, "told: overrides.1")
    assert causes["ada"] == (shock, "told: overrides.0")
    (ada,) = [view for view in both.fates if view.account == "ada"]
    assert (ada.diverged, ada.cause) == (shock, "together: overrides.0, together: overrides.1")


def test_the_parts_of_overrides_add_up_to_the_whole(database_url: str) -> None:
    """The second override takes back what the first had saved; the third changes nothing."""
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    rulebook_ = {"override": "rulebook", "asset": "USD", "from": AFTER}
    stricter = {**rulebook_, "set": {"schedules.majors.maintenance.rate": "0.05"}}
    idle = {"override": "fund", "fund": "insurance", "asset": "USD", "add": "0", "from": AFTER}
    clamped = {"override": "prices", "market": "BTC", "at_least": "98", "from": AFTER}
    told = scenario(clamped, stricter, idle)
    with stored(venue, database_url) as ledger:
        parts = ledger.attribute(told)
        whole = ledger.diff(LOG, parse_scenario(told))
        answer = ledger.replay(told)
        alone = ledger.attribute(scenario())
    assert alone == ()
    assert [(part.override, part.kind) for part in parts] == [
        ("overrides.0", "prices"),
        ("overrides.1", "rulebook"),
        ("overrides.2", "fund"),
    ]
    assert parts[2].effect.first is None
    for name in ("ada", "bob", "insurance"):
        sums = sum(_moved(part.effect, name) for part in parts)
        assert sums == _moved(whole, name)
    assert _moved(parts[0].effect, "ada") == 70
    assert _moved(parts[1].effect, "ada") < 0
    for one, next_ in pairwise(parts):
        assert one.effect.columns[1].digest == next_.effect.columns[0].digest
    assert parts[0].effect.columns[0].digest == column(answer, "recorded").digest
    assert parts[-1].effect.columns[1].digest == column(answer, "scenario").digest


def _moved(answer: Diff, account: str) -> Fraction:
    return sum((Fraction(f.equity) for f in answer.fates if f.account == account), Fraction(0))


def at(venue: Venue, position: int) -> datetime:
    """When the event at a log position happened."""
    return from_microseconds(venue.log[position - 1].occurred_at)


def test_a_state_between_two_events_holds_for_none(database_url: str) -> None:
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    between = at(venue, 12) + timedelta(microseconds=1)
    halted = {
        "override": "state",
        "market": "BTC",
        "state": "liquidations_paused",
        "from": between.isoformat(),
        "to": (between + timedelta(microseconds=1)).isoformat(),
    }
    with stored(venue, database_url) as ledger:
        answer = ledger.replay(scenario(halted))
        assert (answer.fates, answer.overrides[0].events) == ((), 0)
        mixed = {**halted, "from": AFTER + 1, "to": at(venue, 8).isoformat()}
        with pytest.raises(ScenarioRefused, match=r"overrides\.0\.to: .* before from, 14"):
            ledger.replay(scenario(mixed))


def test_a_declaration_is_not_moved(database_url: str) -> None:
    with stored(wick(), database_url) as ledger:
        for event in range(1, 6):
            moved = {"override": "move", "event": event, "to": 10}
            with pytest.raises(ScenarioRefused, match=f"{event} declares a name"):
                ledger.replay(scenario(moved))


@pytest.mark.parametrize(
    ("event", "to", "unknown"),
    [
        (9, 5, "account 2 is not declared; 1 are"),
        (8, 2, "account 1 is not declared; 0 are"),
        (11, 4, "market 1 is not declared; 0 are"),
        (12, 6, "account 3 is not declared; 2 are"),
        (7, 1, "source 1 is not declared; 0 are"),
    ],
)
def test_nothing_is_moved_to_before_what_it_names(
    database_url: str, event: int, to: int, unknown: str
) -> None:
    with stored(wick(), database_url) as ledger:
        place = rf"overrides\.0\.to: before log position {to} .* that {event} names"
        with pytest.raises(ScenarioRefused, match=rf"{place} \({unknown}\)"):
            ledger.replay(scenario({"override": "move", "event": event, "to": to}))


def test_before_the_first_event_no_override_changes_anything(database_url: str) -> None:
    with stored(wick(), database_url) as ledger:
        document = scenario({"override": "prices", "market": "*", "scale": "0.9"})
        (part,) = ledger.attribute(document, 0)
        assert (part.effect.first, part.effect.fates) == (None, ())
        assert ledger.replay(document, 0).fates == ()


def test_nothing_is_inserted_before_the_first_source(database_url: str) -> None:
    with stored(wick(), database_url) as ledger:
        ticked = {"override": "insert", "from": 1, "event": {"kind": "ClockTicked"}}
        with pytest.raises(ScenarioRefused, match=r"overrides\.0: .* 1 no source is declared"):
            ledger.replay(scenario(ticked))
        assert ledger.replay(scenario({**ticked, "from": 2})).fates == ()


def test_what_comes_after_the_last_event_still_comes(database_url: str) -> None:
    """The mark that takes ada comes last, whether it is moved there or inserted."""
    venue = wick()
    venue.mark(BTC="50")
    venue.mark(BTC="101")
    end = AFTER + 1
    last = {"kind": "Marked", "marks": [{"market": "BTC", "price": "50"}]}
    later = at(venue, end) + timedelta(seconds=5)
    with stored(venue, database_url) as ledger:
        for place in (end + 1, later.isoformat()):
            moved = {"override": "move", "event": AFTER, "to": place}
            answer = ledger.replay(scenario(moved))
            ada = fate(answer, "ada")
            assert (ada.recorded.first_liquidation, ada.scenario.first_liquidation) == (AFTER, end)
            assert answer.overrides[0].events == 2
            inserted = {"override": "insert", "from": place, "event": last}
            dropped = {"override": "drop", "event": AFTER}
            same = ledger.replay(scenario(dropped, inserted))
            assert fate(same, "ada").scenario.status == ada.scenario.status == "flat"
            told = parse_scenario(scenario(inserted))
            assert ledger.diff(LOG, told).first == ledger.bisect(LOG, told)
            found = ledger.bisect(LOG, told)
            assert found is not None
            assert found.log_position == end
        with pytest.raises(ScenarioRefused, match="beyond the last position told, 14"):
            ledger.replay(scenario({"override": "move", "event": AFTER, "to": end + 2}))
        beyond = {"override": "insert", "from": at(venue, end).isoformat(), "event": last}
        with pytest.raises(ScenarioRefused, match="beyond the last position told, 12"):
            ledger.replay(scenario(beyond, upto=AFTER - 1))


def test_without_a_rulebook_nothing_is_derived(database_url: str) -> None:
    """What is changed in an asset without rules has no model whose error could be shown."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.deposit("ada", "60")
    venue.deposit("bob", "10000")
    venue.mark(BTC="100")
    venue.trade("ada", "bob", "BTC", "10", "100")
    begins = venue.engine.position
    dropped = {"override": "drop", "event": begins}
    with stored(venue, database_url) as ledger:
        assert [c.column for c in ledger.replay(scenario(dropped)).columns] == [
            "recorded",
            "scenario",
        ]
        for mode, columns in (("derive", 2), ("record", 3)):
            venue.adopt(rulebook(mode=mode))
            ledger.append(venue.events)
            ledger.project()
            assert len(ledger.replay(scenario(dropped)).columns) == columns


def test_a_fund_that_only_a_column_has_is_shown_by_its_name(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with stored(wick(), database_url) as ledger:
        (recorded, told) = ledger.replay(scenario()).columns
    (fund,) = recorded.funds
    funds = (replace(fund, fund="another", equity="7"), fund)
    print_columns("Funds", [recorded, replace(told, funds=funds), replace(told, funds=())])
    out = " ".join(capsys.readouterr().out.split())
    assert "insurance, USD: at the end 1,000 1,000 0" in out
    assert "another, USD: at the end 0 7 0" in out


def test_an_event_of_the_scenarios_own_is_named_and_not_the_one_after_it(
    database_url: str,
) -> None:
    """The second of two that are inserted makes the first difference: the first moves nothing."""
    quiet = {"override": "insert", "from": AFTER, "event": {"kind": "ClockTicked"}}
    deposit = {"kind": "Deposited", "account": "bob", "asset": "USD", "amount": "5"}
    more = {"override": "insert", "from": AFTER, "event": deposit}
    asked = parse_scenario(scenario(quiet, more))
    venue = wick()
    venue.mark(BTC="50")
    with stored(venue, database_url) as ledger:
        for found in (
            ledger.bisect(LOG, asked),
            ledger.bisect(asked, LOG),
            ledger.diff(LOG, asked).first,
        ):
            assert found is not None
            assert (found.kind, found.log_position, found.inserted) == ("Deposited", AFTER - 1, 2)
            assert found.external_id.startswith("scenario overrides.1")
        clamped = parse_scenario(scenario({"override": "prices", **WICK, "from": AFTER}))
        found = ledger.bisect(LOG, clamped)
        assert found is not None
        assert (found.kind, found.inserted) == ("Marked", 0), "an event of the log"
