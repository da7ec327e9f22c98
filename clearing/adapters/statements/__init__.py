"""Statements of venues, banks and chains: one module per format, none of which knows another.

A reader yields the lines of a file as told, with our signs (what raises a balance is positive, what
was bought is positive, a fee paid is positive) and UTC moments, and refuses what it cannot read
with file, line and field. :mod:`base` has what they yield, :mod:`sniffing` recognises formats.
"""

from clearing.adapters.statements.base import (
    MOVEMENT_KINDS,
    Balances,
    Beginning,
    CashLeg,
    Described,
    FillLeg,
    Item,
    MovementKind,
    StatedBalance,
    StatementLine,
    StatementReader,
    described,
)
from clearing.adapters.statements.sniffing import (
    STATEMENT_READERS,
    FormatUnknown,
    settled_reader,
    sniff_statement,
    statement_files,
)

__all__ = [
    "MOVEMENT_KINDS",
    "STATEMENT_READERS",
    "Balances",
    "Beginning",
    "CashLeg",
    "Described",
    "FillLeg",
    "FormatUnknown",
    "Item",
    "MovementKind",
    "StatedBalance",
    "StatementLine",
    "StatementReader",
    "described",
    "settled_reader",
    "sniff_statement",
    "statement_files",
]
