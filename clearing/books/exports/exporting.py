"""Exporting: one function for every format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clearing.audit import Moment
from clearing.audit.journal import Journal
from clearing.books.exports.beancount import BeancountWriter
from clearing.books.exports.csv_tables import CsvTables
from clearing.books.exports.folders import TableFormat, TablesWritten, write_tables
from clearing.books.exports.hledger import HledgerWriter
from clearing.books.exports.names import Names
from clearing.books.exports.parquet_tables import ParquetTables
from clearing.books.exports.writing import JournalWriter, JournalWritten, Progress, write_journal
from clearing.books.new_files import new_file
from clearing.log import Connection

_JOURNALS: Final[dict[str, type[JournalWriter]]] = {
    "beancount": BeancountWriter,
    "hledger": HledgerWriter,
}
_FOLDERS: Final[dict[str, type[TableFormat]]] = {"csv": CsvTables, "parquet": ParquetTables}

FORMATS: Final = (*_JOURNALS, *_FOLDERS)
"""The formats there are; the first two are files, the others folders."""

Written = JournalWritten | TablesWritten


def export(
    connection: Connection,
    moment: Moment,
    form: str,
    path: Path,
    *,
    accounts: Sequence[str] = (),
    daily: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write the log's books up to a moment to ``path``, which must not exist.

    ``form`` is one of :data:`FORMATS`. Of the journals, ``accounts`` leaves the events that the
    accounts had cash moved by, and ``daily`` asserts balances at the end of each day as well.
    ``progress`` is called with the log position reached, or the number of rows written. Raises
    :class:`OutputThere`, :class:`TooManyDigits`, :class:`~clearing.audit.NameUnknown`, and
    :class:`~clearing.audit.MomentUnclear` where the moment's books are not the log's.
    """
    if form in _FOLDERS:
        if accounts or daily:
            raise ValueError(f"accounts and daily balances are of journals, not of {form} tables")
        return write_tables(connection, moment, _FOLDERS[form](), path, progress)
    if form not in _JOURNALS:
        raise ValueError(f"there is no format {form!r}; there are: {', '.join(FORMATS)}")
    journal = Journal(connection, moment, accounts)
    with new_file(path) as out:
        writer = _JOURNALS[form](Names(journal.registry), out)
        transactions, assertions = write_journal(journal, writer, daily=daily, progress=progress)
    return JournalWritten(str(path), moment.position, transactions, assertions)
