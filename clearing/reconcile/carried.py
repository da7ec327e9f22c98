"""How far off a balance was before what is compared begins: that is no news in it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from clearing.audit.moments import Moment
from clearing.audit.movements import Wanted
from clearing.audit.openings import openings
from clearing.events.fields import to_microseconds
from clearing.log import Connection
from clearing.reconcile.balances import Held
from clearing.reconcile.coverage import ImportView
from clearing.reconcile.lines import DECIMALS, Balance, scaled

Thing = tuple[str, bool]
"""An asset, or a market's position where true."""

_AT_ONCE: Final = 50
"""How many statements are looked through at once, the latest first."""


class Carried(NamedTuple):
    """What is carried into a period: by how much theirs was ahead, and what came since then."""

    ahead: dict[Thing, int]
    effects: list[Held]


NOTHING: Final = Carried({}, [])


def carried_into(
    connection: Connection,
    moment: Moment,
    of: tuple[str, str, str],
    views: Sequence[ImportView],
    needed: Iterable[Thing],
    wanted: Wanted,
    since: int,
) -> Carried:
    """Return how far off things were by the last balances stated before ``since``.

    ``needed`` are the things whose first balance of what is compared has none before it that is
    compared, too. What recorded breaks did to a balance since then explains it as well.
    """
    things = set(needed)
    wrong = connection.execute(_WRONG, (*of, since)).fetchall() if things else []
    last = _last_stated(connection, views, things, wrong, since)
    ahead: dict[Thing, int] = {}
    effects: list[Held] = []
    held: dict[int, dict[Thing, int]] = {}
    for (what, position), (at, amount) in last.items():
        if at not in held:
            held[at] = held_before(connection, moment, wanted, at + 1)
        ahead[what, position] = amount - held[at].get((what, position), 0)
        rows = connection.execute(_BREAKS, (*of, what, "fill" if position else "cash", at, since))
        effects += [Held(int(row[0]), what, scaled(row[1]), position) for row in rows]
    return Carried(ahead, effects)


def held_before(
    connection: Connection, moment: Moment, wanted: Wanted, at: int
) -> dict[Thing, int]:
    """Return what the ledger held before a time, at the common decimals."""
    held: dict[Thing, int] = {}
    for one in openings(connection, moment, wanted, at):
        amount = one.amount * 10 ** (DECIMALS - one.decimals)
        held[one.what, one.position] = held.get((one.what, one.position), 0) + amount
    return held


def first_stated(balances: Sequence[Balance], since: int) -> set[Thing]:
    """Return the things whose first balance, of those compared, is at ``since`` or later."""
    first: dict[Thing, int] = {}
    for one in balances:
        known = first.setdefault((one.what, one.position), one.at)
        first[one.what, one.position] = min(known, one.at)
    return {thing for thing, at in first.items() if at >= since}


_BREAKS: Final = (
    "SELECT b.at, f.amount FROM clearing.recon_break b"
    " JOIN LATERAL (SELECT amount FROM clearing.recon_history WHERE break = b.id"
    " AND amount IS NOT NULL ORDER BY id DESC LIMIT 1) f ON f.amount <> 0"
    " JOIN LATERAL (SELECT what FROM clearing.recon_history WHERE break = b.id AND what IN"
    " ('opened', 'closed', 'reopened', 'written_off', 'overridden') ORDER BY id DESC LIMIT 1) s"
    " ON s.what <> 'closed' WHERE b.leg = %s AND b.venue = %s AND b.account = %s"
    " AND b.what = %s AND b.side = %s AND b.at > %s AND b.at < %s ORDER BY b.at"
)

_WRONG: Final = (
    "SELECT (r ->> 'import')::bigint, (r ->> 'line')::bigint FROM clearing.recon_break b"
    " CROSS JOIN LATERAL jsonb_array_elements(b.theirs::jsonb) r"
    " JOIN LATERAL (SELECT what FROM clearing.recon_history WHERE break = b.id AND what IN"
    " ('opened', 'closed', 'reopened', 'written_off', 'overridden') ORDER BY id DESC LIMIT 1) s"
    " ON s.what <> 'closed' WHERE b.leg = %s AND b.venue = %s AND b.account = %s"
    " AND b.side = 'cash' AND b.type <> 'unexplained_balance' AND b.at < %s"
)
"""The lines that something else is wrong with: their balances are not compared."""

_STATED: Final = (
    "SELECT DISTINCT ON (what, position) what, position, at, amount FROM ("
    " SELECT c.asset AS what, false AS position, l.at, c.balance AS amount, l.import,"
    " l.line * %(sign)s AS line FROM clearing.recon_line l JOIN clearing.recon_cash c"
    " ON c.import = l.import AND c.line = l.line AND c.balance IS NOT NULL"
    " WHERE l.import = ANY(%(imports)s) AND l.at < %(since)s AND NOT EXISTS (SELECT"
    " FROM unnest(%(wrong_imports)s::bigint[], %(wrong_lines)s::bigint[]) w (import, line)"
    " WHERE w.import = l.import AND w.line = l.line)"
    " UNION ALL SELECT f.market, true, l.at, f.after, l.import, l.line * %(sign)s"
    " FROM clearing.recon_line l JOIN clearing.recon_fill f"
    " ON f.import = l.import AND f.line = l.line AND f.after IS NOT NULL"
    " WHERE l.import = ANY(%(imports)s) AND l.at < %(since)s"
    " UNION ALL SELECT what, position, at, amount, import, line FROM clearing.recon_balance"
    " WHERE import = ANY(%(imports)s) AND at < %(since)s AND NOT before) told"
    " WHERE what = ANY(%(named)s) ORDER BY what, position, at DESC, import DESC, line DESC"
)


def _last_stated(
    connection: Connection,
    views: Sequence[ImportView],
    needed: set[Thing],
    wrong: Sequence[Any],
    since: int,
) -> dict[Thing, tuple[int, int]]:
    """Return when and what was stated last of things before a time."""
    found: dict[Thing, tuple[int, int]] = {}
    before = [
        view for view in views if view.since is not None and to_microseconds(view.since) < since
    ]
    before.sort(key=lambda view: (view.until, view.number), reverse=True)
    descending = sum(view.lines for view in before if view.order == "descending")
    sign = -1 if descending * 2 > sum(view.lines for view in before) else 1
    for first in range(0, len(before), _AT_ONCE):
        missing = needed - found.keys()
        if not missing:
            break
        values: dict[str, Any] = {
            "imports": [view.number for view in before[first : first + _AT_ONCE]],
            "since": since,
            "sign": sign,
            "wrong_imports": [row[0] for row in wrong],
            "wrong_lines": [row[1] for row in wrong],
            "named": sorted({what for what, _ in missing}),
        }
        for what, position, at, amount in connection.execute(_STATED, values):
            if (what, position) in missing:
                found[what, position] = (int(at), scaled(amount))
    return found
