"""Hyperliquid's node fills as a statement: both sides of every trade, of all accounts or of one.

A row is one side, and its user the account. Of a perpetual's fill the profit and loss and the fee
are cash; of spot the row does not say what moved but for the fee. A fee is positive where paid.
Rows of other users than the setting ``user`` names are passed over unread.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from clearing.adapters.base import OptionRefused, Refusal, Setting, settle
from clearing.adapters.fields import FieldRefused, name_field
from clearing.adapters.files import CsvRow, read_csv
from clearing.adapters.hyperliquid_node import (
    COLUMNS,
    SETTLEMENT,
    fee_of,
    is_node_fills,
    is_spot,
    market_of,
    node_fill,
)
from clearing.adapters.statements.base import (
    MAX_DECIMALS,
    Balances,
    Beginning,
    CashLeg,
    FillLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.values import negated


class HyperliquidNodeFills:
    """The statement format ``hyperliquid-node-fills``."""

    name: Final = "hyperliquid-node-fills"
    summary: Final = "Hyperliquid node fills (CSV): both sides of every trade, of all users"
    venue: Final = "hyperliquid"
    columns: Final[Mapping[str, str]] = {
        "block_number": "ignored: the block of the moment",
        "block_time": "the moment, in UTC, to microseconds",
        "user": "the account",
        "coin": "the market; that of spot is spot:@107",
        "side": "B bought, A sold",
        "px": "the price of the fill",
        "sz": "the size of the fill",
        "time_ms": "ignored: the moment to milliseconds",
        "start_position": "the position before the fill; of spot the holding",
        "dir": "ignored: the venue's word for what size and position say",
        "closed_pnl": "profit and loss; cash of a perpetual, of spot none",
        "fee": "the fee, positive where paid",
        "fee_token": "the asset of the fee",
        "crossed": "ignored: whether it took or gave liquidity",
        "tid": "the native id and the trade's identifier, the same on both sides",
        "liq_user": "ignored: whose liquidation it was",
        "liq_mark": "ignored: the mark of the liquidation",
        "liq_method": "ignored: the method of the liquidation",
    }
    balances: Final[Balances] = "none"
    kinds: Final[frozenset[MovementKind] | None] = frozenset({"realised_pnl", "fee", "rebate"})
    fills: Final = True
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {
        "user": Setting("", (), "the user whose rows are read; empty: every user's"),
    }

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether the header names the columns that only this format has."""
        return is_node_fills(set(beginning.header))

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the file's order."""
        user = settle(self.name, self.settings, settings)["user"]
        if user:
            try:
                name_field("user", user)
            except FieldRefused as error:
                raise OptionRefused(f"{self.name}: user={user!r}: {error.reason}") from error
        return items_of(path, _rows_of(path, user.lower()), lambda row: [_line(path, row)])


def _rows_of(path: str, user: str) -> Iterator[CsvRow | Refusal]:
    """Yield the rows of a user; addresses mean the same in capitals and in small letters."""
    for row in read_csv(path, COLUMNS):
        if isinstance(row, Refusal) or not user or row.fields["user"].lower() == user:
            yield row


def _line(path: str, row: CsvRow) -> StatementLine:
    fill = node_fill(row.fields, MAX_DECIMALS)
    market = market_of(fill.coin)
    cash = []
    if fill.pnl and not is_spot(fill.coin):
        cash.append(CashLeg(SETTLEMENT, "realised_pnl", fill.pnl))
    if fill.fee:
        cash.append(CashLeg(fill.token, "rebate" if fill.fee < 0 else "fee", negated(fill.fee)))
    return StatementLine(
        path,
        row.number,
        fill.at,
        fill.user,
        fill.trade,
        market,
        tuple(cash),
        FillLeg(
            market,
            fill.size if fill.buys else negated(fill.size),
            fill.price,
            fill.trade,
            before=fill.before,
            pnl=fill.pnl,
            fee=fill.fee,
            fee_asset=fill.token,
            fee_of=fee_of(fill.coin, fill.buys, fill.fee),
        ),
        row.fields,
    )


HYPERLIQUID_NODE_FILLS: Final = HyperliquidNodeFills()
