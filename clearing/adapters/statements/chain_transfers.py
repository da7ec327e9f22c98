"""Transfers on a chain as plain CSV: one transfer per row, with both addresses.

Which addresses are ours is told by the setting ``addresses``, and decides the sign. A fee is what
``from`` paid for the transaction, also for one that failed; it stands on one row of it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from clearing.adapters.base import OptionRefused, Refusal, Setting, settle
from clearing.adapters.fields import (
    FieldRefused,
    choice_field,
    decimal_field,
    digits_field,
    time_field,
)
from clearing.adapters.files import CsvRow, read_csv, read_lines
from clearing.adapters.statements.base import (
    MAX_DECIMALS,
    Balances,
    Beginning,
    CashLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.values import negated, unsigned

_REQUIRED: Final = ("time", "tx_hash", "from", "to", "asset", "amount", "status")
_OPTIONAL: Final = ("chain", "log_index", "fee", "fee_asset", "block")
_STATES: Final = ("success", "failed", "pending")


class ChainTransfers:
    """The statement format ``chain-transfers``."""

    name: Final = "chain-transfers"
    summary: Final = "transfers on a chain (CSV): both addresses, amount, fee; ours by a setting"
    venue: Final = "chain"
    columns: Final[Mapping[str, str]] = {
        "time": "the moment of the block",
        "chain": "ignored: the chain, by its name",
        "tx_hash": "the native id, with log_index where there is one",
        "log_index": "which transfer of the transaction",
        "from": "ours: the amount was paid, and so was the fee",
        "to": "ours: the amount was received",
        "asset": "the asset",
        "amount": "the amount, in whole assets and without a sign",
        "fee": "what from paid for the transaction, on one row of it",
        "fee_asset": "the asset of the fee",
        "block": "ignored: the block's number",
        "status": "failed moves the fee alone, pending nothing",
    }
    balances: Final[Balances] = "none"
    # A transfer between our own addresses moves nothing, and its fees are the chain's alone.
    kinds: Final[frozenset[MovementKind] | None] = frozenset({"deposit", "withdrawal"})
    fills: Final = False
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {
        "addresses": Setting(
            "", (), "our addresses, divided by commas, or @FILE with one per line; must be given"
        )
    }

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header has the columns of this format and no others."""
        header = set(beginning.header)
        return set(_REQUIRED) <= header <= {*_REQUIRED, *_OPTIONAL}

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        given = settle(self.name, self.settings, settings)
        ours = self._addresses(given["addresses"])
        charged: set[tuple[str, str]] = set()
        rows = read_csv(path, _REQUIRED, _OPTIONAL)
        return items_of(path, rows, lambda row: [_line(path, row, ours, charged)])

    def _addresses(self, text: str) -> frozenset[str]:
        told = text.split(",")
        if text.startswith("@"):
            told = []
            for line in read_lines(text[1:]):
                if isinstance(line, Refusal):
                    raise OptionRefused(f"{self.name}: addresses={text!r}: {line}")
                told.append(line.text)
        found = [address.strip() for address in told]
        wrong = [one for one in found if not one or not one.isascii() or set(one) & set(" \t,")]
        if not found or wrong:
            shown = wrong[0][:60] if wrong else text
            raise OptionRefused(
                f"{self.name}: addresses: {shown!r} is not an address; it needs our addresses,"
                " divided by commas, or @FILE with one per line"
            )
        return frozenset(_same(address) for address in found)


def _same(address: str) -> str:
    """Return an address as it is compared: hexadecimal ones mean the same in either case."""
    return address.lower() if address[:2] in ("0x", "0X") else address


def _line(
    path: str, row: CsvRow, ours: frozenset[str], charged: set[tuple[str, str]]
) -> StatementLine:
    fields = row.fields
    at = time_field("time", fields["time"])
    for name in ("tx_hash", "asset"):
        if not fields[name]:
            raise FieldRefused(name, "", "is empty; every transfer has one")
    for name in ("log_index", "block"):
        if fields.get(name):
            digits_field(name, fields[name])
    amount = _not_negative("amount", fields["amount"])
    status = choice_field("status", fields["status"], _STATES)
    paid, received = (_same(fields[name]) in ours for name in ("from", "to"))
    if not (paid or received):
        where = f"{fields['from'][:60]!r}, and so is to, {fields['to'][:60]!r}"
        raise FieldRefused("from", fields["from"], f"is none of our addresses: {where}")
    legs: list[CashLeg] = []
    if status == "success":
        kind: MovementKind = "transfer" if paid and received else "deposit"
        moved = Decimal(0) if paid and received else amount
        if paid and not received:
            kind, moved = "withdrawal", negated(amount)
        legs.append(CashLeg(fields["asset"], kind, moved))
    if status != "pending" and paid:
        legs += _fee(fields, charged)
    index = fields.get("log_index", "")
    return StatementLine(
        path,
        row.number,
        at,
        fields["from" if paid else "to"],
        f"{fields['tx_hash']}:{index}" if index else fields["tx_hash"],
        "",
        tuple(legs),
        None,
        fields,
    )


def _fee(fields: Mapping[str, str], charged: set[tuple[str, str]]) -> Iterator[CashLeg]:
    """Yield the fee's leg; a second fee of a transaction is refused, for it was paid once."""
    text = fields.get("fee", "")
    fee = _not_negative("fee", text) if text else Decimal(0)
    if not fee:
        return
    asset = fields.get("fee_asset", "")
    if not asset:
        raise FieldRefused("fee_asset", "", f"is empty; it must say the asset of the fee, {text}")
    transaction = (fields.get("chain", ""), fields["tx_hash"])
    if transaction in charged:
        reason = f"the fee of {fields['tx_hash'][:80]} stands on an earlier row; here it is empty"
        raise FieldRefused("fee", text, reason)
    charged.add(transaction)
    yield CashLeg(asset, "fee", negated(fee))


def _not_negative(name: str, text: str) -> Decimal:
    number = decimal_field(name, text, decimals=MAX_DECIMALS)
    return unsigned(name, text, number, "from and to say where")


CHAIN_TRANSFERS: Final = ChainTransfers()
