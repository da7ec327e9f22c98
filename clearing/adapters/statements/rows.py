"""The rows of CSV statements as items of a statement, refused one by one."""

from collections.abc import Callable, Iterable, Iterator

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.files import CsvRow
from clearing.adapters.statements.base import Item


def row_items(
    path: str,
    rows: Iterable[CsvRow | Refusal],
    read: Callable[[CsvRow], Iterable[Item]],
) -> Iterator[Item]:
    """Yield what ``read`` makes of each row, or the refusal of what it could not read.

    A row is all read or all refused.
    """
    for row in rows:
        if isinstance(row, Refusal):
            yield row
            continue
        try:
            items = list(read(row))
        except FieldRefused as error:
            yield refused_row(path, row, error)
        else:
            yield from items


def refused_row(path: str, row: CsvRow, error: FieldRefused) -> Refusal:
    """Return the refusal of a row for one of its fields."""
    where = {"field": error.field, "value": error.value, "raw": row.raw}
    return refuse(path, row.number, error.reason, **where)
