"""Exports: what the ledger says, in the formats of other tools.

Journals for beancount and hledger have every cash posting; folders of CSV or Parquet files have
every table. ``docs/exports.md`` says what is in them.
"""

from clearing.books.exports.beancount import TooManyDigits
from clearing.books.exports.exporting import FORMATS, Written, export
from clearing.books.exports.folders import TableFile, TablesWritten
from clearing.books.exports.names import Names
from clearing.books.exports.writing import JournalWritten, Progress
from clearing.books.new_files import OutputThere

__all__ = [
    "FORMATS",
    "JournalWritten",
    "Names",
    "OutputThere",
    "Progress",
    "TableFile",
    "TablesWritten",
    "TooManyDigits",
    "Written",
    "export",
]
