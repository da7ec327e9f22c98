"""The records of a venue's JSON pages as items of a statement, refused one by one."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.files import Line
from clearing.adapters.json_pages import (
    MAX_PAGE_BYTES,
    Record,
    parse_page,
    read_page,
    records,
    text_of,
)
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


def page_items(
    path: str, places: tuple[str, ...], line: Callable[[Any, Record], Item], page: Any = None
) -> Iterator[Item]:
    """Yield what ``line`` makes of the page and each of its records, in the page's order.

    The records are the list at the first of ``places`` that is there; ``page`` is the page (or its
    refusal) where it has been read already.
    """
    page = read_page(path) if page is None else page
    if isinstance(page, Refusal):
        yield page
    else:
        yield from items_of(path, records(path, page, *places), lambda one: [line(page, one)])


def page_of(path: str, lines: Iterable[Line | Refusal]) -> "Any | Refusal":
    """Return the page that the lines of a file are, or a refusal."""
    texts, size = [], 0
    for line in lines:
        if isinstance(line, Refusal):
            return line
        texts.append(line.text)
        size += len(line.text)
        if size > MAX_PAGE_BYTES:
            return refuse(path, line.number, f"a page has at most {MAX_PAGE_BYTES} characters")
    return parse_page(path, "\n".join(texts))


def flag(fields: Mapping[str, Any], name: str, place: str = "") -> bool:
    """Return a field that must be ``true`` or ``false``; ``place`` stands before its name."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise FieldRefused(f"{place}{name}", text_of(fields, name), "is not true or false")
    return value


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
