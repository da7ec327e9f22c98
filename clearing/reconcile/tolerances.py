"""Tolerances: how far two sides may differ and still agree; versioned data, zero by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Field = Literal["amount", "fee", "funding", "price", "quantity", "time"]
"""What a tolerance is of: a cash movement's amount by its class (``fee``, ``funding``, else
``amount``), a fill's price or quantity, or when something happened."""

ANY: Final = "*"
"""Stands for every venue, or every asset and market."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a field may differ.

    ``venue`` and ``what`` (an asset or market) may be ``*``. ``absolute`` is a number at
    :data:`~clearing.reconcile.lines.DECIMALS` decimals, of ``time`` in microseconds; ``millionths``
    is relative to our figure; the greater of both holds. ``residual_account`` is the ledger account
    that residuals are posted to, ``version`` the number under which it was adopted.
    """

    version: int
    venue: str
    what: str
    field: Field
    absolute: int
    millionths: int
    residual_account: str

    def allows(self, ours: int, theirs: int) -> bool:
        """Whether the two agree within this."""
        away = abs(ours - theirs)
        return away <= self.absolute or away * 1_000_000 <= self.millionths * abs(ours)


class Tolerances:
    """The tolerances in force, found by the most particular venue and asset or market."""

    def __init__(self, adopted: Iterable[Tolerance] = (), venue: str = "") -> None:
        """Take what was adopted, in the order of versions: a later one takes an earlier's place."""
        self._found = {(one.venue, one.what, one.field): one for one in adopted}
        self._venue = venue

    def of(self, what: str, field: Field) -> Tolerance | None:
        """Return the tolerance of a field of an asset or market, None where none was adopted."""
        for venue in (self._venue, ANY):
            for named in (what, ANY):
                found = self._found.get((venue, named, field))
                if found is not None:
                    return found
        return None

    def window(self, what: str) -> int:
        """Return by how many microseconds two moments may differ: 0 unless adopted."""
        found = self.of(what, "time")
        return 0 if found is None else found.absolute

    @property
    def widest_window(self) -> int:
        """By how many microseconds any two moments may differ."""
        return max((one.absolute for one in self._found.values() if one.field == "time"), default=0)

    def __bool__(self) -> bool:
        """Whether any was adopted."""
        return bool(self._found)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions in force, in order: they belong to what a reconciliation says."""
        return tuple(sorted(one.version for one in self._found.values()))
