"""Events in CSV: a row per event, a column per field, as :mod:`clearing.adapters.columns` says."""

import csv
from collections.abc import Iterable, Iterator
from typing import Final, TextIO

from clearing.adapters.base import Located, Refusal, refuse
from clearing.adapters.columns import COLUMNS, REQUIRED, columns_from_event, event_from_columns
from clearing.adapters.files import LIMITS, Limits, read_csv
from clearing.events import Event, EventRefused

_OPTIONAL: Final = tuple(name for name in COLUMNS if name not in REQUIRED)


def read_csv_events(path: str, limits: Limits = LIMITS) -> Iterator[Located | Refusal]:
    """Yield the events of a CSV file (``-``: standard input), in its order."""
    for row in read_csv(path, REQUIRED, _OPTIONAL, limits):
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            yield Located(event_from_columns(row.fields), path, row.number)
        except EventRefused as error:
            yield refuse(
                path, row.number, error.message, field=error.path, value=error.value, raw=row.raw
            )


def write_csv_events(events: Iterable[Event], to: TextIO) -> int:
    """Write ``events`` with every column; return how many. Open ``to`` with ``newline=""``.

    Raises :class:`ValueError` for a text with a line break in it, which a CSV row cannot hold.
    """
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for event in events:
        cells = ["" if cell is None else cell for cell in columns_from_event(event).values()]
        if any(isinstance(cell, str) and ("\n" in cell or "\r" in cell) for cell in cells):
            raise ValueError(
                f"{event.kind} {event.external_id!r} has a text with a line break; write JSONL"
            )
        writer.writerow(cells)
        count += 1
    return count
