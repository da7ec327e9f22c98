"""What is said of input that cannot become an event."""

import reprlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple


class Problem(NamedTuple):
    """One thing wrong with input: the field's path, what it held, and what would be right."""

    path: str
    value: Any
    message: str


class EventRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """Input cannot become an event: ``path`` names the field, ``value`` what it held.

    ``path`` has points between its parts (``marks.1.price``) and is empty where the input as such
    is at fault. ``message`` says what is wrong and what would be right. ``problems`` holds every
    problem found; ``path`` and ``value`` are those of the first, ``message`` names them all.
    """

    def __init__(self, path: str, value: Any, message: str, others: Sequence[Problem] = ()) -> None:
        self.problems = (Problem(path, value, message), *others)
        if others:
            rest = "; ".join(f"{other.path or 'event'}: {other.message}" for other in others)
            message = f"{message}; also {rest}"
        super().__init__(f"{path or 'event'}: {message} (got {shown(value)})")
        self.path = path
        self.value = value
        self.message = message


class _Shown(reprlib.Repr):
    """A bounded ``repr`` that no input can make long, slow or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 100
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        if abs(x) >> 400:  # the digits of a huge integer take long to write, or are refused
            return f"<integer of {x.bit_length()} bits>"
        return super().repr_int(x, level)


_SHOWN: Final = _Shown()


def shown(value: Any) -> str:
    """Return ``value`` as a short ``repr``, at most 120 characters."""
    text = _SHOWN.repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
