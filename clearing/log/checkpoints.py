"""Checkpoints: a tree's size and root, and the state that its events fold to, as a signed note.

The first three lines are those of C2SP's tlog-checkpoint: origin, size, root. The line after them
is our own, as that format allows: what the events up to there fold to, by which engine.
"""

import re
from dataclasses import dataclass
from typing import Final

from clearing.log.notes import NoteRefused, decoded, encoded

_STATE: Final = re.compile(
    r"clearing/state digest=([0-9a-f]{64}) entries=([0-9a-f]{64}) rules=([0-9a-f]{64})"
    r" engine=(\S{1,40}) generation=([1-9][0-9]{0,17})"
)
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


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
class Checkpoint:
    """A tree of ``size`` leaves under ``root``, of the log that ``origin`` names."""

    origin: str
    size: int
    root: bytes
    state: State | None = None

    def text(self) -> str:
        """Return the note's text."""
        lines = [self.origin, str(self.size), encoded(self.root)]
        if self.state is not None:
            lines.append(self.state.line())
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
        root = decoded(lines[2], "a root")
        if len(root) != 32:
            raise NoteRefused(f"a root has 32 bytes, not {len(root)}")
        states = [found for line in lines[3:-1] if (found := _STATE.fullmatch(line))]
        state = None
        if states:
            digest, entries, rules, engine, generation = states[0].groups()
            state = State(digest, entries, rules, engine, int(generation))
        return cls(lines[0], int(lines[1]), root, state)
