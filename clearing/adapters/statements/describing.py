"""What was seen of a statement while it was read: what it covers, in which order, whether whole."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Literal

from clearing.adapters.base import Refusal
from clearing.adapters.statements.base import Item, StatedBalance, StatementReader
from clearing.adapters.statements.storable import storable
from clearing.events.fields import to_microseconds


@dataclass(slots=True)
class Described:
    """What was seen of one file while it was read.

    ``lines`` counts its lines, ``refused`` those that could not be read. ``first`` and ``last`` are
    the earliest and latest moment, ``first_id`` and ``last_id`` the native ids of the first and
    last line in the file's order, ``accounts`` the account names that it says. ``order`` is how its
    lines follow each other in time; ``misplaced`` are the lines against that order.
    ``saturated``: it has exactly as many records as a full page, however many lines they make and
    whether they could be read. ``cut``: its last line could not be read, as where a file ends
    within a line.
    """

    file: str
    format: str
    lines: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None
    first_id: str = ""
    last_id: str = ""
    accounts: list[str] = field(default_factory=list)
    order: Literal["ascending", "descending", "one moment"] = "one moment"
    misplaced: list[int] = field(default_factory=list)
    saturated: bool = False
    cut: bool = False


def described(
    reader: StatementReader, path: str, items: Iterable[Item]
) -> Iterator[Item | Described]:
    """Yield what a reader yields, and at the end what was seen of the file.

    What has a text that cannot be stored is refused; see :func:`storable`.
    """
    seen = Described(path, reader.name)
    # Of millions of lines: where they stand and when they took effect, and nothing else.
    moments, lines = array("q"), array("q")
    accounts: dict[str, None] = {}
    records = 0
    record = 0
    for item in storable(items):
        yield item
        if item.line not in (0, record):
            records += 1
            record = item.line
        if isinstance(item, Refusal):
            seen.refused += 1
            seen.cut = True
            continue
        seen.cut = False
        if item.account:
            accounts.setdefault(item.account)
        if isinstance(item, StatedBalance):
            continue
        seen.lines += 1
        seen.first = item.at if seen.first is None else min(seen.first, item.at)
        seen.last = item.at if seen.last is None else max(seen.last, item.at)
        seen.first_id = seen.first_id or item.native_id
        seen.last_id = item.native_id or seen.last_id
        moments.append(to_microseconds(item.at))
        lines.append(item.line)
    seen.accounts = list(accounts)
    seen.saturated = records in reader.page_limits
    _see_order(seen, moments, lines)
    yield seen


def _see_order(seen: Described, moments: Sequence[int], lines: Sequence[int]) -> None:
    """Find how lines follow each other, and which stand against that order.

    The order is that of most neighbours. A line stands against it where it comes before (in that
    order) what has been read already; of two that changed places this is the second.
    """
    steps = [(a < b) - (a > b) for a, b in pairwise(moments)]
    lean = sum(steps)
    if not any(steps):
        return
    seen.order = "ascending" if lean >= 0 else "descending"
    sign = 1 if lean >= 0 else -1
    reached = moments[0]
    for at, line in zip(moments, lines, strict=True):
        if (at > reached) - (at < reached) == -sign:
            seen.misplaced.append(line)
        else:
            reached = at
