"""Events as JSON Lines: one JSON object per line."""

from collections.abc import Iterable, Iterator
from typing import TextIO

from clearing.adapters.base import Located, Refusal, refuse
from clearing.adapters.files import LIMITS, Limits, read_lines
from clearing.events import Event, EventRefused
from clearing.events.lines import format_line, parse_line


def read_jsonl_events(path: str, limits: Limits = LIMITS) -> Iterator[Located | Refusal]:
    """Yield the events of a JSONL file (``-``: standard input), in its order."""
    for line in read_lines(path, limits):
        if isinstance(line, Refusal):
            yield line
            continue
        try:
            yield Located(parse_line(line.text), path, line.number)
        except EventRefused as error:
            yield refuse(
                path,
                line.number,
                error.message,
                field=error.path,
                value=error.value,
                raw=line.text,
            )


def write_jsonl_events(events: Iterable[Event], to: TextIO) -> int:
    """Write ``events``, one line each; return how many."""
    count = 0
    for event in events:
        to.write(format_line(event) + "\n")
        count += 1
    return count
