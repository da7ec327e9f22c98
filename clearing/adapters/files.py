"""Files as numbered lines: plain or gzip, bounded, strictly UTF-8; CSV with a checked header.

Nothing here raises for what a file contains. What cannot be read becomes a
:class:`~clearing.adapters.base.Refusal` with its place, and reading goes on with the next line
where there is one. A CSV field holds no line break: one line is one row, so a stray quotation
mark spoils its own line and not the rest of the file.
"""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from clearing.adapters.base import Refusal, refuse

STDIN: Final = "-"
"""The path that means standard input."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOM: Final = "\ufeff"
_BLOCK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep hostile input from taking the machine.

    ``line_bytes`` per line; ``file_bytes`` per file after decompression; beyond ``ratio_from``
    decompressed bytes, a gzip file may not expand more than ``ratio`` times.
    """

    line_bytes: int = 1024 * 1024
    file_bytes: int = 64 * 1024**3
    ratio: int = 200
    ratio_from: int = 64 * 1024**2


LIMITS: Final = Limits()


class Line(NamedTuple):
    """A line of a text file, without its line break; ``number`` counts from 1."""

    number: int
    text: str


class CsvRow(NamedTuple):
    """A row of a CSV file by column name; every column of the header is there."""

    number: int
    fields: dict[str, str]
    raw: str


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, Callable[[], int] | None]]:
    """Open ``path`` for reading bytes; for gzip also give the count of compressed bytes read."""
    if path == STDIN:
        yield _unzipped(sys.stdin.buffer)
        return
    with Path(path).open("rb") as raw:
        yield _unzipped(raw)


def _unzipped(raw: BinaryIO) -> tuple[BinaryIO, Callable[[], int] | None]:
    counted = _Counted(raw)
    buffered = io.BufferedReader(counted, _BLOCK)
    if buffered.peek(2)[:2] != _GZIP_MAGIC:
        return cast(BinaryIO, buffered), None
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered, mode="rb")), lambda: counted.count


class _Counted(io.RawIOBase):
    """Counts the bytes that are read through it, and leaves the stream below open."""

    def __init__(self, below: BinaryIO) -> None:
        self._below = below
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override] # narrower than typeshed's WriteableBuffer, which BufferedReader passes
        block = self._below.read(len(buffer))
        buffer[: len(block)] = block
        self.count += len(block)
        return len(block)


def read_lines(path: str, limits: Limits = LIMITS) -> Iterator[Line | Refusal]:
    """Yield the lines of ``path`` (``-``: standard input) that are not blank, in order."""
    number = 0
    try:
        with _opened(path) as (stream, compressed):
            total = 0
            while block := stream.readline(limits.line_bytes + 1):
                number += 1
                total += len(block)
                if len(block) > limits.line_bytes:
                    yield refuse(
                        path,
                        number,
                        f"longer than {limits.line_bytes} bytes",
                        raw=block[:4000].decode("utf-8", "replace"),
                    )
                    total += _skip_line(stream, block, total, compressed, limits)
                over = _too_large(total, compressed, limits)
                if over:
                    yield refuse(path, number, over)
                    return
                if len(block) <= limits.line_bytes:
                    line = _decoded(path, number, block)
                    if line is not None:
                        yield line
    except (OSError, EOFError, zlib.error) as error:
        where = number + 1 if number else 0
        yield refuse(path, where, f"cannot be read further: {_reason(error)}")


def read_blocks(path: str, limits: Limits = LIMITS) -> Iterator[bytes | Refusal]:
    """Yield the bytes of ``path`` (``-``: standard input) block by block; a refusal ends them."""
    total = 0
    try:
        with _opened(path) as (stream, compressed):
            while block := stream.read(_BLOCK):
                total += len(block)
                over = _too_large(total, compressed, limits)
                if over:
                    yield refuse(path, 0, over)
                    return
                yield block
    except (OSError, EOFError, zlib.error) as error:
        yield refuse(path, 0, f"cannot be read further: {_reason(error)}")


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _skip_line(
    stream: BinaryIO,
    block: bytes,
    total: int,
    compressed: Callable[[], int] | None,
    limits: Limits,
) -> int:
    """Read on to the end of an over-long line, or of what the limits allow; return the bytes."""
    skipped = 0
    while block and not block.endswith(b"\n"):
        block = stream.readline(_BLOCK)
        skipped += len(block)
        if _too_large(total + skipped, compressed, limits):
            break
    return skipped


def _too_large(total: int, compressed: Callable[[], int] | None, limits: Limits) -> str:
    if total > limits.file_bytes:
        return f"the file is larger than {limits.file_bytes} bytes; split it"
    if compressed is not None and total > limits.ratio_from:
        read = max(compressed(), 1)
        if total > limits.ratio * read:
            return (
                f"{read} compressed bytes expand to more than {limits.ratio} times as many;"
                " decompress the file yourself if you trust it"
            )
    return ""


def _decoded(path: str, number: int, block: bytes) -> Line | Refusal | None:
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        return refuse(
            path,
            number,
            f"byte {error.start + 1} of the line is not UTF-8",
            value=block[error.start : error.start + 4].hex(),
            raw=block.decode("utf-8", "backslashreplace").rstrip("\r\n"),
        )
    if number == 1:
        text = text.removeprefix(_BOM)
    text = text.removesuffix("\n").removesuffix("\r")
    return Line(number, text) if text.strip(" \t") else None


def first_line(path: str) -> str:
    """Return the first line of ``path`` that can be read, or the empty text.

    Not for standard input, whose bytes would be gone.
    """
    for line in read_lines(path):
        return line.text if isinstance(line, Line) else ""
    return ""


def split_csv(text: str, delimiter: str = ",") -> list[str]:
    """Return the fields of one CSV line (RFC 4180 without line breaks in fields).

    Raises :class:`ValueError` saying what is wrong.
    """
    try:
        rows = list(csv.reader([text], strict=True, delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"not a CSV line: {error}") from error
    return rows[0] if rows else []


def read_csv(
    path: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
    limits: Limits = LIMITS,
    *,
    lines: Iterable[Line | Refusal] | None = None,
    delimiter: str = ",",
    header_line: int = 1,
) -> Iterator[CsvRow | Refusal]:
    """Yield the rows of a CSV file whose first line names its columns.

    Every ``required`` column must be there, and none beyond ``required`` and ``optional``; their
    order is free. A wrong header refuses the file, a wrong row itself. ``lines`` are those of the
    file where something else stood before the header and has been read already; what stands before
    ``header_line`` (counted from 1) is passed over.
    """
    header: list[str] | None = None
    for line in _from(header_line, read_lines(path, limits) if lines is None else lines):
        if isinstance(line, Refusal):
            yield line
            if header is None:
                return
            continue
        try:
            fields = split_csv(line.text, delimiter)
        except ValueError as error:
            yield refuse(path, line.number, str(error), raw=line.text)
            if header is None:
                return
            continue
        if header is None:
            wrong = _check_header(path, line, fields, required, optional)
            if wrong is not None:
                yield wrong
                return
            header = fields
        elif len(fields) != len(header):
            yield refuse(
                path,
                line.number,
                f"{len(fields)} fields where the header has {len(header)}",
                raw=line.text,
            )
        else:
            yield CsvRow(line.number, dict(zip(header, fields, strict=True)), line.text)
    if header is None:
        yield refuse(path, 0, f"is empty; it needs a header: {', '.join(required)}")


def _from(number: int, lines: Iterable[Line | Refusal]) -> Iterator[Line | Refusal]:
    """Pass over lines before ``number``, but not over what cannot be read there."""
    for line in lines:
        if isinstance(line, Refusal) or line.number >= number:
            yield line


def _check_header(
    path: str, line: Line, header: list[str], required: Sequence[str], optional: Sequence[str]
) -> Refusal | None:
    for name in required:
        if name not in header:
            reason = f"the header lacks column {name!r}; it needs {', '.join(required)}"
            return refuse(path, line.number, reason, field=name, raw=line.text)
    known = {*required, *optional}
    for i, name in enumerate(header):
        if name not in known:
            reason = f"the header has an unknown column {name[:60]!r}"
            return refuse(path, line.number, reason, field=name[:60], value=name, raw=line.text)
        if name in header[:i]:
            reason = f"the header has column {name!r} twice"
            return refuse(path, line.number, reason, field=name, raw=line.text)
    return None
