"""A bill of OKX, whether a record of its interface or a line of its export.

A bill says what it changed in the account's balance of a currency and, where a position has margin
of its own, what it changed in that margin. The two are pockets of their own: a bill that changed
both is two lines, the second of the account ``…/isolated/MARKET``.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from clearing.adapters.statements.base import FillLeg, MovementKind, StatementLine
from clearing.adapters.statements.values import legs, negated, total

SUBTYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "buy",
        "2": "sell",
        "3": "open long",
        "4": "open short",
        "5": "close long",
        "6": "close short",
        "9": "interest deduction for market loans",
        "11": "transfer in",
        "12": "transfer out",
        "14": "interest deduction for vip loans",
        "100": "partial liquidation close long",
        "101": "partial liquidation close short",
        "102": "partial liquidation buy",
        "103": "partial liquidation sell",
        "104": "liquidation long",
        "105": "liquidation short",
        "106": "liquidation buy",
        "107": "liquidation sell",
        "108": "clawback",
        "110": "liquidation transfer in",
        "111": "liquidation transfer out",
        "112": "delivery long",
        "113": "delivery short",
        "114": "forced repayment buy",
        "115": "forced repayment sell",
        "117": "delivery/exercise clawback",
        "118": "system token conversion transfer in",
        "119": "system token conversion transfer out",
        "125": "adl close long",
        "126": "adl close short",
        "127": "adl buy",
        "128": "adl sell",
        "131": "ddh buy",
        "132": "ddh sell",
        "160": "manual margin increase",
        "161": "manual margin decrease",
        "162": "auto margin increase",
        "170": "exercised",
        "171": "counterparty exercised",
        "172": "expired otm",
        "173": "funding fee expense",
        "174": "funding fee income",
        "200": "system transfer in",
        "201": "manually transfer in",
        "202": "system transfer out",
        "203": "manually transfer out",
        "204": "block trade buy",
        "205": "block trade sell",
        "206": "block trade open long",
        "207": "block trade open short",
        "208": "block trade close long",
        "209": "block trade close short",
        "236": "easy convert in",
        "237": "easy convert out",
        "270": "spread trading buy",
        "271": "spread trading sell",
        "272": "spread trading open long",
        "273": "spread trading open short",
        "274": "spread trading close long",
        "275": "spread trading close short",
        "324": "move position buy",
        "325": "move position sell",
        "326": "move position open long",
        "327": "move position open short",
        "328": "move position close long",
        "329": "move position close short",
    }
)
"""What the numbers of the interface mean, in the words of the export (in lower case)."""

_BOUGHT: Final = ("buy", "open long", "close short", "liquidation short", "delivery short")
_SOLD: Final = ("sell", "open short", "close long", "liquidation long", "delivery long")
_KINDS: Final[tuple[tuple[str, MovementKind], ...]] = (
    ("clawback", "socialised_loss"),
    ("liquidation", "liquidation"),
    ("adl ", "adl"),
    ("funding fee", "funding"),
    ("interest", "interest"),
    ("conver", "conversion"),
    ("forced repayment", "conversion"),
    ("margin ", "transfer"),
    ("transfer ", "transfer"),
    ("delivery", "settlement"),
    ("exercised", "settlement"),
    ("expired", "settlement"),
    ("deposit", "deposit"),
    ("withdrawal", "withdrawal"),
    ("rebate", "rebate"),
)
"""Parts of an action's words that say its kind, the first found first."""

_SPLIT: Final = ("trade", "liquidation", "adl", "settlement")


class Bill(NamedTuple):
    """What a bill says, amounts with the venue's signs: a fee that was paid is negative.

    ``held`` is whether it is about a position (and not coins); then ``size`` counts contracts,
    else the currency. Both balances are those afterwards.
    """

    at: datetime
    account: str
    native_id: str
    market: str
    asset: str
    action: str
    kind: MovementKind
    held: bool
    size: Decimal
    price: Decimal | None
    pnl: Decimal
    fee: Decimal
    fee_asset: str
    change: Decimal
    balance: Decimal | None
    position_change: Decimal
    position_balance: Decimal | None
    trade_id: str = ""
    order_id: str = ""


def kind_of(action: str) -> MovementKind | None:
    """Return what an action (in lower case) makes of cash, or None for unknown words."""
    for words, kind in _KINDS:
        if words in action:
            return kind
    return "trade" if action.endswith((*_BOUGHT, *_SOLD)) else None


def bill_lines(path: str, number: int, bill: Bill, told: Mapping[str, str]) -> list[StatementLine]:
    """Return the lines that a bill is: of the balance, and of a position's own margin."""
    cash = legs(bill.asset, bill.balance, *_parts(bill))
    lines = [
        StatementLine(
            path,
            number,
            bill.at,
            bill.account,
            bill.native_id,
            bill.market,
            cash,
            _fill(bill),
            told,
        )
    ]
    if bill.position_change:
        pocket = f"isolated/{bill.market}"
        lines.append(
            StatementLine(
                path,
                number,
                bill.at,
                f"{bill.account}/{pocket}" if bill.account else pocket,
                f"{bill.native_id}/position",
                bill.market,
                legs(bill.asset, bill.position_balance, (bill.kind, bill.position_change)),
                None,
                told,
            )
        )
    return lines


def _side(action: str) -> int:
    return 1 if action.endswith(_BOUGHT) else -1 if action.endswith(_SOLD) else 0


def _signed(bill: Bill) -> Decimal:
    return bill.size if _side(bill.action) > 0 else negated(bill.size)


def _parts(bill: Bill) -> list[tuple[MovementKind, Decimal]]:
    """Return the change as profit (or coins) and fee where these are all of it, else as one."""
    if bill.kind in _SPLIT:
        fee = bill.fee if bill.fee_asset == bill.asset else Decimal(0)
        gross = bill.pnl if bill.held else _signed(bill)
        if total(gross, fee) == bill.change:
            kind = "realised_pnl" if bill.held and bill.kind == "trade" else bill.kind
            return [(kind, gross), ("rebate" if fee > 0 else "fee", fee)]
    return [(bill.kind, bill.change)]


def _fill(bill: Bill) -> FillLeg | None:
    if not bill.held or not bill.size or bill.kind not in _SPLIT or not _side(bill.action):
        return None
    return FillLeg(
        bill.market,
        _signed(bill),
        bill.price,
        bill.trade_id,
        bill.order_id,
        None,
        None,
        bill.pnl,
        negated(bill.fee),
        bill.fee_asset,
    )
