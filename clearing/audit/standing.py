"""How an account stood after an event: equity against requirements, asset by asset."""

from dataclasses import dataclass
from typing import Any

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.touching import Span
from clearing.engine.valuation import measure
from clearing.projectors import TABLES
from clearing.quantities import format_exact, format_scaled


@dataclass(frozen=True, slots=True)
class Standing:
    """An account in one asset after an event: cash, equity, requirements, and status."""

    cash: str
    equity: str
    initial: str
    maintenance: str
    status: str


def standing_at(histories: Histories, account: int, position: int) -> dict[str, Standing]:
    """Return how an account stood after the event at ``position``, by asset."""
    moment = Moment(histories.moment.generation, position)
    book = Histories(histories.connection, moment).book([account])
    found = {}
    for _, scope in sorted(book.scopes.items()):
        if scope.account != account:
            continue
        asset, now = book.assets[scope.asset], measure(book, scope)
        found[book.registry.asset(scope.asset).name] = Standing(
            format_scaled(scope.cash, asset.decimals),
            format_exact(now.equity, asset.working),
            format_exact(now.initial, asset.working),
            format_exact(now.maintenance, asset.working),
            scope.status,
        )
    return found


Marks = list[tuple[str, dict[str, Any]]]
"""Rows of histories of marks and funding, each with its kind of entry."""

# What the account held is followed from one change to the next; of each span in which it held
# anything, the first marks are looked up. Changes beyond the first ``most`` need not be followed:
# those alone fill a page.
_MARKS = """
WITH held AS (
    (SELECT position, line, size FROM {position_history} WHERE holder_kind = 'account'
        AND holder = %(account)s AND market = %(market)s AND position < %(first)s
        ORDER BY position DESC, line DESC LIMIT 1)
    UNION ALL
    (SELECT position, line, size FROM {position_history} WHERE holder_kind = 'account'
        AND holder = %(account)s AND market = %(market)s
        AND position BETWEEN %(first)s AND %(last)s ORDER BY position, line LIMIT %(most)s)
), spans AS (
    SELECT position AS since, lead(position) OVER (ORDER BY position, line) AS until, size
    FROM held
)
SELECT k.* FROM spans CROSS JOIN LATERAL (
    SELECT m.* FROM {marks} m {of_kind}
    WHERE (m.market, m.position) >= (%(market)s, greatest(since + 1, %(first)s))
        AND (m.market, m.position) <= (%(market)s, coalesce(until, %(last)s)) AND m.{counts}
    ORDER BY m.market, m.position, m.line LIMIT %(most)s) k
WHERE size <> 0 ORDER BY k.position, k.line
"""

_OF_KIND = "JOIN clearing.log l ON l.position = m.position AND l.kind = ANY(%(kinds)s)"


def marks_held(histories: Histories, account: int, span: Span, most: int) -> Marks:
    """Return the first marks and moved funding of markets in which the account had a position."""
    held = histories.rows(
        "WITH RECURSIVE s AS ((SELECT market FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = %(account)s ORDER BY market LIMIT 1) UNION ALL SELECT n.market FROM s"
        " CROSS JOIN LATERAL (SELECT market FROM {position_history} WHERE holder_kind = 'account'"
        " AND holder = %(account)s AND market > s.market ORDER BY market LIMIT 1) n)"
        " SELECT market FROM s",
        ["position_history"],
        account=account,
    )
    found: Marks = []
    for (market,) in held:
        for kind, counts in (("mark", "effective"), ("funding", "moved")):
            columns = TABLES[kind].names
            query = _MARKS.replace("{marks}", "{" + kind + "}").replace("{counts}", counts)
            query = query.replace("{of_kind}", _OF_KIND if span.kinds else "")
            for row in histories.rows(
                query,
                ["position_history", kind],
                account=account,
                market=market,
                first=span.first,
                last=span.last,
                kinds=list(span.kinds),
                most=most,
            ):
                found.append((kind, dict(zip(columns, row, strict=True))))
    return found
