"""What liquidations did, computed again from its facts; and its entries add up to its figures."""

from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Engine
from tests.engine.stories import Story
from tests.engine.venue import of_kind
from tests.workings import computed


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_the_entries_of_an_event_add_up_to_the_figures_of_its_workings(seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(60):
        story.step()
    engine = Engine(resolver=story.venue.find)
    for row in story.venue.log:
        entries, workings = engine.explain(row)
        figures: dict[str, list[Fraction]] = {
            "closed": [],
            "loss": [],
            "rank": [],
            "taken from": [],
        }
        for _, _, working in workings:
            for kind, found in figures.items():
                # A layer's posting is a ``loss paid by``, of which the loss is the sum.
                told = working.name.startswith(kind) and not working.name.startswith("loss paid")
                if told:
                    found.append(computed(working.document()))
        closed = [
            Fraction(str(part["loss"]))
            for part in of_kind(entries, "closed")
            if part["layer"] not in ("reduce", "auction")
        ]
        if figures["closed"]:
            assert figures["closed"] == closed
        # A settlement of variation margin states losses, too, without any rung.
        losses = [Fraction(str(entry["loss"])) for entry in of_kind(entries, "loss")]
        assert all(loss in losses for loss in figures["loss"])
        assert len(figures["taken from"]) == len(of_kind(entries, "adl"))
    assert engine.entry_hash == story.venue.engine.entry_hash
