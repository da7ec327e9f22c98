"""The working of a backstop pool: what each provider wanted, and how much of it it could bear."""

from collections.abc import Callable

from clearing.engine.estate import Estate
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, format_exact

Bears = Callable[[int, Trace | None], bool]
"""Whether a provider bears a quantity; with a trace, leave the working in it."""


class BackstopLines:
    """What one provider takes: its share, and what others leave; nothing where nobody asks."""

    __slots__ = ("_lines", "_lot", "_places", "_rest", "_taken")

    def __init__(self, step: Step, scope: Scope, estate: Estate, account: int) -> None:
        market = estate.market
        name = f"taken {market.spec.name} by backstop {step.book.registry.account(account).name}"
        self._lines = step.working(name, scope, market.ordinal)
        self._places, self._lot, self._rest = (
            market.spec.size_decimals,
            market.spec.lot,
            estate.rest,
        )
        self._taken = 0
        if self._lines is not None:
            self._lines.account = account
            self._lines.formula = "sum(inputs)"

    def share(self, left: int, share: int, clause: str, taken: int, bears: Bears) -> None:
        """State what it takes of its own share, ``left`` being what nobody took yet."""
        if self._lines is None:
            return
        wanted = Trace("wanted", "min(left, down(rest * share / lot, 0) * lot)")
        wanted.value("left", left, self._places)
        wanted.value("rest", self._rest, self._places, "of the position")
        wanted.value("share", share, RATE_DECIMALS, clause)
        wanted.value("lot", self._lot, self._places)
        quantity = min(left, self._rest * share // 10**RATE_DECIMALS // self._lot * self._lot)
        wanted.finish(quantity, self._places)
        self._part("of its share", wanted, quantity, taken, bears)

    def left(self, left: int, taken: int, bears: Bears) -> None:
        """State what it takes of what is left when everybody took its share."""
        if self._lines is None or not left:
            return
        wanted = Trace("wanted", "left")
        wanted.value("left", left, self._places)
        wanted.finish(left, self._places)
        self._part("of what is left", wanted, left, taken, bears)

    def finish(self) -> None:
        """State what it takes in all."""
        if self._lines is not None:
            self._lines.finish(self._taken, self._places)

    def _part(self, name: str, wanted: Trace, quantity: int, taken: int, bears: Bears) -> None:
        """State how much is taken: all that is wanted, or the most whole lots that it bears."""
        if self._lines is None:
            return
        lines = self._lines.step(name, "choose(bears_all, wanted, lots * lot)")
        lines.inputs.append(wanted)
        all_of_it = lines.step("bears all")
        self._bears(all_of_it, quantity, bears)
        lots = 0 if taken == quantity else taken // self._lot
        lines.value("lots", lots, 0, "the most that it bears: found by halving")
        lines.value("lot", self._lot, self._places)
        if taken != quantity:
            for number, about in ((lots, "bears"), (lots + 1, "bears one lot more")):
                if number:
                    self._bears(lines.step(about), min(quantity, number * self._lot), bears)
        lines.finish(taken, self._places)
        self._taken += taken

    def _bears(self, lines: Trace, quantity: int, bears: Bears) -> None:
        """State whether it bears a quantity beside what it took before: 1, else 0."""
        if not quantity:
            lines.formula = "1"
            lines.value("quantity", 0, 0)
            lines.finish(1, 0, "there is nothing to bear")
            return
        found = bears(quantity, lines)
        note = f"as if {format_exact(quantity, self._places)} more were taken"
        lines.finish(int(found), 0, note)
