"""Events in Parquet: the columns of :mod:`clearing.adapters.columns`, through pyarrow.

pyarrow is the extra ``parquet``. Amounts may be text or Parquet decimals, times text or timestamps
with a time zone, counts any integers. A floating-point column is refused as a whole: its digits are
not what somebody wrote down.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any, Final

from clearing.adapters.base import Located, Refusal, refuse
from clearing.adapters.columns import COLUMNS, REQUIRED, columns_from_event, event_from_columns
from clearing.adapters.files import STDIN
from clearing.events import Event, EventRefused

_BATCH: Final = 4096


class ParquetMissing(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """pyarrow is not installed."""


def pyarrow_modules() -> tuple[ModuleType, ModuleType]:
    """Return pyarrow and pyarrow.parquet; :class:`ParquetMissing` without them."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra: only those who use Parquet need it
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ParquetMissing(
            "Parquet files need pyarrow: install it with 'pip install \"clearing[parquet]\"'"
        ) from error
    return pa, pq


def read_parquet_events(path: str) -> Iterator[Located | Refusal]:
    """Yield the events of a Parquet file, in its order; a location's line is the row, from 1.

    Raises :class:`ParquetMissing` without pyarrow.
    """
    arrow, parquet = pyarrow_modules()
    if path == STDIN:
        yield refuse(path, 0, "Parquet cannot be read from standard input; name the file")
        return
    row = 0
    try:
        with parquet.ParquetFile(path) as file:
            wrong = list(_check_schema(path, file.schema_arrow, arrow))
            if wrong:
                yield from wrong
                return
            for batch in file.iter_batches(batch_size=_BATCH):
                for columns in batch.to_pylist():
                    row += 1
                    yield _located(path, row, columns)
    except (arrow.ArrowException, OSError, ValueError) as error:
        yield refuse(path, row + 1 if row else 0, f"cannot be read further: {error}")


def _check_schema(path: str, schema: Any, arrow: ModuleType) -> Iterator[Refusal]:
    names = list(schema.names)
    for name in REQUIRED:
        if name not in names:
            reason = f"there is no column {name!r}; needed are {', '.join(REQUIRED)}"
            yield refuse(path, 0, reason, field=name)
    types = arrow.types
    for field in schema:
        if field.name not in COLUMNS:
            yield refuse(path, 0, f"column {field.name!r} is of no event", field=field.name)
            continue
        kind = field.type
        if types.is_dictionary(kind):
            kind = kind.value_type
        fits = (
            types.is_string(kind)
            or types.is_large_string(kind)
            or types.is_integer(kind)
            or types.is_decimal(kind)
            or types.is_null(kind)
            or (types.is_timestamp(kind) and kind.tz is not None and kind.unit != "ns")
        )
        if not fits:
            reason = (
                f"is a {field.type} column; write text, integers, decimals, or timestamps with a"
                " time zone and at most microseconds"
            )
            yield refuse(path, 0, reason, field=field.name, value=field.type)


def _located(path: str, row: int, columns: dict[str, Any]) -> Located | Refusal:
    try:
        return Located(event_from_columns(columns), path, row)
    except EventRefused as error:
        raw = repr({name: value for name, value in columns.items() if value is not None})
        return refuse(path, row, error.message, field=error.path, value=error.value, raw=raw)


def write_parquet_events(events: Iterable[Event], path: str) -> int:
    """Write ``events`` to a Parquet file, amounts and times as text; return how many.

    Raises :class:`ParquetMissing` without pyarrow.
    """
    arrow, parquet = pyarrow_modules()
    schema = arrow.schema(
        [
            (name, arrow.int64() if category == "whole" else arrow.string())
            for name, category in COLUMNS.items()
        ]
    )
    remaining = iter(events)
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while block := [columns_from_event(event) for event in islice(remaining, _BATCH)]:
            writer.write_table(arrow.Table.from_pylist(block, schema=schema))
            count += len(block)
    return count
