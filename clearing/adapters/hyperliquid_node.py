"""A row of Hyperliquid's node fills: one side of a trade, of whichever account.

The importer and the statement reader of these files both read rows with this, and all that reads
Hyperliquid's fills names markets alike.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from clearing.adapters.fields import (
    choice_field,
    decimal_field,
    digits_field,
    name_field,
    utc_nanoseconds_field,
)
from clearing.quantities import MAX_DECIMALS

COLUMNS: Final = (
    "block_number",
    "block_time",
    "user",
    "coin",
    "side",
    "px",
    "sz",
    "time_ms",
    "start_position",
    "dir",
    "closed_pnl",
    "fee",
    "fee_token",
    "crossed",
    "tid",
    "liq_user",
    "liq_mark",
    "liq_method",
)
"""The columns of the file; all must be there, in any order."""

SETTLEMENT: Final = "USDC"
"""What perpetuals are settled in."""

_OWN: Final = frozenset({"block_number", "start_position", "closed_pnl", "tid"})
_ADL: Final = "Auto-Deleveraging"


class NodeFill(NamedTuple):
    """One side of a trade.

    ``before`` is the signed position before it, ``pnl`` the profit and loss that it realised before
    fees, ``fee`` what it cost in ``token`` (negative: a rebate). ``cause`` is ``trade``,
    ``liquidation`` (of this account) or ``adl``. ``mark`` and ``method`` are those of a liquidation
    on either side, None and empty where there was none.
    """

    at: datetime
    user: str
    coin: str
    buys: bool
    price: Decimal
    size: Decimal
    before: Decimal
    pnl: Decimal
    fee: Decimal
    token: str
    trade: str
    cause: str
    mark: Decimal | None
    method: str


def is_node_fills(header: set[str]) -> bool:
    """Return whether a header names the columns that only these files have."""
    return header >= _OWN


def is_spot(coin: str) -> bool:
    """Return whether a coin is a spot market: ``@107`` or ``PURR/USDC``."""
    return coin.startswith("@") or "/" in coin


def market_of(coin: str) -> str:
    """Return what the ledger calls the market of a coin: that of spot is ``spot:@107``.

    Raises :class:`~clearing.adapters.fields.FieldRefused`.
    """
    return name_field("coin", f"spot:{coin}" if is_spot(coin) else coin)


def fee_of(coin: str, buys: bool, fee: Decimal) -> Literal["value", "size"]:
    """Return what the fee of a fill is a rate of: its value, or its size.

    On spot a fee that is paid is taken of what was received, a rebate is given in what was paid
    with: in the coin where it was bought and paid for, or sold and rebated.
    """
    return "size" if is_spot(coin) and buys == (fee >= 0) else "value"


def node_fill(fields: Mapping[str, str], decimals: int = MAX_DECIMALS) -> NodeFill:
    """Return what a row says, its numbers with at most ``decimals`` decimals.

    The moment is that of the block, to microseconds. Raises
    :class:`~clearing.adapters.fields.FieldRefused`.
    """
    digits_field("block_number", fields["block_number"])
    digits_field("time_ms", fields["time_ms"])
    choice_field("crossed", fields["crossed"], ("True", "False"))
    user = name_field("user", fields["user"])
    liquidated = fields["liq_user"]
    cause = "trade"
    if liquidated and name_field("liq_user", liquidated) == user:
        cause = "liquidation"
    elif fields["dir"] == _ADL:
        cause = "adl"

    def number(name: str, *, positive: bool = False) -> Decimal:
        return decimal_field(name, fields[name], positive=positive, decimals=decimals)

    return NodeFill(
        at=utc_nanoseconds_field("block_time", fields["block_time"]),
        user=user,
        coin=fields["coin"],
        buys=choice_field("side", fields["side"], ("B", "A")) == "B",
        price=number("px", positive=True),
        size=number("sz", positive=True),
        before=number("start_position"),
        pnl=number("closed_pnl"),
        fee=number("fee"),
        token=name_field("fee_token", fields["fee_token"]),
        trade=digits_field("tid", fields["tid"]),
        cause=cause,
        mark=number("liq_mark", positive=True) if fields["liq_mark"] else None,
        method=name_field("liq_method", fields["liq_method"]) if fields["liq_method"] else "",
    )
