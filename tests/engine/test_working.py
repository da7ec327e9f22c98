"""The working of a number: the same computation, with its tree of inputs."""

from fractions import Fraction

from clearing.engine import Trace
from clearing.engine.valuation import measure
from tests.engine.venue import Venue, rulebook
from tests.workings import computed


def test_a_trace_changes_nothing_and_names_every_input() -> None:
    """ada: cash 1,000, long 2 from 100, marked 110, funding of 0.11 accrued against her."""
    venue = Venue()
    venue.market("BTC")
    venue.account("ada", "bob")
    venue.adopt(rulebook())
    venue.deposit("ada", "1000")
    venue.deposit("bob", "1000")
    venue.mark(BTC="100.00")
    venue.trade("ada", "bob", "BTC", "2", "100.00")
    venue.mark(BTC="110.00")
    venue("FundingSettled", market="BTC", rate="0.0005", price="110.00")
    book = venue.engine.book
    scope = book.scope(venue.ordinal("ada"), 1)
    trace = Trace("margin of ada")
    traced, plain = measure(book, scope, trace), measure(book, scope)
    assert (traced.equity, traced.initial, traced.maintenance) == (
        plain.equity,
        plain.initial,
        plain.maintenance,
    )
    equity, initial, maintenance = trace.document()["inputs"]
    assert equity["result"] == "1019.89"
    assert [(step["name"], step["result"]) for step in equity["inputs"]] == [
        ("cash", "1000"),
        ("unrealised BTC", "20"),
        ("accrued funding BTC", "-0.11"),
    ]
    value = {step["name"]: step["result"] for step in equity["inputs"][1]["inputs"]}
    assert value == {"size": "2", "value of one": "110", "cost": "200"}
    assert computed(equity) == Fraction("1019.89")
    assert initial["result"] == "11"
    (positions,) = initial["inputs"]
    assert positions["inputs"][0]["note"] == "schedules.majors.initial"
    assert (maintenance["name"], maintenance["result"]) == ("maintenance", "2.2")
