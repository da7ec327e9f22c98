"""Proofs over trees, checked against the RFC's own words, and tiles that give the same tree."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from clearing.log.merkle import Frontier, leaf_hash, root_of
from clearing.log.proving import (
    consistency_path,
    inclusion_path,
    proves_growth,
    proves_inclusion,
)
from clearing.log.tiles import StoreBroken, TileStore, tile_path

# The leaves and roots of Certificate Transparency's reference tests.
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    bytes(range(96, 112)).hex(),
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def by_the_rfc(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it stands there."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + by_the_rfc(hashes[:k]) + by_the_rfc(hashes[k:])).digest()


def follows(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an audit path leads to, by the recursion that defines PATH."""
    if size == 1:
        assert not path
        return leaf
    k = 1
    while k * 2 < size:
        k *= 2
    if index < k:
        left, right = follows(leaf, index, k, path[:-1]), path[-1]
    else:
        left, right = path[-1], follows(leaf, index - k, size - k, path[:-1])
    return sha256(b"\x01" + left + right).digest()


def test_the_reference_tree() -> None:
    hashes = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
    for size, root in enumerate(ROOTS, 1):
        assert root_of(hashes[:size]).hex() == by_the_rfc(hashes[:size]).hex() == root


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 31, 255, 256, 257, 700])
def test_every_proof_over_tiles(tmp_path: Path, size: int) -> None:
    hashes = leaves(size)
    store = TileStore(tmp_path)
    store.append(hashes)
    root = by_the_rfc(hashes)
    assert store.root(size) == root
    for index in {0, size // 3, size // 2, size - 1}:
        path = inclusion_path(store.subtree, index, size)
        assert follows(hashes[index], index, size, path) == root
        assert proves_inclusion(hashes[index], index, size, path, root)
        for wrong in ([*path[:-1]] if path else [root], [*path, root], [root, *path[1:]]):
            assert not proves_inclusion(hashes[index], index, size, wrong, root)
        assert not proves_inclusion(hashes[index], index + 1, size, path, root)
        assert not proves_inclusion(leaf_hash(b"another"), index, size, path, root)
    for first in {1, size // 2 or 1, size - 1 or 1, size}:
        path = consistency_path(store.subtree, first, size)
        old = by_the_rfc(hashes[:first])
        assert proves_growth(first, size, path, old, root)
        assert not proves_growth(first, size, path, leaf_hash(b"another"), root)
        if first != size:
            assert not proves_growth(first, size, path[:-1], old, root)
            assert not proves_growth(first, size, path, old, leaf_hash(b"another"))


def test_tiles_grow_however_they_are_cut(tmp_path: Path) -> None:
    hashes = leaves(66_000)
    whole = TileStore(tmp_path / "whole")
    whole.append(hashes)
    parts = TileStore(tmp_path / "parts")
    at = 0
    for width in (1, 255, 256, 300, 65_000, 188):
        parts.append(hashes[at : at + width])
        at += width
    assert at == len(hashes)
    assert whole.root(at) == parts.root(at) == frontier_root(hashes)
    assert whole.leaves(250, 520) == hashes[250:520]
    assert (tmp_path / "whole" / "tile/0/000").read_bytes() == b"".join(hashes[:256])
    assert (tmp_path / "whole" / "tile/1/000").exists()
    assert (tmp_path / "whole" / "tile/2/000.p/1").exists()
    whole.keep(at, "a note")
    (tmp_path / "whole" / "tile/0/000").write_bytes(b"short")
    with pytest.raises(StoreBroken, match="5 bytes, not 256 hashes"):
        TileStore(tmp_path / "whole").leaf(0)
    (tmp_path / "whole" / "tile/0/000").unlink()
    with pytest.raises(StoreBroken, match="cannot be read"):
        TileStore(tmp_path / "whole").leaf(0)


@pytest.mark.parametrize("abandoned", [1, 20, 239, 240, 700])
def test_tiles_that_nobody_came_to_sign_do_not_count(tmp_path: Path, abandoned: int) -> None:
    """A crash, or a refusal, leaves them; the log may go on with other events."""
    kept, lost, real = leaves(17), [leaf_hash(b"lost")] * abandoned, leaves(600)[17:]
    store = TileStore(tmp_path)
    with store.held():
        store.append(kept)
        store.keep(17, "a note")
    with suppress(InterruptedError), store.held():
        store.append(lost)
        raise InterruptedError
    assert store.size == 17
    with store.held():
        store.append(real)
        store.keep(600, "another")
    hashes = [*kept, *real]
    store = TileStore(tmp_path)
    assert store.leaves(0, 600) == hashes
    for size in (17, 18, 37, 256, 257, 600):
        assert store.root(size) == by_the_rfc(hashes[:size])
    for index in range(0, 600, 7):
        path = inclusion_path(store.subtree, index, 600)
        assert proves_inclusion(hashes[index], index, 600, path, by_the_rfc(hashes))


def test_checkpoints_are_kept_once_and_never_written_over(tmp_path: Path) -> None:
    store = TileStore(tmp_path)
    first = store.keep(17, "one")
    assert store.keep(17, "one") == first
    second = store.keep(17, "two")
    assert store.keep(17, "two") == second
    third = store.keep(17, "three")
    assert [path.name for path in (first, second, third)] == [
        "00000000000000000017",
        "00000000000000000017-2",
        "00000000000000000017-3",
    ]
    assert store.kept() == [(17, 1), (17, 2), (17, 3)]
    assert [store.checkpoint(17, number) for number in (1, 2, 3)] == ["one", "two", "three"]
    assert store.checkpoint(17) == store.latest() == "three"
    with pytest.raises(StoreBroken, match="cannot be read"):
        store.checkpoint(18)


def test_two_do_not_add_to_a_store_at_once(tmp_path: Path) -> None:
    """The second waits, and then sees what the first has kept."""
    store, order = TileStore(tmp_path), list[str]()

    def second() -> None:
        other = TileStore(tmp_path)
        with other.held():
            order.append(f"second at {other.size}")

    with store.held():
        thread = Thread(target=second)
        thread.start()
        thread.join(0.2)
        store.append(leaves(5))
        store.keep(5, "a note")
        order.append("first")
    thread.join(10)
    assert order == ["first", "second at 5"]


def frontier_root(hashes: list[bytes]) -> bytes:
    frontier = Frontier()
    for leaf in hashes:
        frontier.append(leaf)
    return frontier.root()


def test_tiles_are_named_as_their_format_says() -> None:
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(3, 273, 17) == "tile/3/273.p/17"
