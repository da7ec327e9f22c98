"""The journal for hledger, that ``hledger check --strict`` accepts."""

from datetime import date
from typing import Final, TextIO

from clearing.audit.journal import Journal, JournalEvent
from clearing.books.exports.names import Names
from clearing.books.exports.writing import Balances, JournalWriter
from clearing.quantities import format_scaled

_ASSERTED: Final = "balances at the end of the day"
_ESCAPED: Final = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "%,[]"})
"""What would end a tag's value or begin a date in it, as in URLs."""


class HledgerWriter(JournalWriter):
    """Writes a journal for hledger."""

    def __init__(self, names: Names, out: TextIO) -> None:
        super().__init__(names, out)
        self._payees: set[str] = set()

    def head(self, journal: Journal) -> None:
        """Write what numbers look like, and commodities with all their decimals."""
        registry = self.names.registry
        of = [registry.account(ordinal).name for ordinal in journal.accounts]
        whose = f", what {', '.join(of)} took part in" if of else ""
        self.out.write(
            f"; The ledger up to log position {journal.log_position}{whose}.\n"
            "; Cash postings, one transaction for each event; liabilities are negative.\n"
            "; Dates are those of the greatest time that had occurred; `occurred` is the event's.\n"
            "; `name` says what a commodity or an account is called in the ledger.\n"
            "; In tags % , [ ] are written %25 %2C %5B %5D.\n\n"
            "decimal-mark .\n\n"
        )
        for ordinal in range(1, registry.counts()[1] + 1):
            asset = registry.asset(ordinal)
            sample = format_scaled(1000 * 10**asset.decimals, asset.decimals)
            point = "" if asset.decimals else "."
            self.out.write(
                f'commodity {sample}{point} "{self.names.commodity(ordinal)}"'
                f"  ; name:{_tag(asset.name)}\n"
            )

    def opened(self, account: str, owner: str, on: date) -> None:
        """Write an ``account`` directive."""
        del on  # declarations have no date
        self.out.write(f"\naccount {account}{f'  ; name:{_tag(owner)}' if owner else ''}\n")

    def _payee(self, name: str) -> None:
        """Declare what a transaction is called, before it is first used."""
        if name not in self._payees:
            self._payees.add(name)
            self.out.write(f"\npayee {name}\n")

    def transaction(self, event: JournalEvent) -> None:
        """Write a transaction; its code is the log position, its tags say of which event it is."""
        self._payee(event.kind)
        occurred = event.occurred_at.isoformat().replace("+00:00", "Z")
        lines = [
            f"\n{event.booked_on} * ({event.log_position}) {event.kind}\n",
            f"    ; source:{_tag(event.source)}\n",
            f"    ; external-id:{_tag(event.external_id)}\n",
            f"    ; occurred:{occurred}\n",
            f"    ; leaf:{event.leaf}\n",
        ]
        for each in event.postings:
            code = self.names.commodity(each.asset)
            tags = f"purpose:{_tag(each.purpose)}"
            if each.market:
                tags += f", market:{_tag(self.names.registry.market(each.market).name)}"
            for side, units in ((each.payer, each.amount), (each.payee, -each.amount)):
                amount = self.amount(units, each.asset)
                lines.append(f'    {self.names.account(*side)}  {amount} "{code}"  ; {tags}\n')
        self.out.writelines(lines)

    def asserted(self, balances: Balances, on: date) -> None:
        """Write a transaction that moves nothing and asserts balances, the day's last."""
        if not balances:
            return
        self._payee(_ASSERTED)
        self.out.write(f"\n{on} * {_ASSERTED}\n")
        for (kind, ordinal, asset), units in sorted(balances.items()):
            code = self.names.commodity(asset)
            self.out.write(
                f"    {self.names.account(kind, ordinal)}"
                f'  {self.amount(0, asset)} "{code}" = {self.amount(-units, asset)} "{code}"\n'
            )


def _tag(text: str) -> str:
    return text.translate(_ESCAPED)
