"""What is said of input that cannot become an event."""

from typing import Any


class EventRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """Input cannot become an event: ``path`` names the field, ``value`` what it held.

    ``message`` says what is wrong and what would be right.
    """

    def __init__(self, path: str, value: Any, message: str) -> None:
        shown = repr(value)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{path or 'event'}: {message} (got {shown})")
        self.path = path
        self.value = value
        self.message = message
