"""A sample statement: what a venue would state of an account, made from the ledger itself.

For trying reconciliation out without anybody's files. Errors may be planted into it, which are then
known beforehand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, get_args

from clearing.audit.moments import Moment
from clearing.audit.movements import MovementRow, Wanted, movements
from clearing.events.fields import to_microseconds
from clearing.log import Connection
from clearing.quantities import format_scaled
from clearing.reconcile.lines import moment_text

Planted = Literal["missing", "amount", "sign", "fee", "time", "foreign", "duplicate"]
PLANTED: Final[tuple[str, ...]] = get_args(Planted)
"""What can be planted: a line left out, an amount or its sign changed, a fee raised, a line eight
hours later, one that is nobody's, one told twice."""

HEADER: Final = "time,id,kind,market,asset,amount,balance"

MAPPING: Final = """\
mapping: 1
venue: sample-venue
time: {column: time, format: iso}
native_id: id
asset: {column: asset}
kind:
  column: kind
  words:
    deposit: deposit
    withdrawal: withdrawal
    transfer: transfer
    realised_pnl: realised_pnl
    fee: fee
    funding: funding
    penalty: fee
    adjustment: adjustment
    other: other
market: {column: market}
amount: {column: amount, positive: raises}
balance: {column: balance, of: line}
"""
"""The mapping by which ``generic-csv`` reads a sample statement."""

_KINDS: Final = frozenset(
    ("deposit", "withdrawal", "transfer", "realised_pnl", "fee", "funding", "penalty", "adjustment")
)


class NothingPlanted(ValueError):  # noqa: N818 - reads as the statement that it is
    """There is no line that an error could be planted in."""


@dataclass(frozen=True, slots=True)
class _Line:
    at: int
    id: str
    kind: str
    market: str
    asset: str
    amount: Decimal
    balance: Decimal


def sample_statement(
    connection: Connection,
    moment: Moment,
    account: str,
    since: datetime,
    until: datetime,
    planted: Sequence[Planted] = (),
) -> Iterator[str]:
    """Yield the lines of a CSV statement of an account, from ``since`` on and before ``until``.

    Each error is planted once, in a line of its own, the same for the same ledger. Balances follow
    what the venue would have done (an amount, a fee, a foreign line), and stay right where only the
    file is wrong. Raises :class:`NothingPlanted` where no line is left for one.
    """
    lines = list(_lines(connection, moment, account, since, until))
    for place, error in enumerate(planted, 1):
        _plant(lines, error, place, len(planted))
    yield HEADER
    for line in sorted(lines, key=lambda one: one.at):
        at = moment_text(line.at)
        amounts = f"{line.amount:f},{line.balance:f}"
        yield f"{at},{line.id},{line.kind},{line.market},{line.asset},{amounts}"


def _lines(
    connection: Connection, moment: Moment, account: str, since: datetime, until: datetime
) -> Iterator[_Line]:
    first, last = to_microseconds(since), to_microseconds(until)
    held: dict[str, Decimal] = {}
    rows = sorted(
        movements(connection, moment, Wanted(account, last - 1)), key=lambda row: row.occurred_at
    )
    for row in rows:
        amount = _amount(row)
        held[row.asset] = held.get(row.asset, Decimal(0)) + amount
        if row.occurred_at >= first:
            kind = row.kind if row.kind in _KINDS else "other"
            yield _Line(
                row.occurred_at,
                row.external_id,
                kind,
                row.market,
                row.asset,
                amount,
                held[row.asset],
            )


def _amount(row: MovementRow) -> Decimal:
    return Decimal(format_scaled(row.amount, row.decimals))


def _plant(lines: list[_Line], error: Planted, place: int, of: int) -> None:
    """Plant an error near the place that is its share of the lines."""
    kinds = {"fee": ("fee",), "amount": ("deposit", "realised_pnl")}.get(error)
    wanted = [i for i, line in enumerate(lines) if kinds is None or line.kind in kinds]
    if not wanted:
        raise NothingPlanted(f"there is no line to plant {error!r} in")
    at = wanted[len(wanted) * place // (of + 1)]
    line = lines[at]
    hours = int(timedelta(hours=8).total_seconds()) * 1_000_000
    match error:
        case "missing":
            del lines[at]
        case "amount":
            _charge(lines, at, Decimal(25))
        case "sign":
            lines[at] = replace(line, amount=-line.amount)
        case "fee":
            _charge(lines, at, line.amount)
        case "time":
            lines[at] = replace(line, at=line.at + hours)
        case "foreign":
            stray = replace(line, id="nobody-1", kind="withdrawal", amount=Decimal(-100), market="")
            lines.insert(at + 1, replace(stray, amount=Decimal(0)))
            _charge(lines, at + 1, Decimal(-100))
        case "duplicate":
            lines.insert(at + 1, line)


def _charge(lines: list[_Line], at: int, more: Decimal) -> None:
    """Let a line have moved more, and every balance of its asset from there on."""
    asset = lines[at].asset
    lines[at] = replace(lines[at], amount=lines[at].amount + more)
    for i in range(at, len(lines)):
        if lines[i].asset == asset:
            lines[i] = replace(lines[i], balance=lines[i].balance + more)
