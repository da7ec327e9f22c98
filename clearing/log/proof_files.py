"""Proofs as files: what is proved, how, and the checkpoint it is proved against.

A checkpoint proves what it says itself. An inclusion proof is C2SP's tlog-proof: index, audit path,
checkpoint; its ``extra`` is the event's content, whose leaf is SHA-256(0x00 ‖ content). A growth
proof has the same form under a name of our own: the path, then both checkpoints.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clearing.log.checkpoints import Checkpoint, open_checkpoint
from clearing.log.merkle import HASH_SIZE, leaf_hash
from clearing.log.notes import NoteRefused, Verifier, decoded, encoded
from clearing.log.proving import proves_growth, proves_inclusion

_INCLUSION: Final = "c2sp.org/tlog-proof@v1"
_GROWTH: Final = "clearing/growth-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
MAX_PROOF: Final = 16 * 1024 * 1024
"""The longest proof that is read, in characters."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof proves of the log that ``checkpoint`` is of, and by whom.

    ``log_position`` and ``content`` (its canonical packing) are those of the event that is in it;
    0 and empty for a growth from ``first`` events, and where ``first`` is 0 too, only what the
    checkpoint says is proved. ``signed_by`` are the trusted names under it.
    """

    log_position: int
    content: bytes
    first: int
    checkpoint: Checkpoint
    signed_by: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many events the checkpoint is of."""
        return self.checkpoint.size

    @property
    def root(self) -> str:
        """The checkpoint's root, in hexadecimal."""
        return self.checkpoint.root.hex()


def write_inclusion(index: int, content: bytes, path: Sequence[bytes], note: str) -> str:
    """Return the file that proves ``content`` to be leaf ``index`` (from 0) of a checkpoint."""
    lines = [_INCLUSION, f"extra {encoded(content)}", f"index {index}", *map(encoded, path)]
    return "\n".join(lines) + f"\n\n{note}"


def write_growth(path: Sequence[bytes], first: str, second: str) -> str:
    """Return the file that proves that the second checkpoint's log begins with the first's."""
    return "\n".join([_GROWTH, *map(encoded, path)]) + f"\n\n{first}\n{second}"


def check_proof(text: str, trusted: Sequence[Verifier]) -> Proved:
    """Return what a file proves, or raise :class:`NoteRefused` and say why it proves nothing.

    The file is an inclusion proof, a growth proof, or a checkpoint alone.
    """
    if len(text) > MAX_PROOF:
        raise NoteRefused(f"a proof has at most {MAX_PROOF:,} characters")
    head, gap, rest = text.partition("\n\n")
    lines = head.split("\n")
    if gap and lines[0] == _GROWTH:
        return _growth(lines[1:], rest, trusted)
    if gap and lines[0] == _INCLUSION:
        return _inclusion(lines[1:], rest, trusted)
    checkpoint, signed = open_checkpoint(text, trusted)
    return Proved(0, b"", 0, checkpoint, signed)


def _inclusion(lines: list[str], note: str, trusted: Sequence[Verifier]) -> Proved:
    content = b""
    if lines and lines[0].startswith("extra "):
        content = decoded(lines.pop(0).removeprefix("extra "), "extra")
    found = _INDEX.fullmatch(lines[0]) if lines else None
    if found is None:
        raise NoteRefused("says no index")
    index = int(found[1])
    checkpoint, signed = open_checkpoint(note, trusted)
    path = [_hash(line) for line in lines[1:]]
    if not proves_inclusion(leaf_hash(content), index, checkpoint.size, path, checkpoint.root):
        raise NoteRefused(
            f"does not prove that its content is the event at log position {index + 1} of the"
            f" {checkpoint.size:,} under {checkpoint.root.hex()}"
        )
    return Proved(index + 1, content, 0, checkpoint, signed)


def _growth(lines: list[str], rest: str, trusted: Sequence[Verifier]) -> Proved:
    parts = rest.split("\n\n")
    if len(parts) != 4:
        raise NoteRefused("does not have two checkpoints")
    first, second = f"{parts[0]}\n\n{parts[1]}\n", f"{parts[2]}\n\n{parts[3]}"
    (old, signed), (new, also) = open_checkpoint(first, trusted), open_checkpoint(second, trusted)
    path = [_hash(line) for line in lines]
    if old.origin != new.origin:
        raise NoteRefused(f"is of two logs: {old.origin} and {new.origin}")
    if not proves_growth(old.size, new.size, path, old.root, new.root):
        raise NoteRefused(
            f"does not prove that the log of {new.size:,} events begins with the {old.size:,}"
            f" under {old.root.hex()}"
        )
    names = tuple(name for name in signed if name in also)
    return Proved(0, b"", old.size, new, names)


def _hash(line: str) -> bytes:
    data = decoded(line, "a hash")
    if len(data) != HASH_SIZE:
        raise NoteRefused(f"a hash has {HASH_SIZE} bytes, not {len(data)}")
    return data
