"""Statements of venues, banks and chains: one module per format, none of which knows another.

A reader yields the lines of a file as told, with our signs (what raises a balance is positive, what
was bought is positive, a fee paid is positive) and UTC moments, and refuses what it cannot read
with file, line and field. :mod:`base` has what they yield, :mod:`describing` what was seen of a
file, :mod:`sniffing` recognises formats.
"""

from clearing.adapters.statements.base import (
    MAX_DECIMALS,
    MOVEMENT_KINDS,
    Balances,
    Beginning,
    CashLeg,
    FillLeg,
    Item,
    MovementKind,
    StatedBalance,
    StatementLine,
    StatementReader,
)
from clearing.adapters.statements.describing import Described, described
from clearing.adapters.statements.sniffing import (
    STATEMENT_READERS,
    FormatUnknown,
    settled_reader,
    sniff_statement,
    statement_files,
)
from clearing.adapters.statements.storable import storable

__all__ = [
    "MAX_DECIMALS",
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
    "storable",
]
