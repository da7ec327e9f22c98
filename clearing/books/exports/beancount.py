"""The journal for beancount: directives and transactions that ``bean-check`` accepts."""

from datetime import date, timedelta
from typing import Final

from clearing.audit.journal import Journal, JournalEvent
from clearing.books.exports.writing import Balances, JournalWriter

_DIGITS: Final = 28
"""How many digits beancount adds up with (the default of Python's decimals)."""

_BEFORE: Final = "1970-01-01"
"""The day commodities are declared on: before all events."""


class TooManyDigits(ValueError):  # noqa: N818 - reads as the statement that it is
    """An amount has more digits than beancount computes with, so its sums would be rounded."""


class BeancountWriter(JournalWriter):
    """Writes a journal for beancount."""

    def head(self, journal: Journal) -> None:
        """Write title and commodities."""
        registry = self.names.registry
        of = [registry.account(ordinal).name for ordinal in journal.accounts]
        whose = f", what {', '.join(of)} took part in" if of else ""
        self.out.write(
            f"; The ledger up to log position {journal.log_position}{whose}.\n"
            "; Cash postings, one transaction for each event; liabilities are negative.\n"
            "; Dates are those of the greatest time that had occurred; `occurred` is the event's.\n"
            "; `name` says what a commodity or an account is called in the ledger.\n\n"
            'option "title" "clearing"\n\n'
        )
        for ordinal in range(1, registry.counts()[1] + 1):
            asset = registry.asset(ordinal)
            self.out.write(
                f"{_BEFORE} commodity {self.names.commodity(ordinal)}\n"
                f"  name: {_quoted(asset.name)}\n  decimals: {asset.decimals}\n"
            )

    def opened(self, account: str, owner: str, on: date) -> None:
        """Write an ``open`` directive."""
        self.out.write(f"\n{on} open {account}\n")
        if owner:
            self.out.write(f"  name: {_quoted(owner)}\n")

    def transaction(self, event: JournalEvent) -> None:
        """Write a transaction; what says of which event it is stands in its metadata."""
        lines = [
            # The link keeps two trades apart that are alike in all but their metadata.
            f'\n{event.booked_on} * "{event.kind}" ^log-{event.log_position}\n',
            f"  log-position: {event.log_position}\n",
            f"  source: {_quoted(event.source)}\n",
            f"  external-id: {_quoted(event.external_id)}\n",
            f'  occurred: "{event.occurred_at.isoformat().replace("+00:00", "Z")}"\n',
            f'  leaf: "{event.leaf}"\n',
        ]
        moved = 0
        for each in event.postings:
            moved += each.amount
            for units in (moved, each.payer_balance, each.payee_balance):
                self._check(units, each.asset)
            code = self.names.commodity(each.asset)
            market = ""
            if each.market:
                name = self.names.registry.market(each.market).name
                market = f"    market: {_quoted(name)}\n"
            for side, units in ((each.payer, each.amount), (each.payee, -each.amount)):
                amount = self.amount(units, each.asset)
                lines.append(
                    f"  {self.names.account(*side)}  {amount} {code}\n"
                    f"    purpose: {_quoted(each.purpose)}\n{market}"
                )
        self.out.writelines(lines)

    def asserted(self, balances: Balances, on: date) -> None:
        """Write ``balance`` directives, which hold at the beginning of the next day, exactly."""
        after = on + timedelta(days=1)
        self.out.write("\n")
        for (kind, ordinal, asset), units in sorted(balances.items()):
            self._check(units, asset)
            self.out.write(
                f"{after} balance {self.names.account(kind, ordinal)}"
                f"  {self.amount(-units, asset)} ~ 0 {self.names.commodity(asset)}\n"
            )

    def _check(self, units: int, asset: int) -> None:
        if abs(units) >= 10**_DIGITS:
            raise TooManyDigits(
                f"{self.amount(units, asset)} {self.names.registry.asset(asset).name} has more than"
                f" the {_DIGITS} digits that beancount computes with; `export hledger` takes them"
            )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
