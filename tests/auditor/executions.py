"""Fills, trades and carried positions: their checks and what they apply."""

from dataclasses import dataclass
from fractions import Fraction

from clearing.events import Filled, PositionCarried, Traded
from tests.auditor.fills import amount_of, apply_fill, control_fill, price_waiting
from tests.auditor.margin import measure
from tests.auditor.numbers import scaled, text
from tests.auditor.state import Book, Holder, Market


@dataclass(frozen=True)
class Side:
    """One side of an execution, as it was applied: what a reversal applies again, negated."""

    holder: Holder
    market: int
    size: int
    amount: int
    exact: Fraction
    price: Fraction
    fee: int
    fee_asset: int


def account_of(holder: Holder) -> int:
    """The ordinal that deviations name: 0 for suspense."""
    return holder[1] if holder[0] == "account" else 0


def apply_side(book: Book, side: Side) -> tuple[int, int]:
    """Remainder, fill and fee of one side."""
    market = book.markets[side.market - 1]
    book.remainder("fill_cost", market, side.holder, side.exact - side.amount)
    result = apply_fill(book, side.holder, market, side.size, side.amount)
    market.last_fill = side.price
    book.post("fee", side.fee_asset, side.holder, ("fees", 0), side.fee, side.market)
    return result


def _checks(
    book: Book,
    market: Market,
    holder: Holder,
    size: int,
    price: Fraction,
    cause: str,
    before: int | None = None,
    method: str | None = None,
) -> None:
    """What is checked of every side before it is applied."""
    size_before = book.position(holder, market.ordinal).size
    account = account_of(holder)
    if not account:
        return
    if book.scope(account, market.asset).taken_over:
        _say(book, "after_takeover", market, account)
    grows = abs(size_before + size) > abs(size_before)
    if market.state in ("halted", "auction"):
        _say(book, "no_trading", market, account, found=market.state)
    elif market.state in ("reduce_only", "final_settlement") and grows:
        _say(book, "reduce_only", market, account, found=market.state)
    if before is not None and before != size_before:
        scale = 10**market.size_decimals
        texts = text(Fraction(size_before, scale)), text(Fraction(before, scale))
        _say(book, "size_before", market, account, *texts)
    binding = book.binding(account, market.asset)
    if binding is not None and not size_before and binding.schedule(market.name) is None:
        _say(book, "no_schedule", market, account)
    if cause == "liquidation":
        _told_liquidation(book, market, account, size, price, method)
    if binding is None:
        return
    scope = book.scope(account, market.asset)
    unexpected = cause == "liquidation" and scope.status != "liquidation"
    if book.mode(market.asset) == "verify" and unexpected:
        _say(book, "liquidation_unexpected", market, account, found=scope.status)
    if cause in ("liquidation", "adl"):
        scope.venue_closed = True


def _told_liquidation(
    book: Book, market: Market, account: int, size: int, price: Fraction, method: str | None
) -> None:
    """The venue's liquidation as it tells it, with how the account stood just before."""
    held = book.position(("account", account), market.ordinal).size
    closes = held * size < 0 and abs(size) <= abs(held)
    if not closes:
        scale = 10**market.size_decimals
        texts = text(Fraction(-held, scale)), text(Fraction(size, scale))
        _say(book, "liquidation_size", market, account, *texts)
    values = measure(book, account, market.asset)
    book.entries.append(
        (
            "venue_liquidation",
            account,
            market.asset,
            market.ordinal,
            size,
            int(price * 10**market.price_decimals),
            0 if market.mark is None else int(market.mark * 10**market.mark_decimals),
            method or "",
            book.fine(market.asset, values.equity),
            book.fine(market.asset, values.maintenance),
        )
    )


def _say(
    book: Book,
    code: str,
    market: Market,
    account: int,
    expected: str = "",
    found: str = "",
    detail: str = "",
) -> None:
    book.deviate(
        code,
        account=account,
        market=market.ordinal,
        asset=market.asset,
        expected=expected,
        found=found,
        detail=detail,
    )


def _once(book: Book, market: Market, kind: str, causes: list[tuple[Holder, str]]) -> bool:
    """The checks of an event as a whole; return whether it may be applied."""
    if market.executions - {kind}:
        book.deviate("mixed_sides", market=market.ordinal)
    market.executions.add(kind)
    refused = False
    if book.mode(market.asset) == "derive":
        for holder, cause in causes:
            if cause != "trade":
                refused = True
                _say(book, "venue_outcome", market, account_of(holder), found=cause)
    return not refused


def filled(book: Book, event: Filled, holder: Holder) -> list[Side]:
    """One side, and the control holder's opposite."""
    market = book.market(event.market)
    if not _once(book, market, "Filled", [(holder, event.cause)]):
        return []
    price = Fraction(event.price)
    price_waiting(book, market, price)
    size = scaled(event.size, market.size_decimals) * (1 if event.side == "buy" else -1)
    if not account_of(holder):
        _unknown(book, market, event.account)
    before = event.reported_size_before
    reported = None if before is None else scaled(before, market.size_decimals)
    _checks(book, market, holder, size, price, event.cause, reported, event.method)
    position = book.position(holder, market.ordinal)
    unknown = position.size != 0 and position.size * size < 0 and not position.known
    side = _side(book, market, holder, size, price, event.fee, event.fee_asset)
    pnl, rounded = apply_side(book, side)
    if event.reported_pnl is not None and not unknown and account_of(holder):
        told = scaled(event.reported_pnl, book.assets[market.asset - 1].decimals)
        if told != pnl:
            texts = [book.fine(market.asset, number) for number in (pnl, told, rounded)]
            _say(book, "reported_pnl", market, account_of(holder), *texts)
    control_fill(book, market, side.size, side.amount)
    return [side]


def _side(
    book: Book,
    market: Market,
    holder: Holder,
    size: int,
    price: Fraction,
    fee: object,
    fee_asset: str | None,
) -> Side:
    asset = book.asset(fee_asset).ordinal if fee_asset else market.asset
    amount, left = amount_of(book, market, size, price)
    charged = scaled(Fraction(str(fee)), book.assets[asset - 1].decimals)
    return Side(holder, market.ordinal, size, amount, amount + left, price, charged, asset)


def _unknown(book: Book, market: Market, name: str) -> None:
    _say(book, "unknown_account", market, 0, found=name)


def traded(book: Book, event: Traded, buyer: Holder, seller: Holder) -> list[Side]:
    """Both sides: the buyer's, then the seller's."""
    market = book.market(event.market)
    causes = [(buyer, event.buyer_cause), (seller, event.seller_cause)]
    if not _once(book, market, "Traded", [(h, str(c)) for h, c in causes]):
        return []
    price = Fraction(event.price)
    price_waiting(book, market, price)
    size = scaled(event.size, market.size_decimals)
    sides = []
    for holder, sign, name, fee, cause in (
        (buyer, 1, event.buyer, event.buyer_fee, event.buyer_cause),
        (seller, -1, event.seller, event.seller_fee, event.seller_cause),
    ):
        if not account_of(holder):
            _unknown(book, market, name)
        _checks(book, market, holder, sign * size, price, cause)
        side = _side(book, market, holder, sign * size, price, fee, event.fee_asset)
        apply_side(book, side)
        sides.append(side)
    level(book, sides)
    return sides


def level(book: Book, sides: list[Side]) -> None:
    """What a directed rounding paid the two sides of a trade differently is rounding's."""
    market = sides[0].market
    asset = book.markets[market - 1].asset
    total = sum(side.amount for side in sides)
    book.post("fill_cost", asset, ("clearing", market), ("rounding", 0), total, market)


def carried(book: Book, event: PositionCarried, holder: Holder) -> None:
    """An opening position: a fill without fee or checks at the best price that is known."""
    market = book.market(event.market)
    size = scaled(event.size, market.size_decimals)
    if not account_of(holder):
        _unknown(book, market, event.account)
    price = Fraction(event.entry_price) if event.entry_price is not None else None
    known = price is not None
    if price is None:
        price = market.mark if market.mark is not None else market.last_fill
    if price is None:
        if account := account_of(holder):
            key = (account, market.ordinal)
            book.waiting[key] = book.waiting.get(key, 0) + size
            book.entries.append(("waiting", *key, book.waiting[key]))
        return
    amount, left = amount_of(book, market, size, price)
    book.remainder("fill_cost", market, holder, left)
    apply_fill(book, holder, market, size, amount, known=known)
    control_fill(book, market, size, amount)
