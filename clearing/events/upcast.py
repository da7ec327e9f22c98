"""Old rows read as new ones: stored content is never rewritten, its reading is.

When the stored form of a kind changes, its version goes up by one and a function is registered here
that turns a row of the version before into one of the next. Readers pass rows through
:func:`upcast` before they look inside. Hashes are always of the row as it was stored. All kinds are
at their first version today, so there is nothing registered yet.
"""

from collections.abc import Callable, Mapping
from typing import Final

from clearing.events.encoder import VERSION
from clearing.events.kinds import Kind
from clearing.events.row import EventRow

Upcaster = Callable[[EventRow], EventRow]
"""Returns a new row of the next version; the row it is given must stay as it is."""


class UnknownVersion(ValueError):  # noqa: N818 - reads as the statement that it is
    """A row of a kind or version that this program does not know: a newer one wrote it."""


class Upcasters:
    """The current version of each kind, and the steps that lead to it from older ones."""

    def __init__(self, current: Mapping[int, int]) -> None:
        self._current = dict(current)
        self._steps: dict[tuple[int, int], Upcaster] = {}

    def register(self, kind: int, version: int) -> Callable[[Upcaster], Upcaster]:
        """Register the function below as the step of ``kind`` from ``version`` to the next.

        Raises :class:`ValueError` if there is one already, or if the step leads past the current
        version.
        """
        if not 0 < version < self._current[kind]:
            raise ValueError(f"kind {kind} has no step from version {version}")
        if (kind, version) in self._steps:
            raise ValueError(f"kind {kind} has a step from version {version} already")

        def register(step: Upcaster) -> Upcaster:
            self._steps[kind, version] = step
            return step

        return register

    def upcast(self, row: EventRow) -> EventRow:
        """Return ``row`` in the current version of its kind: itself if it is that already.

        Raises :class:`UnknownVersion` for a kind or version that is not known, or for an old
        version from which no step leads on.
        """
        current = self._current.get(row.kind, 0)
        while row.version != current:
            step = self._steps.get((row.kind, row.version))
            if step is None:
                raise UnknownVersion(
                    f"log position {row.position}: version {row.version} of kind {row.kind} is not"
                    f" known here; versions up to {current} are"
                )
            before = row.version
            row = step(row)
            if row.version != before + 1:
                raise ValueError(f"kind {row.kind}: the step from {before} gave {row.version}")
        if not current:
            raise UnknownVersion(f"log position {row.position}: kind {row.kind} is not known here")
        return row


UPCASTERS: Final = Upcasters({int(kind): VERSION for kind in Kind})
"""The upcasters of this program."""


def upcast(row: EventRow) -> EventRow:
    """Return ``row`` in the current version of its kind; raise :class:`UnknownVersion`."""
    return UPCASTERS.upcast(row)
