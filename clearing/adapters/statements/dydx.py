"""dYdX v4's indexer as JSON: fills, transfers, funding payments and the history of profit and loss.

Every page is of one subaccount (or of a parent's), whose number is the account. Cash is USDC. A
fill's cash is told but for what was paid for the position; its fees are positive where paid, and a
builder's comes on top. Funding is paid hourly. The history of profit and loss has no movements.

Source: dYdX indexer, ``/v4/fills``, ``/v4/transfers``, ``/v4/fundingPayments``,
``/v4/historical-pnl`` and their forms for a parent subaccount.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from clearing.adapters.base import Setting, settle
from clearing.adapters.fields import FieldRefused, choice_field, name_field, time_field
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
    amount_if_told,
    negated,
    positive_field,
    reckoned_field,
    total,
)

_CASH: Final = "USDC"

_TRANSFERS: Final[Mapping[str, tuple[MovementKind, bool, str]]] = {
    "DEPOSIT": ("deposit", True, "recipient"),
    "WITHDRAWAL": ("withdrawal", False, "sender"),
    "TRANSFER_IN": ("transfer", True, "recipient"),
    "TRANSFER_OUT": ("transfer", False, "sender"),
}
"""Types of transfers: the kind, whether it came in, and which of the two the page is of."""

_FILL_TYPES: Final = (
    *("LIMIT", "MARKET", "LIQUIDATED", "LIQUIDATION", "DELEVERAGED", "OFFSETTING"),
    "TWAP_SUBORDER",
)

_SIDES: Final = ("LONG", "SHORT")


class DydxPages:
    """A statement format of the indexer's pages, whose records are at ``place``."""

    venue: Final = "dydx"
    balances: Final[Balances] = "none"
    page_limits: Final = frozenset({100, 1_000})
    settings: Final[Mapping[str, Setting]] = {}

    def __init__(
        self,
        name: str,
        summary: str,
        place: str,
        signs: tuple[str, ...],
        kinds: frozenset[MovementKind],
        columns: Mapping[str, str],
        line: Callable[[str, Record], StatementLine],
    ) -> None:
        self.name = name
        self.summary = summary
        self.columns = columns
        self.kinds: frozenset[MovementKind] | None = kinds
        self.fills = place == "fills"
        self._place = place
        self._signs = signs
        self._line = line

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether a JSON page has the fields that only this format has."""
        return is_page(beginning, *self._signs)

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        settle(self.name, self.settings, settings)
        places = (self._place, f"result.{self._place}", "")
        return page_items(path, places, lambda _, record: [self._line(path, record)])


def _fill(path: str, record: Record) -> StatementLine:
    fields = record.fields
    market = needed(fields, "market")
    choice_field("type", needed(fields, "type"), _FILL_TYPES)
    choice_field("marketType", needed(fields, "marketType"), ("PERPETUAL",))
    bought = choice_field("side", needed(fields, "side"), ("BUY", "SELL")) == "BUY"
    size = positive_field("size", needed(fields, "size"))
    fees = [amount_field("fee", needed(fields, "fee"))]
    fees.append(amount_if_told("builderFee", text_of(fields, "builderFee")) or Decimal(0))
    identity = needed(fields, "id")
    return StatementLine(
        path,
        record.number,
        time_field("createdAt", needed(fields, "createdAt")),
        needed(fields, "subaccountNumber"),
        identity,
        market,
        tuple(CashLeg(_CASH, "rebate" if fee < 0 else "fee", negated(fee)) for fee in fees if fee),
        FillLeg(
            market,
            size if bought else negated(size),
            positive_field("price", needed(fields, "price")),
            identity,
            text_of(fields, "orderId"),
            before=_before(fields),
            fee=total(*fees),
            fee_asset=_CASH,
        ),
        told(fields),
    )


def _before(fields: Mapping[str, Any]) -> Decimal | None:
    """Return the signed position before a fill, where newer pages tell its size and side."""
    size = amount_if_told("positionSizeBefore", text_of(fields, "positionSizeBefore"))
    if not size:
        return size
    side = choice_field("positionSideBefore", text_of(fields, "positionSideBefore"), _SIDES)
    return size.copy_abs() if side == "LONG" else negated(size.copy_abs())


def _transfer(path: str, record: Record) -> StatementLine:
    fields = record.fields
    kind, came_in, own = _TRANSFERS[choice_field("type", needed(fields, "type"), tuple(_TRANSFERS))]
    amount = positive_field("size", needed(fields, "size"))
    return StatementLine(
        path,
        record.number,
        time_field("createdAt", needed(fields, "createdAt")),
        _subaccount(fields, own),
        needed(fields, "id"),
        "",
        (
            CashLeg(
                name_field("symbol", needed(fields, "symbol")),
                kind,
                amount if came_in else negated(amount),
            ),
        ),
        None,
        told(fields),
    )


def _subaccount(fields: Mapping[str, Any], own: str) -> str:
    party = fields.get(own)
    if not isinstance(party, dict):
        raise FieldRefused(own, text_of(fields, own), "is not an object with an address")
    for name in ("subaccountNumber", "parentSubaccountNumber"):
        if text_of(party, name):
            return text_of(party, name)
    raise FieldRefused(own, text_of(fields, own), "names no subaccount, but the page is of one")


def _funding(path: str, record: Record) -> StatementLine:
    fields = record.fields
    choice_field("side", needed(fields, "side"), _SIDES)
    return StatementLine(
        path,
        record.number,
        time_field("createdAt", needed(fields, "createdAt")),
        needed(fields, "subaccountNumber"),
        "",
        needed(fields, "ticker"),
        (CashLeg(_CASH, "funding", reckoned_field("payment", needed(fields, "payment"))),),
        None,
        told(fields),
    )


def _pnl(path: str, record: Record) -> StatementLine:
    fields = record.fields
    for name in ("equity", "totalPnl", "netTransfers"):
        reckoned_field(name, needed(fields, name))
    moment = "blockTime" if text_of(fields, "blockTime") else "createdAt"
    return StatementLine(
        path,
        record.number,
        time_field(moment, needed(fields, moment)),
        "",
        text_of(fields, "id"),
        "",
        (),
        None,
        told(fields),
    )


DYDX_FILLS: Final = DydxPages(
    "dydx-fills",
    "dYdX v4 fills of a subaccount (JSON of the indexer)",
    "fills",
    ("liquidity", "marketType", "createdAtHeight", "fee"),
    frozenset({"fee", "rebate"}),
    {
        "id": "the native id and the trade's identifier",
        "side": "BUY bought, SELL sold",
        "liquidity": "ignored: whether it took or gave liquidity",
        "type": "checked to be known; how the fill came about",
        "market": "the market",
        "marketType": "checked to be PERPETUAL",
        "price": "the price of the fill",
        "size": "the size of the fill",
        "fee": "the fee, positive where paid",
        "affiliateRevShare": "ignored: how the venue shares the fee",
        "createdAt": "the moment",
        "createdAtHeight": "ignored: the block of the moment",
        "orderId": "the order's identifier",
        "clientMetadata": "ignored: the user's own mark",
        "subaccountNumber": "the account",
        "builderFee": "a fee on top",
        "builderAddress": "ignored: who gets the builder's fee",
        "orderRouterAddress": "ignored: with whom the venue shares the fee",
        "orderRouterFee": "ignored: how the venue shares the fee",
        "positionSizeBefore": "the position before the fill",
        "positionSideBefore": "the sign of the position before the fill",
        "entryPriceBefore": "ignored: the venue's average, not a movement",
    },
    _fill,
)

DYDX_TRANSFERS: Final = DydxPages(
    "dydx-transfers",
    "dYdX v4 transfers of a subaccount (JSON of the indexer)",
    "transfers",
    ("sender", "recipient", "createdAtHeight", "symbol"),
    frozenset({"deposit", "withdrawal", "transfer"}),
    {
        "id": "the native id",
        "sender": "the account of what went out",
        "recipient": "the account of what came in",
        "size": "the movement; the type has its sign",
        "createdAt": "the moment",
        "createdAtHeight": "ignored: the block of the moment",
        "symbol": "the asset",
        "type": "the kind and the direction",
        "transactionHash": "ignored: the transaction on the chain",
    },
    _transfer,
)

DYDX_FUNDING: Final = DydxPages(
    "dydx-funding",
    "dYdX v4 funding payments of a subaccount (JSON of the indexer)",
    "fundingPayments",
    ("payment", "perpetualId", "oraclePrice", "createdAtHeight"),
    frozenset({"funding"}),
    {
        "createdAt": "the moment",
        "createdAtHeight": "ignored: the block of the moment",
        "perpetualId": "ignored: the market by number",
        "ticker": "the market",
        "oraclePrice": "ignored: what it came to is in the payment",
        "size": "ignored: the position that it was paid for",
        "side": "checked to be LONG or SHORT",
        "rate": "ignored: what it came to is in the payment",
        "payment": "the movement, positive where received",
        "subaccountNumber": "the account",
        "fundingIndex": "ignored: the sum of rates so far",
    },
    _funding,
)

DYDX_PNL: Final = DydxPages(
    "dydx-pnl",
    "dYdX v4 profit and loss of a subaccount over time (JSON of the indexer): no movements",
    "historicalPnl",
    ("equity", "totalPnl", "netTransfers"),
    frozenset(),
    {
        "id": "the native id",
        "subaccountId": "ignored: the subaccount by a number of the indexer's own",
        "equity": "checked, kept as told: it has what is not cash",
        "totalPnl": "checked, kept as told: a sum, not a movement",
        "netTransfers": "checked, kept as told: a sum of transfers, which have their own page",
        "createdAt": "the moment, where there is no blockTime",
        "createdAtHeight": "ignored: the block of the moment",
        "blockHeight": "ignored: the block of the moment",
        "blockTime": "the moment",
    },
    _pnl,
)
