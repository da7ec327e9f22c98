"""The trial balance: every ledger account's balance, summing to zero in each asset."""

from decimal import Decimal

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.views import TrialBalanceLine
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled, to_scaled

_MARKET_LEDGERS = frozenset({"clearing", "funding", "control"})


def trial_balance(connection: Connection, moment: Moment) -> list[TrialBalanceLine]:
    """Return the trial balance at a position, by asset and ledger account.

    Trading accounts are one line, each fund its own. Positive: the ledger owes it; the lines of
    one asset sum to zero, memo lines apart, which say what a ``funding`` balance is made of.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    funds = [
        ordinal
        for ordinal in range(1, registry.counts()[3] + 1)
        if registry.account(ordinal).account_class == "fund"
    ]
    found = histories.rows(
        "SELECT asset, ledger, CASE WHEN ledger = 'account' AND ordinal <> ALL(%(funds)s::int[])"
        " THEN 0 ELSE ordinal END AS who, sum(amount) FROM {posting}"
        " WHERE position <= %(position)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        ["posting"],
        funds=funds,
    )
    lines = []
    for asset, ledger, who, balance in found:
        spec = registry.asset(asset)
        name = ""
        if who and ledger in ("account", "pending"):
            name = registry.account(who).name
        elif who and ledger in _MARKET_LEDGERS:
            name = registry.market(who).name
        shown = "accounts" if ledger == "account" and not who else ledger
        shown = "fund" if ledger == "account" and who else shown
        lines.append(
            TrialBalanceLine(shown, name, spec.name, format_scaled(int(balance), spec.decimals))
        )
    return lines + _memos(histories)


def _memos(histories: Histories) -> list[TrialBalanceLine]:
    """Return, for each market with funding, what its ``funding`` account still owes, exactly.

    Accrued and not paid yet, over all holders, plus what rounding left: together the balance.
    """
    book = histories.book([])
    owed: dict[int, int] = {}
    for ordinal, size, index, accrued in histories.rows(
        "SELECT DISTINCT ON (holder_kind, holder, market) market, size, funding_index, accrued"
        " FROM {position_history} WHERE position <= %(position)s"
        " ORDER BY holder_kind, holder, market, position DESC, line DESC",
        ["position_history"],
    ):
        market = book.markets[ordinal]
        moved = market.index - to_scaled(index, market.index_decimals)
        fraction = to_scaled(accrued, market.accrued_decimals)
        owed[ordinal] = owed.get(ordinal, 0) + fraction - int(size) * moved
    left = {
        int(ordinal): amount
        for ordinal, amount in histories.rows(
            "SELECT market, sum(amount) FROM {remainder} WHERE operation = 'funding'"
            " AND position <= %(position)s GROUP BY 1",
            ["remainder"],
        )
    }
    lines = []
    for ordinal in sorted({*owed, *left}):
        market = book.markets[ordinal]
        accrued_text = format_exact(owed.get(ordinal, 0), market.accrued_decimals)
        left_over = to_scaled(left.get(ordinal, Decimal(0)), market.accrued_decimals)
        texts = (
            ("accrued funding", accrued_text),
            ("funding remainder", format_exact(left_over, market.accrued_decimals)),
        )
        asset = histories.registry.asset(market.asset).name
        lines += [
            TrialBalanceLine(name, market.spec.name, asset, text, memo=True)
            for name, text in texts
            if text != "0"
        ]
    return lines
