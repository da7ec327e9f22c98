"""Requirements grow with size, and a higher maintenance rate never makes anybody safer."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.engine import Engine
from clearing.engine.requirements import exposure_of
from clearing.engine.valuation import measure
from clearing.rulebook import MAINTENANCE, Condition
from tests.engine.stories import TRADERS, Story
from tests.engine.venue import deviations, rulebook

_STRICT = Condition("maintenance", MAINTENANCE, 10**12, False)


def due(engine: Engine) -> set[int]:
    """The accounts whose equity is below maintenance."""
    book = engine.book
    scopes = [scope for scope in book.scopes.values() if scope.rules is not None]
    return {scope.account for scope in scopes if measure(book, scope).below(_STRICT)}


def tiered(*rates: str) -> dict[str, Any]:
    """A rulebook in verify mode: maintenance by tiers, initial twice that."""
    floors = ("0", "300", "2000")
    tiers = [{"floor": f, "rate": r} for f, r in zip(floors, rates, strict=True)]
    levels = {
        "initial": {"op": "ratio", "level": "maintenance", "factor": "2"},
        "maintenance": {"op": "tiers", "tiers": tiers},
    }
    return rulebook(mode="verify", schedule=levels)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 400), min_size=3, max_size=3), st.data())
def test_a_higher_maintenance_rate_never_shrinks_the_due_set(
    seed: int, thousandths: list[int], data: st.DataObject
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(30):
        story.step()
    rates = sorted(thousandths)
    more = [rate + data.draw(st.integers(0, 400 - rate)) for rate in rates]
    for place in (1, 2):
        more[place] = max(more[place], more[place - 1])
    found = []
    for chosen in (rates, more):
        entries = story.venue.adopt(tiered(*(f"{rate / 1000:.3f}" for rate in chosen)))
        assert "rulebook_refused" not in deviations(entries)
        found.append(due(story.venue.engine))
    assert found[0] <= found[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_requirement_is_monotone_in_size(seed: int) -> None:
    """Whatever the operators, more of a position never asks for less at any level.

    Orders are left out: a larger position may need less for orders that close it.
    """
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(25):
        story.step()
    book = story.venue.engine.book
    for market in book.markets.values():
        for name in TRADERS:
            scope = book.scope(story.venue.ordinal(name), market.asset)
            schedule = None if scope.rules is None else scope.rules.schedule(market.ordinal)
            if schedule is None or not market.mark:
                continue
            at = exposure_of(book.assets[market.asset], market, scope)
            for operator in schedule.operators:
                if operator is None:
                    continue
                asked = [
                    operator.requirement(at.resized(at.size + more, at.long))
                    for more in (0, 1, 7, 1000, 90_000)
                ]
                assert asked == sorted(asked)
