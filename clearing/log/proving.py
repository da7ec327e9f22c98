"""Proofs about the tree of RFC 6962: that a leaf is in it, and that one tree grew from another.

They are made from subtrees' hashes, wherever these come from, and verified from the proof alone
(RFC 9162, 2.1.3.2 and 2.1.4.2).
"""

from collections.abc import Callable, Sequence

from clearing.log.merkle import EMPTY_ROOT, node_hash

Subtree = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree over 2^level leaves that has this index among them."""


def _split(size: int) -> int:
    """Return the greatest power of two below ``size`` (> 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def range_hash(subtree: Subtree, start: int, size: int) -> bytes:
    """Return the hash over ``size`` leaves from ``start``; it must be one of the tree's nodes."""
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, start >> level)
    left = _split(size)
    return node_hash(
        range_hash(subtree, start, left), range_hash(subtree, start + left, size - left)
    )


def inclusion_path(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf ``index`` (from 0) in the tree of ``size`` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path, start = [], 0
    while size > 1:
        left = _split(size)
        if index - start < left:
            path.append(range_hash(subtree, start + left, size - left))
            size = left
        else:
            path.append(range_hash(subtree, start, left))
            start, size = start + left, size - left
    return path[::-1]


def consistency_path(subtree: Subtree, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of ``second`` leaves begins with that of ``first``."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {second} leaves does not begin with one of {first}")
    path, start, size, whole = [], 0, second, True
    while first != size:
        left = _split(size)
        if first <= left:
            path.append(range_hash(subtree, start + left, size - left))
            size = left
        else:
            path.append(range_hash(subtree, start, left))
            start, size, first, whole = start + left, size - left, first - left, False
    if not whole:
        path.append(range_hash(subtree, start, size))
    return path[::-1]


def proves_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether ``path`` proves that ``leaf`` is number ``index`` (from 0) under ``root``."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(hash_, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def proves_growth(
    first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Whether ``path`` proves that the second tree begins with the leaves of the first."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    if not hashes:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(hash_, old), node_hash(hash_, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, hash_)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
