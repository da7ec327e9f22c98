"""What may be wrong between the two sides: types of break, and which one a difference is."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from clearing.reconcile.lines import Class, decimal_text

BreakType = Literal[
    "missing_here",
    "missing_there",
    "amount",
    "quantity",
    "price",
    "fee",
    "funding",
    "timing",
    "duplicate",
    "sign",
    "rounding",
    "static_data",
    "rule_deviation",
    "unexplained_balance",
]
"""``missing_here``: they have it and we do not; ``missing_there`` the other way round;
``static_data``: what it is named by differs (asset, market, account, kind)."""

BREAK_TYPES: Final[tuple[str, ...]] = get_args(BreakType)

Side = Literal["cash", "fill"]
"""Which list the places of a difference are in: movements or fills."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    ``what`` is the asset (or the market, of a fill), ``amount`` theirs less ours: what their
    balance is ahead of ours by because of it (of a fill: their size less ours). ``at`` is the
    earliest moment of either side. ``ours`` and ``theirs`` are places on each side. ``field`` says
    which field differs, ``here`` and ``there`` what stands on each side, ``words`` what to know.
    """

    type: BreakType
    side: Side
    what: str
    amount: int
    at: int
    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    field: str = ""
    here: str = ""
    there: str = ""
    words: str = ""


def amount_type(cls: Class, ours: int, theirs: int, unit: int) -> BreakType:
    """Return the type of a difference of cash: of no more than ``unit`` it is a rounding."""
    if theirs == -ours:
        return "sign"
    if abs(theirs - ours) <= unit:
        return "rounding"
    if cls == "fee":
        return "fee"
    return "funding" if cls == "funding" else "amount"


def amount_difference(
    cls: Class,
    asset: str,
    at: int,
    ours: int,
    theirs: int,
    unit: int,
    places: tuple[tuple[int, ...], tuple[int, ...]],
) -> Difference:
    """Return the difference of two amounts that belong together."""
    found = amount_type(cls, ours, theirs, unit)
    here, there = decimal_text(ours), decimal_text(theirs)
    return Difference(found, "cash", asset, theirs - ours, at, *places, "amount", here, there)
