"""The sum tree: every leaf's path leads to the root, and nothing else does."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.books.liabilities.secrets import PARTS, Hidden
from clearing.books.liabilities.tree import (
    LIMIT,
    Leaf,
    Node,
    SumRefused,
    SumTree,
    climb,
    parent,
)

SECRET = bytes(range(32))
ROOT = sha256(b"log").digest()
AMOUNTS = st.integers(0, 10**40)


def leaves(amounts: list[int]) -> list[Leaf]:
    return [Leaf(bytes([n] * 32), 7, 0, "USD", f"user-{n}", a) for n, a in enumerate(amounts)]


def full(amounts: list[int]) -> list[int]:
    return amounts + [0] * ((1 << (len(amounts) - 1).bit_length()) - len(amounts))


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_every_path_leads_to_a_root_whose_sum_is_everybodys(amounts: list[int]) -> None:
    nodes = [leaf.node() for leaf in leaves(full(amounts))]
    tree = SumTree(nodes)
    assert tree.root.sum == sum(amounts)
    for index, node in enumerate(nodes):
        assert climb(node, index, tree.path(index)) == tree.root


@given(st.lists(AMOUNTS, min_size=3, max_size=16), st.data())
def test_whatever_is_changed_leads_elsewhere(amounts: list[int], data: st.DataObject) -> None:
    own = leaves(full(amounts))
    tree = SumTree([leaf.node() for leaf in own])
    index = data.draw(st.integers(0, len(own) - 1))
    path = tree.path(index)
    leaf, changed_path, changed_index = own[index], list(path), index
    what = data.draw(st.sampled_from(["amount", "nonce", "account", "sum", "hash", "index"]))
    level = data.draw(st.integers(0, len(path) - 1))
    by = data.draw(st.integers(-(10**41), 10**41).filter(bool))
    if what == "amount":
        leaf = replace(leaf, amount=leaf.amount + by)
    elif what == "nonce":
        leaf = replace(leaf, nonce=sha256(leaf.nonce).digest())
    elif what == "account":
        leaf = replace(leaf, account=f"{leaf.account}'s neighbour")
    elif what == "sum":
        changed_path[level] = replace(path[level], sum=path[level].sum + by)
    elif what == "hash":
        changed_path[level] = replace(path[level], hash=sha256(path[level].hash).digest())
    else:
        changed_index ^= 1 << level
    try:
        found = climb(leaf.node(), changed_index, changed_path)
    except SumRefused:
        assert by < 0
        return
    assert found.hash != tree.root.hash


def test_moving_an_amount_from_one_child_to_the_other_makes_another_node() -> None:
    """The flaw of the first published scheme: there only the sum of both children was hashed, so
    a venue could show each user the greater of both as the sum, and prove less than it owes."""
    left, right = (leaf.node() for leaf in leaves([70, 30]))
    honest = parent(left, right)
    assert (honest.sum, parent(replace(left, sum=30), replace(right, sum=70)).sum) == (100, 100)
    assert parent(replace(left, sum=30), replace(right, sum=70)).hash != honest.hash
    understated = Node(honest.hash, 70)
    assert climb(left, 0, [right]) != understated
    assert climb(left, 0, [replace(right, sum=0)]).hash != honest.hash


def test_nothing_negative_and_nothing_beyond_the_width_has_a_place() -> None:
    (leaf,) = leaves([-1])
    with pytest.raises(SumRefused, match="negative"):
        leaf.node()
    with pytest.raises(SumRefused, match="negative"):
        climb(leaves([5])[0].node(), 0, [Node(bytes(32), -5)])
    top = replace(leaf, amount=LIMIT - 1).node()
    with pytest.raises(SumRefused, match="32 bytes"):
        parent(top, leaves([1])[0].node())
    with pytest.raises(SumRefused):
        replace(leaf, amount=LIMIT).node()


def test_a_leaf_is_never_a_node_and_a_tree_is_full() -> None:
    """A node's content, offered as a leaf's, has another first byte; paths are all as long."""
    first, second = (leaf.node() for leaf in leaves([1, 2]))
    content = (1).to_bytes(32, "big") + first.hash + (2).to_bytes(32, "big") + second.hash
    assert parent(first, second).hash == sha256(b"\x01" + content).digest()
    assert parent(first, second).hash != sha256(b"\x00" + content).digest()
    with pytest.raises(ValueError, match="power of two"):
        SumTree([first, second, first])
    with pytest.raises(ValueError, match="power of two"):
        SumTree([])


@given(st.integers(0, 10**40), st.text("abc", min_size=1, max_size=5))
def test_the_parts_of_an_amount_add_up_and_each_has_a_nonce_of_its_own(
    amount: int, account: str
) -> None:
    hidden = Hidden(SECRET, ROOT, 9)
    made = hidden.leaves("USD", account, amount)
    assert sum(leaf.amount for leaf in made) == amount
    assert [leaf.part for leaf in made] == list(range(PARTS))
    assert min(leaf.amount for leaf in made) >= 0
    others = [
        *hidden.leaves("EUR", account, amount),
        *hidden.leaves("USD", f"{account}2", amount),
        *Hidden(SECRET, ROOT, 10).leaves("USD", account, amount),
        *Hidden(SECRET, sha256(ROOT).digest(), 9).leaves("USD", account, amount),
        *Hidden(SECRET[::-1], ROOT, 9).leaves("USD", account, amount),
        *hidden.padding("USD", 3),
    ]
    nonces = {leaf.nonce for leaf in [*made, *others]}
    assert len(nonces) == len(made) + len(others)
    assert made == Hidden(SECRET, ROOT, 9).leaves("USD", account, amount), "made again, the same"
