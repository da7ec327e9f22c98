"""Variation margin: what a mark gives and takes is paid in cash; what losers lack is shared."""

from fractions import Fraction

from tests.auditor.funding import holder_account
from tests.auditor.margin import unrealised, value
from tests.auditor.numbers import ceiling, floor, half_even, toward_zero
from tests.auditor.state import Book, Holder, Market, paid_at_marks

Flows = dict[int, int]
"""What each account won (or lost) in one market, in units."""


def settle_marked(book: Book) -> None:
    """Every market of which a mark took effect, in order of ordinal."""
    for market in book.markets:
        if market.ordinal in book.marked and paid_at_marks(book, market):
            flows = _realise(book, market)
            share(book, market, flows)
    book.marked = set()


def _realise(book: Book, market: Market) -> Flows:
    """Every holder's unrealised PnL, but for a fraction, turned into cash."""
    flows: Flows = {}
    holders: list[Holder] = [("account", account.ordinal) for account in book.accounts]
    for holder in [*holders, ("control", 0), ("suspense", 0)]:
        position = book.positions.get((*holder, market.ordinal))
        won = toward_zero(unrealised(book, market, position)) if position else 0
        if position and won:
            payee, clearing = holder_account(holder, market), ("clearing", market.ordinal)
            book.post("realised_pnl", market.asset, clearing, payee, won, market.ordinal)
            position.cost += won
            book.position_entry(holder, market)
        if holder[0] == "account":
            flows[holder[1]] = won + book.flows.pop((holder[1], market.ordinal), 0)
    return flows


def share_paid(book: Book, market: str, paid: Flows) -> None:
    """What holders paid each other at once as funding, shared as what they won at a mark is."""
    if paid and paid_at_marks(book, book.market(market)):
        share(book, book.market(market), paid)


def share(book: Book, market: Market, flows: Flows) -> None:
    """The fund, then who won, make up for what losers lack."""
    asset, clearing = market.asset, ("clearing", market.ordinal)
    lacking = {
        account: min(-flow, -book.cash(account, asset))
        for account, flow in sorted(flows.items())
        if flow < 0 and book.cash(account, asset) < 0 and not book.policy(account, asset)
    }
    if not lacking:
        return
    rules = book.rulebooks[asset].variation
    name = rules.get(market.name, rules.get("*"))
    fund = book.account(name) if name else None
    if fund:
        book.touched.add((fund.ordinal, asset))
    paid = min(max(0, book.cash(fund.ordinal, asset)), sum(lacking.values())) if fund else 0
    gains = {
        account: flow
        for account, flow in sorted(flows.items())
        if flow > 0 and book.accounts[account - 1].account_class != "fund"
    }
    wanted = min(sum(lacking.values()) - paid, sum(gains.values()))
    down = book.rulebooks[asset].numerics["haircut"] == "down"
    shares = cuts(gains, wanted, down=down) if wanted else {}
    for account, amount in shares.items():
        book.entries.append(("haircut", 0, asset, market.ordinal, account, gains[account], amount))
        book.post("haircut", asset, ("account", account), clearing, amount, market.ordinal)
    cut = wanted
    for account, lack in lacking.items():
        loser: Holder = ("account", account)
        by_fund = min(lack, paid)
        by_cut = min(lack - by_fund, cut)
        paid, cut = paid - by_fund, cut - by_cut
        if fund:
            payer = ("account", fund.ordinal)
            book.post("loss", asset, payer, loser, by_fund, market.ordinal)
        book.post("haircut", asset, clearing, loser, by_cut, market.ordinal)
        if by_fund + by_cut:
            amounts = (by_fund + by_cut, by_fund, 0, by_cut, 0, 0, 0)
            texts = [book.fine(asset, amount) for amount in amounts]
            book.entries.append(("loss", account, asset, *texts))


def cuts(gains: Flows, amount: int, *, down: bool) -> Flows:
    """Who won pays pro rata; what rounding leaves the last one pays, then the one before."""
    left, paid = amount, dict.fromkeys(gains, 0)
    for account, gain in gains.items():
        exact = Fraction(gain * amount, sum(gains.values()))
        paid[account] = min(left, floor(exact) if down else ceiling(exact))
        left -= paid[account]
    for account in reversed(gains):
        more = min(left, gains[account] - paid[account])
        paid[account] += more
        left -= more
    return paid


def assumed(book: Book, market: Market, q: int, part: int) -> int:
    """A taker's cost of what a takeover hands it: the mark, where gains are paid at every mark."""
    return half_even(value(book, market, q)) if paid_at_marks(book, market) else part
