"""The journal: every posting of a generation in the order of the log, event by event.

It is read in pages along an index, so that a journal of any length takes the memory of a page and
of its largest event.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from clearing.audit.load import Histories
from clearing.audit.losses import declared
from clearing.audit.moments import Moment
from clearing.events import Kind, Registry
from clearing.events.fields import from_microseconds
from clearing.log import Connection, read_rows

_PAGE: Final = 20_000
"""How many lines of postings are read at a time."""

_OWN: Final = ("account", "pending")
"""Ledger accounts that are an account's."""

LedgerAccount = tuple[str, int]
"""A ledger account: its kind, and the ordinal of the account or market that it is of (0: none)."""


@dataclass(frozen=True, slots=True)
class JournalPosting:
    """A posting: ``amount`` (> 0, in the asset's smallest unit) went from ``payer`` to ``payee``.

    The balances are what the ledger then owed (positive) to either. ``asset`` and ``market`` (0:
    none) are ordinals.
    """

    line: int
    asset: int
    amount: int
    payer: LedgerAccount
    payee: LedgerAccount
    payer_balance: int
    payee_balance: int
    purpose: str
    market: int


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """An event that posted, with all its postings in their order.

    ``booked_on`` is the day of the greatest time at which any fact up to here had occurred: it
    never goes back, so what is booked up to the end of a day is what the log says at a position.
    ``leaf`` is the hash that the log holds the event by.
    """

    log_position: int
    kind: str
    source: str
    external_id: str
    occurred_at: datetime
    booked_on: date
    leaf: str
    postings: tuple[JournalPosting, ...]


class Journal:
    """The journal of the log's books up to a moment, of everybody or of what some accounts are in.

    ``registry`` holds what was declared by then. Raises
    :class:`~clearing.audit.MomentUnclear` where the moment's books are not the log's and
    :class:`~clearing.audit.NameUnknown` for an account that was not declared by then.
    """

    def __init__(
        self, connection: Connection, moment: Moment, accounts: Sequence[str] = ()
    ) -> None:
        moment.of_log()
        self._histories = Histories(connection, moment)
        self.registry: Registry = self._histories.registry
        self.log_position = moment.position
        self.accounts = tuple(declared(self.registry, name, moment) for name in accounts)

    def events(self) -> Iterator[JournalEvent]:
        """Yield every event with postings, those of the accounts' alone where any are named."""
        pages = self._of_accounts() if self.accounts else self._lines()
        for lines in pages:
            grouped: dict[int, list[Any]] = {}
            for line in lines:
                grouped.setdefault(line[0], []).append(line)
            yield from self._told(grouped)

    def owns(self, kind: str, ordinal: int) -> bool:
        """Whether all postings on a ledger account are in the journal."""
        return not self.accounts or (kind in _OWN and ordinal in self.accounts)

    def balances(self) -> dict[tuple[str, int, int], int]:
        """Return what the ledger owes (positive), by kind, ordinal and asset, in units.

        These are the balances that stand at the moment, looked up one by one and not added up from
        the postings. Ledger accounts that nothing was ever posted on are not in it.
        """
        book = self._histories.whole_book()
        found = {
            ("account", account, asset): scope.cash
            for (account, asset), scope in book.scopes.items()
        }
        found.update(book.balances)
        return {key: units for key, units in found.items() if self.owns(key[0], key[1])}

    def _lines(self) -> Iterator[list[Any]]:
        """Yield pages of lines that end where an event does, but for an event larger than one."""
        place, kept = (0, 0, 0), list[Any]()
        while True:
            page = self._histories.rows(
                f"{_LINES} WHERE (position, line, side) > (%(at)s, %(line)s, %(side)s)"
                " AND position >= %(at)s AND position <= %(position)s"
                " ORDER BY position, line, side LIMIT %(limit)s",
                ["posting"],
                at=place[0],
                line=place[1],
                side=place[2],
                limit=_PAGE,
            )
            kept += page
            if len(page) < _PAGE:
                yield kept
                return
            place = (page[-1][0], page[-1][1], page[-1][2])
            whole = next((n for n in range(len(kept), 0, -1) if kept[n - 1][0] != place[0]), 0)
            if whole:
                yield kept[:whole]
                kept = kept[whole:]

    def _of_accounts(self) -> Iterator[list[Any]]:
        """Yield the lines of the events in which the accounts were paid or paid."""
        positions = array("q")
        for (position,) in self._histories.rows(
            "SELECT DISTINCT position FROM {posting} WHERE ledger = ANY(%(own)s)"
            " AND ordinal = ANY(%(accounts)s) AND position <= %(position)s ORDER BY position",
            ["posting"],
            own=list(_OWN),
            accounts=list(self.accounts),
        ):
            positions.append(position)
        for first in range(0, len(positions), _EVENTS):
            yield self._histories.rows(
                f"{_LINES} WHERE position = ANY(%(wanted)s) ORDER BY position, line, side",
                ["posting"],
                wanted=positions[first : first + _EVENTS].tolist(),
            )

    def _told(self, grouped: dict[int, list[Any]]) -> Iterator[JournalEvent]:
        """Yield the events of some lines with what the log says of them."""
        positions = list(grouped)
        late = dict(
            self._histories.rows(
                "SELECT position, microseconds FROM {late} WHERE position = ANY(%(wanted)s)",
                ["late"],
                wanted=positions,
            )
        )
        stored = read_rows(self._histories.connection, positions) if positions else []
        for row, leaf in stored:
            latest = row.occurred_at + int(late.get(row.position, 0))
            yield JournalEvent(
                row.position,
                Kind(row.kind).name,
                self.registry.source(row.source).name,
                row.external_id,
                from_microseconds(row.occurred_at),
                from_microseconds(latest).date(),
                leaf.hex(),
                tuple(_postings(grouped[row.position])),
            )


_LINES: Final = (
    "SELECT position, line, side, ledger, ordinal, asset, amount, balance, purpose, market"
    " FROM {posting}"
)
_EVENTS: Final = 1_000
"""How many events of accounts are read at a time."""


def _postings(lines: list[Any]) -> Iterator[JournalPosting]:
    """Yield the postings of an event's lines: one side after the other, the payer's first."""
    for payer, payee in zip(lines[::2], lines[1::2], strict=True):
        yield JournalPosting(
            payer[1],
            payer[5],
            int(payee[6]),
            (payer[3], payer[4]),
            (payee[3], payee[4]),
            int(payer[7]),
            int(payee[7]),
            payer[8],
            payer[9],
        )
