"""Outside formats, in and out: one module per format, none of which knows another.

An adapter turns files into events with their places, and what cannot become an event into a
refusal that names file, line, field and reason. It knows neither the ledger nor its database, and
it computes nothing that the engine would: what a venue reports is passed on as reported.

:mod:`files` reads lines and CSV within bounds, :mod:`merge` orders several files of one run,
:mod:`event_files` reads our own formats (JSONL, CSV, Parquet), and :data:`IMPORTERS` are the
readers of venues' formats.
"""

from clearing.adapters.base import (
    Book,
    Importer,
    ImportOptions,
    Located,
    OptionRefused,
    Refusal,
    Setting,
)
from clearing.adapters.event_files import FORMATS, Format, format_of, read_events
from clearing.adapters.importers import IMPORTERS, sniff_importer
from clearing.adapters.merge import (
    MAX_EVENTS,
    MergeRefused,
    in_given_order,
    merge,
    merge_sorted,
)
from clearing.adapters.parquet import ParquetMissing, pyarrow_modules

__all__ = [
    "FORMATS",
    "IMPORTERS",
    "MAX_EVENTS",
    "Book",
    "Format",
    "ImportOptions",
    "Importer",
    "Located",
    "MergeRefused",
    "OptionRefused",
    "ParquetMissing",
    "Refusal",
    "Setting",
    "format_of",
    "in_given_order",
    "merge",
    "merge_sorted",
    "pyarrow_modules",
    "read_events",
    "sniff_importer",
]
