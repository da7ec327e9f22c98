"""Reading a JSON page record by record, each into a line or a refusal."""

from collections.abc import Callable, Iterator
from typing import Any

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.json_pages import Record, read_page, records, text_of
from clearing.adapters.statements.base import Item


def page_items(
    path: str, places: tuple[str, ...], line: Callable[[Any, Record], Item]
) -> Iterator[Item]:
    """Yield what ``line`` makes of each record of the page at ``path``, in the page's order.

    ``line`` gets the page and the record; a :class:`~clearing.adapters.fields.FieldRefused` that it
    raises becomes a refusal of the record.
    """
    page = read_page(path)
    if isinstance(page, Refusal):
        yield page
        return
    for record in records(path, page, *places):
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            yield line(page, record)
        except FieldRefused as error:
            raw = text_of({"record": record.fields}, "record")
            where = {"field": error.field, "value": error.value, "raw": raw}
            yield refuse(path, record.number, error.reason, **where)
