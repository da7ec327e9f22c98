"""The two sides of a reconciliation, loaded: what the ledger has, and what statements say.

Lines that several statements say count once. Moments, amounts and names are made comparable here
and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, Final, NamedTuple

from clearing.audit.moments import Moment
from clearing.audit.movements import (
    FillRow,
    MovementRow,
    Wanted,
    fills,
    movements,
    position_changes,
)
from clearing.audit.openings import first_position, openings
from clearing.log import Connection
from clearing.reconcile.balances import Held
from clearing.reconcile.coverage import Covered
from clearing.reconcile.lines import DECIMALS, Balance, Fill, Movement, scaled
from clearing.reconcile.taking import EVERY, Leg


class OurRef(NamedTuple):
    """Where one of ours stands: the event, and the posting's line in its entries (−1: a fill)."""

    position: int
    line: int
    source: str
    external_id: str
    occurred_at: int


class TheirRef(NamedTuple):
    """Where one of theirs stands: the import, its line, and which leg of it (−1: a fill).

    ``key`` and ``nth`` say what it is whichever statement says it.
    """

    number: int
    line: int
    leg: int
    native_id: str
    key: str
    nth: int


@dataclass(slots=True)
class Ours:
    """What the ledger has within the time that is compared, and all that it ever held before."""

    movements: list[Movement] = field(default_factory=list)
    movement_refs: list[OurRef] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    fill_refs: list[OurRef] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    units: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Theirs:
    """What statements say, in order of moment and line, with the balances that they state."""

    movements: list[Movement] = field(default_factory=list)
    movement_refs: list[TheirRef] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    fill_refs: list[TheirRef] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)


def wanted_of(leg: Leg, account: str, covered: Covered) -> Wanted:
    """Return which movements are compared: a bank or a chain states only the outside's."""
    return Wanted("" if account == EVERY else account, covered.until, external=leg != "venue")


def load_ours(
    connection: Connection,
    moment: Moment,
    leg: Leg,
    account: str,
    covered: Covered,
    *,
    whole: bool = True,
) -> Ours:
    """Return what the ledger has of an account (``*``: of all) up to the end of what is covered.

    A bank or a chain states what came from outside and went there, and nothing else. Without
    ``whole`` what happened before is not read: what was held then is taken from the read models.
    """
    wanted = wanted_of(leg, account, covered)
    ours = Ours()
    followed = set()
    if not whole:
        first = first_position(connection, moment, covered.since)
        for one in openings(connection, moment, wanted, covered.since):
            amount = one.amount * 10 ** (DECIMALS - one.decimals)
            ours.held.append(Held(covered.since - 1, one.what, amount, one.position))
            if one.position:
                followed.add(one.what)
        wanted = replace(wanted, since=covered.since, first=first)
    for row in movements(connection, moment, wanted):
        _take_movement(ours, row, covered)
    if leg == "venue" and covered.fills:
        for change in position_changes(connection, moment, wanted):
            followed.add(change.market)
            size = change.amount * 10 ** (DECIMALS - change.decimals)
            ours.held.append(Held(change.occurred_at, change.market, size, position=True))
        for fill in fills(connection, moment, wanted):
            _take_fill(ours, fill, covered, held=fill.market not in followed)
        if not whole:
            _hold_from_before(connection, moment, ours, wanted, followed)
    return ours


def _hold_from_before(
    connection: Connection, moment: Moment, ours: Ours, wanted: Wanted, followed: set[str]
) -> None:
    """Add up what earlier fills made of a market that no position is kept of (spot)."""
    unkept = {one.what for one in ours.held if one.position} - followed
    if not unkept or wanted.since is None:
        return
    for row in fills(
        connection, moment, replace(wanted, since=None, until=wanted.since - 1, first=1)
    ):
        if row.market in unkept:
            size = row.size * 10 ** (DECIMALS - row.size_decimals)
            ours.held.append(Held(row.occurred_at, row.market, size, position=True))


def _take_movement(ours: Ours, row: MovementRow, covered: Covered) -> None:
    amount = row.amount * 10 ** (DECIMALS - row.decimals)
    ours.units.setdefault(row.asset, 10 ** (DECIMALS - row.decimals))
    ours.held.append(Held(row.occurred_at, row.asset, amount, position=False))
    if not covered.has(row.occurred_at) or not covered.states(row.kind):
        return
    ids = _ids(row.external_id, row.trade_id)
    place = len(ours.movements)
    ours.movements.append(
        Movement(place, row.occurred_at, row.asset, row.kind, amount, ids, row.market, row.account)
    )
    ours.movement_refs.append(
        OurRef(row.position, row.line, row.source, row.external_id, row.occurred_at)
    )


def _take_fill(ours: Ours, row: FillRow, covered: Covered, *, held: bool) -> None:
    """Take a fill; ``held`` where nothing else says what it made of the market's holding (spot)."""
    size = row.size * 10 ** (DECIMALS - row.size_decimals)
    if held:
        ours.held.append(Held(row.occurred_at, row.market, size, position=True))
    if row.carried or not covered.has(row.occurred_at):
        return
    ours.fills.append(
        Fill(
            len(ours.fills),
            row.occurred_at,
            row.market,
            size,
            row.price * 10 ** (DECIMALS - row.price_decimals),
            row.fee * 10 ** (DECIMALS - row.fee_decimals),
            row.fee_asset,
            _ids(row.trade_id or row.external_id, row.external_id),
            row.account,
        )
    )
    ours.fill_refs.append(OurRef(row.position, -1, row.source, row.external_id, row.occurred_at))


def _ids(*names: str) -> tuple[str, ...]:
    """Return what an event may be known by elsewhere: also what stands before its last colon."""
    found: dict[str, None] = {}
    for name in names:
        if name:
            found.setdefault(name)
            head, colon, _ = name.rpartition(":")
            if colon and head:
                found.setdefault(head)
    return tuple(found)


_LINES: Final = (
    "SELECT DISTINCT ON (l.key, l.nth) l.key, l.nth, l.import, l.line, l.at, l.native_id,"
    " l.account, l.market FROM clearing.recon_line l WHERE l.import = ANY(%(imports)s)"
    " AND l.at >= %(since)s AND l.at <= %(until)s ORDER BY l.key, l.nth, l.import, l.line"
)

_CASH: Final = (
    f"WITH once AS ({_LINES}) SELECT o.at, o.import, o.line, c.leg, c.asset, c.kind,"  # noqa: S608 - constants of this module
    " c.amount, c.balance, o.native_id, o.account, o.market, o.key, o.nth"
    " FROM once o JOIN clearing.recon_cash c ON c.import = o.import AND c.line = o.line"
    " ORDER BY o.at, o.import, o.line * %(sign)s, c.leg"
)

_FILLS: Final = (
    f"WITH once AS ({_LINES}) SELECT o.at, o.import, o.line, f.market, f.size, f.price, f.fee,"  # noqa: S608 - constants of this module
    " f.fee_asset, f.trade_id, o.native_id, o.account, f.before, f.after, o.key, o.nth"
    " FROM once o JOIN clearing.recon_fill f ON f.import = o.import AND f.line = o.line"
    " ORDER BY o.at, o.import, o.line * %(sign)s"
)


def load_theirs(connection: Connection, covered: Covered) -> Theirs:
    """Return what the statements of an account say within the time that is compared.

    Lines of one moment stand in the order in which they happened: as in the file, or against it
    where a statement has the latest first.
    """
    theirs = Theirs()
    sign = -1 if covered.descending else 1
    values = {
        "imports": list(covered.imports),
        "since": covered.since,
        "until": covered.until,
        "sign": sign,
    }
    last: dict[tuple[int, str], int] = {}
    _each(connection, _CASH, values, lambda row: _take_cash(theirs, row, covered, last))
    positions: dict[tuple[int, str], int] = {}
    _each(connection, _FILLS, values, lambda row: _take_their_fill(theirs, row, positions))
    for row in connection.execute(
        "SELECT DISTINCT at, what, amount, position, before FROM clearing.recon_balance"
        " WHERE import = ANY(%(imports)s) AND at >= %(since)s AND at <= %(until)s"
        " ORDER BY at, what, position, before, amount",
        values,
    ):
        theirs.balances.append(
            Balance(int(row[0]), row[1], scaled(row[2]), bool(row[3]), bool(row[4]), -1)
        )
    return theirs


def _each(
    connection: Connection, query: str, values: dict[str, Any], take: Callable[[Any], None]
) -> None:
    """Take each row of a query, through a cursor of the server's: they may be millions."""
    with connection.transaction(), connection.cursor(name="clearing_statements") as cursor:
        cursor.itersize = 10_000
        for row in cursor.execute(query, values):
            take(row)


def _take_cash(
    theirs: Theirs, row: Sequence[Any], covered: Covered, last: dict[tuple[int, str], int]
) -> None:
    at, number, line, leg, asset, kind, amount, balance, native_id, account, market, key, nth = row
    # Rows have texts of their own; of names that most rows share, one is enough.
    asset, kind, account, market = intern(asset), intern(kind), intern(account), intern(market)
    place = len(theirs.movements)
    ids = (native_id,) if native_id else ()
    moved = scaled(amount)
    if balance is not None:
        ref = place if moved else -1
        stated = Balance(int(at), asset, scaled(balance), False, False, ref)
        known = last.get((int(at), asset))
        if covered.balances == "line" and known is not None:
            # Of lines of one moment only the last states what was there after all of it.
            theirs.balances[known] = stated
        else:
            last[int(at), asset] = len(theirs.balances)
            theirs.balances.append(stated)
    if not moved:
        return  # what moved nothing (a cancelled withdrawal) is on neither side
    theirs.movements.append(Movement(place, int(at), asset, kind, moved, ids, market, account))
    theirs.movement_refs.append(TheirRef(number, line, leg, native_id, key.hex(), nth))


def _take_their_fill(theirs: Theirs, row: Sequence[Any], last: dict[tuple[int, str], int]) -> None:
    at, number, line, market, size, price, fee, fee_asset, trade_id, native_id, account = row[:11]
    before, after, key, nth = row[11:]
    known = trade_id or native_id
    place = len(theirs.fills)
    theirs.fills.append(
        Fill(
            place,
            int(at),
            market,
            scaled(size),
            0 if price is None else scaled(price),
            None if fee is None else scaled(fee),
            fee_asset,
            (known,) if known else (),
            account,
            None if before is None else scaled(before),
            None if after is None else scaled(after),
        )
    )
    theirs.fill_refs.append(TheirRef(number, line, -1, native_id, key.hex(), nth))
    if after is not None:
        stated = Balance(int(at), market, scaled(after), True, False, place)
        known = last.get((int(at), market))
        if known is None:
            last[int(at), market] = len(theirs.balances)
            theirs.balances.append(stated)
        else:
            theirs.balances[known] = stated
