"""Liquidation: the rounds in which due scopes act, reductions and takeovers."""

from fractions import Fraction

from tests.auditor import margin, waterfall
from tests.auditor.fills import apply_fill, drop_fraction
from tests.auditor.funding import numeric, settle
from tests.auditor.margin import Measure, measure, requirement, unrealised, value
from tests.auditor.numbers import ceiling, floor, half_even, scaled, text
from tests.auditor.rules import Penalty, Rung
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
    return numbers.equity / (numbers.maintenance or 1)


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
        _state(book, scope, number)
        if rung.action == "reduce":
            _reduce(book, scope, rung)
        else:
            _take_over(book, scope, rung)
    return acted


def _state(book: Book, scope: Scope, number: int) -> None:
    """The inequality that was true: the rung's own, or that of a call that was missed."""
    rung = margin.ladder(book, scope)[number]
    numbers = measure(book, scope.account, scope.asset)
    level, factor, comparator = rung.level, rung.factor, rung.comparator
    if not margin.below(rung, numbers) and scope.call is not None:
        level, factor, comparator = scope.call.restore, Fraction(1), "<"
    book.entries.append(
        (
            "liquidation",
            scope.account,
            scope.asset,
            number + 1,
            rung.action,
            book.fine(scope.asset, numbers.equity),
            comparator,
            level,
            text(factor),
            book.fine(scope.asset, factor * numbers.level(level)),
            book.fine(scope.asset, numbers.maintenance),
        )
    )


def _fund(book: Book, scope: Scope) -> int:
    binding = book.binding(scope.account, scope.asset)
    if binding is None or binding.waterfall is None:
        raise ValueError("a ladder that closes has a waterfall")
    fund = book.account(binding.waterfall.fund)
    if fund is None:
        raise ValueError("the fund is declared")
    return fund.ordinal


def _penalise(book: Book, scope: Scope, penalty: Penalty, amount: int) -> None:
    """Each recipient's share; the first also what is left."""
    shares = [floor(amount * share) for _, share in penalty.recipients]
    shares[0] += amount - sum(shares)
    for (name, _), share in zip(penalty.recipients, shares, strict=True):
        account = book.account(name)
        if account is None:
            raise ValueError("a recipient is declared")
        payer, payee = ("account", scope.account), ("account", account.ordinal)
        book.post("penalty", scope.asset, payer, payee, share)


def _closed_size(book: Book, rung: Rung, market: Market, position: Position) -> int:
    """How much a reduction closes, unsigned: whole lots, or everything."""
    size = abs(position.size)
    lots = ceiling(size * rung.close_factor / market.lot)
    quantity = min(size, lots * market.lot)
    remaining = abs(value(book, market, size - quantity))
    if remaining < rung.minimum_notional * book.unit(market.asset):
        return size
    return quantity


def _reduce(book: Book, scope: Scope, rung: Rung) -> None:
    """Close a part of the position with the largest maintenance requirement."""
    candidates = [
        pair for pair in book.held(scope.account, scope.asset) if margin.may_close(pair[0])
    ]
    market, position = max(
        candidates,
        key=lambda pair: (
            requirement(book, scope.account, pair[0], pair[1], "maintenance"),
            -pair[0].ordinal,
        ),
    )
    size = _closed_size(book, rung, market, position)
    q = size if position.size > 0 else -size
    holder: Holder = ("account", scope.account)
    fund = _fund(book, scope)
    settle(book, holder, market)
    if size == abs(position.size):
        drop_fraction(book, holder, market)
    v = value(book, market, q)
    equity = measure(book, scope.account, scope.asset).equity
    proceeds = max(floor(v - abs(v) * rung.spread), ceiling(v - equity))
    waterfall.closed_entry(book, scope, market, "reduce", fund, q, proceeds, proceeds - v)
    apply_fill(book, holder, market, -q, -proceeds)
    apply_fill(book, ("account", fund), market, q, proceeds)
    if rung.penalty is not None:
        left = floor(measure(book, scope.account, scope.asset).equity)
        amount = max(0, min(floor(abs(v) * rung.penalty.rate), left))
        _penalise(book, scope, rung.penalty, amount)


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
    pnls = _shares(book, numbers, held, weights)
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
    if numbers.equity < 0:
        none = Fraction(0)
        parts = (-numbers.equity, losses.fund, losses.adl, none, losses.deficit, losses.rounding)
        texts = [book.fine(scope.asset, part) for part in (*parts, none)]
        book.entries.append(("loss", scope.account, scope.asset, *texts))
    elif rung.residual == "trader":
        rest = floor(numbers.equity)
        fund: Holder = ("account", _fund(book, scope))
        book.post("residual", scope.asset, fund, holder, rest)
        if rung.penalty is not None:
            amount = min(floor(sum(notionals) * rung.penalty.rate), rest)
            _penalise(book, scope, rung.penalty, amount)
