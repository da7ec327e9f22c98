"""The workings of a close at a price that others named: a taker, a bidder, or the venue.

They begin with the margin of the account before it, as those of a rung do, whose note says what
came of it (``taken``, ``awarded`` or ``recorded``). Nothing is computed here but the text of it.
"""

from dataclasses import replace
from fractions import Fraction

from clearing.engine.auction import Auction, Bid
from clearing.engine.holding import Holding
from clearing.engine.market import Market
from clearing.engine.penalties import full_rate, penalty_lines
from clearing.engine.scope import Scope
from clearing.engine.step import END, Step
from clearing.engine.valuation import measure
from clearing.engine.working import face_lines
from clearing.quantities import Rounding, Trace, fact, format_exact
from clearing.rulebook import DutchMethod, Penalty, SealedMethod


class PricedCloseLines:
    """The workings of one such close of signed ``size``; nothing is left where nobody asks."""

    __slots__ = ("_decimals", "_market", "_scope", "_size", "_step", "_working", "asked")

    def __init__(self, step: Step, scope: Scope, market: Market, size: int) -> None:
        self._step = step
        self._scope = scope
        self._market = market
        self._size = size
        asset = step.book.assets[scope.asset]
        self._decimals, self._working = asset.decimals, asset.working
        self.asked = step.workings is not None

    def _lines(self, name: str) -> Trace | None:
        name = f"{name} {self._market.spec.name}"
        return self._step.working(name, self._scope, self._market.ordinal)

    def begin(self, outcome: str, rung: int) -> None:
        """Leave the margin before the close; what is posted from here on is the close's."""
        margin = self._step.working("margin", self._scope)
        if margin is None:
            return
        measure(self._step.book, self._scope, margin)
        margin.note = outcome
        self._step.acting = self._scope
        number = self._step.working("rung", self._scope)
        if number is not None:
            number.finish(rung, 0, "whose place in the ladder it has")

    def end(self) -> None:
        """Say that the close is concluded."""
        if self.asked:
            self._step.acting = None
            self._step.working(END, self._scope)

    def quantity(self, wanted: int, there: int) -> None:
        """State how much changes hands (unsigned): what is wanted, as far as it is there."""
        lines = self._lines("quantity")
        if lines is not None:
            decimals = self._market.spec.size_decimals
            lines.formula = "min(wanted, there)"
            lines.value("wanted", wanted, decimals, "by who takes it")
            lines.value("there", there, decimals, "of the position, still to be had")
            lines.finish(min(wanted, there), decimals)

    def made_before(self, lines: Trace | None) -> None:
        """Leave a working that was made before the close began, if it was."""
        if lines is not None:
            self._step.leave(lines, self._scope)

    def bankrupt(self, holding: Holding, amount: int) -> None:
        """State what the part would have to fetch, as the account stands before the close."""
        lines = self._lines("at bankruptcy")
        if lines is None:
            return
        lines.formula = f"up(value_at_mark - at_bankruptcy, {self._decimals})"
        _value_lines(lines, self._market, self._size, self._working)
        holding.bankruptcy_lines(lines)
        lines.finish(amount, self._decimals, "that it would have to fetch")

    def proceeds(
        self, price: int, rounding: Rounding, amount: int, *, size: int, least: int | None
    ) -> None:
        """State what the part fetches at a price, ``least`` at the least.

        ``size`` and ``amount`` are signed as held.
        """
        lines = self._lines("proceeds")
        if lines is None:
            return
        spec = self._market.spec
        worth = "size * price * multiplier"
        if spec.payoff == "inverse":
            worth = "-size * multiplier / price"
        lines.formula = f"{rounding.value}({worth}, {self._decimals})"
        lines.value("size", size, spec.size_decimals, "of the part closed")
        lines.value("price", price, spec.price_decimals)
        lines.value("multiplier", spec.multiplier, spec.multiplier_decimals)
        if least is not None:
            lines.formula = f"max({lines.formula}, at_bankruptcy)"
            lines.value("at bankruptcy", least, self._decimals, "the floor")
        lines.finish(amount, self._decimals)

    def told(self, price: int, rounding: Rounding, amount: int) -> None:
        """State what a venue's fill fetched: at its price, or as its source reports."""
        lines = self._lines("proceeds")
        if lines is None:
            return
        spec = self._market.spec
        bought = self._market.payoff.amount(-self._size, price, spec.price_decimals, rounding)[0]
        lines.formula = "reported"
        if bought == -amount:
            worth = "-size * price * multiplier"
            if spec.payoff == "inverse":
                worth = "size * multiplier / price"
            lines.formula = f"-{rounding.value}({worth}, {self._decimals})"
            lines.value("size", self._size, spec.size_decimals, "of the part closed")
            lines.value("price", price, spec.price_decimals, "as told")
            lines.value("multiplier", spec.multiplier, spec.multiplier_decimals)
        else:
            lines.value("reported", amount, self._decimals, "by the source, of the fill's cost")
        lines.finish(amount, self._decimals, "rounded as a fill's cost is")

    def beside(self, wanted: Trace, price: int) -> None:
        """State the told size and price beside the rulebook's quantity and the mark."""
        spec = self._market.spec
        size = self._lines("size beyond the rulebook's")
        beyond = self._lines("price beyond the mark")
        if size is None or beyond is None:
            return
        size.formula = "told - wanted"
        size.value("told", abs(self._size), spec.size_decimals)
        size.inputs.append(wanted)
        size.finish_ratio(Fraction(size.inputs[0].result) - Fraction(wanted.result))
        beyond.formula = "told - mark"
        beyond.value("told", price, spec.price_decimals)
        beyond.value("mark", self._market.mark, spec.mark_decimals)
        told, mark = (Fraction(part.result) for part in beyond.inputs)
        beyond.finish_ratio(told - mark)

    def fee(self, account: int, asset: int, fee: int) -> None:
        """State the fee that the venue told with its fill."""
        book = self._step.book
        lines = (
            self._step.posting("fee", book.registry.account(account).name, account) if fee else None
        )
        if lines is not None:
            lines.finish(fee, book.registry.asset(asset).decimals, "as told")

    def surplus(self, proceeds: int, bankrupt: int) -> None:
        """State what the part fetched beyond its bankruptcy amount; negative: what is short."""
        lines = self._lines("surplus")
        if lines is not None:
            lines.formula = "proceeds - at_bankruptcy"
            lines.value("proceeds", proceeds, self._decimals)
            lines.value("at bankruptcy", bankrupt, self._decimals)
            lines.finish(proceeds - bankrupt, self._decimals)

    def penalty(self, penalty: Penalty | None, proceeds: int, surplus: int, amount: int) -> None:
        """State the penalty: within the equity that is left, and the surplus where it limits."""
        lines = None if penalty is None else self._lines("penalty")
        if lines is None or penalty is None:
            return
        lines.value("proceeds", proceeds, self._decimals)
        limit = lines.step("limit", f"down(equity, {self._decimals})")
        equity = measure(self._step.book, self._scope).equity
        limit.value("equity", equity, self._working, "of the account, after the close")
        most = equity // 10 ** (self._working - self._decimals)
        if penalty.surplus:
            limit.formula = f"min({limit.formula}, surplus)"
            limit.value("surplus", surplus, self._decimals)
            most = min(most, surplus)
        limit.finish(most, self._decimals)
        rate = full_rate(penalty)
        penalty_lines(lines, penalty, rate, "abs(proceeds)", amount, self._decimals)


def price_lines(market: Market, auction: Auction, factor: Trace, price: int) -> Trace:
    """Return the working of the price that an auction's factor stands for."""
    decimals = market.spec.price_decimals
    least = format_exact(1, decimals)
    exact = f"up(reference * factor, {decimals})"
    if not auction.long:
        exact = f"down(reference * (2 - factor), {decimals})"
    lines = Trace(f"price {market.spec.name}", f"max({least}, {exact})", market=market.ordinal)
    lines.value("reference", auction.reference, market.spec.mark_decimals, "at the opening")
    lines.inputs.append(factor)
    lines.finish(price, decimals, "rounded in the account's favour")
    return lines


def factor_of(method: DutchMethod | SealedMethod, elapsed: int | None) -> Trace:
    """Return the working of an auction's factor after so many seconds; None: at the opening."""
    lines = Trace("factor")
    if isinstance(method, DutchMethod):
        method.explain(elapsed or 0, lines)
    else:
        lines.finish_ratio(method.reserve, "rung.method.reserve")
    return lines


def bid_lines(market: Market, bid: Bid, reserve: Trace, last: int | None, *, long: bool) -> Trace:
    """Return the working of the price that a winning bid pays: its own, or the ``last`` one's."""
    decimals = market.spec.price_decimals
    lines = Trace(f"price {market.spec.name}", market=market.ordinal)
    lines.formula = "max(bid, reserve)" if long else "min(bid, reserve)"
    lines.inputs.append(
        fact("bid", bid.price, decimals, f"of the bid at log position {bid.position}")
    )
    lines.inputs.append(replace(reserve, name="reserve"))
    lines.finish(bid.price, decimals)
    if last is not None:
        lines.formula = "last"
        lines.value("last", last, decimals, "of the bids awarded: what everybody pays")
        lines.finish(last, decimals)
    return lines


def together_lines(
    step: Step, market: Market, holding: Holding, size: int, fetched: int, surplus: int
) -> Trace:
    """Return the working of what bids awarded together fetch beyond their bankruptcy amount.

    ``size`` and ``fetched`` are of them all, signed as held, as the account stands before any.
    """
    asset = step.book.assets[market.asset]
    lines = Trace(f"together {market.spec.name}", market=market.ordinal)
    lines.formula = f"down(fetched - value_at_mark + at_bankruptcy, {asset.decimals})"
    lines.value("fetched", fetched, asset.decimals, "by this bid and those before it")
    _value_lines(lines, market, size, asset.working)
    holding.bankruptcy_lines(lines)
    lines.finish(surplus, asset.decimals, "never below 0: nothing goes for less than at bankruptcy")
    return lines


def _value_lines(lines: Trace, market: Market, size: int, working: int) -> None:
    """Leave what a part of signed ``size`` is worth at the mark."""
    value = lines.step("value at mark", "size * value_of_one")
    value.value("size", size, market.spec.size_decimals, "of the part closed")
    face_lines(value, market, market.mark)
    value.finish(size * market.worth, working)
