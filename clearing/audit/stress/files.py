"""Marks of files: what each market of them was marked at, and when, and which files they were."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

from clearing.adapters import (
    FORMATS,
    IMPORTERS,
    Format,
    ImportOptions,
    Located,
    OptionRefused,
    ParquetMissing,
    Refusal,
    merge,
    read_events,
    sniff_importer,
)
from clearing.adapters.base import settle
from clearing.audit.replay.document import ScenarioRefused
from clearing.audit.stress.document import FilePath
from clearing.events import Marked
from clearing.events.fields import to_microseconds

_SHOWN: Final = 5
_BLOCK: Final = 1 << 20

Told = list[tuple[int, str, Decimal]]
"""Marks in order: when (microseconds), of which market of the files, and at what."""


def marks_of(name: str, where: str, path: FilePath) -> Told:
    """Return the marks of a path's files within its window, in order of time.

    Raises :class:`ScenarioRefused` for what cannot be read; ``where`` is the path's own path.
    """
    told: Told = []
    problems: list[str] = []
    for item in _read(name, where, path):
        if isinstance(item, Refusal):
            problems.append(f"{where}.files: {item}")
        elif isinstance(item.event, Marked) and _within(path, item.event.occurred_at):
            at = to_microseconds(item.event.occurred_at)
            told += ((at, mark.market, mark.price) for mark in item.event.marks)
        if len(problems) == _SHOWN:
            break
    if not problems and not told:
        problems.append(f"{where}.files: have no marks here, between from and to")
    if problems:
        raise ScenarioRefused(name, problems)
    told.sort(key=lambda mark: mark[0])  # stable: at one time, the later line of a file wins
    return told


def hashes_of(path: FilePath) -> dict[str, str]:
    """Return the SHA-256 of each of a path's files, in hexadecimal."""
    found = {}
    for file in path.files:
        digest = hashlib.sha256()
        with Path(file).open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        found[file] = digest.hexdigest()
    return found


def _within(path: FilePath, at: datetime) -> bool:
    if path.since is not None and at < path.since:
        return False
    return path.to is None or at <= path.to


def _read(name: str, where: str, path: FilePath) -> Iterator[Located | Refusal]:
    """Read the files by the importer that is named, or as what the first of them looks like."""
    for file in path.files:
        if not Path(file).is_file():
            raise ScenarioRefused(name, [f"{where}.files: {file} is no file"])
    if path.format not in (None, *IMPORTERS, *FORMATS):
        known = ", ".join((*IMPORTERS, *FORMATS))
        problem = f"{where}.format: {path.format!r} must be one of {known}"
        raise ScenarioRefused(name, [problem])
    try:
        importer = IMPORTERS.get(path.format or "")
        if path.format is None:
            importer = sniff_importer(path.files[0])
        if importer is not None:
            yield from importer.read(path.files, ImportOptions(path.settings))
            return
        settle("events", {}, path.settings)
        form = cast(Format | None, path.format)
        yield from merge([read_events(file, form) for file in path.files])
    except OptionRefused as refused:
        raise ScenarioRefused(name, [f"{where}.settings: {refused}"]) from refused
    except ParquetMissing as missing:
        raise ScenarioRefused(name, [f"{where}.files: {missing}"]) from missing
