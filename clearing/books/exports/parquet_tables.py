"""Tables as Parquet, through pyarrow: times are timestamps in UTC, decimals exact text.

A decimal of Parquet has one scale for a column and at most 38 digits where every program is to read
it; a column of ours holds amounts of assets with different decimals, and as many digits as they
have.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from clearing.adapters import pyarrow_modules
from clearing.audit.tables import Column, Row
from clearing.books.exports.folders import TableFormat, TableWriter


class ParquetWriter(TableWriter):
    """Writes rows as Parquet, a page a row group."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._arrow, parquet = pyarrow_modules()
        types = {
            "integer": self._arrow.int64(),
            "boolean": self._arrow.bool_(),
            "time": self._arrow.timestamp("us", tz="UTC"),
            "decimal": self._arrow.string(),
            "text": self._arrow.string(),
        }
        self._columns = columns
        self._schema = self._arrow.schema(
            [self._arrow.field(column.name, types[column.type]) for column in columns]
        )
        self._file = parquet.ParquetWriter(path, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows; where there is no time or no number, nothing (null)."""
        columns = [
            [_value(column, value) for value in values]
            for column, values in zip(self._columns, zip(*rows, strict=True), strict=True)
        ]
        arrays = [
            self._arrow.array(values, field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._file.write_batch(self._arrow.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ParquetTables(TableFormat):
    """Parquet files."""

    suffix = ".parquet"

    def open(self, path: Path, columns: Sequence[Column]) -> ParquetWriter:
        """Return what writes a table to a new Parquet file.

        Raises :class:`~clearing.adapters.ParquetMissing` without pyarrow.
        """
        return ParquetWriter(path, columns)


def _value(column: Column, value: str | int) -> Any:
    if column.type == "time":
        return datetime.fromisoformat(str(value)) if value else None
    return None if column.type == "decimal" and value == "" else value
