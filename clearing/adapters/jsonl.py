"""Events as JSON Lines: one JSON object per line."""

from collections.abc import Iterable, Iterator
from typing import TextIO

from clearing.adapters.base import Located, Refusal, refuse
from clearing.adapters.files import LIMITS, Limits, read_lines
from clearing.adapters.json_text import event_text, load_json
from clearing.events import Event, EventRefused, parse_event


def read_jsonl_events(path: str, limits: Limits = LIMITS) -> Iterator[Located | Refusal]:
    """Yield the events of a JSONL file (``-``: standard input), in its order."""
    for line in read_lines(path, limits):
        if isinstance(line, Refusal):
            yield line
            continue
        try:
            document = load_json(line.text)
        except ValueError as error:
            reason = f"is not a JSON object on one line: {error}"
            yield refuse(path, line.number, reason, raw=line.text)
            continue
        try:
            yield Located(parse_event(document), path, line.number)
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
        to.write(event_text(event) + "\n")
        count += 1
    return count
