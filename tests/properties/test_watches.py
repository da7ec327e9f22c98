"""Whatever the payoffs, schedules and ladders: bands leave out nobody whom a test would change."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.stories import Story


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_banded_watch_and_the_naive_one_leave_the_same_entries(dice: Random) -> None:
    story = Story(dice)
    for _ in range(60):
        story.step()
