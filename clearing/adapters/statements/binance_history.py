"""Binance transaction history as CSV: every movement of every wallet of a user, one asset each.

One line is one movement; a fill is two lines and its fee a third, and nothing ties them together
but their second. The wallets of a user (spot, funding, futures …) are accounts of their own: a
transfer between them is a line of each. Newer exports name the columns differently, write years
with two digits, and have the times of the clock that was asked for when they were made.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from clearing.adapters.base import Setting, settle
from clearing.adapters.fields import FieldRefused
from clearing.adapters.files import CsvRow, read_csv
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.values import (
    UTC_OFFSET,
    amount_field,
    legs,
    offset_setting,
    wall_time_field,
)

_KINDS: Final[Mapping[str, MovementKind]] = {
    "deposit": "deposit",
    "fiat deposit": "deposit",
    "withdraw": "withdrawal",
    "fiat withdraw": "withdrawal",
    "fiat withdrawal": "withdrawal",
    "send": "withdrawal",
    "transfer_in": "transfer",
    "transfer_out": "transfer",
    "asset conversion transfer": "conversion",
    "futures convert": "conversion",
    "binance convert": "conversion",
    "large otc trading": "conversion",
    "small assets exchange bnb": "conversion",
    "stablecoins auto-conversion": "conversion",
    "buy": "trade",
    "sell": "trade",
    "transaction buy": "trade",
    "transaction spend": "trade",
    "transaction sold": "trade",
    "transaction revenue": "trade",
    "transaction related": "trade",
    "fee": "fee",
    "transaction fee": "fee",
    "realize profit and loss": "realised_pnl",
    "realized profit and loss": "realised_pnl",
    "funding fee": "funding",
    "insurance fund compensation": "insurance",
    "insurance fund refund": "insurance",
    "insurance fund": "insurance",
    "referee rebates": "rebate",
    "referrer rebates": "rebate",
    "referral kickback": "rebate",
    "referral commission": "rebate",
    "commission rebate": "rebate",
    "commission history": "rebate",
    "commission fee shared with you": "rebate",
}
"""Operations in lower case: exports of different years capitalise them differently."""

_ACCOUNTS: Final[Mapping[str, str]] = {
    "spot": "Spot",
    "funding": "Funding",
    "earn": "Earn",
    "pool": "Pool",
    "savings": "Savings",
    "usdtfutures": "USD-M Futures",
    "usdmfutures": "USD-M Futures",
    "coinfutures": "Coin-M Futures",
    "coinmfutures": "Coin-M Futures",
    "crossmargin": "Cross Margin",
    "isolatedmargin": "Isolated Margin",
    "options": "Options",
    "card": "Card",
}
"""Wallets by their letters: exports of different years write one of them in several ways."""

_USER: Final = ("User_ID", "User ID")
_TIME: Final = ("UTC_Time", "Time")
_REQUIRED: Final = ("Account", "Operation", "Coin", "Change", "Remark")


class BinanceHistory:
    """The statement format ``binance-history``."""

    name: Final = "binance-history"
    summary: Final = "Binance transaction history (CSV): movements of all wallets, assets by lines"
    venue: Final = "binance"
    columns: Final[Mapping[str, str]] = {
        "User_ID": "the account, before the wallet",
        "User ID": "User_ID in newer exports",
        "UTC_Time": "the moment, in UTC",
        "Time": "the moment in newer exports, of the clock that the setting utc_offset says",
        "Account": "the account's wallet, in one spelling",
        "Operation": "the kind; one that is not known is other",
        "Coin": "the asset",
        "Change": "the movement",
        "Remark": "ignored: a note",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = False
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {"utc_offset": UTC_OFFSET}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header names the columns that only this format has."""
        header = set(beginning.header)
        return set(_REQUIRED) <= header and bool(header & set(_USER))

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        chosen = settle(self.name, self.settings, settings)
        ahead = offset_setting(self.name, chosen["utc_offset"])
        rows = read_csv(path, _REQUIRED, (*_USER, *_TIME))
        return items_of(path, rows, lambda row: [_line(path, row, ahead)])


def _line(path: str, row: CsvRow, ahead: timedelta) -> StatementLine:
    fields = row.fields
    user = _one_of(fields, _USER)
    time = _one_of(fields, _TIME)
    # The column says that it is UTC; the other says nothing, and the setting speaks for it.
    at = wall_time_field(time, fields[time], timedelta() if time == "UTC_Time" else ahead)
    asset = _filled(fields, "Coin")
    operation = _filled(fields, "Operation")
    amount = amount_field("Change", fields["Change"])
    return StatementLine(
        path,
        row.number,
        at,
        f"{_filled(fields, user)}/{_wallet(fields['Account'])}",
        "",
        "",
        legs(asset, None, (_kind(operation, amount), amount)),
        None,
        fields,
    )


def _kind(operation: str, amount: Decimal) -> MovementKind:
    word = operation.lower()
    if word.startswith("transfer between "):
        return "transfer"
    if word.endswith(" interest"):
        return "interest"
    if "margin liquidation" in word:
        return "liquidation"
    kind = _KINDS.get(word, "other")
    return "rebate" if kind == "fee" and amount > 0 else kind


def _wallet(text: str) -> str:
    letters = "".join(one for one in text.lower() if one.isalnum())
    if letters not in _ACCOUNTS:
        right = ", ".join(sorted(set(_ACCOUNTS.values())))
        raise FieldRefused("Account", text, f"{text[:60]!r} is not a wallet; known are {right}")
    return _ACCOUNTS[letters]


def _filled(fields: Mapping[str, str], name: str) -> str:
    if not fields[name]:
        raise FieldRefused(name, "", "is empty; every line has one")
    return fields[name]


def _one_of(fields: Mapping[str, str], names: tuple[str, str]) -> str:
    found = [name for name in names if name in fields]
    if len(found) != 1:
        raise FieldRefused(names[0], "", f"the header needs one of {names[0]} and {names[1]}")
    return found[0]


BINANCE_HISTORY: Final = BinanceHistory()
