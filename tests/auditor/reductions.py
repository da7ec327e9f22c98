"""Reductions: a share of a position, or what restores a level, selling gains on the way."""

from collections.abc import Callable
from fractions import Fraction

from tests.auditor import margin, waterfall
from tests.auditor.fills import apply_fill, drop_fraction
from tests.auditor.funding import settle
from tests.auditor.margin import measure, requirement, unrealised, value
from tests.auditor.numbers import ceiling, down, floor
from tests.auditor.rules import Gains, Penalty
from tests.auditor.state import Book, Holder, Market, Position, Scope, paid_at_marks


def fund_of(book: Book, scope: Scope) -> int:
    """The ordinal of the waterfall's fund."""
    binding = book.binding(scope.account, scope.asset)
    if binding is None or binding.waterfall is None:
        raise ValueError("a ladder that closes has a waterfall")
    fund = book.account(binding.waterfall.fund)
    if fund is None:
        raise ValueError("the fund is declared")
    return fund.ordinal


def penalise(book: Book, scope: Scope, penalty: Penalty, amount: int) -> None:
    """Each recipient's share; the first also what is left. A trial counts all of it as gone."""
    if book.trials:
        book.post("penalty", scope.asset, ("account", scope.account), ("external", 0), amount)
        return
    shares = [floor(amount * share) for _, share in penalty.recipients]
    shares[0] += amount - sum(shares)
    for (name, _), share in zip(penalty.recipients, shares, strict=True):
        account = book.account(name)
        if account is None:
            raise ValueError("a recipient is declared")
        payer, payee = ("account", scope.account), ("account", account.ordinal)
        book.post("penalty", scope.asset, payer, payee, share)


def fewest(most: int, enough: Callable[[int], bool]) -> int:
    """The fewest of 1 to ``most`` that are enough, by halving; all, if no fewer are."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _pick(book: Book, scope: Scope) -> tuple[Market, Position]:
    """The position with the largest maintenance requirement."""
    candidates = [
        pair for pair in book.held(scope.account, scope.asset) if margin.may_close(pair[0])
    ]
    return max(
        candidates,
        key=lambda pair: (
            requirement(book, scope.account, pair[0], pair[1], "maintenance"),
            -pair[0].ordinal,
        ),
    )


def nothing_yet(book: Book, scope: Scope, number: int) -> bool:
    """Whether a ramp lets the rung close nothing so far."""
    step = Step(book, scope, number, *_pick(book, scope))
    return step.rung.ramp is not None and step.ramped_wanted() == 0


def reduce(book: Book, scope: Scope, number: int) -> None:
    """Close a part of the position with the largest maintenance requirement."""
    rung = margin.ladder(book, scope)[number]
    market, position = _pick(book, scope)
    step = Step(book, scope, number, market, position)
    before = (position.index, position.accrued)
    settle(book, step.holder, market)
    if rung.gains is not None and (position.index, position.accrued) != before:
        book.position_entry(step.holder, market)
    if rung.gains is not None:
        unwind(step, rung.gains)
        return
    wanted = step.ramped_wanted()
    if not wanted and rung.ramp is not None:
        book.position_entry(step.holder, market)
        return
    most, quantity = step.wanted(), step.limited(wanted)
    step.close(quantity)
    if rung.covers and quantity >= most:
        margin.end_stay(scope, number)


class Step:
    """What a rung does, once, to a position; ``least`` lots may be closed whatever its limit."""

    least = 1

    def __init__(
        self, book: Book, scope: Scope, number: int, market: Market, position: Position
    ) -> None:
        self.book, self.scope = book, scope
        self.rung = margin.ladder(book, scope)[number]
        self.number = number
        self.market, self.position = market, position
        self.holder: Holder = ("account", scope.account)
        self.left = self._most()
        """How much may still be closed, unsigned."""

    def _most(self) -> int:
        """What the rung's limit lets one step close: whole lots, one at least."""
        size, market = abs(self.position.size), self.market
        most = Fraction(size)
        if "share" in self.rung.at_most:
            most = min(most, size * self.rung.at_most["share"])
        if "notional" in self.rung.at_most:
            unit = abs(value(self.book, market, 1))
            notional = self.rung.at_most["notional"] * self.book.unit(market.asset)
            most = min(most, notional / unit)
        if not self.rung.at_most:
            return size
        return min(size, max(self.least, floor(most / market.lot)) * market.lot)

    def restored(self) -> bool:
        """Whether the level that the rung restores is restored."""
        if self.rung.restores is None:
            raise ValueError("a share restores nothing")
        numbers = measure(self.book, self.scope.account, self.scope.asset)
        return margin.restored(numbers, self.rung.restores)

    def lots(self, most: int, enough: Callable[[], bool]) -> int:
        """The fewest lots of ``most`` after whose close it is ``enough``, or all. As a size."""

        def after(lots: int) -> bool:
            left = self.left
            with self.book.trial():
                self.close(min(lots * self.market.lot, most))
                answer = enough()
            self.left = left
            return answer

        lots = fewest(ceiling(Fraction(most, self.market.lot)), after)
        return min(most, lots * self.market.lot)

    def wanted(self) -> int:
        """How much the rung wants to close, unsigned: whole lots, or everything."""
        size = abs(self.position.size)
        if self.rung.covers:
            return self.covering()
        if self.rung.restores is not None:
            return self.lots(size, self.restored)
        lots = ceiling(size * self.rung.close_factor / self.market.lot)
        return min(size, lots * self.market.lot)

    def elapsed(self) -> int:
        """How old the rung's stay is, in microseconds."""
        return self.book.time - self.scope.stays.get(self.number, self.book.time)

    def spread(self) -> Fraction:
        """What the price takes of the notional."""
        rising, spread = self.rung.rising, self.rung.spread
        if rising is None or self.elapsed() < rising.after_seconds * 1_000_000:
            return spread
        more = down(self.elapsed() * rising.per_second / 1_000_000, 12)
        return min(rising.most, spread + more)

    def unit_notional(self) -> Fraction:
        """The notional of a whole unit of size, in smallest units."""
        return abs(value(self.book, self.market, 10**self.market.size_decimals))

    def asked(self, level: str) -> Fraction:
        """What a level asks of the position, per notional."""
        account, market, position = self.scope.account, self.market, self.position
        notional = abs(value(self.book, market, position.size))
        return requirement(self.book, account, market, position, level) / notional

    def numbers(self) -> margin.Measure:
        """The scope's numbers now."""
        return measure(self.book, self.scope.account, self.scope.asset)

    def money(self, amount: Fraction, decimals: int | None) -> Fraction:
        """An amount of smallest units, rounded down at decimals of whole ones, where given."""
        unit = self.book.unit(self.scope.asset)
        return amount if decimals is None else down(amount / unit, decimals) * unit

    def penalty_rate(self) -> Fraction:
        """The penalty's rate, at most what the position can bear."""
        penalty = self.rung.penalty
        if penalty is None:
            return Fraction(0)
        limit = penalty.headroom
        if limit is None:
            return penalty.rate
        book, account = self.book, self.scope.account
        asks = requirement(book, account, self.market, self.position, "maintenance")
        part = asks / self.numbers().maintenance if asks else Fraction(0)
        size = Fraction(abs(self.position.size), 10**self.market.size_decimals)
        short = margin.shortage(self.numbers(), limit.level) * part / size
        rate = self.money(short, limit.decimals) / self.unit_notional()
        if limit.decimals is not None:
            rate = down(rate, limit.decimals)
        most = max(Fraction(0), limit.share * (self.asked(limit.level) - self.spread() - rate))
        if limit.decimals is not None:
            most = down(most, limit.decimals)
        return min(penalty.rate, most)

    def covering(self) -> int:
        """What makes up for all that is short of the level: whole lots, or everything."""
        if self.rung.restores is None:
            raise ValueError("a cover restores a level")
        size, level, places = (
            abs(self.position.size),
            self.rung.restores[0],
            self.rung.cover_decimals,
        )
        notional = self.unit_notional()
        freed = self.money(notional * (self.asked(level) - self.spread()), places)
        freed -= self.money(notional * self.penalty_rate(), places)
        if freed <= 0:
            return size
        short = margin.shortage(self.numbers(), level)
        steps = floor(short / freed * 10**self.market.size_decimals)
        return min(size, ceiling(Fraction(steps, self.market.lot)) * self.market.lot)

    def ramped_wanted(self) -> int:
        """What the rung wants to close, as far as its ramp lets it."""
        wanted, ramp = self.wanted(), self.rung.ramp
        if ramp is None:
            return wanted
        short = margin.shortage(self.numbers(), ramp.level)
        if not short or short < ramp.whole_below * self.book.unit(self.scope.asset):
            return wanted
        units = ceiling(short)
        freed = floor(self.scope.freed.get(self.number, Fraction(0)))
        reached = ramp.initial + down(
            Fraction(self.elapsed(), ramp.seconds * 1_000_000), ramp.decimals
        )
        allowed = floor((units + freed) * min(Fraction(1), reached)) - freed
        share = down(max(Fraction(0), Fraction(allowed, units)), ramp.decimals)
        steps = floor(wanted * min(Fraction(1), share))
        return min(wanted, ceiling(Fraction(steps, self.market.lot)) * self.market.lot)

    def limited(self, quantity: int) -> int:
        """At most the rung's limit; all, where too little would remain."""
        size = abs(self.position.size)
        quantity = min(max(quantity, self.market.lot), size, self.left)
        remaining = abs(value(self.book, self.market, size - quantity))
        if remaining < self.rung.minimum_notional * self.book.unit(self.market.asset):
            return size
        return quantity

    def close(self, size: int) -> None:
        """Close ``size`` (unsigned) with the waterfall's fund, and take the penalty."""
        book, scope, market, rung = self.book, self.scope, self.market, self.rung
        whole = size == abs(self.position.size)
        q = size if self.position.size > 0 else -size
        fund = fund_of(book, scope)
        if whole:
            drop_fraction(book, self.holder, market)
        v = value(book, market, q)
        equity = measure(book, scope.account, scope.asset).equity
        rate = self.penalty_rate()
        proceeds = floor(v - abs(v) * self.spread())
        if rung.floored:
            proceeds = max(proceeds, ceiling(v - equity))
        waterfall.closed_entry(book, scope, market, "reduce", fund, q, proceeds, proceeds - v)
        apply_fill(book, self.holder, market, -q, -proceeds)
        apply_fill(book, ("account", fund), market, q, proceeds)
        self.left -= size
        if rung.penalty is not None:
            left = floor(measure(book, scope.account, scope.asset).equity)
            amount = max(0, min(floor(abs(v) * rate), left))
            penalise(book, scope, rung.penalty, amount)
            if book.rulebooks[market.asset].cost_basis == "net" and not whole:
                self.realise(amount)

    def realise(self, amount: int) -> None:
        """Turn as much of the position's PnL into cash."""
        book, market = self.book, self.market
        clearing = ("clearing", market.ordinal)
        book.post("realised_pnl", market.asset, clearing, self.holder, amount, market.ordinal)
        self.position.cost += amount
        if paid_at_marks(book, market):
            key = (self.scope.account, market.ordinal)
            book.flows[key] = book.flows.get(key, 0) + amount
        if amount:
            book.position_entry(self.holder, market)


def unwind(step: Step, gains: Gains) -> None:
    """Five steps, each only while equity is short and there is a position."""
    sale = Sale(step, gains)
    if sale.goes_on() and sale.gain() < 0:
        sale.close(lambda: sale.gain() >= 0)
    if sale.goes_on():
        sale.settle()
    if sale.goes_on():
        sale.close(sale.restored_with_gains)
    if sale.goes_on():
        sale.settle()
    if sale.goes_on() and sale.gain_counts():
        sale.close(lambda: False)


class Sale:
    """The gains of one position on their way to become cash."""

    def __init__(self, step: Step, gains: Gains) -> None:
        self.step, self.gains = step, gains
        self.most: int | None = None
        """How many units may still be settled; None: any."""
        if gains.at_most is not None:
            self.most = floor(gains.at_most * step.book.unit(step.market.asset))

    def goes_on(self) -> bool:
        """Whether equity is short, and there is a position."""
        return self.step.position.size != 0 and not self.step.restored()

    @property
    def level(self) -> str:
        """The level that is to be restored."""
        if self.step.rung.restores is None:
            raise ValueError("gains are sold to restore a level")
        return self.step.rung.restores[0]

    def gain(self) -> Fraction:
        """The PnL with accrued funding, less what the level asks."""
        book, market, position = self.step.book, self.step.market, self.step.position
        pnl = unrealised(book, market, position) + book.accrued(market, position)
        return pnl - requirement(book, self.step.scope.account, market, position, self.level)

    def gain_counts(self) -> bool:
        """Whether a gain's weight at the level is more than nothing."""
        policy = self.step.book.policy(self.step.scope.account, self.step.market.asset)
        return policy is None or policy.of_pnl(self.level, 1) > 0

    def close(self, enough: Callable[[], bool]) -> None:
        """Close the fewest lots after which it is ``enough`` or the level is restored."""
        if enough():
            return
        most = min(abs(self.step.position.size), self.step.left)
        if most:
            size = self.step.lots(most, lambda: self.step.restored() or enough())
            self.step.close(size)

    def restored_with_gains(self) -> bool:
        """Whether the level is restored once what may be settled is; or nothing more may be."""
        gain = floor(self.gain())
        if self.most is not None and self.gain() >= self.most:
            return True
        with self.step.book.trial():
            if gain > 0:
                self.sell(gain)
            return self.step.restored()

    def settle(self) -> None:
        """Sell the fewest units that restore the level, or all, unless that would not help."""
        units = floor(self.gain())
        if self.most is not None:
            units = min(units, self.most)
        if units <= 0:
            return

        def after(sold: int) -> bool:
            with self.step.book.trial():
                self.sell(sold)
                return self.step.restored()

        if self.helps(units):
            units = fewest(units, after)
            self.sell(units)
            if self.most is not None:
                self.most -= units

    def helps(self, units: int) -> bool:
        """Whether equity is less short once ``units`` are sold."""
        short = self.short()
        with self.step.book.trial():
            self.sell(units)
            return self.short() < short

    def short(self) -> Fraction:
        """By how much equity is short of factor × level."""
        if self.step.rung.restores is None:
            raise ValueError("gains are sold to restore a level")
        level, factor = self.step.rung.restores
        numbers = measure(self.step.book, self.step.scope.account, self.step.scope.asset)
        return factor * numbers.level(level) - numbers.counts(level)

    def sell(self, units: int) -> None:
        """Realise ``units``, less their penalty."""
        book, scope = self.step.book, self.step.scope
        equity = floor(measure(book, scope.account, scope.asset).equity)
        self.step.realise(units)
        if self.gains.penalty is not None:
            amount = max(0, min(floor(units * self.gains.penalty.rate), units, equity))
            penalise(book, scope, self.gains.penalty, amount)
