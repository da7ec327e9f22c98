"""Liquidation: the rounds in which due scopes act, reductions and takeovers."""

from fractions import Fraction

from tests.auditor import auctions, covering, margin, reductions, waterfall
from tests.auditor.fills import drop_fraction
from tests.auditor.funding import numeric, settle
from tests.auditor.margin import Measure, measure, requirement, unrealised, value
from tests.auditor.numbers import floor, half_even, scaled, text
from tests.auditor.rules import Rung
from tests.auditor.state import Book, Holder, Market, Position, Scope


def act(book: Book) -> bool:
    """One round; return whether a scope acted."""
    due = [scope for scope in book.scopes.values() if _due(book, scope)]
    due.sort(key=lambda scope: (_urgency(book, scope), scope.account, scope.asset))
    acted = False
    for scope in due:
        acted |= _run(book, scope)
    return acted


def _due(book: Book, scope: Scope) -> bool:
    """Whether a rung would act; without derive mode only a margin call does."""
    rungs = margin.ladder(book, scope)
    return any(_acts(book, scope, rungs[number]) for number in margin.acting(book, scope))


def _acts(book: Book, scope: Scope, rung: Rung) -> bool:
    return book.mode(scope.asset) == "derive" or rung.action == "margin_call"


def _urgency(book: Book, scope: Scope) -> Fraction:
    numbers = measure(book, scope.account, scope.asset)
    return numbers.counts("maintenance") / (numbers.maintenance or 1)


def _run(book: Book, scope: Scope) -> bool:
    """The scope's ladder once, each rung on the book as it then is."""
    acted = False
    for number, rung in enumerate(margin.ladder(book, scope)):
        if number not in margin.acting(book, scope) or not _acts(book, scope, rung):
            continue
        acted = True
        if rung.action == "margin_call":
            margin.open_call(book, scope, number)
            continue
        before = _short(book, scope)
        if rung.action == "reduce" and reductions.nothing_yet(book, scope, number):
            scope.rests[number] = book.time + rung.pause_seconds * 1_000_000
            book.untouched.add((scope.account, scope.asset))
            continue
        _state(book, scope, number)
        if rung.action == "reduce":
            reductions.reduce(book, scope, number)
        elif rung.action == "auction":
            auctions.open_all(book, scope, number)
        elif rung.action == "cover":
            covering.cover(book, scope, rung)
        else:
            _take_over(book, scope, rung)
        if rung.pause_seconds:
            scope.rests[number] = book.time + rung.pause_seconds * 1_000_000
        for place, short in _short(book, scope).items():
            if place in scope.stays:
                freed = scope.freed.get(place, Fraction(0))
                scope.freed[place] = freed + before[place] - short
    return acted


def _short(book: Book, scope: Scope) -> dict[int, Fraction]:
    """By the place of each ramped rung: what is short of its level."""
    numbers = measure(book, scope.account, scope.asset)
    rungs = enumerate(margin.ladder(book, scope))
    return {n: margin.shortage(numbers, r.ramp.level) for n, r in rungs if r.ramp}


def _state(book: Book, scope: Scope, number: int) -> None:
    """The inequality that was true: the rung's own, or that of a call that was missed."""
    rung = margin.ladder(book, scope)[number]
    numbers = measure(book, scope.account, scope.asset)
    level, factor, comparator = rung.level, rung.factor, rung.comparator
    if margin.below(rung, numbers):
        pass
    elif rung.until is not None and not margin.restored(numbers, rung.until):
        (level, factor), comparator = rung.until, "<"
    elif scope.call is not None:
        level, factor, comparator = scope.call.restore, Fraction(1), "<"
    book.entries.append(
        (
            "liquidation",
            scope.account,
            scope.asset,
            number + 1,
            rung.action,
            book.fine(scope.asset, numbers.counts(level)),
            comparator,
            level,
            text(factor),
            book.fine(scope.asset, factor * numbers.level(level)),
            book.fine(scope.asset, numbers.maintenance),
        )
    )


def _shares(
    book: Book, numbers: Measure, held: list[tuple[Market, Position]], weights: list[Fraction]
) -> list[int]:
    """The PnL of closing each position, by the bankruptcy rule."""
    total = sum(weights)
    pnls = []
    for (market, position), weight in list(zip(held, weights, strict=True))[:-1]:
        part = numbers.equity * weight / total if total else Fraction(0)
        exact = unrealised(book, market, position) - part
        pnls.append(numeric(book, market.asset, "bankruptcy", exact))
    return [*pnls, -numbers.cash - sum(pnls)]


def _take_over(book: Book, scope: Scope, rung: Rung) -> None:
    """Hand over all positions at their bankruptcy amounts."""
    holder: Holder = ("account", scope.account)
    held = book.held(scope.account, scope.asset)
    for market, _ in held:
        settle(book, holder, market)
        drop_fraction(book, holder, market)
    numbers = measure(book, scope.account, scope.asset)
    requirements = [requirement(book, scope.account, m, p, "maintenance") for m, p in held]
    notionals = [abs(value(book, market, position.size)) for market, position in held]
    weights = requirements if any(requirements) else notionals
    pnls = _shares(book, numbers, held, weights) if held else []
    amounts = [position.cost + pnl for (_, position), pnl in zip(held, pnls, strict=True)]
    total = sum(weights)
    for number, (market, position) in enumerate(held):
        part = numbers.equity * weights[number] / total if total else Fraction(0)
        book.entries.append(
            (
                "bankruptcy",
                scope.account,
                scope.asset,
                market.ordinal,
                position.size,
                scaled(market.mark or Fraction(0), market.mark_decimals),
                amounts[number],
                book.fine(scope.asset, requirements[number]),
                book.fine(scope.asset, half_even(part)),
            )
        )
    scope.taken_over = True
    losses = waterfall.Losses()
    for (market, _), amount in zip(held, amounts, strict=True):
        waterfall.hand_over(book, scope, market, amount, numbers.equity, losses)
    if not held:
        covering.pay(book, scope, -numbers.cash, losses)
    if numbers.equity < 0:
        waterfall.loss_entry(book, scope, -numbers.equity, losses)
    elif rung.residual == "trader":
        rest = floor(numbers.equity)
        fund: Holder = ("account", reductions.fund_of(book, scope))
        book.post("residual", scope.asset, fund, holder, rest)
        if rung.penalty is not None:
            amount = min(floor(sum(notionals) * rung.penalty.rate), rest)
            reductions.penalise(book, scope, rung.penalty, amount)
