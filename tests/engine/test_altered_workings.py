"""The evaluator of the tests notices a working whose figure is altered, and so do its postings."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from clearing.audit.explain.grouping import grouped, posted
from clearing.engine import Engine, Entry, Trace
from clearing.engine.scope import Scope
from clearing.engine.step import END
from clearing.quantities import ratio_text
from clearing.rulebook.ladder.auctions import power
from tests.engine.test_scenarios_auctions import LINEAR, SEALED, House
from tests.engine.test_scenarios_backstop import Backed
from tests.engine.test_scenarios_gains import Covered
from tests.engine.test_scenarios_ladder import BELOW_ZERO, Laddered, waits
from tests.engine.test_scenarios_pacing import SECOND
from tests.engine.test_scenarios_pacing import venue as paced
from tests.engine.venue import TAKEOVER, Venue, closes_explained, postings_explained
from tests.workings import computed

PENALTY = {"rate": "0.01", "recipients": [{"account": "insurance", "share": "1"}]}
Workings = list[tuple[int, Scope, Trace]]


def dutch() -> Venue:
    """Half of a long position is taken at 1.05 of the mark, with a penalty."""
    venue = House(LINEAR, floor="bankruptcy", penalty=PENALTY)
    venue.mark(BTC="84.00")
    venue.take("dan", "5")
    return venue


def sealed() -> Venue:
    """A bid that is awarded."""
    venue = House(SEALED)
    venue.mark(BTC="84.00")
    venue.bid("dan", "9", "83.00")
    venue.tick(60)
    return venue


def short_of() -> Venue:
    """A venue's fill whose shortfall the fund pays."""
    venue = Laddered(waits(shortfall="waterfall"), BELOW_ZERO)
    venue.mark(BTC="84.00")
    told = {"market": "BTC", "buyer": "maker", "seller": "ada", "seller_cause": "liquidation"}
    venue("Traded", size="5", price="79.00", **told)
    return venue


def backed() -> Venue:
    """A backstop of two, of which one cannot bear its share."""
    venue = Backed(("pia", "0.7"), ("pam", "0.3"), pia="10")
    venue.mark(BTC="75.00")
    return venue


def ramped() -> Venue:
    """A reduction that a ramp holds back."""
    ramp = {"initial": "0.2", "seconds": 10}
    venue = paced({"quantity": {"op": "restore"}, "ramp": ramp, **SECOND})
    venue.mark(BTC="990")
    return venue


def covered() -> Venue:
    """Cash that restores a level."""
    return Covered(coins="30")


def taken_over() -> Venue:
    """A takeover by whom the rung names, while there is equity."""
    venue = Laddered({**TAKEOVER, "to": "backstop"}, BELOW_ZERO)
    venue.mark(BTC="84.00")
    return venue


def last(venue: Venue) -> tuple[Engine, list[Entry], Workings]:
    """The entries and workings of a venue's last event."""
    engine = Engine(resolver=venue.find)
    for row in venue.log[:-1]:
        engine.apply(row)
    entries, workings = engine.explain(venue.log[-1])
    return engine, entries, workings


def formulas(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every figure of a working that a formula gives."""
    if node["formula"]:
        yield node
    for child in node["inputs"]:
        yield from formulas(child)


@pytest.mark.parametrize("happens", [dutch, sealed, short_of, backed, ramped, covered, taken_over])
def test_no_figure_of_a_working_can_be_altered_unnoticed(happens: Any) -> None:
    _, _, workings = last(happens())
    altered = 0
    for _, _, working in workings:
        if working.name in (END, "margin"):
            continue
        document = working.document()
        for node in formulas(document):
            told = node["result"]
            node["result"] = ratio_text(Fraction(told) + 1)
            with pytest.raises(AssertionError):
                computed(document)
            node["result"] = told
            altered += 1
        computed(document)
    assert altered > 10


@pytest.mark.parametrize(
    ("happens", "name", "result"),
    [
        (covered, "missing", "16"),
        (taken_over, "backstop takes", "1"),
        (ramped, "quantity BTC", "0.384"),
        (short_of, "surplus BTC", "-5"),
    ],
)
def test_what_a_rung_went_by_is_among_its_workings(happens: Any, name: str, result: str) -> None:
    _, _, workings = last(happens())
    assert [working.result for _, _, working in workings if working.name == name] == [result]


@pytest.mark.parametrize("happens", [dutch, sealed, short_of, backed, covered, taken_over])
def test_no_posting_can_differ_from_its_working(happens: Any) -> None:
    engine, entries, workings = last(happens())
    postings_explained(engine, entries, workings)
    # What the venue's other side of a fill is paid is no posting of the liquidation.
    explained = [at for rung in grouped(workings) for at in posted(entries, rung)]
    assert explained
    for at in explained:
        *rest, amount, market = entries[at]
        wrong = [*entries]
        wrong[at] = (*rest, int(amount) + 1, market)
        with pytest.raises(AssertionError):
            postings_explained(engine, wrong, workings)
        without = [one for one in workings if one[0] != at or one[2].name == "margin"]
        with pytest.raises(AssertionError, match="nothing explains"):
            postings_explained(engine, entries, without)


@pytest.mark.parametrize(
    ("happens", "name"),
    [
        (dutch, "price"),
        (dutch, "quantity"),
        (dutch, "proceeds"),
        (sealed, "price"),
        (backed, "taken BTC by backstop pia"),
    ],
)
def test_no_close_can_differ_from_its_workings(happens: Any, name: str) -> None:
    engine, entries, workings = last(happens())
    closes_explained(engine, entries, workings)
    wrong: Workings = []
    for line, scope, working in workings:
        result = working.result
        if working.name.startswith(name):
            result = ratio_text(Fraction(result) + 1)
        wrong.append((line, scope, replace(working, result=result)))
    with pytest.raises(AssertionError):
        closes_explained(engine, entries, wrong)


@pytest.mark.parametrize("exponent", [0, 1, 2, 7, 20, 75, 1000, 31_622_400])
def test_every_power_has_a_working_of_a_few_hundred_steps(exponent: int) -> None:
    lines = Trace("power")
    found = power(Fraction("0.999999"), exponent, lines)
    document = lines.document()
    assert computed(document) == found
    assert len(list(formulas(document))) < 700
