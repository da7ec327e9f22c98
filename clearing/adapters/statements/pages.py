"""The records of a venue's JSON pages as items of a statement, refused one by one."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.json_pages import Record, text_of
from clearing.adapters.statements.base import Item


def items_of(
    path: str,
    records: Iterable[Record | Refusal],
    read: Callable[[Record], Iterable[Item]],
) -> Iterator[Item]:
    """Yield what ``read`` makes of each record, or the refusal of what it could not read.

    A record is all read or all refused.
    """
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            items = list(read(record))
        except FieldRefused as error:
            raw = json.dumps(record.fields, ensure_ascii=False)
            where = {"field": error.field, "value": error.value, "raw": raw}
            yield refuse(path, record.number, error.reason, **where)
        else:
            yield from items


def needed(fields: Mapping[str, Any], name: str, place: str = "") -> str:
    """Return a field's text, which must be there and not empty; ``place`` stands before its name.

    Raises :class:`~clearing.adapters.fields.FieldRefused`.
    """
    text = text_of(fields, name)
    if not text:
        raise FieldRefused(f"{place}{name}", "", "is missing or empty; every record has it")
    return text


def refused_answer(path: str, page: Any, code: str, message: str) -> Refusal | None:
    """Return the refusal of a page that is an error's answer: its ``code`` is there and not 0."""
    told = text_of(page, code) if isinstance(page, Mapping) else ""
    if told in ("", "0"):
        return None
    said = text_of(page, message)
    return refuse(
        path, 0, f"the venue answered with an error, not a page: {said}", field=code, value=told
    )
