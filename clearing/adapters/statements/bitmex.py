"""BitMEX wallet history as CSV: every movement of a wallet, in the smallest unit of its currency.

Lines take effect at ``timestamp`` (``transactTime`` is when they were asked for). Lines of one
``timestamp`` are one batch: each carries the balance at the batch's end. Amounts are net of fees:
the fee of a withdrawal is part of its amount. Source: BitMEX API, ``GET /user/walletHistory``.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from clearing.adapters.base import Setting, settle
from clearing.adapters.fields import choice_field, time_field, whole_field
from clearing.adapters.files import CsvRow, read_csv
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.quantities import exact_decimal

_CURRENCIES: Final[Mapping[str, tuple[str, int]]] = {
    "XBt": ("XBT", 8),
    "USDt": ("USDT", 6),
    "BMEx": ("BMEX", 6),
    "Gwei": ("ETH", 9),
    "LAMp": ("SOL", 9),
    "USDc": ("USDC", 6),
}
"""Currencies as BitMEX writes them: the asset, and how many decimals its smallest unit has."""

_KINDS: Final[Mapping[str, MovementKind]] = {
    "Deposit": "deposit",
    "Withdrawal": "withdrawal",
    "Transfer": "transfer",
    "RealisedPNL": "realised_pnl",
    "Funding": "funding",
    "Conversion": "conversion",
    "SpotTrade": "trade",
    "AffiliatePayout": "rebate",
    "CashRebalance": "adjustment",
    "VaultWithdrawal": "withdrawal",
    "VaultDeposit": "deposit",
}

_STATES: Final = ("Completed", "Canceled", "Pending", "Processed", "Confirmed", "Accepted")
_COUNTS: Final = ("Completed", "Processed", "Confirmed", "Accepted")

_REQUIRED: Final = (
    "timestamp",
    "transactType",
    "transactStatus",
    "currency",
    "amount",
    "fee",
    "walletBalance",
    "transactID",
    "address",
)
_OPTIONAL: Final = ("account", "transactTime", "network", "marginBalance", "text", "tx", "orderID")


class BitmexWallet:
    """The statement format ``bitmex-wallet``."""

    name: Final = "bitmex-wallet"
    summary: Final = "BitMEX wallet history (CSV): deposits, withdrawals, realised PnL by day"
    venue: Final = "bitmex"
    columns: Final[Mapping[str, str]] = {
        "timestamp": "the moment; lines of one moment are a batch",
        "transactTime": "ignored: when it was asked for",
        "transactType": "the kind",
        "transactStatus": "Canceled and Pending move nothing",
        "currency": "the asset, and the unit of amount, fee and balance",
        "network": "ignored: the chain, by its name",
        "amount": "the movement, its fee included",
        "fee": "ignored: it is part of the amount",
        "walletBalance": "the balance at the end of the batch",
        "transactID": "the native id",
        "address": "the market of realised PnL and funding; else where it went",
        "account": "the account",
        "marginBalance": "ignored: another figure's snapshot",
        "text": "ignored: a remark",
        "tx": "ignored: the transaction on the chain",
        "orderID": "ignored: the order of a conversion",
    }
    balances: Final[Balances] = "batch"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = False
    page_limits: Final = frozenset({100, 500, 1_000, 10_000})
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header names the columns that only this format has."""
        return {"transactID", "transactType", "walletBalance", "timestamp"} <= set(beginning.header)

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        settle(self.name, self.settings, settings)
        rows = read_csv(path, _REQUIRED, _OPTIONAL)
        return items_of(path, rows, lambda row: [_line(path, row)])


def _line(path: str, row: CsvRow) -> StatementLine:
    fields = row.fields
    currency = choice_field("currency", fields["currency"], tuple(_CURRENCIES))
    asset, decimals = _CURRENCIES[currency]
    state = choice_field("transactStatus", fields["transactStatus"], _STATES)
    kind = _KINDS[choice_field("transactType", fields["transactType"], tuple(_KINDS))]
    amount = exact_decimal(whole_field("amount", fields["amount"]), decimals)
    balance = exact_decimal(whole_field("walletBalance", fields["walletBalance"]), decimals)
    whole_field("fee", fields["fee"] or "0")
    counts = state in _COUNTS
    return StatementLine(
        path,
        row.number,
        time_field("timestamp", fields["timestamp"]),
        fields.get("account", ""),
        fields["transactID"],
        fields["address"] if kind in ("realised_pnl", "funding") else "",
        (CashLeg(asset, kind, amount if counts else Decimal(0), balance),),
        None,
        fields,
    )


BITMEX_WALLET: Final = BitmexWallet()
