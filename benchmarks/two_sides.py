"""A made-up day of one account's movements on both sides, and the breaks planted between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

START: Final = 1_767_225_600_000_000
"""When the day begins: 2026-01-01 UTC in microseconds."""

DAY: Final = 86_400_000_000
"""Microseconds of a day."""

DECIMALS: Final = 8
"""Decimals of the amounts."""

NATIVE: Final = (
    "missing_here",
    "missing_there",
    "amount",
    "fee",
    "funding",
    "sign",
    "rounding",
    "timing",
    "duplicate",
    "static_data",
)
"""Types of break that are planted between movements which share identifiers."""

COMPOSITE: Final = (*NATIVE, "duplicate here", "static_data kind")
"""What is planted where no identifiers are told: also a movement of ours that is there twice (the
log has none twice under one name), and one that they call otherwise."""

_KINDS: Final = ("deposit", "withdrawal", "realised_pnl", "funding", "rebate")
_KIND_OF: Final = {
    "amount": "deposit",
    "fee": "rebate",
    "funding": "funding",
    "rounding": "realised_pnl",
    "sign": "realised_pnl",
    "static_data kind": "realised_pnl",
}
_TOGETHER: Final = 8
_HOUR: Final = 3_600_000_000


class Row(NamedTuple):
    """A movement: its identifier, moment (microseconds), asset, kind, and amount in whole 1e-8."""

    id: str
    at: int
    asset: str
    kind: str
    amount: int


class Break(NamedTuple):
    """A planted break: its type, and the places of its rows on each side."""

    type: str
    ours: tuple[int, ...]
    theirs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides in order of moment, and the planted breaks in order of type and place.

    ``alike`` counts the pairs that are equal in everything, ``retimed`` the planted breaks of
    timing, whose pairs match by identifier as well.
    """

    ours: list[Row]
    theirs: list[Row]
    breaks: list[Break]
    alike: int
    retimed: int


def sides(count: int, types: tuple[str, ...]) -> Sides:
    """Return a day of ``count`` movements, some eight at a moment, with the same seed the same.

    One in a thousand is a break, at least six of each of ``types`` (``count`` of 2,000 has room
    for them), in turn and far enough from each other to have nothing to do with each other. Their
    amounts are nobody else's.
    """
    dice = Random(count)  # noqa: S311 - a benchmark's dice
    step = min(1_000, count // (6 * len(types)))
    if step < 2 * _TOGETHER:
        raise ValueError(f"{count} movements have no room for six breaks of each type")
    ours: list[Row] = []
    told: list[tuple[Row, int, str]] = []
    planted: dict[int, tuple[str, tuple[int, ...]]] = {}
    for number in range(count):
        place, type_ = len(ours), ""
        if number % step == step // 2:
            type_ = types[number // step % len(types)]
        row = _row(number, count, dice, type_)
        here = [] if type_ == "missing_here" else [row]
        here += here if type_ == "duplicate here" else []
        ours += here
        told += [(said, number, type_) for said in _told(row, type_)]
        if type_:
            planted[number] = (type_, tuple(range(place, len(ours))))
    told.sort(key=lambda one: one[0].at)
    theirs: dict[int, list[int]] = {number: [] for number in planted}
    for place, (_, number, type_) in enumerate(told):
        if type_:
            theirs[number].append(place)
    breaks = [
        Break(type_, here, tuple(theirs[number])) for number, (type_, here) in planted.items()
    ]
    retimed = sum(one.type == "timing" for one in breaks)
    return Sides(ours, [row for row, _, _ in told], breaks, count - len(breaks), retimed)


def _row(number: int, count: int, dice: Random, type_: str) -> Row:
    moment = number // _TOGETHER * _TOGETHER * (DAY // 1_000) // count * 1_000
    kind = _KIND_OF.get(type_) or dice.choice(_KINDS)
    amount = 2_000_000_000 + number * 1_000 if type_ else dice.randint(1, 1_000_000_000)
    if kind == "withdrawal" or (kind in ("realised_pnl", "funding") and dice.random() < 0.5):
        amount = -amount
    return Row(f"{number:032x}", START + moment, "XBT", kind, amount)


def _told(row: Row, type_: str) -> Iterator[Row]:
    """Yield what they say of a movement."""
    match type_:
        case "missing_there":
            return
        case "amount" | "fee" | "funding":
            yield row._replace(amount=row.amount + 700)
        case "sign":
            yield row._replace(amount=-row.amount)
        case "rounding":
            yield row._replace(amount=row.amount + 1)
        case "timing":
            late = row.at - START > DAY // 2
            yield row._replace(at=row.at - _HOUR if late else row.at + _HOUR)
        case "duplicate":
            yield row
            yield row
        case "static_data":
            yield row._replace(asset="USDT")
        case "static_data kind":
            yield row._replace(kind="deposit")
        case _:
            yield row
