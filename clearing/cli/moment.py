"""Which moment a question is about: the same options for every question."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter, validators

from clearing.audit import Moment, Reordered
from clearing.cli.output import err, shown_time, steps
from clearing.events.fields import parse_time
from clearing.ledger import Ledger

_AT = "as of this log position"
_RECORDED = "as of what the ledger had recorded by this time of its own, with an offset"
_OCCURRED = (
    "as of what had happened by this time, with an offset (2026-05-11T14:00:00Z); where late facts"
    " are among it, a scenario in the order in which it happened"
)
_GENERATION = "of this generation instead of the books: a scenario's, or earlier read models"
_KNOWN_AT = "with --occurred: of what was in the log by this position"

Limit = Annotated[
    int,
    Parameter(help="the latest so many lines", validator=validators.Number(gte=1, lte=1_000_000)),
]


@Parameter(name="*")
@dataclass
class When:
    """The moment that a question is about; the present by default."""

    at: Annotated[int | None, Parameter(help=_AT)] = None
    recorded: Annotated[str | None, Parameter(help=_RECORDED)] = None
    occurred: Annotated[str | None, Parameter(help=_OCCURRED)] = None
    known_at: Annotated[int | None, Parameter(help=_KNOWN_AT)] = None


@Parameter(name="*")
@dataclass
class WhenIn(When):
    """A moment of the books, or of a generation beside them."""

    generation: Annotated[int | None, Parameter(help=_GENERATION)] = None


def moment_of(opened: Ledger, when: When | None) -> Moment:
    """Return the moment that the options mean; :class:`ValueError` for what is no time."""
    if when is None:
        return opened.moment()
    return opened.moment(
        when.at,
        generation=when.generation if isinstance(when, WhenIn) else None,
        recorded=None if when.recorded is None else parse_time(when.recorded),
        occurred=None if when.occurred is None else parse_time(when.occurred),
        known_at=when.known_at,
    )


def named(moment: Moment) -> str:
    """Say which moment an answer is about."""
    if moment.reordered is None:
        position = f"at log position {moment.position:,}"
        generation = moment.generation
        if generation.scenario:
            return f"{position} of generation {generation.number}, a scenario"
        if generation.status != "live":
            return f"{position} of generation {generation.number}, {generation.status}"
        return position
    return f"as of {shown_time(moment.reordered.occurred)}"


def print_scenario(reordered: Reordered | None) -> None:
    """Say so where an answer is not the log's own."""
    if reordered is not None:
        late = f"{reordered.late_facts:,} late facts are folded where they occurred"
        if reordered.late_facts == 1:
            late = "1 late fact is folded where it occurred"
        known = f"of what was in the log by position {reordered.known_at:,}"
        err.print(f"A scenario: {late}, {known}.", style="yellow")


@contextmanager
def folding(moment: Moment) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far the fold is while the block runs, where the moment needs one."""
    if moment.reordered is None:
        yield None
        return
    with steps("folded in order of occurrence") as progress:
        yield lambda done, _: progress.reached(done)
