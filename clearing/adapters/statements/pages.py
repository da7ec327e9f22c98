"""The records of a venue's JSON pages as items of a statement, refused one by one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.fields import FieldRefused
from clearing.adapters.files import Line
from clearing.adapters.json_pages import Record, read_page, records, text_of
from clearing.adapters.statements.base import Beginning, Item
from clearing.adapters.statements.items import items_of


def is_page(beginning: Beginning, *fields: str) -> bool:
    """Return whether a file begins as a JSON page and names all of ``fields``."""
    start = beginning.text.lstrip()
    return start.startswith(("{", "[")) and all(f'"{name}"' in start for name in fields)


def page_items(
    path: str,
    places: tuple[str, ...],
    read: Callable[[Any, Record], Iterable[Item]],
    *,
    error: tuple[str, str] | None = None,
    lines: Iterable[Line | Refusal] | None = None,
) -> Iterator[Item]:
    """Yield what ``read`` makes of the page and each of its records, in the page's order.

    The records are the list at the first of ``places`` that is there. ``error`` names the fields of
    an error's answer, its code (0 or absent in a page) and its message: such an answer is refused.
    ``lines`` are those of the file where they are being read already.
    """
    page = read_page(path, lines)
    refused = page if isinstance(page, Refusal) else None
    if error is not None and refused is None:
        refused = _refused_answer(path, page, *error)
    if refused is not None:
        yield refused
    else:
        yield from items_of(path, records(path, page, *places), lambda record: read(page, record))


def flag(fields: Mapping[str, Any], name: str, place: str = "") -> bool:
    """Return a field that must be ``true`` or ``false``; ``place`` stands before its name.

    Raises :class:`~clearing.adapters.fields.FieldRefused`.
    """
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


def _refused_answer(path: str, page: Any, code: str, message: str) -> Refusal | None:
    told = text_of(page, code) if isinstance(page, Mapping) else ""
    if told in ("", "0"):
        return None
    said = text_of(page, message)
    return refuse(
        path, 0, f"the venue answered with an error, not a page: {said}", field=code, value=told
    )
