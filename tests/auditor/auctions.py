"""Auctions of positions: put up by a rung, taken at a price that falls, or awarded to bids."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from clearing.events import AuctionBid, AuctionTaken
from clearing.events.fields import to_microseconds
from tests.auditor import covering, margin, reductions
from tests.auditor.fills import apply_fill
from tests.auditor.funding import settle
from tests.auditor.margin import measure, requirement, value
from tests.auditor.numbers import ceiling, floor, half_away, scaled, text
from tests.auditor.rules import AuctionRule, Rung
from tests.auditor.state import Auction, Bid, Book, Holder, Market, Scope
from tests.auditor.waterfall import Losses, closed_entry, loss_entry

SECOND = 1_000_000


def factor(rule: AuctionRule, seconds: int) -> Fraction:
    """What the price at the opening is multiplied by, so many whole seconds later."""
    if rule.op == "linear":
        passed = (rule.start - rule.end) * seconds / rule.duration
        return max(rule.end, rule.start - passed)
    steps = seconds // rule.step_seconds
    if rule.op == "stair":
        return max(rule.end, rule.start - rule.step * steps)
    return max(rule.end, rule.start * power(rule.step, steps))


def power(base: Fraction, exponent: int) -> Fraction:
    """By squaring, from the lowest bit up, every product rounded at 27 decimals."""
    scale, result = 10**27, Fraction(1)
    while exponent:
        if exponent & 1:
            result = Fraction(half_away(result * base * scale), scale)
        base = Fraction(half_away(base * base * scale), scale)
        exponent >>= 1
    return result


def price_at(market: Market, auction: Auction, by: Fraction) -> Fraction:
    """The opening's price times a factor, in favour of the account; at least a step."""
    scale = 10**market.price_decimals
    if auction.long:
        steps = ceiling(auction.opening * by * scale)
    else:
        steps = floor(auction.opening * (2 - by) * scale)
    return Fraction(max(1, steps), scale)


def entry(
    book: Book, where: tuple[int, int], outcome: str, who: int, size: int, price: Fraction
) -> None:
    """What happened to an auction."""
    account, number = where
    auction, market = book.auctions[where], book.markets[number - 1]
    current = margin.ladder(book, book.scope(account, market.asset))
    book.entries.append(
        (
            "auction",
            account,
            market.asset,
            number,
            auction.rung + 1 if auction.ladder == current else 0,
            outcome,
            who,
            size,
            scaled(price, market.price_decimals),
            auction.ends,
        )
    )


def open_all(book: Book, scope: Scope, number: int) -> None:
    """Put up every position that may be put up."""
    ladder = margin.ladder(book, scope)
    rule = ladder[number].auction
    if rule is None:
        raise ValueError("an auction rung has a method")
    for market in margin.to_put_up(book, scope, number):
        if not margin.may_close(market) or market.mark is None:
            continue
        position = book.position(("account", scope.account), market.ordinal)
        where = (scope.account, market.ordinal)
        ends = book.time + rule.duration * SECOND
        auction = Auction(number, ladder, book.time, ends, position.size > 0, market.mark)
        book.auctions[where] = auction
        price = price_at(market, auction, rule.start)
        entry(book, where, "opened", 0, position.size, price)


def goes_on(book: Book, where: tuple[int, int]) -> bool:
    """Whether an auction still has its cause."""
    auction, market = book.auctions[where], book.markets[where[1] - 1]
    scope = book.scope(where[0], market.asset)
    if margin.ladder(book, scope) != auction.ladder or book.mode(market.asset) != "derive":
        return False
    size = book.position(("account", where[0]), market.ordinal).size
    if not size or (size > 0) != auction.long or not margin.may_close(market):
        return False
    if not auction.ladder[auction.rung].ends_when_restored:
        return True
    numbers = measure(book, where[0], market.asset)
    return margin.holds(book, scope, auction.rung, numbers)


def cancel(book: Book, scope: Scope) -> None:
    """End the scope's auctions that have no cause any more."""
    for where in sorted(book.auctions):
        market = book.markets[where[1] - 1]
        if where[0] == scope.account and market.asset == scope.asset and not goes_on(book, where):
            entry(book, where, "cancelled", 0, 0, Fraction(0))
            del book.auctions[where]


def forget(book: Book, scope: Scope) -> None:
    """What was left over may be put up again once the condition ended or the position is gone."""
    numbers = measure(book, scope.account, scope.asset)
    rungs = margin.ladder(book, scope)
    for rung, market in sorted(scope.left_over):
        size = book.position(("account", scope.account), market).size
        ended = rung >= len(rungs) or not margin.holds(book, scope, rung, numbers)
        if ended or margin.flat(book, scope) or not size:
            scope.left_over.discard((rung, market))


def _open_one(
    book: Book, event: AuctionTaken | AuctionBid, name: str, kind: str
) -> tuple[int, int] | None:
    """Where an auction is open for the event; None, and a deviation, if there is none."""
    market, who = book.market(event.market), book.account(name)
    about: dict[str, Any] = {"market": market.ordinal, "asset": market.asset}
    if who is None:
        book.deviate("unknown_account", **about, found=name)
        return None
    about["account"] = who.ordinal
    owner = book.account(event.account)
    if owner is None:
        book.deviate("unknown_account", **about, found=event.account)
        return None
    if owner is who:
        book.deviate("own_auction", **about)
        return None
    where = (owner.ordinal, market.ordinal)
    auction = book.auctions.get(where)
    now = max(book.time, to_microseconds(event.occurred_at))
    if auction is None or not goes_on(book, where) or auction.ends <= now:
        book.deviate("no_auction", **about)
        return None
    rule = auction.ladder[auction.rung].auction
    found = "sealed" if rule is not None and rule.op == "sealed" else "dutch"
    if found != kind:
        book.deviate("no_auction", **about, found=found)
        return None
    return where


def bid(book: Book, event: AuctionBid, position: int) -> None:
    """A bid waits."""
    where = _open_one(book, event, event.bidder, "sealed")
    bidder = book.account(event.bidder)
    if where is None or bidder is None:
        return
    auction, market = book.auctions[where], book.market(event.market)
    size, price = scaled(event.size, market.size_decimals), Fraction(event.price)
    auction.bids.append(Bid(bidder.ordinal, size, price, position))
    entry(book, where, "bid", bidder.ordinal, size if auction.long else -size, price)


@dataclass
class Sale:
    """A part of a position that goes to somebody."""

    book: Book
    where: tuple[int, int]

    @property
    def market(self) -> Market:
        """The market of the position."""
        return self.book.markets[self.where[1] - 1]

    @property
    def holder(self) -> Holder:
        """Whose position it is."""
        return ("account", self.where[0])

    @property
    def scope(self) -> Scope:
        """The scope that is liquidated."""
        return self.book.scope(self.where[0], self.market.asset)

    @property
    def rung(self) -> Rung:
        """The rung that put it up."""
        auction = self.book.auctions[self.where]
        return auction.ladder[auction.rung]

    @property
    def held(self) -> int:
        """The position's size."""
        return self.book.position(self.holder, self.market.ordinal).size

    def signed(self, size: int) -> int:
        """A size with the position's sign."""
        return size if self.book.auctions[self.where].long else -size

    def amount(self, size: int, price: Fraction) -> int:
        """What ``size`` (unsigned) costs its taker."""
        return ceiling(self.book.worth(self.market, self.signed(size), price))

    def least(self, size: int) -> int:
        """The part's bankruptcy amount."""
        book, market, account = self.book, self.market, self.where[0]
        position = book.position(self.holder, market.ordinal)
        held = book.held(account, market.asset)
        asked = [requirement(book, account, m, p, "maintenance") for m, p in held]
        equity = measure(book, account, market.asset).equity
        rest = replace(position, size=position.size - self.signed(size))
        if any(asked):
            whole = requirement(book, account, market, position, "maintenance")
            share = (whole - requirement(book, account, market, rest, "maintenance")) / sum(asked)
        else:
            notional = sum(abs(value(book, m, p.size)) for m, p in held if m.mark is not None)
            share = abs(value(book, market, size)) / notional
        return ceiling(value(book, market, self.signed(size)) - equity * share)

    def unable(self, taker: int, parts: list[tuple[int, int]]) -> tuple[str, str, str] | None:
        """Why a taker may not take ``parts`` (size, amount): code, expected, found."""
        book, market = self.book, self.market
        binding = book.binding(taker, market.asset)
        if binding is None:
            return None
        if binding.schedule(market.name) is None:
            return "no_schedule", "", ""
        holder: Holder = ("account", taker)
        rulebook = book.rulebooks[market.asset]
        with book.trial():
            settle(book, holder, market)
            book.rulebooks[market.asset] = replace(rulebook, cost_basis="average")
            for size, amount in parts:
                apply_fill(book, holder, market, self.signed(size), amount)
            numbers = measure(book, taker, market.asset)
        book.rulebooks[market.asset] = rulebook
        if margin.restored(numbers, ("initial", Fraction(1))):
            return None
        asked, counts = numbers.initial, numbers.counts("initial")
        return "beyond_margin", book.fine(market.asset, asked), book.fine(market.asset, counts)

    def say_unable(self, taker: int, parts: list[tuple[int, int]]) -> bool:
        """Whether a taker may not take ``parts``; the deviation says why."""
        unable, market = self.unable(taker, parts), self.market
        if unable is None:
            return False
        code, expected, found = unable
        about: dict[str, Any] = {"account": taker, "market": market.ordinal, "asset": market.asset}
        self.book.deviate(code, **about, expected=expected, found=found)
        return True

    def sell(self, outcome: str, taker: int, size: int, amount: int, price: Fraction) -> None:
        """Sell ``size`` for ``amount``, then the penalty or what is missing."""
        book, scope, market, rung = self.book, self.scope, self.market, self.rung
        least, q = self.least(size), self.signed(size)
        entry(book, self.where, outcome, taker, q, price)
        loss = amount - value(book, market, q)
        closed_entry(book, scope, market, "auction", taker, q, amount, loss)
        apply_fill(book, self.holder, market, -q, -amount)
        apply_fill(book, ("account", taker), market, q, amount)
        if amount < least and rung.shortfall == "waterfall":
            losses = Losses()
            covering.pay(book, scope, least - amount, losses)
            loss_entry(book, scope, Fraction(least - amount), losses)
        elif rung.penalty is not None:
            equity = floor(measure(book, scope.account, scope.asset).equity)
            most = min(floor(abs(amount) * rung.penalty.rate), equity)
            if rung.penalty.surplus:
                most = min(most, amount - least)
            reductions.penalise(book, scope, rung.penalty, max(0, most))

    def end(self) -> None:
        """The auction is over."""
        left = self.held
        auction = self.book.auctions[self.where]
        entry(self.book, self.where, "over", 0, left, Fraction(0))
        if left:
            self.scope.left_over.add((auction.rung, self.market.ordinal))
        del self.book.auctions[self.where]


def take(book: Book, event: AuctionTaken) -> None:
    """Somebody takes at the price of the moment."""
    where = _open_one(book, event, event.taker, "dutch")
    taker = book.account(event.taker)
    if where is None or taker is None:
        return
    sale, auction, market = Sale(book, where), book.auctions[where], book.market(event.market)
    rule = sale.rung.auction
    if rule is None:
        raise ValueError("an auction rung has a method")
    now = max(book.time, to_microseconds(event.occurred_at))
    price = price_at(market, auction, factor(rule, (now - auction.opened) // SECOND))
    wanted, there = scaled(event.size, market.size_decimals), abs(sale.held)
    size = min(wanted, there)
    amount = sale.amount(size, price)
    if sale.rung.auction_floor == "bankruptcy":
        amount = max(amount, sale.least(size))
    about: dict[str, Any] = {
        "account": taker.ordinal,
        "market": market.ordinal,
        "asset": market.asset,
    }
    if event.limit is not None:
        limit = Fraction(event.limit)
        worse = price > limit if auction.long else price < limit
        if worse or amount > sale.amount(size, limit):
            book.deviate("auction_price", **about, expected=text(limit), found=text(price))
            return
    if sale.say_unable(taker.ordinal, [(size, amount)]):
        return
    sale.sell("taken", taker.ordinal, size, amount, price)
    if wanted > there:
        scale = 10**market.size_decimals
        texts = text(Fraction(there, scale)), text(Fraction(wanted, scale))
        book.deviate("beyond_auction", **about, expected=texts[0], found=texts[1])
    if size == there:
        sale.end()


def finish(book: Book, where: tuple[int, int]) -> None:
    """An auction's time is up."""
    sale, auction = Sale(book, where), book.auctions[where]
    if not goes_on(book, where):
        entry(book, where, "cancelled", 0, 0, Fraction(0))
        del book.auctions[where]
        return
    rule = sale.rung.auction
    if rule is not None and rule.op == "sealed":
        award(sale, auction, rule)
    sale.end()


def award(sale: Sale, auction: Auction, rule: AuctionRule) -> None:
    """Bids no worse than the reserve, best price first."""
    reserve = price_at(sale.market, auction, rule.start)
    better = -1 if auction.long else 1
    bids = sorted(auction.bids, key=lambda b: (better * b.price, b.position))
    won: list[tuple[Bid, int]] = []
    left = abs(sale.held)
    for bid_ in bids:
        size = min(left, bid_.size)
        if not size or better * bid_.price > better * reserve:
            continue
        mine = [(s, sale.amount(s, b.price)) for b, s in won if b.bidder == bid_.bidder]
        part = (size, sale.amount(size, bid_.price))
        if sale.say_unable(bid_.bidder, [*mine, part]):
            continue
        all_won = [*won, (bid_, size)]
        if sale.rung.auction_floor == "bankruptcy":
            fetched = sum(
                sale.amount(s, bid_.price if rule.uniform else b.price) for b, s in all_won
            )
            if fetched < sale.least(sum(s for _, s in all_won)):
                break
        won, left = all_won, left - size
    for bid_, size in won:
        price = won[-1][0].price if rule.uniform else bid_.price
        sale.sell("awarded", bid_.bidder, size, sale.amount(size, price), price)
