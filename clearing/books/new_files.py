"""New files and folders that are there whole or not at all, and never in the place of others."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


class OutputThere(ValueError):  # noqa: N818 - reads as the statement that it is
    """What was to be written is there already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; name another, or move it away")


@contextmanager
def new_file(path: Path, *, mode: int = 0o666) -> Iterator[TextIO]:
    """Open a file to write text to, which appears at ``path`` when the block ends well.

    Raises :class:`OutputThere` where there is one, at the beginning or at the end.
    """
    _absent(path)
    draft = _beside(path)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike renaming, it never takes the place of another file
        except FileExistsError:
            raise OutputThere(path) from None
    finally:
        draft.unlink()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder to write files into, which appears at ``path`` when the block ends well.

    Raises :class:`OutputThere` where there is anything of that name.
    """
    _absent(path)
    draft = _beside(path)
    draft.mkdir()
    try:
        yield draft
        _absent(path)
        draft.rename(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _absent(path: Path) -> None:
    if os.path.lexists(path):
        raise OutputThere(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent} is no folder, so {path.name} cannot be written there")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
