"""What liquidations did, computed again from its facts; and its entries add up to its figures."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Engine
from tests.engine.stories import Story
from tests.workings import computed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_facts_of_what_rungs_did_give_its_figures(seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(60):
        story.step()
    plain, told = (Engine(resolver=story.venue.find) for _ in range(2))
    for row in story.venue.log:
        entries, workings = told.explain(row)
        assert entries == plain.apply(row)
        for _, _, working in workings:
            if working.name == "margin":
                continue
            computed(working.document())
    assert plain.entry_hash == told.entry_hash
