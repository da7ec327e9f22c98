"""What settlements of funding made due to an account, by the ledger's own rates and positions."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.log import Connection
from clearing.quantities import format_exact


class FundingDue(NamedTuple):
    """A settlement at which an account had a position.

    ``rate`` and ``price`` are as settled, ``size`` the signed position then (exact decimals);
    ``due`` is what the account gets in ``asset`` (negative: pays), exactly, before any rounding,
    ``decimals`` those of the asset.
    """

    position: int
    occurred_at: int
    market: str
    rate: str
    price: str
    size: str
    asset: str
    due: Fraction
    decimals: int


def funding_due(connection: Connection, moment: Moment, account: str) -> Iterator[FundingDue]:
    """Yield what settlements made due to an account up to a moment, in log order.

    By what moved each market's funding index; payments that are told one by one
    (``FundingPaid``) are no settlements.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.account_ordinals.get(account, 0)
    if not ordinal:
        return
    rows = histories.rows(
        "SELECT f.position, l.occurred_at, f.market, f.rate, f.price, f.index, f.before, h.size"
        " FROM (SELECT position, market, rate, price, moved, index, lag(index) OVER"
        " (PARTITION BY market ORDER BY position, line) AS before FROM {funding}"
        " WHERE position <= %(position)s) f JOIN clearing.log l ON l.position = f.position"
        " JOIN LATERAL (SELECT size FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = %(account)s AND market = f.market AND position < f.position"
        " ORDER BY position DESC, line DESC LIMIT 1) h ON h.size <> 0"
        " WHERE f.moved ORDER BY f.position",
        ["funding", "position_history"],
        account=ordinal,
    )
    for position, at, number, rate, price, index, before, size in rows:
        spec = registry.market(number)
        moved = Fraction(index) - Fraction(before or 0)
        asset = registry.asset(spec.settlement_asset)
        yield FundingDue(
            int(position),
            int(at),
            spec.name,
            format_exact(int(rate), 12),
            format_exact(int(price), spec.mark_decimals),
            format_exact(int(size), spec.size_decimals),
            asset.name,
            -Fraction(int(size), 10**spec.size_decimals) * moved,
            asset.decimals,
        )
