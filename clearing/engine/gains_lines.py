"""The working of a reduction that sells gains: how much each step closes or settles, and why.

Nothing is computed here but the text of it; what is looked at is the scope as it stands, or as it
is made to stand for a moment by whoever asks.
"""

from clearing.engine.market import Market
from clearing.engine.penalties import full_rate, penalty_lines
from clearing.engine.reduction_lines import restored_lines
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Position, Scope
from clearing.engine.step import Step
from clearing.engine.valuation import (
    accrued_funding,
    accrued_lines,
    measure,
    unrealised_lines,
)
from clearing.quantities import Trace, fact, identifier
from clearing.rulebook import RATE_SCALE, Penalty


class GainsLines:
    """Workings of the steps on one position, towards factor × the level at ``place``."""

    def __init__(self, step: Step, scope: Scope, market: Market, place: int, factor: int) -> None:
        self._step = step
        self._scope = scope
        self._market = market
        self._place = place
        self._factor = factor
        self._asset = step.book.assets[scope.asset]
        rules = scope.rules
        self._level = "" if rules is None else rules.levels[place]

    def working(self, name: str) -> Trace | None:
        """Return a working to be filled in, if anybody asks for it."""
        return self._step.working(
            f"{name} {self._market.spec.name}", self._scope, self._market.ordinal
        )

    def closed(self, lines: Trace, most: int, lots: int, quantity: int) -> None:
        """State how much is closed: the fewest lots that are enough, or the most that may be."""
        places = self._market.spec.size_decimals
        lines.formula = "min(most, lots * lot)"
        lines.value("most", most, places, "left to be closed by this rung")
        lines.value("lots", lots, 0, "the fewest that are enough, or all: found by halving")
        lines.value("lot", self._market.spec.lot, places)
        lines.finish(quantity, places)

    def restored(self, trace: Trace, name: str = "restored", note: str = "") -> bool:
        """State whether the level is restored as the scope stands: 1, else 0."""
        margin, lines = Trace("margin"), trace.step(name)
        now = measure(self._step.book, self._scope, margin)
        restored_lines(lines, margin, self._level, self._factor)
        restored = bool(
            now.counted(self._place) * RATE_SCALE >= self._factor * now.asked(self._place)
        )
        lines.finish(int(restored), 0, note)
        return restored

    def gain(self, trace: Trace, position: Position | None, gain: int) -> None:
        """State a position's gain as the scope stands: what it earned less what is asked of it."""
        lines = trace.step("gain", "0")
        if position is not None:
            name = self._market.spec.name
            lines.formula = f"{identifier(f'unrealised {name}')} + accrued_funding - asked"
            unrealised_lines(lines, self._asset, self._market, position)
            owed = accrued_funding(self._market, position) * self._market.funding_lift
            accrued = accrued_lines(lines, "accrued funding", self._market, position)
            accrued.finish(owed, self._asset.working)
            lines.inputs.append(self._asked())
        lines.finish(gain, self._asset.working, "" if position is not None else "nothing is left")

    def _asked(self) -> Trace:
        """Return what the level asks of the position, as the margin's working has it."""
        margin = Trace("margin")
        measure(self._step.book, self._scope, margin)
        name = f"{self._level} {self._market.spec.name}"
        for level in margin.inputs:
            if level.name != self._level:
                continue
            for part in level.inputs[0].inputs:
                if part.name == name:
                    return Trace("asked", "sum(inputs)", part.result, part.note, part.inputs)
        # A portfolio asks nothing of one position by itself: its notional stands for it.
        asked = requirement_of(self._step.book, self._scope, self._place, self._market)
        return fact("asked", asked, self._asset.working, "of the position, at the level")

    def sellable(self, lines: Trace, units: int, allowed: int | None) -> None:
        """Put the last input, the gain, under what of it may be settled in whole units."""
        formula = f"max(0, down(before, {self._asset.decimals}))"
        parts = []
        if allowed is not None:
            formula = f"min({formula}, allowed)"
            note = "rung.gains.at_most, less what was settled"
            parts = [fact("allowed", allowed, self._asset.decimals, note)]
        lines.stage("most", formula, units, self._asset.decimals, *parts)

    def settled(self, lines: Trace, amount: int) -> None:
        """State how much of the gain becomes cash: the fewest units that restore the level."""
        lines.formula = "min(most, fewest)"
        note = "units that restore the level, or all: found by halving"
        lines.value("fewest", amount, self._asset.decimals, note)
        lines.finish(amount, self._asset.decimals)

    def penalty(self, penalty: Penalty | None, settled: int, limit: int, amount: int) -> None:
        """State what settling costs: within what is settled and the account's equity."""
        lines = None if penalty is None else self.working("penalty")
        if lines is None or penalty is None:
            return
        decimals = self._asset.decimals
        lines.value("settled", settled, decimals)
        limits = lines.step("limit", f"min(settled, down(equity, {decimals}))")
        limits.value("settled", settled, decimals)
        equity = measure(self._step.book, self._scope).equity
        limits.value("equity", equity, self._asset.working, "of the account, all that it is worth")
        limits.finish(limit, decimals)
        penalty_lines(lines, penalty, full_rate(penalty), "settled", amount, decimals)
