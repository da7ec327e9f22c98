"""Checkpoints and the tree's hashes, kept as files outside the database.

The folder is laid out as C2SP's tlog-tiles says, so that any of its clients can prove what is in
the log: ``checkpoint`` is the latest one, ``tile/<level>/<index>`` are 256 hashes each, of the
complete subtrees over 256^level leaves; the last tile of a level may be partial, ``….p/<width>``.
Beside them ``checkpoints/<size>`` keeps every checkpoint ever made (``<size>-2`` and so on, where
more than one was made of a size), and ``state`` the book at the latest of them. Nothing that a
checkpoint covers is ever changed; a crash leaves no file half written, and tiles beyond the last
checkpoint, if any, are written again.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clearing.log.merkle import HASH_SIZE, root_of
from clearing.log.proving import range_hash

_WIDTH: Final = 256
_BITS: Final = 8
_KEPT: Final = re.compile(r"([0-9]{20})(?:-([2-9]|[1-9][0-9]{1,8}))?")


class StoreBroken(ValueError):  # noqa: N818 - reads as the statement that it is
    """A folder of checkpoints lacks a file or holds one that is not what it must be."""


def tile_path(level: int, index: int, width: int = _WIDTH) -> str:
    """Return where a tile stands: groups of three digits, ``x`` before all but the last."""
    digits = f"{index:03d}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    partial = "" if width == _WIDTH else f".p/{width}"
    return f"tile/{level}/{name}{partial}"


class TileStore:
    """A folder of checkpoints and tiles. ``size`` is how many leaves its tiles hold.

    That is as many as the last checkpoint covers, until more are appended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 0
        self._cache: dict[tuple[int, int], bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take up what others have kept, and forget what no checkpoint covers."""
        sizes = self.sizes()
        self.size = sizes[-1] if sizes else 0
        self._cache.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one that adds to the folder; whoever else would waits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refresh()
            yield
        finally:
            self.refresh()
            os.close(lock)

    def kept(self) -> list[tuple[int, int]]:
        """Return every checkpoint that is kept: its size, and which of that size (from 1)."""
        names = _names(self.folder / "checkpoints")
        found = [match for name in names if (match := _KEPT.fullmatch(name))]
        return sorted((int(match[1]), int(match[2] or 1)) for match in found)

    def sizes(self) -> list[int]:
        """Return the sizes of the checkpoints that are kept, ascending."""
        return sorted({size for size, _ in self.kept()})

    def checkpoint(self, size: int, number: int | None = None) -> str:
        """Return the note that is kept of a size, the last of them unless one is asked for.

        Raises :class:`StoreBroken` if there is none.
        """
        if number is None:
            number = max((which for of, which in self.kept() if of == size), default=1)
        path = self._kept_at(size, number)
        try:
            return path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreBroken(f"{path} cannot be read: {error}") from error

    def latest(self) -> str | None:
        """Return the note that stands as the latest, if any; :class:`StoreBroken` if unreadable."""
        path = self.folder / "checkpoint"
        try:
            return path.read_bytes().decode() if path.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreBroken(f"{path} cannot be read: {error}") from error

    def keep(self, size: int, note: str) -> Path:
        """Keep a checkpoint and make it the latest. One that is there already is not written."""
        count = sum(of == size for of, _ in self.kept())
        if not count or self.checkpoint(size) != note:
            count += 1
        path = self._kept_at(size, count)
        if not path.exists():
            _write(path, note.encode())
        _write(self.folder / "checkpoint", note.encode())
        self.size = max(self.size, size)
        return path

    def _kept_at(self, size: int, number: int) -> Path:
        again = "" if number == 1 else f"-{number}"
        return self.folder / "checkpoints" / f"{size:020d}{again}"

    def state(self) -> str:
        """Return the state that is kept; :class:`StoreBroken` if none is, or it is unreadable.

        It is a text of whoever makes checkpoints: a cache, which counts only if it is what one of
        them signed.
        """
        path = self.folder / "state"
        try:
            return path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreBroken(f"{path} cannot be read: {error}") from error

    def keep_state(self, text: str) -> None:
        """Keep a state in the place of the one that is kept."""
        _write(self.folder / "state", text.encode())

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaves after those that there are, and write the tiles that they make.

        Until a checkpoint covers them nobody else counts them, and they may be written over.
        """
        open_: list[list[bytes]] = []
        for level in range(64 // _BITS + 1):
            width = (self.size >> (_BITS * level)) % _WIDTH
            open_.append(self._hashes(level, self.size >> (_BITS * (level + 1)), width))
        size = self.size
        for leaf in leaves:
            size += 1
            carried, level = leaf, 0
            while True:
                open_[level].append(carried)
                if len(open_[level]) < _WIDTH:
                    break
                index = (size >> (_BITS * (level + 1))) - 1
                self._write(level, index, open_[level])
                carried, open_[level] = root_of(open_[level]), []
                level += 1
        for level, hashes in enumerate(open_):
            if hashes:
                self._write(level, size >> (_BITS * (level + 1)), hashes)
        self.size = size
        self._cache.clear()

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree over 2^``level`` leaves with that index."""
        low, within = divmod(level, _BITS)
        first = index << within
        tile = self._tile(low, first // _WIDTH, first % _WIDTH + (1 << within))
        start = first % _WIDTH
        return root_of(
            [tile[i * HASH_SIZE : (i + 1) * HASH_SIZE] for i in range(start, start + (1 << within))]
        )

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        return range_hash(self.subtree, 0, size)

    def leaf(self, index: int) -> bytes:
        """Return a leaf, from 0."""
        return self.subtree(0, index)

    def leaves(self, first: int, last: int) -> list[bytes]:
        """Return the leaves from ``first`` up to, and without, ``last``."""
        found: list[bytes] = []
        for index in range(first // _WIDTH, -(-last // _WIDTH)):
            start = index * _WIDTH
            width = min(last - start, _WIDTH)
            tile = self._tile(0, index, width)
            hashes = [tile[i : i + HASH_SIZE] for i in range(0, width * HASH_SIZE, HASH_SIZE)]
            found += hashes[max(first - start, 0) :]
        return found

    def _hashes(self, level: int, index: int, width: int) -> list[bytes]:
        if not width:
            return []
        tile = self._tile(level, index, width)
        return [tile[i : i + HASH_SIZE] for i in range(0, width * HASH_SIZE, HASH_SIZE)]

    def _tile(self, level: int, index: int, width: int) -> bytes:
        """Return a tile, which must have at least ``width`` hashes.

        Of partial ones that is the one of the tree's size: a wider or narrower one may have been
        left behind by somebody who did not come to sign it.
        """
        key = (level, index)
        known = self._cache.get(key)
        if known is not None and len(known) >= width * HASH_SIZE:
            return known
        have = min((self.size >> (_BITS * level)) - index * _WIDTH, _WIDTH)
        path = self.folder / tile_path(level, index, max(have, 1))
        if have < width:
            raise StoreBroken(f"{path} would have {max(have, 0)} hashes, not {width}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreBroken(f"{path} cannot be read: {error}") from error
        if len(data) != have * HASH_SIZE:
            raise StoreBroken(f"{path} has {len(data)} bytes, not {have} hashes")
        if len(self._cache) > 4096:
            self._cache.clear()
        self._cache[key] = data
        return data

    def _write(self, level: int, index: int, hashes: list[bytes]) -> None:
        path, data = self.folder / tile_path(level, index, len(hashes)), b"".join(hashes)
        if not path.exists() or path.read_bytes() != data:
            _write(path, data)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and see it on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
