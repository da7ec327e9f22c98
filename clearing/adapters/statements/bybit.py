"""Bybit's account log: the export of asset changes, and the transaction log as CSV and as JSON.

All say the same of a change, in different words and with different signs:

- the exports of a unified account (``bybit-asset-change``, and the log with ``Action``) have fee
  and funding with the sign of the change: ``Change = Cash Flow + Fee Paid + Funding``;
- the records of ``GET /v5/account/transaction-log`` have funding positive where it was received and
  the fee positive where it was paid: ``change = cashFlow + funding - fee``;
- the log of a classic account has both positive where they were paid: the older export, and the
  records of ``GET /v5/account/contract-transaction-log`` (setting ``account_kind=classic``).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from clearing.adapters.base import Refusal, Setting, settle
from clearing.adapters.files import CsvRow, Line, read_csv
from clearing.adapters.json_pages import Record, text_of, told
from clearing.adapters.statements.base import Balances, Beginning, Item, MovementKind
from clearing.adapters.statements.bybit_log import Layout, log_line
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.pages import is_page, needed, page_items
from clearing.adapters.statements.titles import header_of, titled_lines
from clearing.adapters.statements.values import (
    UTC_OFFSET,
    millisecond_field,
    offset_setting,
    wall_time_field,
)

_EXPORT: Final = Layout(
    asset="Currency",
    market="Contract",
    type="Type",
    direction="Direction",
    quantity="Quantity",
    position="Position",
    price="Filled Price",
    funding="Funding",
    fee="Fee Paid",
    cash_flow="Cash Flow",
    change="Change",
    balance="Wallet Balance",
    fee_sign=1,
    funding_sign=1,
    action="Action",
    trade_id="TradeId",
    order_id="OrderId",
)
_CLASSIC_EXPORT: Final = _EXPORT._replace(
    fee_sign=-1, funding_sign=-1, action="", trade_id="Trade ID", order_id="Order ID"
)
_RECORD: Final = Layout(
    asset="currency",
    market="symbol",
    type="type",
    direction="side",
    quantity="qty",
    position="size",
    price="tradePrice",
    funding="funding",
    fee="fee",
    cash_flow="cashFlow",
    change="change",
    balance="cashBalance",
    fee_sign=-1,
    funding_sign=1,
    category="category",
    trade_id="tradeId",
    order_id="orderId",
)
_CLASSIC_RECORD: Final = _RECORD._replace(funding_sign=-1)

_COMMON: Final = (
    *("Currency", "Contract", "Type", "Direction", "Quantity", "Position", "Filled Price"),
    *("Funding", "Fee Paid", "Cash Flow", "Change", "Wallet Balance"),
)
_ASSET_CHANGE: Final = (*_COMMON, "Uid", "Action", "Time(UTC)")
_LOG_OPTIONAL: Final = ("Action", "OrderId", "TradeId", "Fee Rate", "Trade ID", "Order ID")

_COLUMNS: Final[Mapping[str, str]] = {
    "Currency": "the asset",
    "Contract": "the market",
    "Type": "the kind of the cash flow; unknown ones are other",
    "Direction": "bought or sold",
    "Quantity": "the size of a fill; of spot ignored: the cash flow says it",
    "Position": "the position after a fill, its sign by direction and action where it has none",
    "Filled Price": "the price of a fill",
    "Funding": "a leg of the line: positive where received",
    "Fee Paid": "a leg of the line: negative where paid",
    "Cash Flow": "a leg of the line",
    "Change": "checked: must be the sum of the three",
    "Wallet Balance": "the balance after the line",
    "Action": "tells positions from spot, and the sign of the position",
}


class BybitAssetChange:
    """The statement format ``bybit-asset-change``."""

    name: Final = "bybit-asset-change"
    summary: Final = "Bybit asset changes of a unified account (CSV): cash flow, fee, funding"
    venue: Final = "bybit"
    columns: Final[Mapping[str, str]] = {
        "Uid": "the account",
        **_COLUMNS,
        "Time(UTC)": "the moment, in UTC",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header, below a line of titles or not, is this export's."""
        return set(_ASSET_CHANGE) <= header_of(beginning)

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        settle(self.name, self.settings, settings)
        return self._read(path)

    def _read(self, path: str) -> Iterator[Item]:
        _, lines = titled_lines(path)
        rows = read_csv(path, _ASSET_CHANGE, lines=lines)
        yield from items_of(path, rows, lambda row: [self._row(path, row)])

    def _row(self, path: str, row: CsvRow) -> Item:
        at = wall_time_field("Time(UTC)", row.fields["Time(UTC)"], timedelta())
        return log_line(path, row.number, at, row.fields["Uid"], "", row.fields, _EXPORT)


class BybitTransactionLog:
    """The statement format ``bybit-transaction-log``."""

    name: Final = "bybit-transaction-log"
    summary: Final = "Bybit transaction log (CSV or JSON): cash flow, fee, funding, fills"
    venue: Final = "bybit"
    columns: Final[Mapping[str, str]] = {
        **_COLUMNS,
        "Time": "the moment, on the clock that the setting utc_offset says",
        "OrderId": "the fill's order",
        "TradeId": "the fill's identifier",
        "Order ID": "OrderId in the older export",
        "Trade ID": "TradeId in the older export, where fee and funding are positive if paid",
        "Fee Rate": "ignored: the rate of the fee or of funding",
        "id": "the native id",
        "symbol": "the market",
        "category": "spot, linear, inverse or option: what was traded",
        "side": "bought or sold",
        "transactionTime": "the moment, in milliseconds since 1970 UTC",
        "type": "the kind of the cash flow; unknown ones are other",
        "transSubType": "ignored: movePosition, where positions moved between accounts",
        "qty": "the size of a fill; of spot ignored: the cash flow says it",
        "size": "the position after a fill, signed",
        "currency": "the asset",
        "tradePrice": "the price of a fill",
        "funding": "a leg of the line: positive where received (classic: where paid)",
        "fee": "a leg of the line: positive where paid",
        "cashFlow": "a leg of the line; of a USDC settlement its session's profit or loss",
        "change": "checked: must be the sum of the three",
        "cashBalance": "the balance after the line",
        "feeRate": "ignored: the rate of the fee or of funding",
        "bonusChange": "ignored: a bonus is no cash",
        "tradeId": "the fill's identifier",
        "orderId": "the fill's order",
        "orderLinkId": "ignored: the client's name of the order",
        "extraFees": "ignored: a breakdown of the fee",
    }
    balances: Final[Balances] = "line"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = True
    page_limits: Final = frozenset({20, 50})
    settings: Final[Mapping[str, Setting]] = {
        "utc_offset": UTC_OFFSET,
        "account_kind": Setting(
            "unified",
            ("unified", "classic"),
            "of JSON: whether funding is positive where received (unified) or paid (classic)",
        ),
    }

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header is this export's, or the page has this log's fields."""
        header = header_of(beginning)
        if {*_COMMON, "Time"} <= header:
            return True
        return is_page(beginning, "cashFlow", "cashBalance", "transactionTime")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        chosen = settle(self.name, self.settings, settings)
        ahead = offset_setting(self.name, chosen["utc_offset"])
        record = _CLASSIC_RECORD if chosen["account_kind"] == "classic" else _RECORD
        return self._read(path, ahead, record)

    def _read(self, path: str, ahead: timedelta, layout: Layout) -> Iterator[Item]:
        titles, lines = titled_lines(path)
        first = next(lines, None)
        whole = lines if first is None else chain([first], lines)
        if isinstance(first, Line) and first.text.lstrip()[:1] == "{":
            yield from _read_page(path, whole, layout)
            return
        rows = read_csv(path, (*_COMMON, "Time"), _LOG_OPTIONAL, lines=whole)
        yield from items_of(path, rows, lambda row: [self._row(path, row, ahead, titles)])

    def _row(self, path: str, row: CsvRow, ahead: timedelta, titles: Mapping[str, str]) -> Item:
        layout = _EXPORT if "Action" in row.fields else _CLASSIC_EXPORT
        at = wall_time_field("Time", row.fields["Time"], ahead)
        return log_line(path, row.number, at, titles.get("UID", ""), "", row.fields, layout)


def _read_page(path: str, lines: Iterator[Line | Refusal], layout: Layout) -> Iterator[Item]:
    def read(_: Any, record: Record) -> list[Item]:
        known = told(record.fields)
        at = millisecond_field("transactionTime", needed(record.fields, "transactionTime"))
        native_id = text_of(record.fields, "id")
        return [log_line(path, record.number, at, "", native_id, known, layout)]

    answer = ("retCode", "retMsg")
    return page_items(path, ("result.list",), read, error=answer, lines=lines)


BYBIT_ASSET_CHANGE: Final = BybitAssetChange()
BYBIT_TRANSACTION_LOG: Final = BybitTransactionLog()
