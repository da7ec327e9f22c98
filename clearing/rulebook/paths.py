"""Places in a rulebook document, named by paths as its differences are.

A path is the keys and list indexes that lead to a place, joined by points. Names may have points in
them, so the longest key that the rest of a path begins with is taken.
"""

from typing import Any


class PathUnknown(ValueError):  # noqa: N818 - reads as the statement that it is
    """A path leads nowhere in a document; the message says how far it led."""


def place(document: Any, path: str) -> tuple[Any, Any]:
    """Return what holds the value at ``path``, and the key or index of it there.

    Raises :class:`PathUnknown` where nothing stands there.
    """
    holder, rest = document, path
    while True:
        key = _longest(holder, rest)
        if key is None:
            raise PathUnknown(f"{path}: the document has nothing at {rest!r}")
        rest = rest[len(str(key)) + 1 :]
        if not rest:
            return holder, key
        holder = holder[key]


def put(document: Any, path: str, value: Any) -> None:
    """Let ``value`` stand at ``path``, whose last part may be new in its object or end its list.

    Raises :class:`PathUnknown` where no object or list is there to take it.
    """
    holder, rest = document, path
    while True:
        key = _longest(holder, rest)
        if key is None:
            _add(holder, path, rest, value)
            return
        rest = rest[len(str(key)) + 1 :]
        if not rest:
            holder[key] = value
            return
        holder = holder[key]


def remove(document: Any, path: str) -> None:
    """Let nothing stand at ``path``; later items of a list move up.

    Raises :class:`PathUnknown` where nothing does.
    """
    holder, key = place(document, path)
    del holder[key]


def _longest(holder: Any, rest: str) -> Any:
    """Return the longest key of ``holder`` that ``rest`` begins with, or None."""
    keys: list[Any] = []
    if isinstance(holder, dict):
        keys = list(holder)
    elif isinstance(holder, list):
        keys = list(range(len(holder)))
    found = [key for key in keys if f"{rest}.".startswith(f"{key}.")]
    return max(found, key=lambda key: len(str(key)), default=None)


def _add(holder: Any, path: str, rest: str, value: Any) -> None:
    if isinstance(holder, list) and rest == str(len(holder)):
        holder.append(value)
    elif isinstance(holder, dict) and "." not in rest:
        holder[rest] = value
    else:
        raise PathUnknown(f"{path}: the document has nothing at {rest!r}")
