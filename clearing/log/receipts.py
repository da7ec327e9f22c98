"""What an append answers: a receipt, or why nothing was appended."""

import hashlib
from dataclasses import dataclass

from clearing.events import Event, EventRefused
from clearing.events.canonical import canonical_json


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an append did.

    ``first_position`` and ``last_position`` are those of the new events (both 0 if there were
    none), ``duplicates`` maps the index of each duplicate in the batch to its first position.
    ``tree_size`` and ``root`` are the Merkle tree's after the batch, ``batch`` the number of the
    stored receipt (that of the last one if this batch wrote nothing). ``coverage`` gives, per
    source, the earliest and latest ``occurred_at`` of the new events, ``recorded_at`` when they
    were recorded; all times in microseconds since 1970-01-01 UTC.
    """

    batch: int
    first_position: int
    last_position: int
    duplicates: dict[int, int]
    tree_size: int
    root: bytes
    recorded_at: int
    coverage: dict[str, tuple[int, int]]

    @property
    def new(self) -> int:
        """How many events were new."""
        return self.last_position - self.first_position + 1 if self.first_position else 0


class BatchRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """One event of a batch was refused, so nothing of the batch was appended.

    ``index`` is its place in the batch (from 0), ``refusal`` says what is wrong with it.
    """

    def __init__(self, index: int, refusal: EventRefused) -> None:
        super().__init__(f"event {index} of the batch: {refusal}")
        self.index = index
        self.refusal = refusal


class Conflict(ValueError):  # noqa: N818 - reads as the statement that it is
    """An identity already stands for other content, so nothing of the batch was appended.

    ``index`` is the event's place in the batch, ``position`` where the identity was first used
    (0: earlier in the same batch), ``stored`` and ``sent`` are both contents.
    """

    def __init__(self, index: int, position: int, stored: Event, sent: Event) -> None:
        where = f"log position {position}" if position else "an earlier event of the batch"
        super().__init__(
            f"event {index} of the batch: {sent.source}/{sent.external_id} stands for other"
            f" content at {where}: stored {_differences(stored, sent)}"
        )
        self.index = index
        self.position = position
        self.stored = stored
        self.sent = sent


def _differences(stored: Event, sent: Event) -> str:
    """Say in which fields two events differ."""
    if stored.kind != sent.kind:
        return f"kind={stored.kind}, sent kind={sent.kind}"
    names = [
        name
        for name in type(stored).model_fields
        if getattr(stored, name) != getattr(sent, name, None)
    ]
    return ", ".join(
        f"{name}={getattr(stored, name)!s}, sent {name}={getattr(sent, name)!s}" for name in names
    )


def receipt_leaf(
    batch: int,
    first: int,
    last: int,
    duplicates: int,
    tree_size: int,
    root: bytes,
    recorded_at: int,
    coverage: str,
) -> bytes:
    """Return the leaf of a receipt in the receipts' own tree: its canonical JSON, hashed."""
    content = canonical_json(
        [batch, first, last, duplicates, tree_size, root.hex(), recorded_at, coverage]
    )
    return hashlib.sha256(b"\x00" + content.encode()).digest()
