"""Who takes over what a liquidated scope held, and who bears the loss."""

from dataclasses import dataclass
from fractions import Fraction

from tests.auditor import margin
from tests.auditor.fills import apply_fill, opposite
from tests.auditor.margin import measure, unrealised, value
from tests.auditor.numbers import ceiling, floor, half_even, scaled
from tests.auditor.rules import Layer, Waterfall
from tests.auditor.state import Book, Market, Position, Scope
from tests.auditor.variation import assumed


@dataclass
class Losses:
    """What each layer bore, in fine smallest units."""

    fund: Fraction = Fraction(0)
    adl: Fraction = Fraction(0)
    socialised: Fraction = Fraction(0)
    deficit: Fraction = Fraction(0)
    rounding: Fraction = Fraction(0)


def closed_entry(
    book: Book,
    scope: Scope,
    market: Market,
    layer: str,
    taker: int,
    size: int,
    amount: int,
    loss: Fraction,
) -> None:
    """A part that a taker assumes."""
    stated = book.fine(scope.asset, loss)
    where = (scope.account, scope.asset, market.ordinal)
    book.entries.append(("closed", *where, layer, taker, size, amount, _mark(market), stated))


def loss_entry(book: Book, scope: Scope, loss: Fraction, by: Losses) -> None:
    """A loss and who bore it; nothing is ever kept."""
    parts = (loss, by.fund, by.adl, by.socialised, by.deficit, by.rounding, Fraction(0))
    texts = [book.fine(scope.asset, part) for part in parts]
    book.entries.append(("loss", scope.account, scope.asset, *texts))


def _mark(market: Market) -> int:
    return scaled(market.mark or Fraction(0), market.mark_decimals)


@dataclass
class HandOver:
    """One position on its way to its takers."""

    book: Book
    scope: Scope
    market: Market
    amount: int
    size: int
    """Of the whole position, signed."""
    fund: int
    losses: Losses
    rest: int = 0
    """Unsigned size that nobody has taken yet."""
    paid: int = 0
    """How much of the amount the parts taken so far make up."""

    def part(self, quantity: int) -> int:
        """The part of Q for the next ``quantity`` (unsigned)."""
        if quantity == self.rest:
            return self.amount - self.paid
        return floor(Fraction(self.amount * quantity, abs(self.size)))

    def limits_claim_of(self, fund: int) -> bool:
        """Whether the waterfall limits what ``fund`` ever bears of a market."""
        binding = self.book.binding(self.scope.account, self.scope.asset)
        if binding is None or binding.waterfall is None:
            return False
        rules, name = binding.waterfall, self.book.accounts[fund - 1].name
        layers = [x for x in rules.layers if x.name == "fund" and (x.account or rules.fund) == name]
        return any(layer.claim is not None for layer in layers)

    def signed(self, quantity: int) -> int:
        return quantity if self.size > 0 else -quantity

    def loss(self, quantity: int) -> Fraction:
        """What a taker of the next ``quantity`` loses at mark."""
        return self.part(quantity) - value(self.book, self.market, self.signed(quantity))

    def take(self, layer: str, taker: int, quantity: int) -> Fraction:
        """A taker assumes ``quantity``; return its loss."""
        book, market, part = self.book, self.market, self.part(quantity)
        loss, q, cost = self.loss(quantity), self.signed(quantity), part
        closed_entry(book, self.scope, market, layer, taker, q, part, loss)
        if layer == "deficit":
            cost = half_even(value(book, market, q))
        elif layer != "adl":
            cost = assumed(book, market, q, part)
        self.rest -= quantity
        self.paid += part
        apply_fill(book, ("account", self.scope.account), market, -q, -part)
        apply_fill(book, ("account", taker), market, q, cost)
        clearing, short = ("clearing", market.ordinal), part - cost
        if layer == "deficit":
            deficit = ("deficit", 0)
            book.post("deficit", market.asset, deficit, clearing, short, market.ordinal)
            self.losses.deficit += short
            self.losses.rounding += cost - value(book, market, q)
        else:
            payer = ("account", taker)
            book.post("variation", market.asset, payer, clearing, short, market.ordinal)
        return loss


def hand_over(
    book: Book, scope: Scope, market: Market, amount: int, equity: Fraction, losses: Losses
) -> None:
    """Layer by layer until the position is taken."""
    binding = book.binding(scope.account, scope.asset)
    if binding is None or binding.waterfall is None:
        raise ValueError("a takeover has a waterfall")
    rules: Waterfall = binding.waterfall
    fund = book.account(rules.fund)
    if fund is None:
        raise ValueError("the fund is declared")
    size = book.position(("account", scope.account), market.ordinal).size
    hand = HandOver(book, scope, market, amount, size, fund.ordinal, losses, rest=abs(size))
    if equity >= 0:
        losses.fund += hand.take("fund", hand.fund, hand.rest)
        return
    for name in {rules.fund, *(layer.account for layer in rules.layers)}:
        met = book.account(name) if name else None
        if met is not None:
            book.touched.add((met.ordinal, scope.asset))
    for layer in rules.layers:
        if hand.rest and layer.name == "fund":
            _by_fund(hand, layer)
        elif hand.rest and layer.name == "adl":
            _by_adl(hand)
        elif hand.rest and layer.name == "deficit":
            hand.take("deficit", hand.fund, hand.rest)


def _by_fund(hand: HandOver, layer: Layer) -> None:
    """Everything, or the most lots whose exact loss is no more than the layer's capacity."""
    book, market = hand.book, hand.market
    account = book.account(layer.account) if layer.account else None
    fund = account.ordinal if account else hand.fund
    capacity, quantity = _capacity(book, market, fund, layer), hand.rest
    if capacity is not None and hand.loss(hand.rest) > capacity:
        whole = hand.amount - value(book, market, hand.size)
        most = ceiling(Fraction(hand.rest, market.lot)) - 1
        per_lot = whole * market.lot / abs(hand.size)
        quantity = (most if per_lot <= 0 else min(most, floor(capacity / per_lot))) * market.lot
    if layer.notional is not None:
        equity = max(Fraction(0), measure(book, fund, market.asset).equity)
        lots = floor(layer.notional * equity / abs(value(book, market, market.lot)))
        quantity = min(quantity, lots * market.lot)
    if quantity > 0 and (capacity is None or capacity >= 0):
        loss = hand.take("fund", fund, quantity)
        hand.losses.fund += loss
        where = (fund, market.ordinal)
        if hand.limits_claim_of(fund) or where in book.borne:
            book.borne[where] = book.borne.get(where, 0) + max(0, ceiling(loss))
        book.drawn.append((book.time, fund, market.asset, max(0, ceiling(loss))))


def _capacity(book: Book, market: Market, fund: int, layer: Layer) -> Fraction | None:
    """The most that a fund may lose; None: any."""
    numbers, unit = measure(book, fund, market.asset), book.unit(market.asset)
    limits = []
    if layer.capacity == "equity":
        limits.append(numbers.equity - layer.reserve * unit)
    if layer.capacity == "cash":
        limits.append(max(Fraction(0), numbers.cash - layer.reserve * unit))
    if layer.claim is not None:
        borne = book.borne.get((fund, market.ordinal), 0)
        limits.append(max(Fraction(0), layer.claim * unit - borne))
    if layer.period is not None:
        length = layer.period.seconds * 1_000_000
        begins = book.time // length * length
        drawn = sum(
            units
            for when, who, asset, units in book.drawn
            if when >= begins and (who, asset) == (fund, market.asset)
        )
        most = floor(layer.period.share * (numbers.equity + drawn))
        if layer.period.amount is not None:
            most = floor(layer.period.amount * unit)
        limits.append(max(Fraction(0), Fraction(most - drawn)))
    return min(limits) if limits else None


@dataclass(frozen=True)
class Candidate:
    account: int
    size: int
    pnl: Fraction
    notional: Fraction
    equity: Fraction
    rank: Fraction


def _candidates(hand: HandOver) -> list[Candidate]:
    """Who holds the other side and may be deleveraged, best ranked first."""
    book, market, found = hand.book, hand.market, []
    for account in book.accounts:
        position = book.positions.get(("account", account.ordinal, market.ordinal))
        if position is None or not opposite(position.size, hand.size):
            continue
        if account.account_class == "fund":
            continue
        numbers = measure(book, account.ordinal, market.asset)
        scope = book.scope(account.ordinal, market.asset)
        if numbers.equity <= 0 or margin.closing_holds(book, scope, numbers):
            continue
        found.append(_candidate(book, market, account.ordinal, position, numbers.equity))
    return sorted(found, key=lambda c: (-c.rank, c.account))


def _candidate(
    book: Book, market: Market, account: int, position: Position, equity: Fraction
) -> Candidate:
    pnl = unrealised(book, market, position)
    notional = abs(value(book, market, position.size))
    cost = max(abs(position.cost), 1)
    rank = pnl * notional / (cost * equity) if pnl > 0 else pnl * equity / (cost * notional)
    return Candidate(account, position.size, pnl, notional, equity, rank)


def _by_adl(hand: HandOver) -> None:
    """Every candidate is stated in rank order; then each takes what it can."""
    book, asset = hand.book, hand.market.asset
    takes: list[tuple[Candidate, int]] = []
    rest = hand.rest
    for rank, candidate in enumerate(_candidates(hand), 1):
        taken = min(abs(candidate.size), rest)
        rest -= taken
        takes.append((candidate, taken))
        fine = (candidate.pnl, candidate.notional, candidate.equity)
        texts = [book.fine(asset, number) for number in fine]
        where = (hand.scope.account, asset, hand.market.ordinal)
        about = (rank, candidate.account, candidate.size)
        book.entries.append(("adl", *where, *about, *texts, taken))
    for candidate, taken in takes:
        if taken:
            hand.losses.adl += hand.take("adl", candidate.account, taken)
