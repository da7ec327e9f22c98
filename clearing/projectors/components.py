"""What makes up equity at a past position, by SQL over the histories alone.

Cash, unrealised PnL and accrued funding need no rules, so the database can say them for any account
and any position, and they are the engine's to the last digit: every product here is of exact
decimals. What asks for weights and schedules is the engine's, on a book loaded from the histories.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from psycopg import sql
from psycopg.rows import class_row

from clearing.engine.payoffs import Inverse, Payoff, payoff_of
from clearing.events import Registry
from clearing.events.registry import MarketSpec
from clearing.log import Connection, load_registry
from clearing.projectors.tables import schema_of
from clearing.quantities import exact_decimal


@dataclass(frozen=True, slots=True)
class Components:
    """What an account's scope in an asset consisted of, in whole units of the asset, exactly.

    ``unrealised`` is the sum of value - cost over positions in markets that had a mark,
    ``accrued`` what it was owed (negative: owed) of funding not settled yet, and ``equity`` their
    sum with ``cash``. ``account`` and ``asset`` are ordinals.
    """

    account: int
    asset: int
    cash: Decimal
    unrealised: Decimal
    accrued: Decimal
    equity: Decimal


# The sums are the database's: Python's Decimal would round them to its context.
_QUERY = """
WITH scale AS (
    SELECT * FROM unnest(%(assets)s::int[], %(units)s::numeric[]) AS s (asset, unit)
), spec AS (
    SELECT * FROM unnest(%(markets)s::int[], %(settled)s::int[], %(values)s::numeric[],
        %(sizes)s::numeric[], %(inverses)s::numeric[])
        AS m (market, asset, value_unit, size_unit, numerator)
), quoted AS (
    SELECT spec.*, scale.unit, coalesce(f."index", 0) AS funding_index,
        coalesce(s."index", f."index", 0) AS short_index,
        CASE WHEN numerator > 0 THEN -div(numerator, k.price) ELSE k.price END AS face
    FROM spec JOIN scale USING (asset)
    LEFT JOIN LATERAL (
        SELECT price FROM {mark} WHERE market = spec.market AND position <= %(position)s
            AND effective ORDER BY position DESC, line DESC LIMIT 1) k ON true
    LEFT JOIN LATERAL (
        SELECT "index" FROM {funding} WHERE market = spec.market AND position <= %(position)s
            ORDER BY position DESC, line DESC LIMIT 1) f ON true
    LEFT JOIN LATERAL (
        SELECT "index" FROM {short_index} WHERE market = spec.market AND position <= %(position)s
            ORDER BY position DESC, line DESC LIMIT 1) s ON true
), wanted AS (
    SELECT * FROM unnest(%(accounts)s::int[]) AS a (account)
), held AS (
    SELECT account, asset,
        sum(coalesce(p.size * q.face * q.value_unit - p.cost * q.unit, 0)) AS unrealised,
        sum(p.accrued - p.size * q.size_unit * (
            CASE WHEN p.size < 0 THEN q.short_index ELSE q.funding_index END - p.funding_index
        )) AS accrued
    FROM wanted CROSS JOIN quoted q CROSS JOIN LATERAL (
        SELECT size, cost, funding_index, accrued FROM {position_history}
        WHERE holder_kind = 'account' AND holder = wanted.account AND market = q.market
            AND position <= %(position)s ORDER BY position DESC, line DESC LIMIT 1) p
    GROUP BY account, asset
), paid AS (
    SELECT account, asset, b.balance * scale.unit AS cash
    FROM wanted CROSS JOIN scale CROSS JOIN LATERAL (
        SELECT balance FROM {posting} WHERE ledger = 'account' AND ordinal = wanted.account
            AND asset = scale.asset AND position <= %(position)s
            ORDER BY position DESC, line DESC, side DESC LIMIT 1) b
)
SELECT account, asset, coalesce(cash, 0) AS cash, coalesce(unrealised, 0) AS unrealised,
    coalesce(accrued, 0) AS accrued,
    coalesce(cash, 0) + coalesce(unrealised, 0) + coalesce(accrued, 0) AS equity
FROM paid FULL JOIN held USING (account, asset) ORDER BY account, asset
"""


def equity_components(
    connection: Connection,
    generation: int,
    position: int,
    accounts: Iterable[int] | None = None,
    *,
    registry: Registry | None = None,
) -> list[Components]:
    """Return what accounts (by ordinal; all by default) consisted of at a log position.

    There is one line for each asset in which an account ever had cash or a position. ``registry``
    saves reading the declarations again. The caller sees to it that the generation has reached the
    position.
    """
    known = load_registry(connection, position) if registry is None else registry
    _, asset_count, market_count, account_count = known.counts()
    wanted = range(1, account_count + 1) if accounts is None else accounts
    markets = [known.market(ordinal) for ordinal in range(1, market_count + 1)]
    decimals = [known.asset(ordinal).decimals for ordinal in range(1, asset_count + 1)]
    payoffs = [
        (market, payoff_of(market, decimals[market.settlement_asset - 1])) for market in markets
    ]
    values = {
        "position": position,
        "accounts": list(wanted),
        "assets": list(range(1, asset_count + 1)),
        "units": [exact_decimal(1, places) for places in decimals],
        "markets": [market.ordinal for market in markets],
        "settled": [market.settlement_asset for market in markets],
        "values": [_value_unit(market, payoff) for market, payoff in payoffs],
        "sizes": [exact_decimal(1, market.size_decimals) for market in markets],
        "inverses": [
            payoff.numerator if isinstance(payoff, Inverse) else 0 for _, payoff in payoffs
        ],
    }
    schema = schema_of(generation)
    names = ("posting", "position_history", "mark", "funding", "short_index")
    query = sql.SQL(_QUERY).format(**{name: sql.Identifier(schema, name) for name in names})
    with connection.cursor(row_factory=class_row(Components)) as cursor:
        return cursor.execute(query, values).fetchall()


def _value_unit(market: MarketSpec, payoff: Payoff) -> Decimal:
    """Return the value of one step of size per unit of what the query takes for a face.

    That is the mark itself (so the multiplier is in here), or a face where there is a quotient.
    """
    if isinstance(payoff, Inverse):
        return exact_decimal(1, payoff.face_decimals + market.size_decimals)
    places = market.multiplier_decimals + market.size_decimals + market.mark_decimals
    return exact_decimal(market.multiplier, places)
