"""The fold: book and event in, entries out.

Here is what the ledger is for: cash, positions, funding, margin, liquidation and who bears a loss,
as one pure function over the log. It does no input or output, reads no clock and no
environment, draws nothing at random, never uses a binary floating-point number, and iterates
nothing whose order could differ between two runs. ``docs/semantics.md`` fixes everything that two
engineers could otherwise build differently.
"""

from clearing.engine.cash import Resolver
from clearing.engine.entries import ENTRY_FIELDS, GENESIS_HASH, Entry, chain
from clearing.engine.fold import ENGINE_VERSION, Engine, OutOfOrder, UnknownKind, WatchName
from clearing.quantities import Trace

__all__ = [
    "ENGINE_VERSION",
    "ENTRY_FIELDS",
    "GENESIS_HASH",
    "Engine",
    "Entry",
    "OutOfOrder",
    "Resolver",
    "Trace",
    "UnknownKind",
    "WatchName",
    "chain",
]
