"""A pack's archive as it is read from somebody else: bounded, and of the shape that packs have."""

import json
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from clearing.events.row import EventRow
from clearing.log.notes import NoteRefused, decoded

MAX_BYTES: Final = 1 << 28
"""The most bytes that the files of a pack may have together, unpacked."""

MAX_FILES: Final = 1_000
"""The most files that a pack may have."""

_NEEDED: Final = ("manifest.json", "state.json", "events.jsonl", "earlier.jsonl", "figures.json")
_KNOWN: Final = frozenset({*_NEEDED, "report.html", "log.json", "verifier"})
_RULEBOOK: Final = re.compile(r"rulebooks/[0-9a-f]{64}\.json")
_LEAF: Final = re.compile(r"[0-9a-f]{64}")
_ROW: Final[tuple[type, ...]] = tuple(
    str if name in ("external_id", "trade_id", "detail") else int for name in EventRow.__slots__
)


class PackBroken(ValueError):  # noqa: N818 - reads as the statement that it is
    """A file is no pack, or one that cannot be read; the message says why."""


def read_archive(path: Path) -> dict[str, str]:
    """Return the files of a pack, by name. Raises :class:`PackBroken`."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _bounded(path, entries)
            files = {one.filename: archive.read(one).decode() for one in entries}
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        UnicodeDecodeError,
        RuntimeError,
        EOFError,
    ) as error:
        raise PackBroken(f"{path} cannot be read: {error}") from error
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        raise PackBroken(f"{path} is no pack of evidence: it has no {missing[0]}")
    return files


def _bounded(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive with more, or with other files, than a pack has: before it is unpacked."""
    if len(entries) > MAX_FILES:
        raise PackBroken(f"{path} has {len(entries):,} files; a pack has at most {MAX_FILES:,}")
    size, seen = 0, set[str]()
    for one in entries:
        name = one.filename
        if name not in _KNOWN and not _RULEBOOK.fullmatch(name):
            raise PackBroken(f"{path}: {name!r} is not a file of a pack")
        if name in seen:
            raise PackBroken(f"{path} has {name} twice")
        seen.add(name)
        size += one.file_size
    if size > MAX_BYTES:
        raise PackBroken(f"{path} unpacks to more than {MAX_BYTES:,} bytes")


def read_object(files: dict[str, str], name: str) -> dict[str, Any]:
    """Return the JSON object that a file is. Raises :class:`PackBroken`."""
    value = _json(files[name], name)
    if not isinstance(value, dict):
        raise PackBroken(f"{name} is not a JSON object")
    return value


def read_lines(files: dict[str, str], name: str, *, leaves: bool) -> list[dict[str, Any]]:
    """Return the events of a file, one on each line; with ``leaves`` each has its leaf.

    Each has its ``position`` and either its ``content`` or its ``row``. Raises :class:`PackBroken`.
    """
    found = []
    for number, text in enumerate(files[name].splitlines(), start=1):
        line = _json(text, f"{name}:{number}")
        problem = _problem(line, leaves=leaves)
        if problem:
            raise PackBroken(f"{name}:{number}: {problem}")
        found.append(line)
    return found


def _problem(line: Any, *, leaves: bool) -> str:
    """Say what is wrong with an event's line; empty if nothing is."""
    if not isinstance(line, dict):
        return "is not a JSON object"
    known: dict[str, Callable[[Any], bool]] = {
        "position": lambda value: type(value) is int and value > 0,
        "content": lambda value: isinstance(value, str) and _is_base64(value),
        "row": _is_row,
        "leaf": lambda value: isinstance(value, str) and _LEAF.fullmatch(value) is not None,
    }
    beside = {"position", *(["leaf"] if leaves else [])}
    if set(line) not in ({*beside, "content"}, {*beside, "row"}):
        right = " and ".join(sorted(beside))
        return f"has {', '.join(sorted(line)) or 'nothing'}; {right}, and content or row are right"
    wrong = [name for name in sorted(line) if not known[name](line[name])]
    if not wrong and "row" in line and line["row"][0] != line["position"]:
        wrong = ["row"]
    return f"{wrong[0]} is not what it must be" if wrong else ""


def _is_base64(text: str) -> bool:
    try:
        decoded(text, "content")
    except NoteRefused:
        return False
    return True


def _is_row(value: Any) -> bool:
    """Whether a list has the fields of a row: whole numbers of 63 bits, and texts."""
    if not isinstance(value, list) or len(value) != len(_ROW):
        return False
    return all(
        isinstance(field, str) if kind is str else _is_whole(field)
        for field, kind in zip(value, _ROW, strict=True)
    )


def _is_whole(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PackBroken(f"{name} is not JSON: {error}") from error
