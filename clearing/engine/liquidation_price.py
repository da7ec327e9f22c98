"""The price at which a scope would be liquidated if one market's mark alone moved.

Equity that counts and requirement are piecewise linear in the value of one step of size (for an
inverse contract that is the reciprocal of the price), tier by tier, so the price is exact: put back
as a mark it gives equity = factor × requirement. Where a requirement is not of that kind, the last
mark on the market's own grid that is still safe is found by halving, with the same functions that
test margin.
"""

from fractions import Fraction

from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.nested import nested_sums
from clearing.engine.requirements import bears_margin, exposure_of
from clearing.engine.scope import Scope
from clearing.engine.valuation import accrued_funding, gains_of, measure
from clearing.rulebook import MAINTENANCE, NO_LEVEL, RATE_SCALE, ClassRules, CollateralPolicy
from clearing.rulebook.pieces import Pieces, extreme, summed

_FARTHEST = 1 << 40
"""How many times the present mark is looked at, at most, where the price has to be searched."""

Boundary = tuple[int, int]


def liquidation_price(book: Book, scope: Scope, market: Market) -> Fraction | None:
    """Return the mark (in whole units of price) at which the scope meets its liquidation boundary.

    All other marks stay. The boundary is that of the ladder's first closing rung, or maintenance at
    factor 1 where there is none. While the scope is beyond it already, it is the price at which it
    would be out of it again. None: the scope has nothing here, or no price of this market alone
    liquidates it.
    """
    rules = scope.rules
    held = market.ordinal in scope.positions or market.ordinal in scope.orders
    if rules is None or not market.mark or not held or not bears_margin(book, scope, rules):
        return None
    boundary = (MAINTENANCE, RATE_SCALE)
    if rules.closing:
        condition = rules.closing[0].condition
        boundary = (condition.place, condition.factor)
    surplus = _surplus_function(book, scope, rules, market, boundary)
    if surplus is None:
        return _searched(book, scope, market, boundary)
    here = Fraction(market.base_worth)
    value, _ = surplus.at(here)
    if not value:
        return Fraction(market.mark, 10**market.spec.mark_decimals)
    roots = [surplus.nearest_root(here, upwards) for upwards in (True, False)]
    found = [root for root in roots if root]
    if not found:
        return None
    nearest = min(found, key=lambda root: abs(root - here))
    return _price(market, nearest)


def _price(market: Market, step_base: Fraction) -> Fraction:
    """Return the price at which one step of size is worth ``step_base``."""
    spec = market.spec
    face = Fraction(step_base * RATE_SCALE, market.face_unit * 10**market.payoff.face_decimals)
    multiplier = Fraction(spec.multiplier, 10**spec.multiplier_decimals)
    if spec.payoff == "inverse":
        return Fraction(multiplier, face)
    return Fraction(face, multiplier)


def _surplus_function(
    book: Book, scope: Scope, rules: ClassRules, market: Market, boundary: Boundary
) -> Pieces | None:
    """Return equity that counts − factor × requirement, by the notional of one step."""
    place, factor = boundary
    if place in (at for at, _ in rules.minima) or rules.portfolio is not None:
        return None
    asked = _asked_function(book, scope, rules, market, place)
    if asked is None:
        return None
    counted = _counted_functions(book, scope, rules, market, place, asked)
    moving = summed([*counted, asked.scaled(-Fraction(factor, RATE_SCALE))])
    now = measure(book, scope)
    fixed = now.counted(place) - Fraction(factor * now.asked(place), RATE_SCALE)
    value, _ = moving.at(Fraction(market.base_worth))
    return summed([moving, Pieces.line(Fraction(0), fixed - value)])


def _asked_function(
    book: Book, scope: Scope, rules: ClassRules, market: Market, place: int
) -> Pieces | None:
    """Return what the level asks in the market; None where that is not piecewise linear."""
    schedule = None if place == NO_LEVEL else rules.schedule(market.ordinal)
    operator = None if schedule is None else schedule.operators[place]
    if operator is None:
        return Pieces.line(Fraction(0))
    return operator.function(exposure_of(book.assets[scope.asset], market, scope))


def _counted_functions(
    book: Book, scope: Scope, rules: ClassRules, market: Market, place: int, asked: Pieces
) -> list[Pieces]:
    """Return what of the equity follows the mark: PnL as it counts, and collateral priced by it.

    ``asked`` is the position's requirement, which a nested policy takes off before it weighs.
    """
    asset = book.assets[scope.asset]
    policy = rules.collateral
    position = scope.positions.get(market.ordinal)
    pnl = Pieces.line(Fraction(0))
    if position is not None:
        sign = -1 if market.spec.payoff == "inverse" else 1
        slope = Fraction(sign * position.size * RATE_SCALE)
        owed = accrued_funding(market, position) * market.funding_lift
        pnl = Pieces.line(slope, Fraction(owed - position.cost * asset.lift))
    if policy is not None and place != NO_LEVEL:
        if policy.nested:
            pnl = _nested_function(book, scope, policy, market, place, pnl, asked)
        else:
            pnl = _weighed(policy, place, pnl)
    parts = [pnl]
    for rule in policy.rules if policy is not None else ():
        other = book.scopes.get((scope.account, rule.asset))
        apart = rule.market != market.ordinal or "collateral" in market.feed.values
        if apart or other is None or not other.cash:
            continue
        # One unit of the asset against one step of size: both follow the same face.
        shift = market.spec.size_decimals - book.assets[rule.asset].decimals
        unit = Fraction(10) ** shift
        if place == NO_LEVEL:
            parts.append(Pieces.line(other.cash * unit * RATE_SCALE))
        else:
            counted = rule.tables[place].function(other.cash, asset.lift)
            parts.append(_stretched(counted, unit))
    return parts


def _weighed(policy: CollateralPolicy, place: int, pnl: Pieces) -> Pieces:
    """Return what a gain or a loss counts for."""
    weights = (Fraction(weight, RATE_SCALE) for weight in policy.unrealised[place])
    return extreme([pnl.scaled(weight) for weight in weights], min)


def _nested_function(
    book: Book,
    scope: Scope,
    policy: CollateralPolicy,
    market: Market,
    place: int,
    pnl: Pieces,
    asked: Pieces,
) -> Pieces:
    """Return what cash and PnL count for, with the position's requirement taken off and put back.

    What other positions leave stands as it is now.
    """
    left = _weighed(policy, place, summed([pnl, asked.scaled(Fraction(-1))]))
    now, _ = left.at(Fraction(market.base_worth))
    total = nested_sums(book, scope, policy, gains_of(book, scope))[place].total
    counted = summed([left, Pieces.line(Fraction(0), total - now)])
    if policy.own is not None:
        counted = policy.own.tables[place].applied_to(counted, book.assets[scope.asset].lift)
    return summed([counted, asked])


def _stretched(pieces: Pieces, unit: Fraction) -> Pieces:
    """Return the function of x whose value at x is that of ``pieces`` at x × unit."""
    return Pieces(
        (Fraction(floor, unit), value, slope * unit) for floor, value, slope in pieces.rows
    )


def _further(mark: int, upwards: bool, start: int) -> int:
    """Return a mark further from ``start``: a sixteenth, and double or half once 16 times away."""
    if mark > 16 * start or 16 * mark < start:
        return mark * 2 if upwards else max(mark // 2, 1)
    step = max(mark // 16, 1)
    return mark + step if upwards else max(mark - step, 1)


def _searched(book: Book, scope: Scope, market: Market, boundary: Boundary) -> Fraction | None:
    """Return the last mark on the market's grid before the boundary is crossed.

    Looked for outwards in steps of a sixteenth (beyond 16 times the mark, of a factor 2), then by
    halving: a crossing there and back within one step is not seen.
    """
    place, factor = boundary
    mark = market.mark

    def below(at: int) -> bool:
        market.set_mark(at)
        now = measure(book, scope)
        return bool(now.counted(place) * RATE_SCALE < factor * now.asked(place))

    try:
        here = below(mark)
        found = []
        for upwards in (False, True):
            near = mark
            far = _further(mark, upwards, mark)
            while below(far) is here and 1 < far < mark * _FARTHEST:
                near, far = far, _further(far, upwards, mark)
            if below(far) is here:
                continue
            while abs(far - near) > 1:
                middle = (near + far) // 2
                if below(middle) is here:
                    near = middle
                else:
                    far = middle
            found.append(far if here else near)
    finally:
        market.set_mark(mark)
    if not found:
        return None
    nearest = min(found, key=lambda at: abs(at - mark))
    return Fraction(nearest, 10**market.spec.mark_decimals)
