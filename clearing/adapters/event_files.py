"""Files of events in our own formats: telling them apart, and reading each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args

from clearing.adapters.base import Located, Refusal, refuse
from clearing.adapters.csv_events import read_csv_events
from clearing.adapters.files import STDIN, first_line
from clearing.adapters.jsonl import read_jsonl_events
from clearing.adapters.parquet import read_parquet_events

Format = Literal["jsonl", "csv", "parquet"]
"""The formats that events are appended from."""

FORMATS: Final[tuple[str, ...]] = get_args(Format)
_SUFFIXES: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_PARQUET_MAGIC: Final = b"PAR1"


def format_of(path: str) -> Format:
    """Return the format of ``path``: by its suffix (before ``.gz``), else by its first bytes.

    Standard input is JSONL unless the caller says otherwise.
    """
    if path == STDIN:
        return "jsonl"
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    known = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if known is not None:
        return known
    try:
        with Path(path).open("rb") as file:
            if file.read(4) == _PARQUET_MAGIC:
                return "parquet"
    except OSError:
        return "jsonl"  # the reader says what is wrong with it
    return "jsonl" if first_line(path).lstrip().startswith("{") else "csv"


def read_events(path: str, form: Format | None = None) -> Iterator[Located | Refusal]:
    """Yield the events of a file in its own order; ``form`` overrides what the file looks like.

    Bad content becomes refusals. Raises :class:`~clearing.adapters.parquet.ParquetMissing` for a
    Parquet file without pyarrow.
    """
    if path != STDIN and Path(path).is_dir():
        yield refuse(path, 0, "is a folder; name the files in it")
        return
    chosen = form or format_of(path)
    if chosen == "jsonl":
        yield from read_jsonl_events(path)
    elif chosen == "csv":
        yield from read_csv_events(path)
    else:
        yield from read_parquet_events(path)
