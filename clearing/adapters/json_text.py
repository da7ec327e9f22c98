"""JSON as events are written in: no float on the way in, one text for one event on the way out."""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from clearing.events import Event
from clearing.events.canonical import canonical_json

_NUMBER: Final = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?", re.ASCII)


def load_json(text: str) -> Any:
    """Return the value that ``text`` holds; numbers with a point or exponent are exact decimals.

    Raises :class:`ValueError` saying what is wrong: not JSON, a key that stands twice, NaN or an
    infinity, a number of absurd size, nesting without measure.
    """
    try:
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_no_constant,
            object_pairs_hook=_no_repeat,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None


def _decimal(text: str) -> Decimal:
    # An exponent of nine digits would be written out in full further on.
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]} is a number of more than 100 digits or a huge exponent")
    return Decimal(text)


def _whole(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]} is a number of more than 100 digits")
    return int(text)


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not a number")


def _no_repeat(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:60]!r} stands twice")
    return document


def plain(value: Any) -> Any:
    """Return ``value`` with decimals and times as text and tuples as lists, ready for JSON."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def event_text(event: Event) -> str:
    """Return ``event`` as canonical JSON without its absent fields."""
    present = {name: value for name, value in event.model_dump().items() if value is not None}
    return canonical_json(plain(present))
