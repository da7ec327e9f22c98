"""What a market's state permits: trades, larger positions, and closing by the ladder.

A table, so that every state says all three; ``settled`` is the engine's own last state.
"""

from typing import Final, NamedTuple

SETTLED: Final = "settled"
"""The last state of a market."""


class Permitted(NamedTuple):
    """Whether positions may change by fills, whether they may grow, whether the ladder closes."""

    trades: bool
    grows: bool
    closes: bool


PERMITTED: Final = {
    "normal": Permitted(trades=True, grows=True, closes=True),
    "reduce_only": Permitted(trades=True, grows=False, closes=True),
    "liquidations_paused": Permitted(trades=True, grows=True, closes=False),
    "halted": Permitted(trades=False, grows=False, closes=False),
    "auction": Permitted(trades=False, grows=False, closes=False),
    "final_settlement": Permitted(trades=True, grows=False, closes=True),
    SETTLED: Permitted(trades=False, grows=False, closes=False),
}
"""By state. Sources: dYdX v4 (final settlement: reduce only until all is closed at the oracle
price), Vega 0032 (auction: nothing trades until it ends, no closeouts in it)."""
