"""Equity, requirements, conditions, statuses and margin calls of scopes."""

from dataclasses import dataclass
from fractions import Fraction

from tests.auditor.numbers import ceiling
from tests.auditor.rules import Rung
from tests.auditor.state import Book, Call, Market, Position, Scope

CLOSED_STATES = ("liquidations_paused", "halted", "auction")
CLOSING = ("reduce", "takeover")


@dataclass(frozen=True)
class Measure:
    """A scope's numbers on the book as it is, in fine smallest units."""

    cash: int
    equity: Fraction
    initial: Fraction
    maintenance: Fraction

    def level(self, name: str) -> Fraction:
        return {
            "initial": self.initial,
            "maintenance": self.maintenance,
            "zero": Fraction(0),
        }[name]


def value(book: Book, market: Market, size: int) -> Fraction:
    """Fine value of ``size`` at the market's mark, which it must have."""
    if market.mark is None:
        raise ValueError(f"{market.name} has no mark")
    return book.worth(market, size, market.mark)


def unrealised(book: Book, market: Market, position: Position) -> Fraction:
    """U: value − cost, and zero without a mark."""
    if market.mark is None:
        return Fraction(0)
    return value(book, market, position.size) - position.cost


def requirement(
    book: Book, account: int, market: Market, position: Position, level: str
) -> Fraction:
    """A position's requirement of ``level``."""
    binding = book.binding(account, market.asset)
    schedule = binding.schedule(market.name) if binding else None
    if schedule is None or market.mark is None:
        return Fraction(0)
    unit = book.unit(market.asset)
    return schedule[level].of(abs(value(book, market, position.size)) / unit) * unit


def measure(book: Book, account: int, asset: int) -> Measure:
    """The scope's numbers now."""
    cash = book.cash(account, asset)
    equity, initial, maintenance = Fraction(cash), Fraction(0), Fraction(0)
    for market, position in book.held(account, asset):
        equity += unrealised(book, market, position) + book.accrued(market, position)
        initial += requirement(book, account, market, position, "initial")
        maintenance += requirement(book, account, market, position, "maintenance")
    return Measure(cash, equity, initial, maintenance)


def ladder(book: Book, scope: Scope) -> tuple[Rung, ...]:
    """The rungs that the scope's class is bound to (none if it is not bound)."""
    binding = book.binding(scope.account, scope.asset)
    return binding.ladder if binding else ()


def below(rung: Rung, numbers: Measure) -> bool:
    """Whether the rung's own inequality is true."""
    threshold = rung.factor * numbers.level(rung.level)
    if rung.comparator == "<":
        return numbers.equity < threshold
    return numbers.equity <= threshold


def call_rung(book: Book, scope: Scope) -> int | None:
    """The place of the ladder's margin-call rung (there is at most one)."""
    rungs = enumerate(ladder(book, scope))
    return next((number for number, rung in rungs if rung.action == "margin_call"), None)


def by_missed_call(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether rung ``number`` holds because a call before it was missed."""
    rungs, place = ladder(book, scope), call_rung(book, scope)
    if scope.call is None or not scope.call.missed or place is None:
        return False
    after = range(place + 1, len(rungs))
    following = next((i for i in after if rungs[i].action in CLOSING), None)
    liquidates = rungs[place].on_missed == "liquidate" and following == number
    return liquidates and numbers.equity < numbers.level(scope.call.restore)


def holds(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether the condition of rung ``number`` holds."""
    rung = ladder(book, scope)[number]
    return below(rung, numbers) or by_missed_call(book, scope, number, numbers)


def closing_holds(book: Book, scope: Scope, numbers: Measure) -> bool:
    """Whether a reduce or takeover rung's condition holds."""
    return any(
        rung.action in CLOSING and holds(book, scope, number, numbers)
        for number, rung in enumerate(ladder(book, scope))
    )


def may_close(market: Market) -> bool:
    """Whether positions in ``market`` may close."""
    return market.mark is not None and market.state not in CLOSED_STATES


def can_act(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether rung ``number``, whose condition holds, can act on the book as it is."""
    rung = ladder(book, scope)[number]
    open_markets = [may_close(market) for market, _ in book.held(scope.account, scope.asset)]
    if rung.action == "margin_call":
        return scope.call is None
    if rung.action == "reduce":
        return numbers.equity > 0 and any(open_markets)
    return all(open_markets)


def acting(book: Book, scope: Scope) -> list[int]:
    """The rungs that hold and can act; empty for a flat or unbound scope."""
    if not book.held(scope.account, scope.asset):
        return []
    numbers = measure(book, scope.account, scope.asset)
    return [
        number
        for number in range(len(ladder(book, scope)))
        if holds(book, scope, number, numbers) and can_act(book, scope, number, numbers)
    ]


def status_of(book: Book, scope: Scope, numbers: Measure) -> str:
    """The worst status that applies."""
    if not book.held(scope.account, scope.asset):
        return "flat"
    if book.binding(scope.account, scope.asset) is None:
        return "unmargined"
    if closing_holds(book, scope, numbers):
        return "liquidation"
    calls = [r for r in ladder(book, scope) if r.action == "margin_call" and below(r, numbers)]
    if scope.call is not None or calls:
        return "margin_call"
    return "restricted" if numbers.equity < numbers.initial else "healthy"


def call_entry(book: Book, scope: Scope, outcome: str, call: Call, level: Fraction) -> None:
    """Leave a margin call's entry; ``level`` is the requirement it names, now."""
    equity = measure(book, scope.account, scope.asset).equity
    texts = (book.fine(scope.asset, level), book.fine(scope.asset, equity))
    where = (scope.account, scope.asset)
    book.entries.append(
        ("margin_call", *where, outcome, call.amount, call.restore, *texts, call.due)
    )


def open_call(book: Book, scope: Scope, number: int) -> None:
    """Open the margin call of rung ``number``."""
    rung = ladder(book, scope)[number]
    numbers = measure(book, scope.account, scope.asset)
    level = max(numbers.level(rung.restore), rung.factor * numbers.level(rung.level))
    due = book.time + rung.grace_seconds * 1_000_000
    amount = ceiling(level - numbers.equity)
    scope.call = Call(rung.restore, amount, due)
    call_entry(book, scope, "opened", scope.call, level)
