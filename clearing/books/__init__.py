"""Our own books for others to read: statements, attribution of profit and loss, exports, proofs.

It reads what the ledger's read models say through :mod:`clearing.audit` and writes files; it knows
nothing of the engine's inside and changes nothing in the log.
"""

from clearing.books.attributing import attribute, attribute_house
from clearing.books.attribution import Attribution, BooksDoNotAddUp, PartLine, PartView
from clearing.books.calendar import (
    CALENDARS,
    Calendar,
    Period,
    PeriodUnclear,
    between,
    calendar_from,
    calendar_of,
    period_of,
)
from clearing.books.cuts import Cut, Drawn, cut
from clearing.books.files import FORMATS, ExtraMissing, statement_file, write_statement
from clearing.books.issuing import Issued, NotIssued, Statement, draw, issue, issued, kept, stored
from clearing.books.restating import Difference, Restatement, restatement

__all__ = [
    "CALENDARS",
    "FORMATS",
    "Attribution",
    "BooksDoNotAddUp",
    "Calendar",
    "Cut",
    "Difference",
    "Drawn",
    "ExtraMissing",
    "Issued",
    "NotIssued",
    "PartLine",
    "PartView",
    "Period",
    "PeriodUnclear",
    "Restatement",
    "Statement",
    "attribute",
    "attribute_house",
    "between",
    "calendar_from",
    "calendar_of",
    "cut",
    "draw",
    "issue",
    "issued",
    "kept",
    "period_of",
    "restatement",
    "statement_file",
    "stored",
    "write_statement",
]
