"""JSON pages as venues' interfaces return them: strict records with exact numbers.

A number is kept as the text that stood in the file, never a float. A page is an object or a list;
where its records stand in it is the format's to say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.files import Limits, Line, read_lines

MAX_PAGE_BYTES: Final = 256 * 1024**2
"""The most bytes (of lines read already: characters) of one page: it is held in memory."""

MAX_DEPTH: Final = 50
"""How deep a page may be nested: what is deeper no venue sends, and could not be shown again."""

PAGE_LIMITS: Final = Limits(line_bytes=MAX_PAGE_BYTES, file_bytes=MAX_PAGE_BYTES)
"""Limits of a file that is a page, which may be one line."""


class Record(NamedTuple):
    """A record of a page: ``number`` counts from 1; numbers in ``fields`` are texts."""

    number: int
    fields: dict[str, Any]

    @property
    def raw(self) -> str:
        """Its text, on one line; numbers are texts in it."""
        return json.dumps(self.fields, ensure_ascii=False)


def read_page(path: str, lines: Iterable[Line | Refusal] | None = None) -> "Any | Refusal":
    """Return the page at ``path`` with every number as its text, or a refusal of the file.

    ``lines`` are those of the file where they are being read already.
    """
    texts, size = [], 0
    for line in read_lines(path, PAGE_LIMITS) if lines is None else lines:
        if isinstance(line, Refusal):
            return line
        texts.append(line.text)
        size += len(line.text)
        if size > MAX_PAGE_BYTES:
            return refuse(path, line.number, f"a page has at most {MAX_PAGE_BYTES} characters")
    return parse_page(path, "\n".join(texts))


def parse_page(path: str, text: str) -> "Any | Refusal":
    """Return the page that a text is, or a refusal that says what is wrong and where."""
    try:
        page = json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=_no_constant,
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as error:
        return refuse(path, error.lineno, f"not JSON: {error.msg} at column {error.colno}")
    except RecursionError:
        return refuse(path, 0, "not a page: nested too deeply")
    except ValueError as error:
        return refuse(path, 0, str(error))
    if _too_deep(page):
        return refuse(path, 0, f"not a page: nested more than {MAX_DEPTH} deep")
    return page


def _too_deep(page: Any) -> bool:
    level = [page] if isinstance(page, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the field {key[:60]!r} stands twice in one object")
        found[key] = value
    return found


def records(path: str, page: Any, *places: str) -> Iterator[Record | Refusal]:
    """Yield the records of a page: the list at the first of ``places`` that is there.

    A place is a path such as ``result.list``; the empty one is the page itself. What is no list of
    objects is refused.
    """
    for place in places:
        found = _at(page, place)
        if isinstance(found, list):
            for number, fields in enumerate(found, 1):
                if isinstance(fields, dict):
                    yield Record(number, fields)
                else:
                    yield refuse(path, number, "the record is not an object", value=fields)
            return
    right = " or ".join(repr(place) if place else "the page itself" for place in places)
    yield refuse(path, 0, f"has no list of records; it should be at {right}")


def _at(page: Any, place: str) -> Any:
    for name in place.split(".") if place else ():
        if not isinstance(page, Mapping) or name not in page:
            return None
        page = page[name]
    return page


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a field as text: empty where it is missing or null, JSON where it is no text."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def told(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return every field of a record as text, as a statement's line keeps it."""
    return {name: text_of(fields, name) for name in fields}
