"""Made-up sides of a reconciliation, in whole units."""

from typing import Any

from clearing.reconcile.lines import SCALE, Fill, Movement
from clearing.reconcile.matches import Matched
from clearing.reconcile.matching import match_movements
from clearing.reconcile.tolerances import Field, Tolerance, Tolerances

SECOND = 1_000_000
HOUR = 3_600 * SECOND
UNITS = {"USD": SCALE // 100, "BTC": SCALE // 10**8}


def side(*movements: dict[str, Any]) -> list[Movement]:
    """Movements with defaults: a deposit of dollars at second 0 without an identifier."""
    made = []
    for place, fields in enumerate(movements):
        given = {"at": 0, "asset": "USD", "kind": "deposit", "ids": (), **fields}
        given["amount"] = round(given["amount"] * 100) * (SCALE // 100)
        if isinstance(given["ids"], str):
            given["ids"] = (given["ids"],)
        made.append(Movement(ref=place, **given))
    return made


def fill(place: int, **fields: Any) -> Fill:
    """A purchase of 1 at 100 with a fee of 1, at second 0."""
    given = {"at": 0, "market": "BTC-PERP", "size": 1, "price": 100, "fee": 1, **fields}
    for name in ("size", "price", "fee", "before", "after"):
        if given.get(name) is not None:
            given[name] *= SCALE
    if isinstance(given.get("ids", ()), str):
        given["ids"] = (given["ids"],)
    given.setdefault("ids", ())
    return Fill(ref=place, fee_asset="USD", **given)


def tolerance(field: Field, absolute: int, millionths: int = 0, what: str = "*") -> Tolerances:
    """One adopted tolerance; of amounts in whole units, of time in seconds."""
    scale = SECOND if field == "time" else SCALE
    return Tolerances([Tolerance(7, "*", what, field, absolute * scale, millionths, "rounding")])


def match(
    ours: list[Movement], theirs: list[Movement], tolerances: Tolerances | None = None
) -> Matched:
    """Match two sides; by default nothing may differ."""
    return match_movements(ours, theirs, tolerances or Tolerances(), UNITS)


def found(matched: Matched) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """What differs: type and places."""
    return [(one.type, one.ours, one.theirs) for one in matched.differences]
