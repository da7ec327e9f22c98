"""The JSON Schema of events, as other programs read it: ``python -m clearing.events.schema``.

It says what can be said of one event by itself. What depends on the declared names and scales is
checked when the event is appended. Amounts are described as decimal strings, which is how they are
written; a JSON number is accepted as well and taken from its text.
"""

import json
import sys
from typing import Any, Final

from clearing.events.encoder import VERSION
from clearing.events.lines import plain
from clearing.events.models import EVENT_ADAPTER, EVENT_MODELS, FIELD_ORDER

_UNSAID: Final = ("title", "default", "additionalProperties")
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of every event, or of the events of one kind.

    Raises :class:`KeyError` for a kind that there is not.
    """
    schema = EVENT_ADAPTER.json_schema() if kind is None else EVENT_MODELS[kind].model_json_schema()
    definitions = schema.pop("$defs", {})
    head = {"$schema": _DIALECT, "title": f"clearing events, version {VERSION}"}
    if kind is not None:
        head["title"] = f"clearing event {kind}, version {VERSION}"
        schema = _tidy(schema)
    if definitions:
        schema["$defs"] = {name: _tidy(definitions[name]) for name in sorted(definitions)}
    return {**head, **schema}


def _tidy(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model's schema with ``kind`` required, identity first, and no derived titles.

    Defaults come from the models: versions of pydantic differ in what they write of them.
    """
    properties = {name: _field(field) for name, field in model["properties"].items()}
    order = tuple(properties)
    required = set(model.get("required", ()))
    if "kind" in properties:
        kind = properties["kind"]["const"]
        order = FIELD_ORDER[kind]
        required.add("kind")
        for name, field in EVENT_MODELS[kind].model_fields.items():
            # None, "" and () only mean that the field is absent.
            if name != "kind" and not field.is_required() and field.default not in (None, "", ()):
                properties[name]["default"] = plain(field.default)
    return {
        "type": "object",
        "description": model["description"],
        "properties": {name: properties[name] for name in order},
        "required": [name for name in order if name in required],
        "additionalProperties": False,
    }


def _field(field: Any) -> Any:
    """Return a field's schema without what is derived or goes without saying, keys sorted."""
    if isinstance(field, list):
        return [_field(inner) for inner in field]
    if not isinstance(field, dict):
        return field
    return {name: _field(field[name]) for name in sorted(field) if name not in _UNSAID}


def schema_text() -> str:
    """Return the published document: the schema of every event as indented JSON."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
