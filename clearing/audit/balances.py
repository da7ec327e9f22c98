"""The trial balance: every ledger account's balance, summing to zero in each asset."""

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.views import TrialBalanceLine
from clearing.log import Connection
from clearing.quantities import format_scaled

_MARKET_LEDGERS = frozenset({"clearing", "funding", "control"})


def trial_balance(connection: Connection, moment: Moment) -> list[TrialBalanceLine]:
    """Return the trial balance at a position, by asset and ledger account.

    Trading accounts are one line, each fund its own. Positive: the ledger owes it; the lines of
    one asset sum to zero.
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
        if who and ledger == "account":
            name = registry.account(who).name
        elif who and ledger in _MARKET_LEDGERS:
            name = registry.market(who).name
        shown = "accounts" if ledger == "account" and not who else ledger
        shown = "fund" if ledger == "account" and who else shown
        lines.append(
            TrialBalanceLine(shown, name, spec.name, format_scaled(int(balance), spec.decimals))
        )
    return lines
