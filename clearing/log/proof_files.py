"""Proofs as files: what is proved, how, and the checkpoint it is proved against.

An inclusion proof is C2SP's tlog-proof: index, audit path, checkpoint; its ``extra`` is the event's
content, whose leaf is SHA-256(0x00 ‖ content). A growth proof has the same form under a name of our
own: the path, then both checkpoints.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clearing.log.checkpoints import Checkpoint
from clearing.log.merkle import HASH_SIZE, leaf_hash
from clearing.log.notes import NoteRefused, Verifier, decoded, encoded, open_note
from clearing.log.proving import proves_growth, proves_inclusion

_INCLUSION: Final = "c2sp.org/tlog-proof@v1"
_GROWTH: Final = "clearing/growth-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
MAX_PROOF: Final = 16 * 1024 * 1024
"""The longest proof that is read, in characters."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof proves: the event at ``log_position`` (0: a tree's growth) and by whom.

    ``content`` is the event's canonical packing (empty: growth from ``first`` to ``size`` events).
    ``signed_by`` are the trusted names under the checkpoint.
    """

    log_position: int
    content: bytes
    first: int
    size: int
    root: str
    signed_by: tuple[str, ...]


def write_inclusion(index: int, content: bytes, path: Sequence[bytes], note: str) -> str:
    """Return the file that proves ``content`` to be leaf ``index`` (from 0) of a checkpoint."""
    lines = [_INCLUSION, f"extra {encoded(content)}", f"index {index}", *map(encoded, path)]
    return "\n".join(lines) + f"\n\n{note}"


def write_growth(path: Sequence[bytes], first: str, second: str) -> str:
    """Return the file that proves that the second checkpoint's log begins with the first's."""
    return "\n".join([_GROWTH, *map(encoded, path)]) + f"\n\n{first}\n{second}"


def check_proof(text: str, trusted: Sequence[Verifier]) -> Proved:
    """Return what a file proves, or raise :class:`NoteRefused` and say why it proves nothing."""
    if len(text) > MAX_PROOF:
        raise NoteRefused(f"a proof has at most {MAX_PROOF:,} characters")
    head, gap, rest = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] not in (_INCLUSION, _GROWTH):
        raise NoteRefused(f"is no proof: it begins with neither {_INCLUSION} nor {_GROWTH}")
    if lines[0] == _GROWTH:
        return _growth(lines[1:], rest, trusted)
    return _inclusion(lines[1:], rest, trusted)


def _inclusion(lines: list[str], note: str, trusted: Sequence[Verifier]) -> Proved:
    content = b""
    if lines and lines[0].startswith("extra "):
        content = decoded(lines.pop(0).removeprefix("extra "), "extra")
    found = _INDEX.fullmatch(lines[0]) if lines else None
    if found is None:
        raise NoteRefused("says no index")
    index = int(found[1])
    body, signed = open_note(note, trusted)
    checkpoint = Checkpoint.from_text(body)
    path = [_hash(line) for line in lines[1:]]
    if not proves_inclusion(leaf_hash(content), index, checkpoint.size, path, checkpoint.root):
        raise NoteRefused(
            f"does not prove that its content is the event at log position {index + 1} of the"
            f" {checkpoint.size:,} under {checkpoint.root.hex()}"
        )
    root = checkpoint.root.hex()
    return Proved(index + 1, content, 0, checkpoint.size, root, tuple(signed))


def _growth(lines: list[str], rest: str, trusted: Sequence[Verifier]) -> Proved:
    parts = rest.split("\n\n")
    if len(parts) != 4:
        raise NoteRefused("does not have two checkpoints")
    first, second = f"{parts[0]}\n\n{parts[1]}\n", f"{parts[2]}\n\n{parts[3]}"
    (one, signed), (other, also) = open_note(first, trusted), open_note(second, trusted)
    old, new = Checkpoint.from_text(one), Checkpoint.from_text(other)
    path = [_hash(line) for line in lines]
    if old.origin != new.origin:
        raise NoteRefused(f"is of two logs: {old.origin} and {new.origin}")
    if not proves_growth(old.size, new.size, path, old.root, new.root):
        raise NoteRefused(
            f"does not prove that the log of {new.size:,} events begins with the {old.size:,}"
            f" under {old.root.hex()}"
        )
    names = tuple(name for name in signed if name in also)
    return Proved(0, b"", old.size, new.size, new.root.hex(), names)


def _hash(line: str) -> bytes:
    data = decoded(line, "a hash")
    if len(data) != HASH_SIZE:
        raise NoteRefused(f"a hash has {HASH_SIZE} bytes, not {len(data)}")
    return data
