"""The working of a hand-over: which layer took or bore how much, why no more, and what was left.

Nothing is computed here but the text of it; figures are those that the waterfall computed.
"""

from collections.abc import Sequence
from dataclasses import replace

from clearing.engine.estate import Estate
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.working import face_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact
from clearing.rulebook import FundLayer, Layer


class LossLines:
    """Workings of one scope's hand-over; parts of the loss by who bore them are kept for its end.

    Nothing is left where nobody asks for workings.
    """

    __slots__ = ("_borne", "_decimals", "_layers", "_scope", "_step", "_working")

    def __init__(self, step: Step, scope: Scope, layers: Sequence[Layer]) -> None:
        self._step = step
        self._scope = scope
        self._layers = layers
        asset = step.book.assets[scope.asset]
        self._decimals, self._working = asset.decimals, asset.working
        self._borne: dict[str, list[Trace]] = {}

    @property
    def asked(self) -> bool:
        """Whether anybody asks for workings."""
        return self._step.workings is not None

    def clause(self, layer: Layer) -> str:
        """Return where the rulebook has a layer."""
        return f"waterfall.layers.{self._layers.index(layer)}"

    def _name(self, account: int) -> str:
        return self._step.book.registry.account(account).name

    def closed(
        self,
        estate: Estate,
        taker: int,
        quantity: int,
        amount: int,
        name: str,
        loss: int,
        price: int | None = None,
    ) -> None:
        """State what one part is handed over for, what it is worth, and what is left.

        ``price`` is what it goes at, if not its part of the bankruptcy amount.
        """
        market, step = estate.market, self._step
        what = f"closed {market.spec.name} by {name} {self._name(taker)}"
        lines = step.working(what, self._scope, market.ordinal)
        if lines is None:
            return
        lines.formula = "amount - size * value_of_one"
        places = market.spec.size_decimals
        size = fact("size", estate.signed(quantity), places, "of the part")
        lines.inputs.append(size)
        face_lines(lines, market, market.mark)
        if price is not None:
            at_price = lines.step("amount", f"down(size * value_of_one, {self._decimals})")
            at_price.inputs.append(size)
            face_lines(at_price, market, price)
        else:
            at_price = lines.step("amount")
            self._part_lines(at_price, estate, quantity)
        at_price.finish(amount, self._decimals)
        lines.finish(loss, self._working, "what the part costs beyond its value at the mark")
        left = step.working(f"left of {market.spec.name}", self._scope, market.ordinal)
        if left is not None:
            left.formula = "rest - taken"
            left.value("rest", estate.rest, places)
            left.value("taken", quantity, places)
            left.finish(estate.rest - quantity, places)

    def _part_lines(self, trace: Trace, estate: Estate, quantity: int) -> None:
        """Leave the part of the bankruptcy amount that goes with a quantity."""
        trace.value("whole", estate.amount, self._decimals, "the bankruptcy amount")
        if quantity == estate.rest:
            trace.formula = "whole - paid"
            trace.value("paid", estate.paid, self._decimals, "for the parts before")
            return
        places = estate.market.spec.size_decimals
        trace.formula = f"down(whole * quantity / held, {self._decimals})"
        trace.value("quantity", quantity, places)
        trace.value("held", abs(estate.size), places)

    def by_notional(self, estate: Estate, layer: FundLayer, equity: int, rest: int) -> None:
        """State the most that a fund may take for its equity: all of the rest, or whole lots."""
        market, places = estate.market, estate.market.spec.size_decimals
        name = f"affordable {market.spec.name} by fund {self._name(layer.account)}"
        lines = self._step.working(name, self._scope, market.ordinal)
        if lines is None:
            return
        most = f"down(equity * notional / unit, {places})"
        lines.formula = f"choose(at_most(rest, {most}), rest, down({most} / lot, 0) * lot)"
        lines.value("rest", estate.rest, places)
        lines.value("equity", equity, self._working, "of the fund, at least 0")
        lines.value("notional", layer.notional, RATE_DECIMALS, f"{self.clause(layer)}.notional")
        unit = abs(market.worth) * 10**places
        lines.value("unit", unit, self._working, "the notional of 1 at the mark")
        lines.value("lot", market.spec.lot, places)
        lines.finish(rest, places)

    def taken_by_group(
        self,
        estate: Estate,
        group: Sequence[Layer],
        quantity: int,
        capacity: int,
        lines: Sequence[Trace | None],
    ) -> None:
        """State how much layers that pay together can take."""
        parts = [line for line in lines if line is not None]
        names = [f"capacity {i}" for i, _ in enumerate(parts, start=1)]
        named = [replace(part, name=name) for part, name in zip(parts, names, strict=True)]
        together = Trace("capacity", "sum(inputs)", inputs=named)
        together.finish(capacity, self._working)
        who = ", ".join(layer.name for layer in group)
        self.taken(estate, who, estate.rest, quantity, capacity, together)

    def taken(
        self,
        estate: Estate,
        who: str,
        rest: int,
        quantity: int,
        capacity: int | None,
        lines: Trace | None,
    ) -> None:
        """State how much of the ``rest`` of an estate is taken: all, or what capacity allows."""
        market, places = estate.market, estate.market.spec.size_decimals
        working = self._step.working(
            f"taken {market.spec.name} by {who}", self._scope, market.ordinal
        )
        if working is None:
            return
        working.value("rest", rest, places)
        working.formula = "rest"
        if capacity is not None and lines is not None:
            lift = 10 ** (self._working - self._decimals)
            lot = market.spec.lot
            most = f"down((rest - {fact('', 1, places).result}) / lot, 0)"
            whole = estate.amount * lift - estate.size * market.worth
            if whole > 0:
                most = f"min({most}, down(capacity * held / (loss_of_all * lot), 0))"
                working.value("loss of all", whole, self._working, "of the whole position")
                working.value("held", abs(estate.size), places)
            lots = f"choose(at_most(loss, capacity), rest, {most} * lot)"
            working.formula = f"choose(below(capacity, 0), 0, {lots})"
            loss = estate.part(rest) * lift - estate.signed(rest) * market.worth
            working.value("lot", lot, places)
            working.value("loss", loss, self._working, "of all the rest")
            working.inputs.append(lines)
        working.finish(quantity, places)

    def at_mark(self, market: Market, size: int, amount: int, rounding: str) -> None:
        """State for how much a part goes to the fund at the mark."""
        name = f"at mark {market.spec.name}"
        lines = self._step.working(name, self._scope, market.ordinal)
        if lines is None:
            return
        lines.formula = f"{rounding}(size * value_of_one, {self._decimals})"
        lines.value("size", size, market.spec.size_decimals)
        face_lines(lines, market, market.mark)
        lines.finish(amount, self._decimals)

    def at_mark_in_cash(
        self, market: Market, taker: int, size: int, amount: int, posted: int
    ) -> None:
        """State what a taker pays in cash where it assumes the position at the mark."""
        whose = f"{market.spec.name} {self._name(taker)}"
        lines = self._step.posting("variation", whose, taker, market.ordinal)
        if lines is None:
            return
        lines.formula = f"amount - half_even(size * value_of_one, {self._decimals})"
        lines.value("amount", amount, self._decimals, "what the part is handed over for")
        lines.inputs.append(fact("size", size, market.spec.size_decimals, "of the part"))
        face_lines(lines, market, market.mark)
        lines.finish(posted, self._decimals, "the position is assumed at the mark")

    def left_of(self, lines: Trace | None, before: int, capacity: int) -> None:
        """Take from a capacity what its fund bears in layers before this one."""
        if lines is not None:
            used = fact("used", before, self._working, "in layers before")
            lines.stage("left", "max(0, before - used)", capacity, self._working, used)
            lines.formula = "left"
            lines.finish(capacity, self._working, lines.note)

    def capacity(self, layer: Layer) -> Trace | None:
        """Return a working to be filled in with what a layer can bear, if anybody asks for it."""
        return Trace("capacity", note=self.clause(layer)) if self.asked else None

    def pays(
        self, layer: Layer, short: int, part: int, capacity: Trace | None, market: Market | None
    ) -> None:
        """State what a layer pays of what is short, and what is short after it."""
        ordinal = 0 if market is None else market.ordinal
        name = f"paid by {layer.name}"
        if isinstance(layer, FundLayer):
            # The purposes of these postings; everybody's part of others has a working of its own.
            name = f"loss paid by {layer.name} {self._name(layer.account)}"
        elif layer.name == "deficit":
            name = "deficit paid by nobody"
        lines = self._step.working(name, self._scope, ordinal)
        if lines is None:
            return
        lines.formula = "short"
        lines.value("short", short, self._decimals)
        if capacity is not None:
            lines.formula = f"min(short, down(capacity, {self._decimals}))"
            lines.inputs.append(capacity)
        lines.finish(part, self._decimals, self.clause(layer))
        after = self._step.working("still short", self._scope, ordinal)
        if after is not None:
            after.formula = "short - paid"
            after.value("short", short, self._decimals)
            after.value("paid", part, self._decimals)
            after.finish(short - part, self._decimals)

    def borne(self, layer: str, who: str, amount: int) -> None:
        """Keep a part of the loss (working scale) for the sum at its end."""
        if self.asked:
            parts = self._borne.setdefault(layer, [])
            parts.append(fact(f"{who} {len(parts) + 1}".strip(), amount, self._working))

    def loss(self, loss: int, *figures: int) -> None:
        """State the loss as the sum of who bore it, by the figures of its entry."""
        lines = self._step.working("loss", self._scope)
        if lines is None:
            return
        names = ("fund", "adl", "socialised", "deficit", "rounding", "kept")
        lines.formula = "fund + adl + socialised + deficit + rounding - kept"
        for name, value in zip(names, figures, strict=True):
            if name in ("rounding", "kept"):
                lines.value(name, value, self._working)
                continue
            layers = ("haircut", "per_unit") if name == "socialised" else (name,)
            one = lines.step(name, "sum(inputs)")
            one.inputs += [part for layer in layers for part in self._borne.get(layer, [])]
            one.finish(value, self._working)
        lines.finish(loss, self._working)


def limit_lines(trace: Trace, formula: str, value: int, working: int, *facts: Trace) -> None:
    """Limit a capacity: the least of what it was, if it had a limit, and of ``formula``."""
    if trace.inputs:
        trace.stage("limit", f"min(before, {formula})", value, working, *facts)
    else:
        lines = trace.step("limit", formula)
        lines.inputs += facts
        lines.finish(value, working)


def finish_capacity(trace: Trace, value: int | None, working: int) -> None:
    """State a capacity; without a limit there is nothing to state."""
    if value is not None:
        trace.formula = "limit"
        trace.finish(value, working, trace.note)
