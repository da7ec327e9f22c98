"""What is wrong with a document, said with the path of each field."""

from typing import Any, Final

from pydantic import ValidationError


def problems_of(error: ValidationError, document: Any) -> list[str]:
    """Return a line for every problem that was found in ``document``: its path, and why."""
    return [_describe(problem, document) for problem in error.errors(include_url=False)]


_TAGS: Final = ("op", "action", "layer")
"""Fields by which one of several models is chosen; their value stands in pydantic's locations."""


def _describe(problem: Any, document: Any) -> str:
    """Return the path within the document, without the names that choose between models, and why.

    The last part may be a field that is missing, so it stands whether it can be followed or not.
    """
    parts, value, chosen = [], document, False
    location = problem["loc"]
    for i, part in enumerate(location):
        tags = [value.get(tag) for tag in _TAGS] if isinstance(value, dict) else []
        if part in tags and not chosen:
            chosen = True
            continue
        chosen = False
        inside = isinstance(value, dict) and part in value
        inside |= isinstance(value, list) and isinstance(part, int) and part < len(value)
        if inside:
            value = value[part]
        if inside or (i + 1 == len(location) and problem["type"] in ("missing", "extra_forbidden")):
            parts.append(str(part))
    path = ".".join(parts)
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {message}" if path else message
