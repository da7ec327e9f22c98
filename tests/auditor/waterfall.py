"""Who takes over what a liquidated scope held, and who bears the loss."""

from dataclasses import dataclass
from fractions import Fraction

from tests.auditor import margin
from tests.auditor.fills import apply_fill, opposite
from tests.auditor.margin import measure, unrealised, value
from tests.auditor.numbers import ceiling, floor, half_even, scaled
from tests.auditor.rules import Waterfall
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
    book.touched.add((fund.ordinal, scope.asset))
    for layer in rules.layers:
        if hand.rest and layer.name == "fund":
            _by_fund(hand, layer.capacity)
        elif hand.rest and layer.name == "adl":
            _by_adl(hand)
        elif hand.rest and layer.name == "deficit":
            hand.take("deficit", hand.fund, hand.rest)


def _by_fund(hand: HandOver, capacity: str) -> None:
    """Everything, or the most lots that keep the fund's equity at or above zero."""
    book, market = hand.book, hand.market
    equity = measure(book, hand.fund, market.asset).equity
    quantity = hand.rest
    if capacity != "unlimited" and equity - hand.loss(hand.rest) < 0:
        whole = hand.amount - value(book, market, hand.size)
        quantity = 0
        if equity >= 0:
            most = ceiling(Fraction(hand.rest, market.lot)) - 1
            per_lot = whole * market.lot / abs(hand.size)
            lots = most if per_lot <= 0 else min(most, floor(equity / per_lot))
            quantity = lots * market.lot
    if capacity != "unlimited" and equity < 0:
        quantity = 0
    if quantity:
        hand.losses.fund += hand.take("fund", hand.fund, quantity)


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
