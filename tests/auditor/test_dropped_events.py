"""Agreement whichever of a stream's events never arrived: gaps make books that no venue told."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auditor.generate import generate
from tests.auditor.run import compare_events
from tests.auditor.shrink import shrink


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A seed's events without some runs of them, nor what amends a mark that is gone."""
    events = generate(draw(st.integers(1_000_000, 2_000_000)), draw(st.sampled_from([40, 80])))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(events) - 1))
        del events[start : start + draw(st.integers(1, 12))]
        if not events:
            break
    told = {event["external_id"] for event in events}
    return [event for event in events if event.get("amends", event)["external_id"] in told]


@settings(max_examples=25, deadline=None)
@given(streams())
def test_agreement_with_gaps(events: list[dict[str, Any]]) -> None:
    outcome = compare_events(0, events)
    assert not outcome.difference, outcome.difference


def test_shrinking_finds_the_fewest_events_that_fail() -> None:
    """Both of two culprits are kept, and nothing else."""
    events = [{"kind": str(number)} for number in range(40)]

    def fails(some: list[dict[str, Any]]) -> bool:
        return {"7", "23"} <= {event["kind"] for event in some}

    assert [event["kind"] for event in shrink(events, fails)] == ["7", "23"]
