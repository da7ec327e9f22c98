"""What a portfolio schedule asks: the worst loss of a scope's positions over joint scenarios.

Losses are positive. A market with a published risk array loses what the array says; another one is
revalued at its moved price, which is not rounded to marks: so a requirement has no jumps. An option
without an array that fits the group's scenarios loses its whole value in every one of them.
"""

from collections.abc import Sequence

from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.working import face_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, format_exact
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.portfolio import Portfolio, PortfolioGroup


def portfolio_charge(
    book: Book, scope: Scope, portfolio: Portfolio, trace: Trace | None = None
) -> int:
    """Return the sum of the groups' charges at the working scale; leave the working."""
    asset = book.assets[scope.asset]
    total = 0
    for group in portfolio.groups:
        held = [
            market
            for members in group.classes
            for market in members.markets
            if market in scope.positions and book.markets[market].mark
        ]
        if not held:
            continue
        charge, totals = _charge(book, scope, group)
        total += charge
        if trace is not None:
            step = trace.step(f"group {group.name}", "max(0, max(inputs))")
            _scenario_lines(book, scope, group, totals, step)
            greeks = Trace("", "")
            _greeks(book, scope, held, greeks)
            told = ", ".join(f"{greek.name} {greek.result}" for greek in greeks.inputs)
            worst = max(range(len(totals)), key=lambda place: (totals[place], -place))
            words = f"the worst is scenario {worst + 1}"
            step.finish(charge, asset.working, f"{words}; {told}" if told else words)
    return total


def _scenario_lines(
    book: Book, scope: Scope, group: PortfolioGroup, totals: list[int], trace: Trace
) -> None:
    """Leave the working of every scenario of a group, and of its floor."""
    working = book.assets[scope.asset].working
    for place, total in enumerate(totals):
        scenario = trace.step(f"scenario {place + 1}", "sum(inputs)")
        for i, members in enumerate(group.classes, 1):
            losses = Trace("losses", "sum(inputs)")
            summed = 0
            for ordinal in members.markets:
                market, position = book.markets[ordinal], scope.positions.get(ordinal)
                if position is None or not market.mark:
                    continue
                loss = _losses(market, position.size, group.moves)[place]
                summed += loss
                _loss_lines(losses, market, position.size, group.moves, place, working)
                losses.inputs[-1].finish(loss, working, _by(market, group.moves, place))
            losses.finish(summed, working)
            counts = scenario.step(f"class {i}", "losses")
            counts.inputs.append(losses)
            if summed <= 0:
                counts.formula = f"-down(-losses * offset, {working})"
                counts.value("offset", members.offset, RATE_DECIMALS)
            counted = summed if summed > 0 else -(-summed * members.offset // RATE_SCALE)
            counts.finish(counted, working)
        scenario.finish(total, working)
    if group.floor:
        floor = trace.step("floor", "gross * rate")
        gross = _gross_lines(book, scope, group, floor)
        floor.value("rate", group.floor, RATE_DECIMALS)
        floor.finish(gross * group.floor, working)


def _gross_lines(book: Book, scope: Scope, group: PortfolioGroup, trace: Trace) -> int:
    """Leave the working of the notional of a group's positions, and return it by the rate scale."""
    gross, working = 0, book.assets[scope.asset].working
    lines = trace.step("gross", "sum(inputs)")
    for members in group.classes:
        for ordinal in members.markets:
            market, held = book.markets[ordinal], scope.positions.get(ordinal)
            if held is None or not market.mark:
                continue
            one = lines.step(f"notional {market.spec.name}", "abs(size * value_of_one)")
            one.market = ordinal
            one.value("size", held.size, market.spec.size_decimals)
            face_lines(one, market, market.mark)
            notional = abs(held.size) * market.base_worth
            one.finish(notional * RATE_SCALE, working)
            gross += notional
    lines.finish(gross * RATE_SCALE, working, "notional of the group's positions")
    return gross


def _loss_lines(
    trace: Trace, market: Market, size: int, moves: Sequence[int], place: int, working: int
) -> None:
    """Leave the working of what a position loses in a scenario."""
    spec = market.spec
    lines = trace.step(spec.name, market=market.ordinal)
    lines.value("size", size, spec.size_decimals)
    array = market.risk.losses if market.risk is not None else ()
    if len(array) == len(moves):
        lines.formula = "size * multiplier * loss_of_one"
        lines.value("multiplier", spec.multiplier, spec.multiplier_decimals)
        lines.value("loss of one", array[place], spec.mark_decimals)
        return
    face_lines(lines, market, market.mark)
    if spec.payoff == "option":
        lines.formula = "abs(size * value_of_one)"
        return
    lines.formula = "size * (value_of_one - moved)"
    decimals = working - spec.size_decimals
    moved = lines.step("moved", f"value_of_one + half_even(value_of_one * move, {decimals})")
    if spec.payoff == "inverse":
        moved.formula = f"half_even(value_of_one / (1 + move), {decimals})"
    face_lines(moved, market, market.mark)
    moved.value("move", moves[place], RATE_DECIMALS)
    moved.finish(market.payoff.moved(market.worth, moves[place]), decimals)


def _by(market: Market, moves: list[int], place: int) -> str:
    """Say what a loss in a scenario comes from."""
    if market.risk is not None and len(market.risk.losses) == len(moves):
        return "by its risk array"
    if market.spec.payoff == "option":
        return "its whole value: no risk array fits"
    return f"revalued at the mark × (1 + {format_exact(moves[place], RATE_DECIMALS)})"


def _charge(book: Book, scope: Scope, group: PortfolioGroup) -> tuple[int, list[int]]:
    """Return what a group asks, and what it loses in each scenario."""
    totals = [0] * len(group.moves)
    gross = 0
    for members in group.classes:
        sums = [0] * len(group.moves)
        for ordinal in members.markets:
            market = book.markets[ordinal]
            position = scope.positions.get(ordinal)
            if position is None or not market.mark:
                continue
            gross += abs(position.size) * market.base_worth
            losses = _losses(market, position.size, group.moves)
            sums = [held + loss for held, loss in zip(sums, losses, strict=True)]
        for place, loss in enumerate(sums):
            # A gain counts by its offset, rounded against the account.
            totals[place] += loss if loss > 0 else -(-loss * members.offset // RATE_SCALE)
    return max(*totals, gross * group.floor, 0), totals


def _losses(market: Market, size: int, moves: list[int]) -> list[int]:
    array = market.risk.losses if market.risk is not None else ()
    if len(array) == len(moves):
        unit = size * market.spec.multiplier * market.face_unit
        return [loss * unit for loss in array]
    if market.spec.payoff == "option":
        return [abs(size * market.worth)] * len(moves)
    worth = market.worth
    return [size * (worth - market.payoff.moved(worth, move)) for move in moves]


def _greeks(book: Book, scope: Scope, held: list[int], trace: Trace) -> None:
    """Sum what producers said of Greeks, at 12 decimals beyond those of sizes."""
    for name in ("delta", "gamma", "vega", "theta"):
        finest = max(book.markets[ordinal].spec.size_decimals for ordinal in held)
        total, told = 0, False
        for ordinal in held:
            market = book.markets[ordinal]
            greek = None if market.risk is None else market.risk.greeks.get(name)
            if greek is not None:
                lift = 10 ** (finest - market.spec.size_decimals)
                total, told = total + scope.positions[ordinal].size * greek * lift, True
        if told:
            trace.value(name, total, finest + RATE_DECIMALS)


def fits(asset: Asset, market: Market, scenarios: int) -> int | None:
    """Return how many scenarios the asset's rulebook has for the market if it is not so many."""
    if asset.rulebook is None:
        return None
    for rules in asset.rulebook.classes.values():
        portfolio = rules.portfolio
        expected = None if portfolio is None else portfolio.scenarios.get(market.ordinal)
        if expected is not None and expected != scenarios:
            return expected
    return None
