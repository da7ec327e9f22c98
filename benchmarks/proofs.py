"""Proofs from the tiles of a long log, each from a store opened anew, against reading one tile.

Every proof that is timed is checked against the root over all leaves.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.measure import Ratio, compared, percentiles, seconds
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.proving import (
    consistency_path,
    inclusion_path,
    proves_growth,
    proves_inclusion,
)
from clearing.log.tiles import TileStore, tile_path


def run(*, leaves: int, samples: int, repeats: int) -> list[Ratio]:
    """Write the tiles of made-up leaves, and time inclusion and growth proofs over them."""
    with tempfile.TemporaryDirectory() as folder:
        store, tree = TileStore(Path(folder)), Frontier()

        def made() -> Iterator[bytes]:
            for number in range(leaves):
                leaf = leaf_hash(b"%d" % number)
                tree.append(leaf)
                yield leaf

        with store.held():
            took = seconds(lambda: store.append(made()))
            store.keep(leaves, "made up")
        note = f"{leaves:,} leaves; making their tiles took {took:.1f} s"
        return [
            _measured(name, prove, Path(folder), tree.root(), leaves, samples, repeats, note)
            for name, prove in (("inclusion proofs", _inclusion), ("growth proofs", _growth))
        ]


def _inclusion(store: TileStore, at: int, size: int) -> Callable[[bytes], bool]:
    leaf, path = store.leaf(at), inclusion_path(store.subtree, at, size)
    return lambda root: proves_inclusion(leaf, at, size, path, root)


def _growth(store: TileStore, at: int, size: int) -> Callable[[bytes], bool]:
    first, path = store.root(at + 1), consistency_path(store.subtree, at + 1, size)
    return lambda root: proves_growth(at + 1, size, path, first, root)


def _measured(
    name: str,
    prove: Callable[[TileStore, int, int], Callable[[bytes], bool]],
    folder: Path,
    root: bytes,
    size: int,
    samples: int,
    repeats: int,
    note: str,
) -> Ratio:
    dice, taken = Random(size), list[float]()  # noqa: S311 - a benchmark's dice
    rates, others = list[float](), list[float]()
    for _ in range(repeats):
        places = [dice.randrange(size) for _ in range(samples)]
        for at in places:
            began = time.perf_counter()
            checks = prove(TileStore(folder), at, size)
            taken.append(time.perf_counter() - began)
            if not checks(root):
                raise RuntimeError(f"{name}: that of {at} proves nothing")
        rates.append(samples / sum(taken[-samples:]))
        others.append(samples / seconds(partial(_read, folder, places, size)))
    note = f"{note}; a proof takes {percentiles(taken)}"
    return compared(
        name, rates, "reading one tile", others, unit="proofs", floor=None, at_most=True, note=note
    )


def _read(folder: Path, places: list[int], size: int) -> None:
    for at in places:
        index = at // 256
        (folder / tile_path(0, index, min(size - index * 256, 256))).read_bytes()
