"""What is sold in auctions: who may take it, and the fill that hands it over."""

from clearing.engine.auction import Auction
from clearing.engine.auctioning import note
from clearing.engine.holding import after_fill
from clearing.engine.market import Market
from clearing.engine.parts import note_closed
from clearing.engine.positions import apply_fill
from clearing.engine.priced_close import PricedClose
from clearing.engine.priced_close_lines import PricedCloseLines
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.quantities import Rounding, Trace, format_exact
from clearing.rulebook import INITIAL


class Lot:
    """What goes to one taker: signed as held, at a price, for an amount signed as its value.

    ``there`` is how much of the position there was to be had, ``wanted`` how much of it the taker
    wanted. ``priced`` is the working of the price, ``together`` that of what it fetches with bids
    awarded before it, if anybody asks for them. The amount is at least ``least``, if there is a
    floor.
    """

    __slots__ = (
        "amount",
        "least",
        "price",
        "priced",
        "size",
        "there",
        "together",
        "wanted",
    )

    def __init__(
        self, market: Market, size: int, price: int, wanted: int, there: int, least: int | None
    ) -> None:
        self.size = size
        self.price = price
        self.wanted = wanted
        self.there = there
        self.least = least
        self.priced: Trace | None = None
        self.together: Trace | None = None
        amount = amount_at(market, size, price)
        self.amount = amount if least is None else max(amount, least)

    def explain(self, lines: PricedCloseLines) -> None:
        """Leave the workings of how much it is, at which price, and what it fetches."""
        lines.quantity(self.wanted, self.there)
        lines.made_before(self.priced)
        lines.made_before(self.together)
        lines.proceeds(self.price, Rounding.UP, self.amount, size=self.size, least=self.least)


def amount_at(market: Market, size: int, price: int) -> int:
    """Return what a part of signed ``size`` fetches at a price, in units.

    Rounded up, which is against the taker, who chooses how much it takes.
    """
    return market.payoff.amount(size, price, market.spec.price_decimals, Rounding.UP)[0]


def may_take(step: Step, account: int, market: Market, size: int, amount: int) -> bool:
    """Whether an account may take ``size`` for ``amount``; where it may not, say why.

    It has to have its initial margin after it, in a market that its rules and its isolation know;
    an account that nothing is asked of may take anything.
    """
    book = step.book
    scope = book.scope(account, market.asset)
    isolates = book.registry.account(account).isolates
    if isolates and market.ordinal not in isolates:
        refuse(step, "outside_scope", account, market)
        return False
    rules = scope.rules
    if rules is None:
        return True
    if rules.schedule(market.ordinal) is None and not rules.by_portfolio(market.ordinal):
        refuse(step, "no_schedule", account, market)
        return False
    now = after_fill(book, scope, market, size, amount)
    if now.surplus(INITIAL) >= 0:
        return True
    working = book.assets[scope.asset].working
    asked, counted = format_exact(now.initial, working), format_exact(now.counted(INITIAL), working)
    refuse(step, "beyond_margin", account, market, expected=asked, found=counted)
    return False


def bears_lines(
    step: Step, account: int, market: Market, size: int, amount: int, scope: Scope
) -> None:
    """Leave the working of whether a taker has its initial margin after it, as it has to."""
    other = step.book.scope(account, market.asset)
    name = f"bears {step.book.registry.account(account).name}"
    lines = None if other.rules is None else step.working(name, scope, market.ordinal)
    if lines is not None:
        lines.account = account
        now = after_fill(step.book, other, market, size, amount, lines)
        lines.finish(int(now.surplus(INITIAL) >= 0), 0, "as if it had taken it")


def refuse(
    step: Step, code: str, account: int, market: Market, *, expected: str = "", found: str = ""
) -> None:
    """Say why an account gets nothing of an auction, or less than it wanted."""
    step.deviation(
        code,
        account=account,
        market=market.ordinal,
        asset=market.asset,
        expected=expected,
        found=found,
    )


def sell(
    step: Step,
    scope: Scope,
    market: Market,
    auction: Auction,
    taker: int,
    lot: Lot,
    outcome: str,
    close: PricedClose,
) -> None:
    """Hand a lot over to its taker, and conclude the close that was made for it."""
    size, amount = lot.size, lot.amount
    close.begin(outcome)
    lot.explain(close.lines)
    if close.lines.asked:
        bears_lines(step, taker, market, size, amount, scope)
    note(step, scope, market, auction, outcome, taker=taker, size=size, price=lot.price)
    loss = amount * step.book.assets[scope.asset].lift - size * market.worth
    note_closed(step, scope, market, "auction", taker, size, amount, loss)
    apply_fill(step, market, step.account_holder(scope.account, market), -size, -amount)
    apply_fill(step, market, step.account_holder(taker, market), size, amount)
    close.conclude(amount)
