"""Variation margin: gains and losses of a market paid in cash at every mark."""

from clearing.events.base import Fact
from clearing.events.fields import Name


class VariationDocument(Fact):
    """How what losers cannot pay is made up for where gains and losses are paid at every mark.

    The ``fund`` (without one: nobody) pays as far as it has cash; the rest is cut from everybody
    who gained since the last mark, pro rata. Sources: Vega, protocol/0003-MTMK (mark to market) and
    0002-STTL (fund, then loss socialisation).
    """

    fund: Name | None = None


class VariationRule:
    """A market's rule ready for the engine: the fund's ordinal (0: none), and how cuts round."""

    __slots__ = ("down", "fund")

    def __init__(self, fund: int, *, down: bool) -> None:
        self.fund = fund
        self.down = down
