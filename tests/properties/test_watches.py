"""Whatever the payoffs, schedules and ladders: bands leave out nobody whom a test would change."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Engine
from tests.engine.corners import examine_corners
from tests.engine.stories import Story


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_banded_watch_and_the_naive_one_leave_the_same_entries(seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - dice
    story = Story(dice)
    corners = 0
    for _ in range(60):
        story.step()
        corners += examine_corners(story.venue.engine, dice)
    assert corners


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_snapshot_of_any_day_goes_on_as_the_day_does(seed: int) -> None:
    """The engine is put away and restored in between; the venue compares it with the other one."""
    dice = Random(seed)  # noqa: S311 - dice
    venue = (story := Story(dice)).venue
    for _ in range(6):
        for _ in range(10):
            story.step()
        digest = venue.engine.digest()
        venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
        assert venue.engine.digest() == digest
