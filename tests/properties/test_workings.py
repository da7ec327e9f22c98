"""Every working, computed again from its facts by something that does not know the engine."""

from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Trace
from clearing.engine.valuation import measure
from clearing.quantities import format_exact
from tests.engine.stories import Story
from tests.workings import computed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_facts_of_a_working_give_its_number(seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(50):
        story.step()
        book = story.venue.engine.book
        for scope in book.scopes.values():
            trace = Trace("margin")
            now, plain = measure(book, scope, trace), measure(book, scope)
            assert (now.equity, now.initial, now.maintenance) == (
                plain.equity,
                plain.initial,
                plain.maintenance,
            )
            nodes = {child["name"]: child for child in trace.document()["inputs"]}
            for node in nodes.values():
                computed(node)
            working = book.assets[scope.asset].working
            parts = [nodes["equity"]["result"]]
            if "collateral" in nodes:
                parts.append(nodes["collateral"]["result"])
            equity = sum(map(Fraction, parts))
            assert equity == Fraction(now.equity, 10**working)
            if scope.rules is not None:
                assert nodes["maintenance"]["result"] == format_exact(now.maintenance, working)
                assert nodes["initial"]["result"] == format_exact(now.initial, working)
