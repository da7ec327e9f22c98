"""Equity, requirements, conditions, statuses and margin calls of scopes."""

from dataclasses import dataclass
from fractions import Fraction

from tests.auditor.collateral import Policy
from tests.auditor.numbers import ceiling
from tests.auditor.rules import Rung
from tests.auditor.state import Book, Call, Market, Position, Scope

CLOSED_STATES = ("liquidations_paused", "halted", "auction")
CLOSING = ("reduce", "takeover", "cover", "auction")


@dataclass(frozen=True)
class Measure:
    """A scope's numbers on the book as it is, in fine smallest units."""

    cash: int
    equity: Fraction
    initial: Fraction
    maintenance: Fraction
    haircuts: dict[str, Fraction]
    """What of the equity does not count, by level."""

    def counts(self, name: str) -> Fraction:
        """The equity that counts at a level; at ``zero`` all of it."""
        return self.equity - self.haircuts.get(name, 0)

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
    equity = Fraction(cash)
    asked = {"initial": Fraction(0), "maintenance": Fraction(0)}
    counting: dict[str, list[tuple[Fraction, Fraction]]] = {level: [] for level in asked}
    for market, position in book.held(account, asset):
        pnl = unrealised(book, market, position) + book.accrued(market, position)
        equity += pnl
        for level in asked:
            requires = requirement(book, account, market, position, level)
            asked[level] += requires
            counting[level].append((pnl, requires))
    haircuts = {}
    if policy := book.policy(account, asset):
        unit = book.unit(asset)
        for level, pairs in counting.items():
            haircuts[level] = equity - _counts(policy, level, cash, pairs, unit)
    return Measure(cash, equity, asked["initial"], asked["maintenance"], haircuts)


def _counts(
    policy: Policy, level: str, cash: int, pairs: list[tuple[Fraction, Fraction]], unit: int
) -> Fraction:
    """The equity that counts at ``level``; ``pairs`` are each position's PnL and requirement."""
    if not policy.nested:
        pnls = sum(policy.of_pnl(level, pnl) for pnl, _ in pairs)
        return policy.of_cash(level, cash, unit) + pnls
    beyond = sum(policy.of_pnl(level, pnl - asked) for pnl, asked in pairs)
    return policy.of_cash(level, cash + beyond, unit) + sum(asked for _, asked in pairs)


def ladder(book: Book, scope: Scope) -> tuple[Rung, ...]:
    """The rungs that the scope's class is bound to (none if it is not bound)."""
    binding = book.binding(scope.account, scope.asset)
    return binding.ladder if binding else ()


def below(rung: Rung, numbers: Measure) -> bool:
    """Whether the rung's own inequality is true."""
    threshold = rung.factor * numbers.level(rung.level)
    counts = numbers.counts(rung.level)
    return counts < threshold if rung.comparator == "<" else counts <= threshold


def restored(numbers: Measure, restores: tuple[str, Fraction]) -> bool:
    """Whether equity is at factor × level."""
    level, factor = restores
    return numbers.counts(level) >= factor * numbers.level(level)


def shortage(numbers: Measure, level: str) -> Fraction:
    """By how much the equity that counts is short of a level; not below 0."""
    return max(Fraction(0), numbers.level(level) - numbers.counts(level))


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
    level = scope.call.restore
    return liquidates and numbers.counts(level) < numbers.level(level)


def holds(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether the condition of rung ``number`` holds."""
    rung = ladder(book, scope)[number]
    true = below(rung, numbers)
    if rung.age or rung.until:
        began = scope.stays.get(number)
        old = began is not None and book.time - began >= rung.age * 1_000_000
        true = old and goes_on(rung, numbers)
    return true or by_missed_call(book, scope, number, numbers)


def goes_on(rung: Rung, numbers: Measure) -> bool:
    """Whether what would let the rung's stay go on is true."""
    return below(rung, numbers) or (rung.until is not None and not restored(numbers, rung.until))


def note_stays(book: Book, scope: Scope, numbers: Measure) -> None:
    """Stays begin, go on or end by what a test finds."""
    for number, rung in enumerate(ladder(book, scope)):
        if flat(book, scope) or not goes_on(rung, numbers):
            end_stay(scope, number)
        elif below(rung, numbers):
            scope.stays.setdefault(number, book.time)


def end_stay(scope: Scope, number: int) -> None:
    """A stay ends, and with it what was made up for in it."""
    scope.stays.pop(number, None)
    scope.freed.pop(number, None)


def closing_holds(book: Book, scope: Scope, numbers: Measure) -> bool:
    """Whether a reduce or takeover rung's condition holds."""
    return any(
        rung.action in CLOSING and holds(book, scope, number, numbers)
        for number, rung in enumerate(ladder(book, scope))
    )


def may_close(market: Market) -> bool:
    """Whether positions in ``market`` may close."""
    return market.mark is not None and market.state not in CLOSED_STATES


def owes(book: Book, account: int, asset: int) -> bool:
    """Whether there is a debt that a collateral policy looks at."""
    return book.policy(account, asset) is not None and book.cash(account, asset) < 0


def flat(book: Book, scope: Scope) -> bool:
    """Whether there is neither a position nor such a debt."""
    where = scope.account, scope.asset
    return not book.held(*where) and not owes(book, *where)


def missing(book: Book, scope: Scope, restores: tuple[str, Fraction]) -> int:
    """The fewest units of cash that restore a level: at most ten times what is owed, else 0."""
    where = scope.account, scope.asset
    low, high = 0, -10 * min(0, book.cash(*where))

    def enough(units: int) -> bool:
        with book.trial():
            book.post("trial", scope.asset, ("external", 0), ("account", scope.account), units)
            return restored(measure(book, *where), restores)

    if enough(0) or not enough(high):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def waits(book: Book, scope: Scope, number: int) -> bool:
    """Whether a rung waits for the end of auctions of one before it."""
    return any(
        auction.rung < number
        for (account, market), auction in book.auctions.items()
        if account == scope.account and book.markets[market - 1].asset == scope.asset
    )


def to_put_up(book: Book, scope: Scope, number: int) -> list[Market]:
    """What an auction rung may put up if it may close."""
    return [
        market
        for market, _ in book.held(scope.account, scope.asset)
        if (scope.account, market.ordinal) not in book.auctions
        and (number, market.ordinal) not in scope.left_over
    ]


def can_act(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether rung ``number``, whose condition holds, can act on the book as it is."""
    rung = ladder(book, scope)[number]
    held = book.held(scope.account, scope.asset)
    if book.time < scope.rests.get(number, 0):
        return False
    if rung.action == "margin_call":
        return scope.call is None
    if waits(book, scope, number):
        return False
    if rung.action == "auction":
        return any(may_close(market) for market in to_put_up(book, scope, number))
    if rung.action == "cover":
        return not held and rung.restores is not None and missing(book, scope, rung.restores) > 0
    open_markets = [may_close(market) for market, _ in held]
    if rung.action == "reduce":
        if rung.restores and restored(numbers, rung.restores):
            return False
        return (numbers.equity > 0 or not rung.floored) and any(open_markets)
    return all(open_markets) and not (held and rung.only_debts)


def silent(book: Book, scope: Scope, number: int, numbers: Measure) -> bool:
    """Whether rung ``number``, which holds, would not act either if its markets were open."""
    rung = ladder(book, scope)[number]
    if book.time < scope.rests.get(number, 0) or waits(book, scope, number):
        return True
    if rung.action == "auction":
        return not to_put_up(book, scope, number)
    if rung.action != "reduce":
        held = book.held(scope.account, scope.asset)
        return rung.action == "cover" or (rung.only_debts and bool(held))
    done = rung.restores is not None and restored(numbers, rung.restores)
    return done or (rung.floored and numbers.equity <= 0)


def acting(book: Book, scope: Scope) -> list[int]:
    """The rungs that hold and can act; empty for a flat or unbound scope."""
    if flat(book, scope):
        return []
    numbers = measure(book, scope.account, scope.asset)
    return [
        number
        for number in range(len(ladder(book, scope)))
        if holds(book, scope, number, numbers) and can_act(book, scope, number, numbers)
    ]


def status_of(book: Book, scope: Scope, numbers: Measure) -> str:
    """The worst status that applies."""
    if flat(book, scope):
        return "flat"
    if book.binding(scope.account, scope.asset) is None:
        return "unmargined"
    if closing_holds(book, scope, numbers):
        return "liquidation"
    calls = [r for r in ladder(book, scope) if r.action == "margin_call" and below(r, numbers)]
    if scope.call is not None or calls:
        return "margin_call"
    return "restricted" if numbers.counts("initial") < numbers.initial else "healthy"


def call_entry(book: Book, scope: Scope, outcome: str, call: Call, level: Fraction) -> None:
    """Leave a margin call's entry; ``level`` is the requirement it names, now."""
    numbers = measure(book, scope.account, scope.asset)
    texts = (book.fine(scope.asset, level), book.fine(scope.asset, numbers.equity))
    where = (scope.account, scope.asset)
    book.entries.append(
        ("margin_call", *where, outcome, call.amount, call.restore, *texts, call.due)
    )


def open_call(book: Book, scope: Scope, number: int) -> None:
    """Open the margin call of rung ``number``."""
    rung = ladder(book, scope)[number]
    numbers = measure(book, scope.account, scope.asset)
    level = max(
        numbers.level(rung.restore) + numbers.haircuts.get(rung.restore, 0),
        rung.factor * numbers.level(rung.level) + numbers.haircuts.get(rung.level, 0),
    )
    due = book.time + rung.grace_seconds * 1_000_000
    amount = ceiling(level - numbers.equity)
    scope.call = Call(rung.restore, amount, due)
    call_entry(book, scope, "opened", scope.call, level)
