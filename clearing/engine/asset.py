"""An asset as the fold remembers it: its rulebook in force and its working scale.

Equity and requirements are computed at a *working* scale per settlement asset, chosen so that every
product is exact; it is never stored.
"""

from clearing.engine.market import Market
from clearing.events.kinds import RATE_DECIMALS
from clearing.rulebook import DEFAULT_REGIME, Regime, Rulebook


class Asset:
    """An asset's decimals, its rulebook in force, and its working scale.

    ``working`` decimals hold every product of its markets, with room for a rate;
    ``lift`` × units is an amount at that scale. ``regimes`` lists the regime before any rulebook,
    then (position, regime) of each change, so that a reversal can undo what was done then.
    ``interest`` is what debts pay and credits get by the last settlement, at rate decimals.
    """

    __slots__ = (
        "decimals",
        "interest",
        "lift",
        "markets",
        "ordinal",
        "regimes",
        "rulebook",
        "working",
    )

    def __init__(self, ordinal: int, decimals: int) -> None:
        self.ordinal = ordinal
        self.decimals = decimals
        self.working = decimals + RATE_DECIMALS
        self.lift = int(10**RATE_DECIMALS)
        self.rulebook: Rulebook | None = None
        self.regimes: list[tuple[int, Regime]] = [(0, DEFAULT_REGIME)]
        self.markets: list[Market] = []
        self.interest: tuple[int, int] | None = None

    @property
    def regime(self) -> Regime:
        """The regime in force."""
        return self.regimes[-1][1]

    @property
    def mode(self) -> str:
        """The mode in force: ``record`` where no rulebook is."""
        return self.regimes[-1][1].mode

    def regime_at(self, position: int) -> Regime:
        """Return the regime that was in force for the event at ``position``."""
        for since, regime in reversed(self.regimes):
            if since <= position:
                return regime
        return DEFAULT_REGIME

    def rescale(self) -> None:
        """Choose the working scale anew, after a market was declared or a rulebook adopted."""
        finest = max([self.decimals, *(market.value_decimals for market in self.markets)])
        if self.rulebook is not None:
            finest = max(finest, self.rulebook.collateral_decimals())
        self.working = finest + RATE_DECIMALS
        self.lift = 10 ** (self.working - self.decimals)
        for market in self.markets:
            market.face_unit = 10 ** (self.working - market.value_decimals)
            market.set_mark(market.mark)
            market.funding_lift = 10 ** (self.working - market.accrued_decimals)

    def follow_variation(self) -> None:
        """Point the markets at the rules of variation margin in force (in derive mode alone)."""
        rulebook = self.rulebook if self.mode == "derive" else None
        for market in self.markets:
            market.variation = None if rulebook is None else rulebook.variation_of(market.ordinal)
            if market.variation is None:
                market.flows = {}
