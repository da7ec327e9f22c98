"""What the parts of a rulebook must agree on, each problem with the path of its field.

Fields by themselves are checked where they are read; here are the checks that take two parts.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from clearing.rulebook.collateral import CollateralDocument, weights_problems
from clearing.rulebook.funding import MarginBounds
from clearing.rulebook.ladder import ReduceDocument, RungDocument, closes
from clearing.rulebook.operators import (
    FundingToComeDocument,
    VolatilityRateDocument,
    walk_operators,
)
from clearing.rulebook.schedules import REQUIRED, level_pieces

if TYPE_CHECKING:
    from clearing.rulebook.document import BindingDocument, RulebookDocument

ZERO = "zero"
"""What a condition calls no requirement at all."""


def contradictions(book: RulebookDocument) -> Iterator[str]:
    """Yield everything in which parts of ``book`` contradict each other."""
    for name, policy in book.collateral.items():
        yield from _collateral(book, f"collateral.{name}", policy)
    for name, portfolio in book.portfolios.items():
        for level in portfolio.levels:
            if level not in _known_levels(book):
                yield f"portfolios.{name}.levels: no schedule has a level {level!r}"
    bound = {binding.ladder for binding in book.bindings}
    for name, rungs in book.ladders.items():
        if name in bound:
            continue  # against what its binding asks by, below
        for i, rung in enumerate(rungs):
            for level in rung.levels():
                if level not in _known_levels(book) | {ZERO}:
                    yield f"ladders.{name}.{i}: no schedule has a level {level!r}"
    for market in book.funding.markets:
        yield from _funding(book, market)
    seen: set[str] = set()
    for i, binding in enumerate(book.bindings):
        if binding.account_class in seen:
            yield f"bindings.{i}.account_class: {binding.account_class!r} is bound before"
        seen.add(binding.account_class)
        yield from _binding(book, f"bindings.{i}", binding)


def _known_levels(book: RulebookDocument) -> set[str]:
    return {level for schedule in book.schedules.values() for level in schedule} | set(REQUIRED)


def _collateral(book: RulebookDocument, path: str, policy: CollateralDocument) -> Iterator[str]:
    known = _known_levels(book)
    for asset, rule in policy.assets.items():
        where = f"{path}.assets.{asset}"
        own = asset == book.settlement_asset
        if own and rule.market is not None:
            yield f"{where}.market: no market prices the settlement asset; leave it out"
        if not own and rule.market is None:
            yield f"{where}.market: is missing: which market prices {asset!r}?"
        for field, table in (("weights", rule.weights), ("liabilities", rule.liabilities)):
            for level in table:
                if level not in known:
                    yield f"{where}.{field}.{level}: no schedule has such a level"
    for level in policy.unrealised:
        if level not in known:
            yield f"{path}.unrealised.{level}: no schedule has such a level"
    for problem in weights_problems(policy):
        yield f"{path}.{problem}"


def _funding(book: RulebookDocument, market: str) -> Iterator[str]:
    rule, path = book.funding.markets[market], f"funding.markets.{market}"
    priced = book.prices[market].roles if market in book.prices else {}
    for role in sorted(rule.roles()):
        if role not in priced:
            yield f"{path}: prices.{market} has no role {role}"
    cap = rule.cap
    if not isinstance(cap, MarginBounds):
        return
    schedule = book.schedules.get(cap.schedule)
    if schedule is None:
        yield f"{path}.cap.schedule: there is no schedule {cap.schedule!r}"
        return
    for level in REQUIRED:
        if level_pieces(schedule, level) is None:
            yield (
                f"{path}.cap.schedule: {level} of {cap.schedule!r} depends on more than notional,"
                " so it has no rate to take"
            )


def _binding(book: RulebookDocument, path: str, binding: BindingDocument) -> Iterator[str]:
    if binding.account_class == "fund":
        yield f"{path}.account_class: funds have no margin requirement"
    if not binding.markets and binding.portfolio is None:
        yield f"{path}.markets: nothing is asked: name a schedule or a portfolio"
    for market, schedule in binding.markets.items():
        if schedule not in book.schedules:
            yield f"{path}.markets.{market}: there is no schedule {schedule!r}"
        else:
            yield from _needs(book, f"{path}.markets.{market}", market, schedule)
    named: tuple[tuple[str, str | None, Container[str]], ...] = (
        ("portfolio", binding.portfolio, book.portfolios),
        ("collateral", binding.collateral, book.collateral),
        ("ladder", binding.ladder, book.ladders),
        ("waterfall", binding.waterfall, book.waterfalls),
        ("alerts", binding.alerts, book.alerts),
    )
    for field, name, documents in named:
        if name is not None and name not in documents:
            yield f"{path}.{field}: there is no {field} {name!r}"
    yield from _nested(book, path, binding)
    yield from _minimum(book, path, binding)
    if binding.ladder in book.ladders:
        yield from _bound_ladder(book, path, binding, book.ladders[binding.ladder])


def _needs(book: RulebookDocument, path: str, market: str, schedule: str) -> Iterator[str]:
    """Yield what a schedule asks by that the market has no rule for.

    Under ``*`` funding to come is asked where funding is computed.
    """
    parts = [part for op in book.schedules[schedule].values() for part in walk_operators(op)]
    computed = market in (*book.funding.markets, "*")
    if not computed and any(isinstance(part, FundingToComeDocument) for part in parts):
        yield (
            f"{path}: schedule {schedule!r} asks by funding_to_come, which needs"
            f" funding.markets.{market}"
        )
    if market in book.volatility:
        return
    if any(isinstance(part, VolatilityRateDocument) for part in parts):
        needed = "its markets by name" if market == "*" else f"volatility.{market}"
        yield f"{path}: schedule {schedule!r} asks by volatility, which needs {needed}"


def _nested(book: RulebookDocument, path: str, binding: BindingDocument) -> Iterator[str]:
    policy = None if binding.collateral is None else book.collateral.get(binding.collateral)
    if policy is not None and policy.nested and binding.portfolio is not None:
        yield (
            f"{path}.collateral: policy {binding.collateral!r} is nested, which needs a"
            " requirement of each position; a portfolio has none"
        )


def _levels_of(book: RulebookDocument, binding: BindingDocument) -> Iterator[tuple[str, set[str]]]:
    """Yield what asks in a binding (in words), and the levels that it asks at."""
    for market, schedule in binding.markets.items():
        if schedule in book.schedules:
            yield f"schedule {schedule!r} of market {market}", set(book.schedules[schedule])
    if not binding.markets and binding.portfolio in book.portfolios:
        levels = set(book.portfolios[binding.portfolio].levels)
        yield f"portfolio {binding.portfolio!r}", levels


def _minimum(book: RulebookDocument, path: str, binding: BindingDocument) -> Iterator[str]:
    for level in binding.minimum:
        for name, levels in _levels_of(book, binding):
            if level not in levels:
                yield f"{path}.minimum.{level}: {name} has no such level"
    initial, maintenance = (binding.minimum.get(level, 0) for level in REQUIRED)
    if Fraction(initial) < Fraction(maintenance):
        yield f"{path}.minimum.initial: {initial} is below maintenance, {maintenance}"


def _bound_ladder(
    book: RulebookDocument, path: str, binding: BindingDocument, rungs: tuple[RungDocument, ...]
) -> Iterator[str]:
    """Yield the levels that a ladder looks at and that something in its binding lacks."""
    for i, rung in enumerate(rungs):
        for level in rung.levels():
            for name, levels in _levels_of(book, binding):
                if level not in levels | {ZERO}:
                    yield (
                        f"{path}.ladder: ladders.{binding.ladder}.{i} looks at level {level!r},"
                        f" which {name} does not have"
                    )
    if binding.waterfall is None and closes(rungs):
        yield f"{path}.waterfall: its ladder closes positions, so it needs one"
    if binding.waterfall in book.waterfalls:
        layers = [layer.layer for layer in book.waterfalls[binding.waterfall].layers]
        policy = book.collateral.get(binding.collateral or "")
        nested = policy is not None and policy.nested
        for i, rung in enumerate(rungs):
            if rung.action in ("convert", "repay_and_seize") and binding.collateral is None:
                yield (
                    f"{path}.collateral: ladders.{binding.ladder}.{i} takes collateral, so the"
                    " binding needs a policy that says what is"
                )
            if isinstance(rung, ReduceDocument) and rung.gains is not None and not nested:
                yield (
                    f"{path}.collateral: ladders.{binding.ladder}.{i} sells gains because they"
                    " count for less than cash; the binding needs a policy with nested weights"
                )
            if rung.action == "adl" and "adl" not in layers:
                yield (
                    f"{path}.waterfall: ladders.{binding.ladder}.{i} deleverages, and"
                    f" {binding.waterfall!r} has no layer adl"
                )
