"""Checkpoints: a tree's size and root, and the state that its events fold to, as a signed note.

The first three lines are those of C2SP's tlog-checkpoint: origin, size, root. The lines after them
are our own, as that format allows: what the events up to there fold to, by which engine, and what
the log keeps beside its events.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clearing.log.notes import NoteRefused, Verifier, decoded, encoded, open_note

_STATE: Final = re.compile(
    r"clearing/state digest=([0-9a-f]{64}) entries=([0-9a-f]{64}) rules=([0-9a-f]{64})"
    r" engine=(\S{1,40}) generation=([1-9][0-9]{0,17})"
)
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_OURS: Final = re.compile(r"(clearing/(?:state|receipts|quarantine))(?:\s.*)?")
_ANNEX: Final = re.compile(
    rf"clearing/(receipts|quarantine) count=({_SIZE.pattern}) last=({_SIZE.pattern})"
    r" root=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class State:
    """What the events of a checkpoint fold to.

    ``digest`` is the book's SHA-256, ``entries`` the entry hash, ``rules`` the digest of the
    rulebooks in force (all hexadecimal); ``engine`` the version of the arithmetic and
    ``generation`` the read models it was taken from.
    """

    digest: str
    entries: str
    rules: str
    engine: str
    generation: int

    def line(self) -> str:
        """Return the line of the note."""
        return (
            f"clearing/state digest={self.digest} entries={self.entries} rules={self.rules}"
            f" engine={self.engine} generation={self.generation}"
        )


@dataclass(frozen=True, slots=True)
class Annex:
    """What the log keeps beside its events: receipts, or refused input in quarantine.

    ``count`` rows in the order of their numbers, the last of them number ``last`` (0: none), under
    the ``root`` of an RFC 6962 tree of their own.
    """

    count: int
    last: int
    root: bytes

    def line(self, name: str) -> str:
        """Return the line of the note."""
        return f"clearing/{name} count={self.count} last={self.last} root={self.root.hex()}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of ``size`` leaves under ``root``, of the log that ``origin`` names."""

    origin: str
    size: int
    root: bytes
    state: State | None = None
    receipts: Annex | None = None
    quarantine: Annex | None = None

    def text(self) -> str:
        """Return the note's text."""
        lines = [self.origin, str(self.size), encoded(self.root)]
        if self.state is not None:
            lines.append(self.state.line())
        if self.receipts is not None:
            lines.append(self.receipts.line("receipts"))
        if self.quarantine is not None:
            lines.append(self.quarantine.line("quarantine"))
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Checkpoint":
        """Return the checkpoint of a note's text; :class:`NoteRefused` if it is none.

        Lines after the third that are not ours are passed over.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:
            raise NoteRefused("is not a checkpoint: origin, size, root, each on its line")
        if not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise NoteRefused(f"{lines[1][:30]!r} is not the size of a tree")
        if "" in lines[:-1]:
            raise NoteRefused("is not a checkpoint: it has an empty line")
        root = decoded(lines[2], "a root")
        if len(root) != 32:
            raise NoteRefused(f"a root has 32 bytes, not {len(root)}")
        for line in lines[3:-1]:
            ours = _OURS.fullmatch(line)
            if ours is not None and not (_STATE.fullmatch(line) or _ANNEX.fullmatch(line)):
                raise NoteRefused(f"{line[:60]!r} is not a line of {ours[1]}")
        states = [found for line in lines[3:-1] if (found := _STATE.fullmatch(line))]
        annexes = [found for line in lines[3:-1] if (found := _ANNEX.fullmatch(line))]
        state = None
        if states:
            digest, entries, rules, engine, generation = states[0].groups()
            state = State(digest, entries, rules, engine, int(generation))
        kept = {
            found[1]: Annex(int(found[2]), int(found[3]), bytes.fromhex(found[4]))
            for found in annexes
        }
        if len(states) > 1 or len(annexes) > len(kept):
            raise NoteRefused("says the same thing twice")
        return cls(
            lines[0], int(lines[1]), root, state, kept.get("receipts"), kept.get("quarantine")
        )


def open_checkpoint(note: str, trusted: Sequence[Verifier]) -> tuple[Checkpoint, tuple[str, ...]]:
    """Return a signed checkpoint and the trusted names under it.

    One of them must be its origin: a key of one log does not speak for another. Raises
    :class:`~clearing.log.notes.NoteRefused`.
    """
    text, signed = open_note(note, trusted)
    checkpoint = Checkpoint.from_text(text)
    if checkpoint.origin not in signed:
        raise NoteRefused(
            f"is of the log {checkpoint.origin}, and signed by {', '.join(signed)} only"
        )
    return checkpoint, tuple(signed)
