"""The trial balance: every ledger account's balance, summing to zero in each asset."""

from clearing.audit.house import whole_book
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress
from clearing.audit.views import TrialBalanceLine
from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.valuation import accrued_funding
from clearing.log import Connection
from clearing.projectors import OF_MARKETS
from clearing.quantities import format_exact, format_scaled


def trial_balance(
    connection: Connection, moment: Moment, progress: Progress | None = None
) -> list[TrialBalanceLine]:
    """Return the trial balance of a moment, by asset and ledger account.

    Trading accounts are one line, each fund its own. Positive: the ledger owes it; the lines of
    one asset sum to zero, memo lines apart, which say what a ``funding`` balance is made of.
    """
    return lines_of(whole_book(connection, moment, progress))


def lines_of(book: Book) -> list[TrialBalanceLine]:
    """Return the trial balance of a whole book."""
    sums: dict[tuple[int, str, int], int] = {}
    for (account, asset), scope in book.scopes.items():
        key = (asset, "account", account if book.is_fund(account) else 0)
        sums[key] = sums.get(key, 0) + scope.cash
    for (ledger, ordinal, asset), units in book.balances.items():
        sums[asset, ledger, ordinal] = units
    lines = [_line(book, *key, units) for key, units in sorted(sums.items())]
    return lines + _memos(book)


def _line(book: Book, asset: int, ledger: str, who: int, units: int) -> TrialBalanceLine:
    registry = book.registry
    spec = registry.asset(asset)
    name, shown = "", ledger
    if who and ledger in OF_MARKETS:
        name = registry.market(who).name
    elif who:
        name = registry.account(who).name
    if ledger == "account":
        shown = "fund" if who else "accounts"
    return TrialBalanceLine(shown, name, spec.name, format_scaled(units, spec.decimals))


def _memos(book: Book) -> list[TrialBalanceLine]:
    """Return, for each market with funding, what its ``funding`` account still owes, exactly.

    Accrued and not paid yet, over all holders; what is left of the balance is what rounding left.
    """
    lines = []
    for ordinal, market in sorted(book.markets.items()):
        asset = book.assets[market.asset]
        owed = accrued_by_all(market)
        left = book.balance("funding", ordinal, market.asset) * asset.lift - owed
        lines += [
            TrialBalanceLine(
                name,
                market.spec.name,
                book.registry.asset(market.asset).name,
                format_exact(amount, asset.working),
                memo=True,
            )
            for name, amount in (("accrued funding", owed), ("funding remainder", left))
            if amount
        ]
    return lines


def accrued_by_all(market: Market) -> int:
    """Return what all holders of a market accrued and were not paid yet, at the working scale."""
    held = [scope.positions[market.ordinal] for scope in market.holders.values()]
    everybody = (*market.houses.values(), *held)
    return sum(accrued_funding(market, each) for each in everybody) * market.funding_lift
