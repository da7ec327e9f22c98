"""Our own books for others to read: statements, attribution of profit and loss, exports, proofs.

It reads what the ledger's read models say through :mod:`clearing.audit` and writes files; it knows
nothing of the engine's inside and changes nothing in the log.
"""

from clearing.books.attribution import Attribution, BooksDoNotAddUp, PartView
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
from clearing.books.issuing import Issued, NotIssued, Statement, draw, issue, issued, stored
from clearing.books.restating import Difference, Restatement, restatement

__all__ = [
    "CALENDARS",
    "Attribution",
    "BooksDoNotAddUp",
    "Calendar",
    "Cut",
    "Difference",
    "Drawn",
    "Issued",
    "NotIssued",
    "PartView",
    "Period",
    "PeriodUnclear",
    "Restatement",
    "Statement",
    "between",
    "calendar_from",
    "calendar_of",
    "cut",
    "draw",
    "issue",
    "issued",
    "period_of",
    "restatement",
    "stored",
]
