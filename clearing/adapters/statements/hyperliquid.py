"""Hyperliquid's own pages of one user as JSON: fills and funding payments.

A page does not say whose it is; the option ``user`` names the account. Balances are not told. Of a
perpetual's fill the profit and loss and the fee are cash; of spot the page does not say what
moved but for the fee. A fee is positive where paid and has the builder's in it.

Source: Hyperliquid API, ``info`` requests ``userFills``, ``userFillsByTime`` and ``userFunding``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clearing.adapters.base import OptionRefused, Setting, settle
from clearing.adapters.fields import FieldRefused, choice_field, digits_field, name_field
from clearing.adapters.hyperliquid_node import SETTLEMENT, fee_of, is_spot, market_of
from clearing.adapters.json_pages import Record, text_of, told
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    FillLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.pages import is_page, needed, page_items
from clearing.adapters.statements.values import (
    amount_field,
    millisecond_field,
    negated,
    positive_field,
)

USER: Final[Mapping[str, Setting]] = {
    "user": Setting("", (), "the address whose page it is: the account of its lines"),
}

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NO_HASH: Final = re.compile(r"(0x0*)?", re.ASCII)


class HyperliquidUserFills:
    """The statement format ``hyperliquid-user-fills``."""

    name: Final = "hyperliquid-user-fills"
    summary: Final = "Hyperliquid fills of a user (JSON of userFills or userFillsByTime)"
    venue: Final = "hyperliquid"
    columns: Final[Mapping[str, str]] = {
        "coin": "the market; that of spot is spot:@107",
        "px": "the price of the fill",
        "sz": "the size of the fill",
        "side": "B bought, A sold",
        "time": "the moment",
        "startPosition": "the position before the fill; of spot the holding",
        "dir": "ignored: the venue's word for what size and position say",
        "closedPnl": "profit and loss; cash of a perpetual, of spot none",
        "hash": "ignored: the transaction on the chain, of several fills",
        "oid": "the order's identifier",
        "crossed": "ignored: whether it took or gave liquidity",
        "fee": "the fee, positive where paid, the builder's included",
        "feeToken": "the asset of the fee",
        "builderFee": "ignored: it is part of the fee",
        "tid": "the native id and the trade's identifier",
        "cloid": "ignored: the user's own name of the order",
        "liquidation": "ignored: whose liquidation it was, at which mark, by which method",
        "twapId": "ignored: the plan that placed the order",
        "builder": "ignored: who gets the builder's part of the fee",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = frozenset({"realised_pnl", "fee", "rebate"})
    fills: Final = True
    page_limits: Final = frozenset({2_000})
    settings: Final[Mapping[str, Setting]] = USER

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether a JSON page has the fields that only this format has."""
        return is_page(beginning, "coin", "startPosition", "closedPnl", "tid")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        user = user_of(self.name, settle(self.name, self.settings, settings))
        places = ("", "data.fills", "fills")
        return page_items(path, places, lambda page, one: [_fill(path, page, one, user)])


class HyperliquidFunding:
    """The statement format ``hyperliquid-funding``."""

    name: Final = "hyperliquid-funding"
    summary: Final = "Hyperliquid funding payments of a user (JSON of userFunding)"
    venue: Final = "hyperliquid"
    columns: Final[Mapping[str, str]] = {
        "time": "the moment",
        "hash": "the native id, where it is not zero",
        "delta.type": "checked to be funding",
        "delta.coin": "the market",
        "delta.usdc": "the movement, positive where received",
        "delta.szi": "ignored: the position that it was paid for",
        "delta.fundingRate": "ignored: what it came to is in usdc",
        "delta.nSamples": "ignored: how many rates were averaged",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = frozenset({"funding"})
    fills: Final = False
    page_limits: Final = frozenset({500})
    settings: Final[Mapping[str, Setting]] = USER

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether a JSON page has the fields that only this format has."""
        return is_page(beginning, "delta", "fundingRate", "szi", "usdc")

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        user = user_of(self.name, settle(self.name, self.settings, settings))
        return page_items(path, ("",), lambda _, one: [_funding(path, one, user)])


def user_of(reader: str, settings: Mapping[str, str]) -> str:
    """Return the option ``user`` in small letters, or raise :class:`OptionRefused`."""
    user = settings["user"]
    if user and not _ADDRESS.fullmatch(user):
        raise OptionRefused(f"{reader}: user={user!r} is not an address: 0x and 40 hex digits")
    return user.lower()


def hash_of(fields: Mapping[str, Any]) -> str:
    """Return the transaction of a record, empty where it has none (all zeros)."""
    value = text_of(fields, "hash")
    return "" if _NO_HASH.fullmatch(value) else value


def delta_of(record: Record) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return what a record says that happened, and all it tells as text."""
    delta = record.fields.get("delta")
    if not isinstance(delta, dict):
        raise FieldRefused("delta", text_of(record.fields, "delta"), "is not an object")
    rest = {name: value for name, value in record.fields.items() if name != "delta"}
    return delta, told(rest) | {f"delta.{name}": value for name, value in told(delta).items()}


def _fill(path: str, page: Any, record: Record, user: str) -> StatementLine:
    fields = record.fields
    coin = needed(fields, "coin")
    market = market_of(coin)
    size = positive_field("sz", needed(fields, "sz"))
    pnl = amount_field("closedPnl", needed(fields, "closedPnl"))
    fee = amount_field("fee", needed(fields, "fee"))
    token = name_field("feeToken", text_of(fields, "feeToken") or SETTLEMENT)
    trade = digits_field("tid", needed(fields, "tid"))
    bought = choice_field("side", needed(fields, "side"), ("A", "B")) == "B"
    cash = [CashLeg(SETTLEMENT, "realised_pnl", pnl)] if pnl and not is_spot(coin) else []
    if fee:
        cash.append(CashLeg(token, "rebate" if fee < 0 else "fee", negated(fee)))
    return StatementLine(
        path,
        record.number,
        millisecond_field("time", needed(fields, "time")),
        user or _user_of_page(page),
        trade,
        market,
        tuple(cash),
        FillLeg(
            market,
            size if bought else negated(size),
            amount_field("px", needed(fields, "px")),
            trade,
            digits_field("oid", needed(fields, "oid")),
            before=amount_field("startPosition", needed(fields, "startPosition")),
            pnl=pnl,
            fee=fee,
            fee_asset=token,
            fee_of=fee_of(coin, bought, fee),
        ),
        told(fields),
    )


def _user_of_page(page: Any) -> str:
    """Return whose page it is where its envelope says so."""
    data = page.get("data") if isinstance(page, dict) else None
    return text_of(data, "user").lower() if isinstance(data, dict) else ""


def _funding(path: str, record: Record, user: str) -> StatementLine:
    delta, as_told = delta_of(record)
    choice_field("delta.type", text_of(delta, "type"), ("funding",))
    coin = needed(delta, "coin", "delta.")
    amount = amount_field("delta.usdc", needed(delta, "usdc", "delta."))
    return StatementLine(
        path,
        record.number,
        millisecond_field("time", needed(record.fields, "time")),
        user,
        hash_of(record.fields),
        coin,
        (CashLeg(SETTLEMENT, "funding", amount),),
        None,
        as_told,
    )


HYPERLIQUID_USER_FILLS: Final = HyperliquidUserFills()
HYPERLIQUID_FUNDING: Final = HyperliquidFunding()
