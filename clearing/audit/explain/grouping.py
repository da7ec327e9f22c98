"""The workings of an event, rung by rung: the margin it acted upon, then figures of what it did."""

from collections.abc import Iterable, Sequence

from clearing.engine import Entry
from clearing.engine.scope import Scope
from clearing.quantities import Trace

Working = tuple[int, Scope, Trace]
"""How many entries the event had, the scope that a rung acted on, and a working."""


def grouped(workings: Iterable[Working]) -> list[list[Working]]:
    """Return the workings of :meth:`Engine.explain` by rung; each begins with its margin.

    What is computed where no rung acted (a venue's own liquidation) is in none.
    """
    groups: list[list[Working]] = []
    for working in workings:
        if working[2].name == "margin":
            groups.append([working])
        elif groups and groups[-1][0][1] is working[1]:
            groups[-1].append(working)
    return groups


def posted(entries: Sequence[Entry], group: Sequence[Working]) -> dict[int, int]:
    """Return, by the place of a posting among the event's entries, the place of its working.

    Places in the group count from 0, its margin. The working is the one made just before the
    posting that bears its purpose.
    """
    found = {}
    for place, (line, _, working) in enumerate(group):
        if line < len(entries) and entries[line][:2] == ("posting", working.name.split(" ", 1)[0]):
            found[line] = place
    return found
