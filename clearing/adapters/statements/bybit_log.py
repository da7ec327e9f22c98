"""A line of Bybit's account log, whichever of its layouts it stands in.

Every layout says of a change its cash flow, funding and fee, and gives funding and fee signs of its
own. They are added up line by line: a line whose change is not their sum is refused, because one of
them then is not what it seems.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from clearing.adapters.fields import FieldRefused
from clearing.adapters.statements.base import FillLeg, MovementKind, StatementLine
from clearing.adapters.statements.values import amount_field, amount_if_told, legs, negated, total

Sign = Literal[1, -1]


class Layout(NamedTuple):
    """How a layout of the log calls its columns; an empty name is a column that it lacks.

    ``fee_sign`` and ``funding_sign`` are 1 where the column has the sign of the change that it
    makes, -1 where what was paid is positive.
    """

    asset: str
    market: str
    type: str
    direction: str
    quantity: str
    position: str
    price: str
    funding: str
    fee: str
    cash_flow: str
    change: str
    balance: str
    fee_sign: Sign
    funding_sign: Sign
    action: str = ""
    category: str = ""
    trade_id: str = ""
    order_id: str = ""


_KINDS: Final[Mapping[str, MovementKind]] = {
    "TRANSFERIN": "transfer",
    "TRANSFEROUT": "transfer",
    "DEPOSIT": "deposit",
    "WITHDRAW": "withdrawal",
    "WITHDRAWAL": "withdrawal",
    "SETTLEMENT": "settlement",
    "FUNDING": "settlement",
    "DELIVERY": "settlement",
    "LIQUIDATION": "liquidation",
    "ADL": "adl",
    "FEEREFUND": "rebate",
    "INTEREST": "interest",
    "CURRENCYBUY": "conversion",
    "CURRENCYSELL": "conversion",
}
"""Types by their letters (``TRANSFER_IN`` and ``transferIn`` are one): what their cash flow is."""

_FILLS: Final = ("TRADE", "LIQUIDATION", "ADL")
_BOUGHT: Final = ("BUY", "OPEN LONG", "CLOSE SHORT")
_SOLD: Final = ("SELL", "OPEN SHORT", "CLOSE LONG")
_OPTION: Final = re.compile(
    r"[A-Z0-9]+-[0-9]{1,2}[A-Z]{3}[0-9]{2}-[0-9.]+-[CP](-[A-Z]+)?", re.ASCII
)


def log_line(
    path: str,
    number: int,
    at: datetime,
    account: str,
    native_id: str,
    told: Mapping[str, str],
    layout: Layout,
) -> StatementLine:
    """Return what a line of the log says.

    Raises :class:`~clearing.adapters.fields.FieldRefused`, of the change where it is not the sum.
    """
    asset = told.get(layout.asset, "")
    if not asset or asset == "--":
        raise FieldRefused(layout.asset, asset, "is empty; every line has a currency")
    market = _word(told, layout.market)
    kind = "".join(letter for letter in _word(told, layout.type).upper() if letter.isalnum())
    cash_flow = _part(told, layout.cash_flow)
    fee = _part(told, layout.fee, layout.fee_sign)
    funding = _part(told, layout.funding, layout.funding_sign)
    _check_sum(told, layout, total(cash_flow, fee, funding))
    product = _product(told, layout, kind, market)
    fill = None
    if kind in _FILLS and product != "spot":
        fill = _fill(told, layout, asset, market, None if product == "option" else cash_flow, fee)
    flow: MovementKind = "realised_pnl" if product == "future" else "trade"
    return StatementLine(
        path,
        number,
        at,
        account,
        native_id,
        market,
        legs(
            asset,
            amount_if_told(layout.balance, told.get(layout.balance, "")),
            (flow if kind == "TRADE" else _KINDS.get(kind, "other"), cash_flow),
            ("funding", funding),
            ("rebate" if fee > 0 else "fee", fee),
        ),
        fill,
        told,
    )


def _word(told: Mapping[str, str], name: str) -> str:
    text = told.get(name, "")
    return "" if text == "--" else text


def _part(told: Mapping[str, str], name: str, sign: Sign = 1) -> Decimal:
    amount = amount_if_told(name, told.get(name, "")) or Decimal(0)
    return amount if sign == 1 else negated(amount)


def _check_sum(told: Mapping[str, str], layout: Layout, parts: Decimal) -> None:
    change = amount_field(layout.change, told.get(layout.change, ""))
    if change != parts:
        signs = {1: "+", -1: "−"}
        formula = (
            f"{layout.cash_flow} {signs[layout.fee_sign]} {layout.fee}"
            f" {signs[layout.funding_sign]} {layout.funding}"
        )
        raise FieldRefused(
            layout.change, told[layout.change], f"is not {formula}, which is {parts:f}"
        )


def _product(
    told: Mapping[str, str], layout: Layout, kind: str, market: str
) -> Literal["spot", "option", "future"]:
    """Return what was traded: by its category where one is told, else by its words.

    An export without categories names an action or a long and short side only of what is held as
    a position.
    """
    category = told.get(layout.category, "")
    if category:
        return "spot" if category == "spot" else "option" if category == "option" else "future"
    held = kind in ("LIQUIDATION", "ADL") or _action(told, layout) != ""
    if not held:
        return "spot"
    return "option" if _OPTION.fullmatch(market) else "future"


def _action(told: Mapping[str, str], layout: Layout) -> Literal["open", "close", ""]:
    words = {
        _word(told, layout.action).upper(),
        _word(told, layout.direction).split(" ")[0].upper(),
    }
    return "open" if "OPEN" in words else "close" if "CLOSE" in words else ""


def _fill(
    told: Mapping[str, str],
    layout: Layout,
    asset: str,
    market: str,
    pnl: Decimal | None,
    fee: Decimal,
) -> FillLeg | None:
    quantity = amount_if_told(layout.quantity, told.get(layout.quantity, ""))
    if not quantity:
        return None
    direction = _word(told, layout.direction)
    bought = direction.upper() in _BOUGHT
    if not bought and direction.upper() not in _SOLD:
        right = ", ".join((*_BOUGHT, *_SOLD))
        raise FieldRefused(layout.direction, direction, f"{direction[:60]!r} is not one of {right}")
    if quantity < 0 and bought:
        raise FieldRefused(
            layout.quantity, told[layout.quantity], "is negative, but the direction is a purchase"
        )
    return FillLeg(
        market,
        quantity if bought else negated(quantity.copy_abs()),
        amount_if_told(layout.price, told.get(layout.price, "")),
        _word(told, layout.trade_id),
        _word(told, layout.order_id),
        None,
        _position(told, layout, bought),
        pnl,
        negated(fee),
        asset,
    )


def _position(told: Mapping[str, str], layout: Layout, bought: bool) -> Decimal | None:
    """Return the signed position after a fill.

    Records have it signed. Exports may not: what was sold to open, or bought to close, leaves a
    short position however it is written.
    """
    position = amount_if_told(layout.position, told.get(layout.position, ""))
    if not position or position < 0 or layout.category:
        return position
    opened = _action(told, layout) == "open"
    return position if opened == bought else negated(position)
