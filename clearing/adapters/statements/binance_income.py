"""Binance futures income history as JSON: every movement of a futures wallet, typed by the venue.

A page is the list that ``GET /fapi/v1/income`` (``/dapi``, ``/papi`` alike) returns. A transfer's
number is unique within one type of income of a user, not beyond it: a fill's profit and its fee
have the same, so the native id is both.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from clearing.adapters.base import Setting, settle
from clearing.adapters.json_pages import Record, text_of, told
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.pages import is_page, needed, page_items
from clearing.adapters.statements.values import amount_field, legs, millisecond_field

INCOME_KINDS: Final[Mapping[str, MovementKind]] = {
    "TRANSFER": "transfer",
    "INTERNAL_TRANSFER": "transfer",
    "CROSS_COLLATERAL_TRANSFER": "transfer",
    "STRATEGY_UMFUTURES_TRANSFER": "transfer",
    "REALIZED_PNL": "realised_pnl",
    "COMMISSION": "fee",
    "POSITION_LIMIT_INCREASE_FEE": "fee",
    "FUNDING_FEE": "funding",
    "INSURANCE_CLEAR": "insurance",
    "REFERRAL_KICKBACK": "rebate",
    "COMMISSION_REBATE": "rebate",
    "API_REBATE": "rebate",
    "FEE_RETURN": "rebate",
    "OPTIONS_PREMIUM_FEE": "trade",
    "OPTIONS_SETTLE_PROFIT": "settlement",
    "DELIVERED_SETTELMENT": "settlement",  # the venue spells it so
    "AUTO_EXCHANGE": "conversion",
    "COIN_SWAP_DEPOSIT": "conversion",
    "COIN_SWAP_WITHDRAW": "conversion",
}


class BinanceIncome:
    """The statement format ``binance-income``."""

    name: Final = "binance-income"
    summary: Final = "Binance futures income history (JSON): profits, fees, funding, transfers"
    venue: Final = "binance"
    columns: Final[Mapping[str, str]] = {
        "symbol": "the market, where it is about one",
        "incomeType": "the kind, and the first half of the native id; unknown ones are other",
        "income": "the movement",
        "asset": "the asset",
        "info": "ignored: a note that depends on the type",
        "time": "the moment, in milliseconds since 1970 UTC",
        "tranId": "the second half of the native id",
        "tradeId": "ignored: the fill's identifier, whose size is not told here",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = None
    fills: Final = False
    page_limits: Final = frozenset({100, 1_000})
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether it begins as a page of records with the fields of this one."""
        return is_page(beginning, "incomeType", "tranId")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        settle(self.name, self.settings, settings)
        answer = ("code", "msg")
        return page_items(path, ("",), lambda _, record: [_line(path, record)], error=answer)


def _line(path: str, record: Record) -> StatementLine:
    fields = record.fields
    kind = needed(fields, "incomeType")
    amount = amount_field("income", needed(fields, "income"))
    movement = INCOME_KINDS.get(kind, "other")
    if movement == "fee" and amount > 0:
        movement = "rebate"
    return StatementLine(
        path,
        record.number,
        millisecond_field("time", needed(fields, "time")),
        "",
        f"{kind}:{needed(fields, 'tranId')}",
        text_of(fields, "symbol"),
        legs(needed(fields, "asset"), None, (movement, amount)),
        None,
        told(fields),
    )


BINANCE_INCOME: Final = BinanceIncome()
