"""What the journals of both tools have in common: what is written when, and what is asserted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TextIO

from clearing.audit.journal import Journal, JournalEvent
from clearing.books.exports.names import Names
from clearing.quantities import format_scaled

Progress = Callable[[int], None]
"""Called with the log position reached."""

Balances = Mapping[tuple[str, int, int], int]
"""What the ledger owes, by kind, ordinal and asset, in units."""


@dataclass(frozen=True, slots=True)
class JournalWritten:
    """A journal that was written: how many transactions, and how many balances are asserted."""

    file: str
    log_position: int
    transactions: int
    assertions: int


class JournalWriter(ABC):
    """Writes a journal to a file, a tool's way.

    The tools' amounts are debits less credits, so what the ledger owes is negative there.
    """

    def __init__(self, names: Names, out: TextIO) -> None:
        self.names = names
        self.out = out
        self._opened: set[str] = set()

    @abstractmethod
    def head(self, journal: Journal) -> None:
        """Write what stands before the first transaction."""

    @abstractmethod
    def opened(self, account: str, owner: str, on: date) -> None:
        """Declare an account, that of ``owner`` (empty: nobody's), before it is first used."""

    @abstractmethod
    def transaction(self, event: JournalEvent) -> None:
        """Write an event's postings as one transaction."""

    @abstractmethod
    def asserted(self, balances: Balances, on: date) -> None:
        """Assert balances as they are at the end of a day."""

    def open_all(self, accounts: Iterable[tuple[str, int]], on: date) -> None:
        """Declare the accounts that were not declared yet."""
        for kind, ordinal in accounts:
            name = self.names.account(kind, ordinal)
            if name not in self._opened:
                self._opened.add(name)
                self.opened(name, self.names.owner(kind, ordinal), on)

    def amount(self, units: int, asset: int) -> str:
        """Return an amount with all decimals of its asset."""
        return format_scaled(units, self.names.registry.asset(asset).decimals)


def write_journal(
    journal: Journal, writer: JournalWriter, *, daily: bool, progress: Progress | None
) -> tuple[int, int]:
    """Write a whole journal; return how many transactions and how many assertions it has.

    Every balance that stands at the end is asserted, as the ledger has it and not as the postings
    add up to; with ``daily``, also those that changed, at the end of each day.
    """
    writer.head(journal)
    changed: dict[tuple[str, int, int], int] = {}
    transactions = assertions = 0
    day: date | None = None
    for event in journal.events():
        if day is not None and day != event.booked_on and changed:
            assertions += len(changed)
            writer.asserted(changed, day)
            changed = {}
        day = event.booked_on
        sides = [side for each in event.postings for side in (each.payer, each.payee)]
        writer.open_all(sides, day)
        writer.transaction(event)
        transactions += 1
        if daily:
            _note(journal, event, changed)
        if progress is not None:
            progress(event.log_position)
    if day is not None:
        balances = journal.balances()
        writer.open_all((key[:2] for key in balances), day)
        writer.asserted(balances, day)
        assertions += len(balances)
    return transactions, assertions


def _note(journal: Journal, event: JournalEvent, changed: dict[tuple[str, int, int], int]) -> None:
    for each in event.postings:
        for (kind, ordinal), balance in (
            (each.payer, each.payer_balance),
            (each.payee, each.payee_balance),
        ):
            if journal.owns(kind, ordinal):
                changed[kind, ordinal, each.asset] = balance
