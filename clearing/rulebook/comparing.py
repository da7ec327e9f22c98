"""What differs between two rulebook documents, path by path."""

from collections.abc import Iterator
from typing import Any, Final

ABSENT: Final = "(absent)"
"""What stands for a value that one of the documents does not have."""

Difference = tuple[str, Any, Any]
"""A path, and the values of the first and the second document there."""


def differences(one: Any, other: Any, path: str = "") -> Iterator[Difference]:
    """Yield every place at which two JSON documents differ, in order of path.

    Objects are compared by key and lists by place; anything else as it is written.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            first, second = one.get(key, ABSENT), other.get(key, ABSENT)
            yield from differences(first, second, _join(path, key))
    elif isinstance(one, list) and isinstance(other, list):
        for i in range(max(len(one), len(other))):
            first = one[i] if i < len(one) else ABSENT
            second = other[i] if i < len(other) else ABSENT
            yield from differences(first, second, _join(path, str(i)))
    elif one != other:
        yield path, one, other


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
