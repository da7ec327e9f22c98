"""What is wrong with a document, said with the path of each field."""

import re
from typing import Any, Final

from pydantic import ValidationError

from clearing.events.models import PLAIN_WORDS

_TAGS: Final = ("op", "action", "layer", "override", "path")
"""Fields by which one of several models is chosen; their value stands in pydantic's locations."""

_INNER_PATH: Final = re.compile(r"([A-Za-z0-9_*@/+.-]+): ", re.ASCII)
"""How a check of a whole part names the field at fault, at the head of its message."""


def problems_of(error: ValidationError, document: Any) -> list[str]:
    """Return a line for every problem that was found in ``document``: its path, and why."""
    return [
        line for problem in error.errors(include_url=False) for line in _describe(problem, document)
    ]


def _describe(problem: Any, document: Any) -> list[str]:
    """Return the path within the document, without the names that choose between models, and why.

    The last part may be a field that is missing, so it stands whether it can be followed or not. A
    check of a whole part may name several fields, each in a line of its own.
    """
    parts, value, chosen = [], document, False
    location, code = problem["loc"], problem["type"]
    for i, part in enumerate(location):
        last = i + 1 == len(location)
        tags = [value.get(tag) for tag in _TAGS] if isinstance(value, dict) else []
        if part in tags and not chosen and not (last and code == "extra_forbidden"):
            chosen = True
            continue
        chosen = False
        inside = isinstance(value, dict) and part in value
        inside |= isinstance(value, list) and isinstance(part, int) and part < len(value)
        if inside:
            value = value[part]
        if inside or (last and code in ("missing", "extra_forbidden")):
            parts.append(str(part))
    path = ".".join(parts)
    return [_line(path, message) for message in _words(problem).split("\n")]


def _line(path: str, message: str) -> str:
    inner = _INNER_PATH.match(message)
    if path and inner:
        return f"{path}.{message}"
    return f"{path}: {message}" if path else message


def _words(problem: Any) -> str:
    """Return what is wrong, and what would be right, in the words of people."""
    code, context = problem["type"], problem.get("ctx", {})
    if code == "union_tag_not_found":
        return f"{_tag(context)} is missing; it says which kind this is"
    if code == "union_tag_invalid":
        tag, known = context["tag"], context["expected_tags"]
        return f"{_tag(context)} is {tag!r}, and must be one of {known}"
    if code == "extra_forbidden":
        return "is not a field here"
    if code in PLAIN_WORDS:
        return PLAIN_WORDS[code].format(**context)
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "must be")


def _tag(context: Any) -> str:
    return str(context["discriminator"]).strip("'")
