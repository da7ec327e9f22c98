"""Impact: how far forced closes move the mark, as an assumption that a rulebook states.

A venue's recorded marks have the impact of its own sales in them, so nothing here is on unless a
rulebook says so: it is for scenarios, and for venues that run on this ledger without a book of
orders of their own.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from clearing.events.base import Fact
from clearing.events.fields import PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import square_root, to_scaled
from clearing.rulebook.fields import Factor, Fraction, List
from clearing.rulebook.ladder.conditions import Seconds

_SCALE: Final = 10**RATE_DECIMALS

SALES: Final = {
    "reduce": frozenset({"reduce"}),
    "takeover": frozenset({"fund", "backstop", "haircut", "per_unit", "deficit"}),
}
"""What may count as sold to the market, and the layers of ``closed`` entries that it stands for.

Deleveraging is in neither: both sides close against each other.
"""


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a kind of close may stand only once")
    return names


class ImpactDocument(Fact):
    """How the mark moves when positions are closed by force: down for longs, up for shorts.

    The share of the mark that it moves by is ``coefficient`` × x (``linear``) or ``coefficient`` ×
    √x (``square_root``), at most ``ceiling``, where x is the size closed over the ``depth`` (in
    units of size; without it what was last observed of the side that takes it, and ``ceiling``
    where nothing was). ``closes`` says what counts as sold to the market. The move lasts until the
    market's next mark or, with ``fades_seconds``, moves later marks as well, by a share that
    goes down to nothing in that time. Sources: A. Kyle, "Continuous Auctions and Insider Trading",
    Econometrica 53 (1985), for ``linear``; R. Almgren, C. Thum, E. Hauptmann, H. Li, "Direct
    Estimation of Equity Market Impact" (2005), and B. Tóth et al., Phys. Rev. X 1 (2011), for a
    root.
    """

    op: Literal["linear", "square_root"]
    coefficient: Factor
    depth: PositiveAmount | None = None
    ceiling: Fraction = Decimal("0.5")
    closes: Annotated[
        tuple[Literal["reduce", "takeover"], ...],
        List,
        Field(min_length=1, max_length=2),
        AfterValidator(_once),
    ] = ("reduce",)
    fades_seconds: Seconds = 0


class ImpactRule:
    """An impact rule ready for the engine; ``fades`` in microseconds, ``layers`` that count.

    ``depth`` is in steps of size (0: what was observed).
    """

    __slots__ = ("_ceiling", "_coefficient", "_root", "depth", "fades", "layers")

    def __init__(self, document: ImpactDocument, depth: int) -> None:
        self._root = document.op == "square_root"
        self._coefficient = to_scaled(document.coefficient, RATE_DECIMALS)
        self._ceiling = to_scaled(document.ceiling, RATE_DECIMALS)
        self.depth = depth
        self.fades = document.fades_seconds * 1_000_000
        self.layers = frozenset().union(*(SALES[name] for name in document.closes))

    def share(self, size: int, depth: int) -> int:
        """Return the share of the mark, at rate decimals, that closing ``size`` moves it by.

        Both in steps of size, unsigned. Rounded down.
        """
        if not size:
            return 0
        if not depth:
            return self._ceiling
        if self._root:
            moved = self._coefficient * square_root(size * _SCALE**2 // depth) // _SCALE
        else:
            moved = self._coefficient * size // depth
        return int(min(self._ceiling, moved))
