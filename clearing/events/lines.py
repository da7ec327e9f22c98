"""Events as lines of JSON: strict reading from text, one canonical text per event.

Numbers never pass through a binary float: a JSON number is taken from its digits. What JSON leaves
open is refused: keys that stand twice, NaN and infinities, lines, numbers and nestings without
bound. Files, compression and line breaks belong to the adapters, not here.
"""

import json
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import BaseModel

from clearing.events.canonical import MAX_DIGITS, canonical_json, normalise_document
from clearing.events.models import FIELD_ORDER, Event, parse_event
from clearing.events.refused import EventRefused

MAX_LINE_BYTES: Final = 1024 * 1024
"""The longest line that is read, in bytes of UTF-8."""

MAX_DEPTH: Final = 64
"""The deepest nesting of objects and arrays in a line."""

_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_EXAMPLE: Final = '{"kind":"ClockTicked","source":"…","external_id":"…","occurred_at":"…Z"}'


def parse_line(text: str | bytes) -> Event:
    """Return the event that one line of JSON describes.

    Raises :class:`~clearing.events.refused.EventRefused` and nothing else, whatever the line
    holds; the path is empty where the line as such is at fault.
    """
    return parse_event(read_object(text))


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object of one line; its numbers are integers and exact decimals.

    Raises :class:`~clearing.events.refused.EventRefused`. A number that no field can hold (too many
    digits, NaN, an infinity) comes back as the decimal it says, so that it is refused by name.
    """
    line = _bounded(text)
    _bound_depth(line)
    try:
        value = json.loads(
            line,
            parse_float=_number,
            parse_int=_integer,
            parse_constant=Decimal,
            object_pairs_hook=_once_each,
        )
    except json.JSONDecodeError as error:
        shown = line[max(0, error.pos - 20) : error.pos + 20]
        raise EventRefused(
            "", shown, f"is not JSON: {error.msg} at character {error.pos + 1}"
        ) from None
    if not isinstance(value, dict):
        raise EventRefused("", value, f"must be a JSON object such as {_EXAMPLE}")
    return value


def read_document(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object of a file (a rulebook, a recipe), its decimals as text.

    As strict as :func:`read_object`, and :class:`~clearing.events.refused.EventRefused` is raised
    for what :func:`~clearing.events.canonical.normalise_document` refuses, too.
    """
    if not text.strip():
        raise EventRefused("", "", "is empty")
    try:
        document: dict[str, Any] = normalise_document(read_object(text))
    except EventRefused:
        raise
    except ValueError as error:
        path, _, why = str(error).removeprefix("document.").partition(": ")
        raise EventRefused(path, None, why) from None
    return document


def _bounded(text: str | bytes) -> str:
    """Return ``text`` as a string of bounded length."""
    if isinstance(text, bytes):
        if len(text) > MAX_LINE_BYTES:
            raise EventRefused("", text[:60], _too_long(len(text)))
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            shown = text[max(0, error.start - 10) : error.start + 10]
            raise EventRefused(
                "", shown, f"is not UTF-8: {error.reason} at byte {error.start + 1}"
            ) from None
    # A character takes a byte at least, so the second measure is of short texts only.
    size = len(text)
    if size <= MAX_LINE_BYTES and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        raise EventRefused("", text[:60], _too_long(size))
    return text


def _too_long(size: int) -> str:
    return f"is {size} bytes long; a line has at most {MAX_LINE_BYTES}"


def _bound_depth(line: str) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    if line.count("[") + line.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRUCTURE.finditer(line):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                shown = line[match.start() : match.start() + 40]
                raise EventRefused("", shown, f"is nested deeper than {MAX_DEPTH}")
        elif first != '"':
            depth -= 1


def _integer(text: str) -> int | Decimal:
    # int() of very many digits takes quadratic time; a decimal of them is refused by its field.
    return int(text) if len(text) <= MAX_DIGITS + 1 else Decimal(text)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent alone is beyond any decimal: take the last that is not
        return Decimal("1E-999999999999999999" if "-" in text[1:] else "1E+999999999999999999")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names: set[str] = set()
        for name, value in pairs:
            if name in names:
                raise EventRefused(name, value, "stands twice; a field is given once")
            names.add(name)
    return document


def format_line(event: Event) -> str:
    """Return ``event`` as one line of JSON, without a line break.

    One event has one text: the fields in the order of
    :data:`~clearing.events.models.FIELD_ORDER`, absent ones left out; decimals as shortest exact
    strings, times in UTC with ``Z``, objects inside with sorted keys, ASCII only.
    :func:`parse_line` gives back an equal event.
    """
    parts = []
    for name in FIELD_ORDER[event.kind]:
        value = getattr(event, name)
        if value is not None:
            parts.append(f'"{name}":{canonical_json(plain(value))}')
    return "{" + ",".join(parts) + "}"


def plain(value: Any) -> Any:
    """Return ``value`` with decimals and times as text and models as objects, ready for JSON."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, BaseModel):
        return {name: plain(inner) for name, inner in value if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def decimal_text(value: Decimal) -> str:
    """Write ``value`` in its shortest exact form: no exponent, no trailing zeros, no ``-0``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
