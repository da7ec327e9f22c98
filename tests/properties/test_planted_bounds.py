"""The comparison of watches can fail: an operator that vouches for too much is found."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from clearing.engine import bands
from clearing.rulebook import CollateralPolicy, CollateralRule
from clearing.rulebook.operators import Bound, Exposure
from clearing.rulebook.operators.combined import Combined
from clearing.rulebook.operators.open_interest import OpenInterest
from clearing.rulebook.operators.orders import Orders, WorstSide
from clearing.rulebook.operators.ratio import Ratio
from clearing.rulebook.operators.size_premium import SizePremium
from clearing.rulebook.operators.tiers import MarginalTiers, WholeTiers
from clearing.rulebook.operators.user_leverage import UserLeverage
from tests.engine.corners import examine_corners
from tests.engine.stories import Story

SEEDS = 400
STEPS = 80


def _still(operator: object, at: Exposure) -> Bound:
    """Claims that no mark changes the requirement."""
    del operator, at
    return Bound(0)


def _no_tier_ends(operator: WholeTiers, at: Exposure) -> Bound:
    return Bound(operator.requirement(at))


def _one_part(operator: Combined, at: Exposure) -> Bound:
    return operator.parts[0].bound(at)


def _one_side(operator: WorstSide, at: Exposure) -> Bound:
    return operator._long.bound(operator._sides(at)[0])


def _no_factor(operator: Ratio, at: Exposure) -> Bound:
    return operator._of.bound(at)


FAULTS: dict[type, Callable[..., Bound]] = {
    MarginalTiers: _still,
    WholeTiers: _no_tier_ends,
    SizePremium: _still,
    OpenInterest: _still,
    UserLeverage: _still,
    Orders: _still,
    Combined: _one_part,
    WorstSide: _one_side,
    Ratio: _no_factor,
}


@pytest.mark.parametrize("owner", [CollateralRule, CollateralPolicy])
def test_collateral_whose_price_were_not_watched_is_found(
    owner: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def less(self: Any) -> int:
        return int(exact.__get__(self)) // 2

    exact: Any = owner.__dict__["steepest"]
    monkeypatch.setattr(owner, "steepest", property(less, exact.__set__))
    assert _found(), f"{SEEDS} days found nothing wrong with it"


def _found() -> bool:
    """Whether some day shows a difference."""
    for seed in range(SEEDS):
        dice = Random(seed)  # noqa: S311 - dice
        story = Story(dice)
        try:
            for _ in range(STEPS):
                story.step()
                examine_corners(story.venue.engine, dice)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("operator", FAULTS, ids=lambda operator: operator.__name__)
def test_a_bound_that_is_too_wide_is_found(operator: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator, "bound", FAULTS[operator])
    assert _found(), f"{SEEDS} days found nothing wrong with it"


def test_a_requirement_inside_a_weight_that_were_forgotten_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = bands._bound
    monkeypatch.setattr(bands, "_bound", lambda rules, market, at, _: exact(rules, market, at, 0))
    assert _found(), f"{SEEDS} days found nothing wrong with it"
