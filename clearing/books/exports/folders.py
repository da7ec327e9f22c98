"""Folders of tables: a file for each, and a manifest that says what is in them."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from clearing.audit import Moment
from clearing.audit.tables import Column, Row, tables
from clearing.books.exports.writing import Progress
from clearing.books.new_files import new_folder
from clearing.log import Connection

MANIFEST = "manifest.json"
FORMAT = "clearing/tables@1"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of a table: how many rows and bytes it has, and its SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TablesWritten:
    """A folder of tables that was written."""

    folder: str
    log_position: int
    files: tuple[TableFile, ...]


class TableWriter(ABC):
    """Writes the rows of one table into a file; a context manager that closes it."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Write rows after those that are there."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


class TableFormat(ABC):
    """A format of files: how they end, and what writes them."""

    suffix: str

    @abstractmethod
    def open(self, path: Path, columns: Sequence[Column]) -> TableWriter:
        """Return what writes a table with these columns to a new file."""


def write_tables(
    connection: Connection,
    moment: Moment,
    form: TableFormat,
    path: Path,
    progress: Progress | None = None,
) -> TablesWritten:
    """Write every table up to a moment into a new folder, with a manifest.

    ``progress`` is called with the number of rows written. Raises
    :class:`~clearing.books.exports.OutputThere`.
    """
    written: list[TableFile] = []
    done = 0
    with new_folder(path) as folder:
        for table in tables(connection, moment):
            file = folder / f"{table.name}{form.suffix}"
            rows = 0
            with closing(form.open(file, table.columns)) as writer, closing(table.pages()) as pages:
                for page in pages:
                    writer.write(page)
                    rows += len(page)
                    if progress is not None:
                        progress(done + rows)
            done += rows
            written.append(TableFile(file.name, rows, file.stat().st_size, _sha256(file)))
        manifest = {
            "format": FORMAT,
            "log_position": moment.position,
            "generation": moment.generation.number,
            "engine": moment.generation.engine_version,
            "files": [asdict(each) for each in written],
        }
        text = json.dumps(manifest, indent=2) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return TablesWritten(str(path), moment.position, tuple(written))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
