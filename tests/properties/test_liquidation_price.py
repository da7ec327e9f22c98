"""The liquidation price, put back as a mark, is where the boundary lies, whatever the rules."""

from fractions import Fraction
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearing.engine import Engine
from clearing.engine.liquidation_price import liquidation_price
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.valuation import measure
from clearing.rulebook import RATE_SCALE
from tests.engine.stories import Story


def surplus(engine: Engine, scope: Scope) -> int:
    """Equity that counts − factor × requirement of the first closing rung's condition."""
    rules = scope.rules
    assert rules is not None
    now, condition = measure(engine.book, scope), rules.closing[0].condition
    threshold = condition.factor * now.asked(condition.place)
    return int(now.counted(condition.place) * RATE_SCALE - threshold)


def neighbours(market: Market, price: Fraction) -> tuple[int, int]:
    """The marks on either side of a price."""
    scaled = price * 10**market.spec.mark_decimals
    low = scaled.numerator // scaled.denominator
    return (low - 1, low + 1) if scaled.denominator == 1 else (low, low + 1)


def at(engine: Engine, scope: Scope, market: Market, mark: int) -> int:
    """The surplus if the market were at ``mark``."""
    before = market.mark
    market.set_mark(mark)
    found = surplus(engine, scope)
    market.set_mark(before)
    return found


def check(engine: Engine) -> int:
    """Put back every liquidation price of the book; return how many there were."""
    found = 0
    for scope in engine.book.scopes.values():
        if scope.rules is None or not scope.rules.closing:
            continue
        for ordinal in scope.positions:
            market = engine.book.markets[ordinal]
            price = liquidation_price(engine.book, scope, market)
            if price is None:
                now = surplus(engine, scope) < 0
                far = at(engine, scope, market, market.mark * 1000) < 0
                assert now is far, "a boundary above that was not found"
                assert now is (at(engine, scope, market, 1) < 0) or market.mark < 100
                continue
            found += 1
            low, high = neighbours(market, price)
            if low < 1:
                continue
            one, other = at(engine, scope, market, low), at(engine, scope, market, high)
            story = (scope.key(), ordinal, str(price), one, other)
            # What divides is rounded up far below a unit: an exact zero may miss by that.
            tiny = engine.book.assets[scope.asset].lift * RATE_SCALE // 10**6
            crossed = (one < 0) is not (other < 0)
            assert crossed or abs(one) <= tiny or abs(other) <= tiny, story
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
@example(2**32)  # a gain that counts for nothing: the surplus rises to 0 and stays there
def test_a_liquidation_price_put_back_as_a_mark_is_the_boundary(seed: int) -> None:
    story = Story(Random(seed), rounds=False)  # noqa: S311 - dice
    found = 0
    for _ in range(60):
        story.step()
        found += check(story.venue.engine)
    assert found
