"""Facts of cash, marks, market states and rulebooks."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from clearing.events import (
    Adjusted,
    Deposited,
    FundContributed,
    FundWithdrawn,
    Marked,
    MarketStateChanged,
    RulebookAdopted,
    Transferred,
    Withdrawn,
)
from clearing.events.fields import to_microseconds
from tests.auditor import impact, margin, prices
from tests.auditor.fills import price_waiting
from tests.auditor.margin import measure
from tests.auditor.numbers import floor, scaled
from tests.auditor.rules import Rulebook, RulebookError, read
from tests.auditor.state import Book, Holder, paid_at_marks

Cash = Deposited | Withdrawn | Transferred | FundContributed | FundWithdrawn | Adjusted
Posting = tuple[str, int, Holder, Holder, int]
"""Purpose, asset, payer, payee, amount: what a reversal posts again the other way."""

EXTERNAL: Holder = ("external", 0)


def holder_of(book: Book, name: str) -> Holder:
    """The account of that name, or suspense."""
    account = book.account(name)
    return ("account", account.ordinal) if account else ("suspense", 0)


def known(book: Book, name: str, asset: int) -> Holder:
    """As :func:`holder_of`, with a deviation for an account that is not declared."""
    holder = holder_of(book, name)
    if holder[0] == "suspense":
        book.deviate("unknown_account", asset=asset, found=name)
    return holder


def cash(book: Book, event: Cash, first: Callable[[], None] = lambda: None) -> list[Posting]:
    """A movement of cash, after its checks and what ``first`` does; return its postings."""
    asset = book.asset(event.asset)
    amount = scaled(Decimal(event.amount), asset.decimals)
    posting = _CASH[event.kind](book, event, asset.ordinal, amount)
    first()
    book.post(*posting)
    return [posting]


def _deposited(book: Book, event: Deposited, asset: int, amount: int) -> Posting:
    payee = known(book, event.account, asset)
    _restore(book, payee, asset)
    return "deposit", asset, EXTERNAL, payee, amount


def _restore(book: Book, holder: Holder, asset: int) -> None:
    """Money that reaches a scope taken over makes it an ordinary scope again."""
    if holder[0] == "account":
        book.scope(holder[1], asset).taken_over = False


def limit(book: Book, holder: Holder, asset: int, amount: int) -> None:
    """A deviation, if more leaves than may."""
    if holder[0] != "account":
        return
    numbers = measure(book, holder[1], asset)
    most = max(Fraction(0), min(Fraction(numbers.cash), numbers.equity - numbers.initial))
    if book.policy(holder[1], asset):
        most = Fraction(_releasable(book, holder, asset, numbers.cash))
    if amount > most:
        book.deviate(
            "withdrawn_too_much",
            account=holder[1],
            asset=asset,
            expected=book.fine(asset, floor(most)),
            found=book.fine(asset, amount),
        )


def _releasable(book: Book, holder: Holder, asset: int, cash: int) -> int:
    """The most cash that may leave without what counts at initial falling below initial."""
    low, high = 0, max(0, cash)
    while low < high:
        middle = (low + high + 1) // 2
        with book.trial():
            book.post("trial", asset, holder, EXTERNAL, middle)
            numbers = measure(book, holder[1], asset)
        if numbers.counts("initial") >= numbers.initial:
            low = middle
        else:
            high = middle - 1
    return low


def _withdrawn(book: Book, event: Withdrawn, asset: int, amount: int) -> Posting:
    payer = known(book, event.account, asset)
    limit(book, payer, asset, amount)
    return "withdrawal", asset, payer, EXTERNAL, amount


def _transferred(book: Book, event: Transferred, asset: int, amount: int) -> Posting:
    payer = known(book, event.account, asset)
    payee = known(book, event.to_account, asset)
    limit(book, payer, asset, amount)
    _restore(book, payee, asset)
    return "transfer", asset, payer, payee, amount


def fund_holder(book: Book, name: str, asset: int) -> Holder:
    """As :func:`known`, with a deviation for what is no fund."""
    holder = known(book, name, asset)
    account = book.account(name)
    if account and account.account_class != "fund":
        book.deviate("not_a_fund", account=account.ordinal, asset=asset)
    return holder


def _contributed(book: Book, event: FundContributed, asset: int, amount: int) -> Posting:
    return "fund_contribution", asset, EXTERNAL, fund_holder(book, event.fund, asset), amount


def _fund_withdrawn(book: Book, event: FundWithdrawn, asset: int, amount: int) -> Posting:
    payer = fund_holder(book, event.fund, asset)
    have = book.cash(payer[1], asset)
    if payer[0] == "account" and amount > have:
        book.deviate(
            "fund_overdrawn",
            account=payer[1],
            asset=asset,
            expected=book.fine(asset, have),
            found=book.fine(asset, amount),
        )
    return "fund_withdrawal", asset, payer, EXTERNAL, amount


def _adjusted(book: Book, event: Adjusted, asset: int, amount: int) -> Posting:
    account = known(book, event.account, asset)
    contra: Holder = ("adjustment", 0)
    if event.contra_account is not None:
        contra = known(book, event.contra_account, asset)
    if amount > 0:
        _restore(book, account, asset)
        return "adjustment", asset, contra, account, amount
    return "adjustment", asset, account, contra, -amount


_CASH: dict[str, Callable[..., Posting]] = {
    "Deposited": _deposited,
    "Withdrawn": _withdrawn,
    "Transferred": _transferred,
    "FundContributed": _contributed,
    "FundWithdrawn": _fund_withdrawn,
    "Adjusted": _adjusted,
}


def marked(book: Book, event: Marked) -> None:
    """Each pair in order of market ordinal."""
    moment = to_microseconds(event.occurred_at)
    amends = (event.amends.source, event.amends.external_id) if event.amends else None
    pairs = [(book.market(mark.market), Fraction(mark.price)) for mark in event.marks]
    for market, price in sorted(pairs, key=lambda pair: pair[0].ordinal):
        late = market.mark is not None and moment < market.mark_time
        effective = not late and (amends is None or amends == market.mark_event)
        if effective:
            if market.mark is None:
                price_waiting(book, market, price)
            before, market.mark, market.mark_time = market.mark, price, moment
            recorded = book.prices[market.ordinal]
            recorded.recorded, recorded.latest = price, max(recorded.latest, moment)
            book.marked.add(market.ordinal)
            market.mark_event = (event.source, event.external_id)
            impact.faded(book, market, price, moment, before)
            continue
        stated = scaled(price, market.mark_decimals)
        book.entries.append(("mark", market.ordinal, stated, 0))


def market_state(book: Book, event: MarketStateChanged) -> None:
    market = book.market(event.market)
    market.state = event.state
    book.prices[market.ordinal].running = None
    book.entries.append(("market_state", market.ordinal, event.state))


def rulebook_entry(book: Book, rulebook: Rulebook, status: str) -> None:
    asset = book.asset(rulebook.asset).ordinal
    book.entries.append(
        ("rulebook", asset, rulebook.name, rulebook.version, rulebook.sha256, status)
    )


def put_in_force(book: Book, rulebook: Rulebook) -> None:
    """Replace the rulebook in force; another ladder ends rests, other markets paid at end flows."""
    asset = book.asset(rulebook.asset).ordinal
    scopes = [scope for scope in book.scopes.values() if scope.asset == asset]
    ladders = [margin.ladder(book, scope) for scope in scopes]
    book.rulebooks[asset] = rulebook
    for scope, ladder in zip(scopes, ladders, strict=True):
        if margin.ladder(book, scope) != ladder:
            scope.rests, scope.stays, scope.freed = {}, {}, {}
            scope.left_over = set()
    for market in book.markets:
        if market.asset == asset and not paid_at_marks(book, market):
            for key in [key for key in book.flows if key[1] == market.ordinal]:
                del book.flows[key]
    prices.adopt(book, asset)
    rulebook_entry(book, rulebook, "in_force")


def adopted(book: Book, event: RulebookAdopted, position: int) -> None:
    """A rulebook comes into force now, or is scheduled, or is refused."""
    try:
        rulebook = read(
            event.name,
            event.version,
            event.document_sha256,
            event.document,
            {asset.name for asset in book.assets},
            {m.name: book.assets[m.asset - 1].name for m in book.markets},
            {account.name for account in book.accounts},
        )
    except RulebookError as error:
        book.deviate("rulebook_refused", found=event.name, detail=str(error))
        return
    wanted = event.effective_position
    if wanted is not None and wanted > position:
        book.scheduled.append((wanted, rulebook))
        rulebook_entry(book, rulebook, "scheduled")
        return
    if wanted is not None and wanted < position:
        asset = book.asset(rulebook.asset).ordinal
        book.deviate(
            "effective_position_passed",
            asset=asset,
            expected=str(position),
            found=str(wanted),
        )
    put_in_force(book, rulebook)
