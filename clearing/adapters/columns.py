"""Events as flat rows of named columns: what CSV and Parquet files hold.

A column is named like the event's field. Amounts and times are text, counts are whole numbers, and
what has parts (``marks``, ``document``, ``citations``, ``target``, ``reference``, ``amends``) is
JSON text. A column that an event has no use for is empty.
"""

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from clearing.events import Event, EventRefused, parse_event
from clearing.events.canonical import canonical_json
from clearing.events.lines import plain, read_object

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def _category(annotation: Any) -> str:
    """Return ``whole``, ``json`` or ``text``: how a field's column is read."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _category(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        kinds = {_category(part) for part in get_args(annotation) if part is not type(None)}
        return kinds.pop() if len(kinds) == 1 else "json"
    if annotation is int:
        return "whole"
    if origin in (tuple, dict, list):
        return "json"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "json"
    return "text"


def _columns() -> dict[str, str]:
    columns = {"kind": "text"}
    for model in get_args(get_args(Event)[0]):
        for name, field in model.model_fields.items():
            category = _category(field.annotation)
            if columns.setdefault(name, category) != category:
                raise TypeError(f"{model.__name__}.{name} is {category}, elsewhere {columns[name]}")
    return columns


COLUMNS: Final[Mapping[str, str]] = _columns()
"""Every column and how it is read: ``text``, ``whole`` (number) or ``json``."""

REQUIRED: Final = ("kind", "source", "external_id", "occurred_at")
"""The columns that every file of events has."""


def event_from_columns(columns: Mapping[str, object]) -> Event:
    """Return the event of one row; empty text and None are absent.

    Raises :class:`~clearing.events.EventRefused` with the field's path.
    """
    document: dict[str, object] = {}
    for name, value in columns.items():
        if value is None or value == "":
            continue
        category = COLUMNS.get(name)
        if category is None:
            raise EventRefused(name, value, "is not a column of any event")
        if isinstance(value, str) and category == "whole":
            value = _whole(name, value)  # noqa: PLW2901 - the column's value, read
        elif category == "json":
            value = _json(name, value)  # noqa: PLW2901 - the column's value, read
        document[name] = value
    return parse_event(document)


def _whole(name: str, value: str) -> int:
    if not _WHOLE.fullmatch(value):
        raise EventRefused(name, value, "must be a whole number such as 8")
    return int(value)


def _json(name: str, value: object) -> object:
    if not isinstance(value, str):
        raise EventRefused(name, value, "must be JSON text")
    try:
        whole = read_object(f'{{"{name}":{value}}}')
    except EventRefused as error:
        path = f"{name}.{error.path}" if error.path not in ("", name) else name
        raise EventRefused(path, value, f"the cell's JSON {error.message}") from None
    if len(whole) != 1:
        raise EventRefused(name, value, "the cell holds more than one JSON value")
    return whole[name]


def columns_from_event(event: Event) -> dict[str, str | int | None]:
    """Return the row of ``event``: every column, None where it has nothing to say."""
    return {name: _cell(getattr(event, name, None), category) for name, category in COLUMNS.items()}


def _cell(value: Any, category: str) -> str | int | None:
    if value is None or value == ():
        return None
    if category == "json":
        return canonical_json(plain(value))
    if category == "whole":
        return int(value)
    return str(plain(value))
