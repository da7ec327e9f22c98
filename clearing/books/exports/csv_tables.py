"""Tables as CSV (RFC 4180): UTF-8, a header, times in ISO 8601, exact decimals."""

import csv
from collections.abc import Sequence
from pathlib import Path

from clearing.audit.tables import Column, Row
from clearing.books.exports.folders import TableFormat, TableWriter


class CsvWriter(TableWriter):
    """Writes rows as CSV."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._file = path.open("x", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow([column.name for column in columns])

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows; conditions are ``true`` and ``false``."""
        self._rows.writerows([_cell(value) for value in row] for row in rows)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class CsvTables(TableFormat):
    """CSV files."""

    suffix = ".csv"

    def open(self, path: Path, columns: Sequence[Column]) -> CsvWriter:
        """Return what writes a table to a new CSV file."""
        return CsvWriter(path, columns)


def _cell(value: str | int) -> str | int:
    return ("false", "true")[value] if isinstance(value, bool) else value
