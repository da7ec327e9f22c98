"""Sample ledgers of our own invention: an incident day, and a book for other people's prices.

Everything here is made from a seed by integer arithmetic alone, so a seed is the whole data set:
the same seed gives the same bytes on every machine and Python. :func:`incident_day` tells one day
of a small venue (what ``clearing demo`` shows); :func:`crash_marks` a crash in the shape of public
bar files; :func:`sample_book` opens a few hundred accounts
against markets and opening prices that come from elsewhere. No venue's data and no private
person's trades are in here, and nothing here reads a file, a clock or a ledger.
"""

from clearing.samples.book import DEFAULT_BOOK_SEED, Book, book_from_text, sample_book
from clearing.samples.crash import DEFAULT_CRASH_SEED, crash_funding, crash_marks
from clearing.samples.incident import DEFAULT_INCIDENT_SEED, incident_day

__all__ = [
    "DEFAULT_BOOK_SEED",
    "DEFAULT_CRASH_SEED",
    "DEFAULT_INCIDENT_SEED",
    "Book",
    "book_from_text",
    "crash_funding",
    "crash_marks",
    "incident_day",
    "sample_book",
]
