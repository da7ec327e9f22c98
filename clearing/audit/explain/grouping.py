"""The workings of an event, rung by rung: the margin it acted upon, then figures of what it did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clearing.engine import Entry
from clearing.engine.scope import Scope
from clearing.engine.step import END
from clearing.quantities import Trace

Working = tuple[int, Scope, Trace]
"""How many entries the event had, the scope that a rung acted on, and a working."""


@dataclass(slots=True)
class Rung:
    """What one rung left: the ``margin`` that it acted upon, the figures of what it ``did``.

    Its entries are those from the margin's place up to ``end``; nothing of a rung that only warns.
    """

    margin: Working
    did: list[Working]
    end: int

    @property
    def is_close(self) -> bool:
        """Whether it is no rung that acted but a close at a price that others named."""
        return bool(self.margin[2].note)

    @property
    def number(self) -> int:
        """The place in the ladder, from 1, of the rung that such a close is for."""
        return int(next(figure.result for _, _, figure in self.did if figure.name == "rung"))


def grouped(workings: Iterable[Working]) -> list[Rung]:
    """Return the workings of :meth:`Engine.explain` by rung.

    Closes at a price that others named (auctions, recorded fills) stand among them, each by itself.
    What is computed where neither is (a settlement of variation margin) is in none.
    """
    rungs: list[Rung] = []
    for working in workings:
        line, scope, trace = working
        if trace.name == "margin":
            rungs.append(Rung(working, [], line))
        elif rungs and rungs[-1].margin[1] is scope:
            if trace.name == END:
                rungs[-1].end = line
            else:
                rungs[-1].did.append(working)
    return rungs


def posted(entries: Sequence[Entry], rung: Rung) -> dict[int, int]:
    """Return, by the place of a posting among the event's entries, that of its working.

    Places of workings count from 1 in what the rung did. A posting's working is the one made just
    before it that bears its purpose.
    """
    found = {}
    for place, (line, _, working) in enumerate(rung.did, start=1):
        purpose = working.name.split(" ", 1)[0]
        if line < rung.end and entries[line][:2] == ("posting", purpose):
            found[line] = place
    return found
