"""The working of a takeover: what each position is handed over for, and what it costs beyond."""

from collections.abc import Sequence

from clearing.engine.estate import Estate
from clearing.engine.market import Market
from clearing.engine.penalties import full_rate, penalty_lines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import equity_of, measure, unrealised_lines
from clearing.engine.working import reached_lines
from clearing.quantities import Trace, fact, identifier
from clearing.rulebook import Penalty


def taker_lines(step: Step, scope: Scope, to: int, worth: int) -> None:
    """Leave the choice of who takes over: whom the rung names, or the waterfall."""
    lines = step.working("backstop takes", scope)
    if lines is not None:
        margin = Trace("margin")
        measure(step.book, scope, margin)
        reached_lines(lines, margin, "")
        name = step.book.registry.account(to).name
        lines.finish(int(worth >= 0), 0, f"1: {name} takes it, by rung.to; 0: the waterfall does")


def bankruptcy_lines(
    step: Step,
    scope: Scope,
    before: Sequence[Estate],
    market: Market,
    pnl: int,
    weights: Sequence[int],
    *,
    last: bool,
) -> None:
    """Leave the working of the amount that one position is handed over for.

    ``before`` are the estates of positions before it, ``weights`` those of all positions.
    """
    lines = step.working(f"bankruptcy amount {market.spec.name}", scope, market.ordinal)
    if lines is None:
        return
    asset = step.book.assets[scope.asset]
    decimals, total = asset.decimals, sum(weights)
    position = scope.positions[market.ordinal]
    lines.formula = "cost + pnl"
    lines.value("cost", position.cost, decimals)
    part = lines.step("pnl")
    if last:
        part.formula = "-cash - sum_of_others" if before else "-cash"
        part.value("cash", scope.cash, decimals)
        if before:
            others = part.step("sum of others", "sum(inputs)")
            shared = 0
            for estate in before:
                gained = estate.amount - scope.positions[estate.market.ordinal].cost
                others.value(f"pnl {estate.market.spec.name}", gained, decimals)
                shared += gained
            others.finish(shared, decimals)
    elif total:
        gain = identifier(f"unrealised {market.spec.name}")
        exact = f"({gain} * weights - equity * weight) / weights"
        part.formula = f"{asset.regime.bankruptcy.value}({exact}, {decimals})"
        unrealised_lines(part, asset, market, position)
        equity_of(step.book, scope, part)
        weight = weights[len(before)]
        part.value("weight", weight, asset.working, "maintenance asked of it, or its notional")
        part.value("weights", total, asset.working, "of all positions")
    else:
        part.formula = "0"
        part.inputs.append(fact("weights", 0, 0, "nothing is asked and nothing is worth anything"))
    note = "what is left, so that the account ends with nothing" if last else ""
    part.finish(pnl, decimals, note)
    lines.finish(position.cost + pnl, decimals)


def residual_posting_lines(step: Step, scope: Scope, kept: int, posted: int) -> None:
    """Leave the working of what the taker pays (negative: gets), in units."""
    lines = step.posting("residual", step.book.registry.account(scope.account).name, 0)
    if lines is not None:
        decimals = step.book.assets[scope.asset].decimals
        lines.formula = "kept - cash"
        lines.value("kept", kept, decimals, "what the account is to have in the end")
        lines.value("cash", scope.cash, decimals, "what it has")
        lines.finish(posted, decimals)


def residual_lines(
    step: Step, scope: Scope, equity: int, penalty: Penalty | None, notional: int, amount: int
) -> None:
    """Leave the workings of what the account keeps, and of the penalty for it."""
    asset = step.book.assets[scope.asset]
    lines = step.working("residual", scope)
    if lines is None:
        return
    lines.formula = f"down(equity, {asset.decimals})"
    lines.value("equity", equity, asset.working, "before the positions were handed over")
    lines.finish(equity // asset.lift, asset.decimals, "the rest of it is the taker's")
    if penalty is None:
        return
    working = step.working("penalty", scope)
    if working is not None:
        working.value("notional", notional, asset.working, "of all positions at their marks")
        working.inputs.append(
            fact("limit", equity // asset.lift, asset.decimals, "no more than the residual")
        )
        rate = full_rate(penalty)
        penalty_lines(working, penalty, rate, "notional", amount, asset.decimals)
