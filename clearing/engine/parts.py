"""What is left of a close in the entries: who took which part of what, for how much."""

from clearing.engine.impact import note_sale
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.quantities import format_exact


def note_closed(
    step: Step,
    scope: Scope,
    market: Market,
    layer: str,
    taker: int,
    size: int,
    amount: int,
    loss: int,
) -> None:
    """Leave the entry of one part closed; ``loss`` is at the working scale."""
    note_sale(step, market, layer, size)
    working = step.book.assets[scope.asset].working
    step.entries.append(
        (
            "closed",
            scope.account,
            scope.asset,
            market.ordinal,
            layer,
            taker,
            size,
            amount,
            market.mark,
            format_exact(loss, working),
        )
    )
