"""OKX's account bills, as CSV from its site (``okx-history``) and as JSON (``okx-bills``).

Both have a record for every change of a currency's balance: a spot fill is one of each currency. A
fee is negative where it was paid. The site's export names in a line of titles whose account it is
and how far its clock is ahead of UTC.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from clearing.adapters.base import Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused
from clearing.adapters.files import CsvRow, Line, read_csv
from clearing.adapters.json_pages import Record, text_of, told
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.okx_bills import SUBTYPES, Bill, bill_lines, kind_of
from clearing.adapters.statements.pages import is_page, needed, page_items
from clearing.adapters.statements.titles import header_of, titled_lines
from clearing.adapters.statements.values import (
    UTC_OFFSET,
    amount_field,
    amount_if_told,
    millisecond_field,
    offset_of,
    offset_setting,
    wall_time_field,
)

_REQUIRED: Final = (
    *("id", "Order id", "Time", "Trade Type", "Amount", "Fee", "Position Change"),
    *("Position Balance", "Balance Change", "Balance", "Balance Unit"),
)
_OPTIONAL: Final = (
    *("Symbol", "Instrument", "Action", "Type", "PnL", "PL", "Trading Unit", "Unit"),
    *("Filled Price", "Fee Unit", "Filled_price-USD", "Pnl-USD", "Fee-USD"),
    *("Balance-USD", "Balance_change-USD"),
)

_TYPES: Final[Mapping[str, MovementKind]] = {
    "1": "transfer",
    "2": "trade",
    "3": "settlement",
    "4": "conversion",
    "5": "liquidation",
    "6": "transfer",
    "7": "interest",
    "8": "funding",
    "9": "adl",
    "10": "socialised_loss",
    "11": "conversion",
    "12": "transfer",
    "13": "trade",
    "14": "trade",
    "24": "trade",
    "27": "conversion",
    "28": "conversion",
    "29": "conversion",
    "30": "conversion",
    "34": "settlement",
}
"""What a bill's type makes of cash where its subtype is not known."""

_COINS: Final = ("spot", "margin", "transfer")
_POSITIONS: Final = ("SWAP", "FUTURES", "OPTION")


class OkxHistory:
    """The statement format ``okx-history``."""

    name: Final = "okx-history"
    summary: Final = "OKX trading history (CSV): bills of an account, with a line of titles"
    venue: Final = "okx"
    columns: Final[Mapping[str, str]] = {
        "id": "the native id",
        "Order id": "the fill's order",
        "Time": "the moment, on the clock that the titles or the setting utc_offset say",
        "Trade Type": "whether it is about coins or a position",
        "Symbol": "the market",
        "Instrument": "Symbol in older exports",
        "Action": "the kind, and bought or sold; unknown ones are other",
        "Type": "Action in older exports",
        "Amount": "the size of a fill, in contracts; of spot the coins before the fee",
        "Trading Unit": "ignored: cont of positions, else the coin",
        "Unit": "Trading Unit in older exports, and by the same name at their end the asset",
        "Filled Price": "the price of a fill",
        "PnL": "a leg of the line, and the fill's profit and loss",
        "PL": "PnL in older exports",
        "Fee": "a leg of the line: negative where paid",
        "Fee Unit": "the fee's asset",
        "Position Change": "a line of its own: the change of a position's own margin",
        "Position Balance": "the balance of that margin after it",
        "Balance Change": "the movement",
        "Balance": "the balance after the line",
        "Balance Unit": "the asset",
        "Filled_price-USD": "ignored: a valuation",
        "Pnl-USD": "ignored: a valuation",
        "Fee-USD": "ignored: a valuation",
        "Balance-USD": "ignored: a valuation",
        "Balance_change-USD": "ignored: a valuation",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {"utc_offset": UTC_OFFSET}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header, below a line of titles or not, is this export's."""
        own = {"Order id", "Trade Type", "Position Balance", "Balance Change"}
        return own <= header_of(beginning)

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        chosen = settle(self.name, self.settings, settings)
        ahead = offset_setting(self.name, chosen["utc_offset"])
        return self._read(path, ahead, "utc_offset" in settings)

    def _read(self, path: str, ahead: timedelta, given: bool) -> Iterator[Item]:
        titles, lines = titled_lines(path)
        zone = titles.get("Time Zone", "")
        if zone:
            try:
                named = offset_of(zone.removeprefix("UTC") or "+0")
            except ValueError:
                yield refuse(path, 1, "is no offset such as UTC+3", field="Time Zone", value=zone)
                return
            if given and named != ahead:
                yield refuse(path, 1, "utc_offset says another", field="Time Zone", value=zone)
                return
            ahead = named
        account = "/".join(filter(None, (titles.get("UID", ""), titles.get("Account Type", ""))))
        rows = read_csv(path, _REQUIRED, _OPTIONAL, lines=_two_units(lines))
        yield from items_of(path, rows, lambda row: _row_lines(path, row, account, ahead))


def _two_units(lines: Iterator[Line | Refusal]) -> Iterator[Line | Refusal]:
    """Yield lines, the header's second ``Unit`` renamed as in newer exports: the balance's."""
    first = next(lines, None)
    if isinstance(first, Line) and first.text.split(",").count("Unit") == 2:
        before, _, after = first.text.rpartition("Unit")
        yield Line(first.number, f"{before}Balance Unit{after}")
    elif first is not None:
        yield first
    yield from lines


def _row_lines(path: str, row: CsvRow, account: str, ahead: timedelta) -> list[StatementLine]:
    fields = row.fields
    market = _either(fields, "Symbol", "Instrument")
    action = _either(fields, "Action", "Type").lower()
    kind = kind_of(action)
    if kind is None:
        kind = "conversion" if market.endswith("-CONVERT") else "other"
    asset = fields["Balance Unit"]
    if not asset:
        raise FieldRefused("Balance Unit", "", "is empty; every line has one")
    pnl = "PnL" if "PnL" in fields else "PL"
    bill = Bill(
        wall_time_field("Time", fields["Time"], ahead),
        account,
        fields["id"],
        market,
        asset,
        action,
        kind,
        bool(market) and fields["Trade Type"].lower() not in _COINS,
        _amount(fields, "Amount"),
        amount_if_told("Filled Price", fields.get("Filled Price", "")),
        _amount(fields, pnl),
        _amount(fields, "Fee"),
        fields.get("Fee Unit") or asset,
        amount_field("Balance Change", fields["Balance Change"]),
        amount_if_told("Balance", fields["Balance"]),
        _amount(fields, "Position Change"),
        amount_if_told("Position Balance", fields["Position Balance"]),
        "",
        fields["Order id"],
    )
    return bill_lines(path, row.number, bill, fields)


def _either(fields: Mapping[str, str], newer: str, older: str) -> str:
    if newer in fields:
        return fields[newer]
    if older not in fields:
        raise FieldRefused(newer, "", f"the header needs {newer}, or {older} as in older exports")
    return fields[older]


def _amount(fields: Mapping[str, str], name: str) -> Decimal:
    return amount_if_told(name, fields.get(name, "")) or Decimal(0)


class OkxBills:
    """The statement format ``okx-bills``."""

    name: Final = "okx-bills"
    summary: Final = "OKX account bills (JSON): balance changes, fills, funding, liquidations"
    venue: Final = "okx"
    columns: Final[Mapping[str, str]] = {
        "billId": "the native id",
        "ts": "the moment, in milliseconds since 1970 UTC",
        "type": "the kind, where the subtype is not known",
        "subType": "the kind, and bought or sold",
        "instType": "whether it is about coins or a position",
        "instId": "the market",
        "ccy": "the asset",
        "balChg": "the movement",
        "bal": "the balance after the line",
        "posBalChg": "a line of its own: the change of a position's own margin",
        "posBal": "the balance of that margin after it",
        "sz": "the size of a fill, in contracts; of spot the coins before the fee",
        "px": "the price of a fill",
        "pnl": "a leg of the line, and the fill's profit and loss",
        "fee": "a leg of the line: negative where paid",
        "tradeId": "the fill's identifier",
        "ordId": "the fill's order",
        "interest": "ignored: it is the balance's change",
        "mgnMode": "ignored: posBalChg says what isolated margin did",
        "execType": "ignored: maker or taker",
        "from": "ignored: where a transfer came from",
        "to": "ignored: where a transfer went",
        "notes": "ignored: a remark",
        "clOrdId": "ignored: the client's name of the order",
        "tag": "ignored: the client's tag of the order",
        "fillTime": "ignored: when it traded; ts is when the balance changed",
        "fillIdxPx": "ignored: another price",
        "fillMarkPx": "ignored: another price",
        "fillPxVol": "ignored: another price",
        "fillPxUsd": "ignored: another price",
        "fillMarkVol": "ignored: another price",
        "fillFwdPx": "ignored: another price",
        "earnAmt": "ignored: of automatic earning, which is a bill of its own",
        "earnApr": "ignored: of automatic earning",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final = frozenset({100})
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether it begins as a page of records with the fields of this one."""
        return is_page(beginning, "billId", "balChg", "subType")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        settle(self.name, self.settings, settings)
        answer = ("code", "msg")
        return page_items(
            path, ("data",), lambda _, record: _record_lines(path, record), error=answer
        )


def _record_lines(path: str, record: Record) -> list[StatementLine]:
    fields = told(record.fields)
    kind_number = needed(record.fields, "type")
    action = SUBTYPES.get(fields.get("subType", ""), "")
    kind = kind_of(action) or _TYPES.get(kind_number, "other")
    held = text_of(record.fields, "instType") in _POSITIONS
    if held and kind in ("trade", "liquidation", "adl") and not action:
        raise FieldRefused(
            "subType",
            fields.get("subType", ""),
            "is not a known subtype, so whether the position was bought or sold is not told",
        )
    asset = needed(record.fields, "ccy")
    bill = Bill(
        millisecond_field("ts", needed(record.fields, "ts")),
        "",
        needed(record.fields, "billId"),
        fields.get("instId", ""),
        asset,
        action,
        kind,
        held,
        _amount(fields, "sz"),
        amount_if_told("px", fields.get("px", "")),
        _amount(fields, "pnl"),
        _amount(fields, "fee"),
        asset,
        amount_field("balChg", fields.get("balChg", "")),
        amount_if_told("bal", fields.get("bal", "")),
        _amount(fields, "posBalChg"),
        amount_if_told("posBal", fields.get("posBal", "")),
        fields.get("tradeId", ""),
        fields.get("ordId", ""),
    )
    return bill_lines(path, record.number, bill, fields)


OKX_HISTORY: Final = OkxHistory()
OKX_BILLS: Final = OkxBills()
