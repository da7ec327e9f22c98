"""The Merkle sum tree: every node commits to both children's hashes and to both children's sums.

A leaf is SHA-256(0x00 ‖ nonce ‖ position ‖ part ‖ asset ‖ account ‖ amount), a node SHA-256(0x01 ‖
sum of left ‖ hash of left ‖ sum of right ‖ hash of right). A sum is 32 bytes, big-endian, so from 0
to 2^256 - 1 and never negative; what would be beyond is refused, never wrapped. The tree is full:
it has a power of two of leaves, and every path is as long as every other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

SUM_BYTES: Final = 32
NONCE_BYTES: Final = 32
HASH_BYTES: Final = 32
LIMIT: Final = 1 << (8 * SUM_BYTES)
"""The first sum that does not fit."""

MAX_LEVELS: Final = 40
"""The most levels of a tree that is looked at: a thousand thousand million leaves."""


class SumRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """An amount or a sum is negative or too large for the tree."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part of what an account is owed: ``amount`` (at its asset's decimals) and what hides it.

    ``position`` is the log position, ``part`` which of the account's parts this is. Padding has no
    account and the amount 0.
    """

    nonce: bytes
    position: int
    part: int
    asset: str
    account: str
    amount: int

    def node(self) -> "Node":
        """Return the leaf as a node of the tree; :class:`SumRefused` for an amount out of range."""
        if len(self.nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes, not {len(self.nonce)}")
        content = b"".join(
            (
                b"\x00",
                self.nonce,
                self.position.to_bytes(8, "big"),
                self.part.to_bytes(2, "big"),
                counted(self.asset),
                counted(self.account),
                sum_bytes(self.amount),
            )
        )
        return Node(sha256(content).digest(), self.amount)


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its hash, and the sum of the leaves below it."""

    hash: bytes
    sum: int


def counted(text: str) -> bytes:
    """Return a text in UTF-8 after its length in two bytes."""
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def sum_bytes(amount: int) -> bytes:
    """Return a sum as it is hashed; :class:`SumRefused` if it is negative or does not fit."""
    if not 0 <= amount < LIMIT:
        what = "negative" if amount < 0 else f"more than {SUM_BYTES} bytes hold"
        raise SumRefused(f"a sum of {amount} is {what}")
    return amount.to_bytes(SUM_BYTES, "big")


def parent(left: Node, right: Node) -> Node:
    """Return the node over two others; :class:`SumRefused` if a sum is out of range."""
    content = b"".join((b"\x01", sum_bytes(left.sum), left.hash, sum_bytes(right.sum), right.hash))
    total = left.sum + right.sum
    sum_bytes(total)
    return Node(sha256(content).digest(), total)


class SumTree:
    """A full tree over nodes of leaves, whose number must be a power of two."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[Node]) -> None:
        if not leaves or len(leaves) & (len(leaves) - 1):
            raise ValueError(f"a full tree has a power of two of leaves, not {len(leaves)}")
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = zip(below[::2], below[1::2], strict=True)
            self._levels.append([parent(left, right) for left, right in pairs])

    @property
    def root(self) -> Node:
        """The root: its sum is that of all leaves."""
        return self._levels[-1][0]

    @property
    def leaves(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def path(self, index: int) -> list[Node]:
        """Return the siblings from a leaf (from 0) up to the root's children."""
        return [level[index >> depth ^ 1] for depth, level in enumerate(self._levels[:-1])]


def climb(leaf: Node, index: int, path: Sequence[Node]) -> Node:
    """Return the root that a leaf at an index and its path lead to.

    Raises :class:`SumRefused` where any sum on the way is negative or too large.
    """
    node = leaf
    for depth, sibling in enumerate(path):
        right = index >> depth & 1
        node = parent(sibling, node) if right else parent(node, sibling)
    return node
