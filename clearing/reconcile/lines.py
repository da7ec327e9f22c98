"""The two sides of a reconciliation as matching sees them: movements of cash, fills, balances.

Amounts, sizes and prices are whole numbers at :data:`DECIMALS`, moments are microseconds since
1970, signs are ours (what raises the account's balance is positive, bought is positive, a fee paid
is positive). One side is ours, the ledger's; the other is theirs, a statement's.
"""

from decimal import Decimal
from typing import Final, Literal, NamedTuple

from clearing.adapters.statements import MAX_DECIMALS
from clearing.events.fields import from_microseconds

DECIMALS: Final = MAX_DECIMALS
"""Decimals of every amount, size and price here: nothing that was read has more."""

SCALE: Final = 10**DECIMALS

Class = Literal[
    "external", "transfer", "pnl", "fee", "funding", "interest", "conversion", "adjustment", "other"
]
"""What movements of both sides are compared as, whatever each calls its own."""

CLASSES: Final[dict[str, Class]] = {
    "deposit": "external",
    "withdrawal": "external",
    "fund_contribution": "external",
    "fund_withdrawal": "external",
    "confirmation": "external",
    "transfer": "transfer",
    "trade": "pnl",
    "realised_pnl": "pnl",
    "settlement": "pnl",
    "liquidation": "pnl",
    "adl": "pnl",
    "insurance": "pnl",
    "socialised_loss": "pnl",
    "variation": "pnl",
    "fee": "fee",
    "rebate": "fee",
    "penalty": "fee",
    "funding": "funding",
    "interest": "interest",
    "conversion": "conversion",
    "adjustment": "adjustment",
}
"""The class of a kind of movement, ours or theirs; any other is ``other``."""


class Movement(NamedTuple):
    """A movement of cash on one side.

    ``ref`` finds it on its side: the place in the list that was matched. ``ids`` are what it may be
    known by on the other side, the surest first; of theirs there is at most one. ``account`` is the
    account that it says it is of.
    """

    ref: int
    at: int
    asset: str
    kind: str
    amount: int
    ids: tuple[str, ...]
    market: str = ""
    account: str = ""


class Fill(NamedTuple):
    """One side of an execution, on one side of a reconciliation.

    ``price`` is 0 where none is told; ``fee`` None where it is not; ``before`` and ``after`` are
    the position around it as told, None where it is not.
    """

    ref: int
    at: int
    market: str
    size: int
    price: int
    fee: int | None
    fee_asset: str
    ids: tuple[str, ...]
    account: str = ""
    before: int | None = None
    after: int | None = None


class Balance(NamedTuple):
    """A balance that they state: of an asset, or of a market's position where ``position``.

    It is what was there at ``at``: after everything of that moment, or before it where ``before``.
    ``ref`` is the place of the movement (or fill) that stated it, −1 where it stands by itself.
    """

    at: int
    what: str
    amount: int
    position: bool
    before: bool
    ref: int


def class_of(kind: str) -> Class:
    """Return what movements of a kind are compared as."""
    return CLASSES.get(kind, "other")


def decimal_text(value: int) -> str:
    """Write a number at :data:`DECIMALS` as an exact decimal."""
    sign, digits = ("-", -value) if value < 0 else ("", value)
    whole, fraction = divmod(digits, SCALE)
    text = f"{fraction:0{DECIMALS}d}".rstrip("0")
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"


def scaled(value: Decimal) -> int:
    """Return an exact decimal at the common decimals; a finer one is refused.

    Raises :class:`ValueError`.
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -DECIMALS:
        raise ValueError(f"{value} has more than {DECIMALS} decimals")
    number: int = int("".join(map(str, digits)) or "0") * 10 ** (exponent + DECIMALS)
    return -number if sign else number


def moment_text(at: int) -> str:
    """Write a moment (microseconds since 1970) as ISO 8601 in UTC."""
    return from_microseconds(at).isoformat().replace("+00:00", "Z")
