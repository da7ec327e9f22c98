"""The working of a reduction: how its quantity, what it fetches and its penalty came about.

Nothing is computed here but the text of it; figures are those that the reduction computed.
"""

from decimal import Decimal
from fractions import Fraction

from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.penalties import penalty_lines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.working import face_lines, reached_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact
from clearing.rulebook import Limit, Penalty, Ramp


class QuantityStages:
    """A quantity on its way through the rung's limits; nothing is left where nobody asks."""

    __slots__ = ("_asset_decimals", "_decimals", "_facts", "_lift", "_trace", "_working")

    def __init__(self, at: Holding, trace: Trace | None) -> None:
        self._trace = trace
        self._decimals = at.decimals
        self._asset_decimals = at.asset.decimals
        self._working = at.working
        self._lift = at.asset.lift
        if trace is not None:
            # The rule that wanted it left the facts of the position with its own working.
            self._facts = {part.name: part for part in trace.inputs[-1].inputs}

    def _stage(self, name: str, formula: str, value: int, *facts: Trace | str) -> None:
        if self._trace is None:
            return
        parts = [self._facts[part] if isinstance(part, str) else part for part in facts]
        self._trace.stage(name, formula, value, self._decimals, *parts)

    def in_lots(self, name: str, value: int) -> None:
        """Round up to whole lots, or all."""
        self._stage(name, "min(held, up(before / lot, 0) * lot)", value, "held", "lot")

    def ramped(self, value: int, ramp: Ramp, elapsed: int, short: int, freed: int) -> None:
        """Take the share that the ramp lets be closed, by the figures that it looks at."""
        if self._trace is None:
            return
        share = Trace("share")
        ramp.explain(elapsed, short, freed, (self._asset_decimals, self._working), share)
        self._stage("ramped", f"down(before * share, {self._decimals})", value, share)

    def whole_up_to(self, value: int, limit: int) -> None:
        """Take all of a small position."""
        if limit:
            small = fact("whole up to", limit, self._working, "rung.whole_up_to")
            formula = "choose(at_most(held * unit, whole_up_to), held, before)"
            self._stage("all of a small position", formula, value, "held", "unit", small)

    def at_most(self, value: int, limit: Limit, most: int) -> None:
        """Take no more than a limit, in whole lots."""
        lots = "choose(at_most(held, most), held, down(most / lot, 0) * lot)"
        lines = self._limit("most", "rung.at_most", limit, "down", most)
        self._stage("at most", f"min(before, {lots})", value, "held", "lot", lines)

    def at_least(self, value: int, limit: Limit, least: int) -> None:
        """Take no less than a limit, in whole lots."""
        lines = self._limit("least", "rung.at_least", limit, "up", least)
        formula = "max(before, up(least / lot, 0) * lot)"
        self._stage("at least", formula, value, "lot", lines)

    def _limit(self, name: str, clause: str, limit: Limit, rounding: str, value: int) -> Trace:
        lines = Trace(name, note=clause)
        if self._trace is None:
            return lines
        parts = ["held"]
        lines.inputs.append(self._facts["held"])
        if limit.share:
            parts.append(f"{rounding}(held * share, {self._decimals})")
            lines.value("share", limit.share, RATE_DECIMALS, f"{clause}.share")
        unit = self._facts["unit"]
        if limit.notional and Fraction(unit.result):
            parts.append(f"{rounding}(notional / unit, {self._decimals})")
            lines.value(
                "notional", limit.notional * self._lift, self._working, f"{clause}.notional"
            )
            lines.inputs.append(unit)
        lines.formula = f"min({', '.join(parts)})" if len(parts) > 1 else "held"
        lines.finish(value, self._decimals, clause)
        return lines

    def one_lot(self, value: int) -> None:
        """Take at least a lot."""
        self._stage("one lot at least", "min(held, max(lot, before))", value, "held", "lot")

    def no_dust(self, value: int, limit: int) -> None:
        """Take all where the rest would be worth too little."""
        if limit:
            least = fact("minimum notional", limit, self._working, "rung.minimum_notional")
            formula = "choose(below((held - before) * unit, minimum_notional), held, before)"
            self._stage("no dust left", formula, value, "held", "unit", least)

    def finish(self, value: int) -> None:
        """State the quantity."""
        if self._trace is not None:
            self._trace.formula = "sum(inputs)"
            self._trace.finish(value, self._decimals)


class ClosingLines:
    """The workings of what one close fetches (``proceeds``) and of its penalty."""

    __slots__ = ("_decimals", "_market", "_scope", "_step", "_working", "proceeds", "size")

    def __init__(self, step: Step, scope: Scope, market: Market, proceeds: Trace) -> None:
        self._step = step
        self._scope = scope
        self._market = market
        asset = step.book.assets[scope.asset]
        self._decimals, self._working = asset.decimals, asset.working
        self.proceeds = proceeds
        self.size = Trace("size")

    @classmethod
    def of(cls, step: Step, scope: Scope, market: Market) -> "ClosingLines | None":
        """Return the lines of a close that is being made, if somebody asks for workings."""
        proceeds = step.working(f"proceeds {market.spec.name}", scope, market.ordinal)
        return None if proceeds is None else cls(step, scope, market, proceeds)

    def value_at(self, price: int, size: int, value: int) -> None:
        """State what the part is worth at the close price."""
        lines = self.proceeds.step("value", "size * value_of_one")
        self.size = fact("size", size, self._market.spec.size_decimals, "of the part closed")
        lines.inputs.append(self.size)
        face_lines(lines, self._market, price)
        at_mark = price == self._market.mark
        lines.finish(value, self._working, "" if at_mark else "at the price for the role close")

    def ticked(self, tick: Decimal, of_unit: Fraction, exact: Fraction, *, long: bool) -> None:
        """Move the price to the tick, up for a long position, down for a short one.

        ``of_unit`` is the price at which the part would fetch one unit of the asset, ``exact`` what
        it fetches on the tick, at the working scale.
        """
        value, *discounts = self.proceeds.inputs
        before = "(value - discount)" if discounts else "value"
        lines = Trace("on tick", before, inputs=[value, *discounts])
        self.proceeds.inputs = [lines]
        lines.finish_ratio(Fraction(exact, 10**self._working), "rung.price.tick")
        size = Fraction(value.inputs[0].result)
        if exact * size <= 0:
            return
        rounding = "up" if long else "down"
        sign = "" if exact > 0 else "-"
        inverse = self._market.spec.payoff == "inverse"
        price = f"per / abs({before})" if inverse else f"abs({before}) * per"
        ticked = f"(max({rounding}({price} / tick, 0), 1) * tick)"
        lines.formula = sign + (f"per / {ticked}" if inverse else f"{ticked} / per")
        one = 10**self._decimals
        per = Fraction(of_unit, one) if inverse else of_unit * one
        lines.ratio("tick", Fraction(tick), "rung.price.tick")
        lines.ratio("per", per, "the price at which the part would fetch 1")

    def floored(self, at: Holding, least: int | None, value: int, *, floored: bool) -> None:
        """State the least that the part fetches, whatever the price."""
        parts = [part.name.replace(" ", "_") for part in self.proceeds.inputs]
        self.proceeds.formula = f"down({' - '.join(parts)}, {self._decimals})"
        if least is None:
            return
        lost = "min(full_equity, at_bankruptcy)" if floored else "full_equity"
        lines = self.proceeds.step("least", f"-down({lost} - value_at_mark, {self._decimals})")
        at.equity_lines(lines)
        if floored:
            at.bankruptcy_lines(lines)
        mark = lines.step("value at mark", "size * value_of_one")
        mark.inputs.append(self.size)
        face_lines(mark, self._market, self._market.mark)
        mark.finish(value, self._working)
        lines.finish(least, self._decimals, "it never takes more than there is")
        self.proceeds.formula = f"max({self.proceeds.formula}, least)"

    def finish(self, proceeds: int) -> None:
        """State what the part fetches, in units."""
        note = "rounded down; what it is worth beyond is the taker's"
        self.proceeds.finish(proceeds, self._decimals, note)

    def penalty(
        self,
        at: Holding,
        penalty: Penalty,
        rate: Fraction,
        proceeds: int,
        limit: int,
        amount: int,
    ) -> None:
        """State the penalty, in units."""
        working = self._step.working(
            f"penalty {self._market.spec.name}", self._scope, self._market.ordinal
        )
        if working is None:
            return
        value = working.step("value at mark", "size * value_of_one")
        value.inputs.append(self.size)
        face_lines(value, self._market, self._market.mark)
        size = Fraction(self.size.result)
        value.finish_ratio(size * Fraction(value.inputs[1].result))
        left = working.step("limit")
        left.formula = f"down(full_equity + proceeds - value_at_mark, {self._decimals})"
        at.equity_lines(left)
        left.value("proceeds", proceeds, self._decimals)
        left.inputs.append(value)
        if penalty.surplus:
            surplus = f"down(proceeds - value_at_mark + at_bankruptcy, {self._decimals})"
            left.formula = f"min({left.formula}, {surplus})"
            at.bankruptcy_lines(left)
        left.finish(limit, self._decimals, "what is left of equity, or of the surplus")
        penalty_lines(working, penalty, rate, "abs(value_at_mark)", amount, self._decimals)


def restored_lines(
    trace: Trace, margin: Trace, level: str, factor: int, clause: str = "rung.quantity"
) -> None:
    """Leave the comparison of what counts with factor × the level: 1 if it is restored."""
    reached_lines(trace, margin, level)
    trace.formula = trace.formula.replace("at_most(", "at_most(factor * ")
    trace.inputs.insert(0, fact("factor", factor, RATE_DECIMALS, clause))
