"""Breaks as records: found, followed, closed and reopened; nothing about them is ever changed.

A break is known by what it is of, so that finding it again is no news. Its state is the sum of its
history.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from clearing.events.canonical import canonical_json
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.reconcile.lines import decimal_text

Status = Literal["open", "closed"]

RECONCILIATION: Final = "reconciliation"
"""Who does what no person did."""

BUCKETS: Final = (
    (0, "0"),
    (1, "1"),
    (3, "2-3"),
    (7, "4-7"),
    (30, "8-30"),
)
"""Ages in whole days up to which a bucket reaches, and its name; beyond is ``>30``."""

_BY_PERSON: Final = ("written_off", "overridden")


class BreakUnknown(ValueError):  # noqa: N818 - reads as the statement that it is
    """A break that is not there, or a step that its state does not allow."""


class Found(NamedTuple):
    """A break as a reconciliation finds it.

    ``amount`` is theirs less ours, at the common decimals; ``ours`` and ``theirs`` are canonical
    JSON of what it is of on each side: events, and lines of statements.
    """

    type: str
    side: str
    what: str
    amount: int
    at: int
    field: str
    here: str
    there: str
    words: str
    ours: str
    theirs: str
    known_by: str


@dataclass(frozen=True, slots=True)
class BreakStep:
    """A step in a break's history: what happened, who did it, when.

    ``proposal`` is the number of the one that it carries out, 0 without.
    """

    what: str
    amount: str
    words: str
    person: str
    proposal: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class BreakView:
    """A break between our books and a statement, or what a check found.

    ``leg`` is whose statement it is of (``venue``, ``chain``, ``bank``), or the check
    (:data:`~clearing.reconcile.checks.Check`); of a check ``here`` is what was right.
    ``type`` is one of :data:`~clearing.reconcile.differences.BREAK_TYPES`, ``what`` the asset (or
    the market, of fills), ``amount`` theirs less ours (exact decimal; of fills the size). ``at`` is
    when it happened, ``first_seen`` when it was found first; ``age`` is the bucket of whole days
    since then. ``here`` and ``there`` are what stands in ``field`` on each side. ``ours`` are the
    events and ``theirs`` the lines that it is of.
    """

    number: int
    type: str
    status: Status
    leg: str
    venue: str
    account: str
    side: str
    what: str
    amount: str
    at: datetime
    first_seen: datetime
    age: str
    owner: str
    cause: str
    field: str
    here: str
    there: str
    words: str
    ours: tuple[dict[str, Any], ...]
    theirs: tuple[dict[str, Any], ...]
    history: tuple[BreakStep, ...]


class Recorded(NamedTuple):
    """What a reconciliation changed in the records: counts of breaks."""

    opened: int
    changed: int
    closed: int
    reopened: int


def record_breaks(
    connection: Connection,
    of: tuple[str, str, str],
    span: tuple[int, int],
    run: int,
    found: Sequence[Found],
) -> Recorded:
    """Record what a reconciliation found of (leg, venue, account) within a span of time.

    New breaks are opened, known ones that differ otherwise now are changed, those that do not
    differ any more are closed, closed ones that are back are reopened. What a person closed stays
    so while it is as it was. Within the caller's transaction.
    """
    known = {
        bytes(row[0]): (int(row[1]), row[2], row[3])
        for row in connection.execute(
            "SELECT b.key, b.id, s.what, s.amount FROM clearing.recon_break b"
            " JOIN LATERAL (SELECT what, (SELECT amount FROM clearing.recon_history"
            " WHERE break = b.id AND amount IS NOT NULL ORDER BY id DESC LIMIT 1) AS amount"
            " FROM clearing.recon_history WHERE break = b.id AND what IN ('opened', 'closed',"
            " 'reopened', 'written_off', 'overridden') ORDER BY id DESC LIMIT 1) s ON true"
            " WHERE b.leg = %s AND b.venue = %s AND b.account = %s",
            of,
        )
    }
    counts = {"opened": 0, "changed": 0, "closed": 0, "reopened": 0}
    seen: set[bytes] = set()
    times: Counter[bytes] = Counter()
    for one in found:
        # Two that are known by the same are two all the same: none is lost.
        first = _key(of, one)
        times[first] += 1
        key = first if times[first] == 1 else hashlib.sha256(first + b"%d" % times[first]).digest()
        seen.add(key)
        step = _open(connection, of, key, one, run) if key not in known else None
        if step is None:
            step = _again(connection, known[key], one, run)
        if step:
            counts[step] += 1
    for key, (number, state, _) in known.items():
        if key in seen or state in ("closed", *_BY_PERSON):
            continue
        row = connection.execute(
            "SELECT at FROM clearing.recon_break WHERE id = %s", (number,)
        ).fetchone()
        if row is not None and span[0] <= int(row[0]) <= span[1]:
            _step(connection, number, "closed", run=run, words="it is not found any more")
            counts["closed"] += 1
    return Recorded(**counts)


def _key(of: tuple[str, str, str], one: Found) -> bytes:
    document = [*of, one.type, one.side, one.what, one.field, one.known_by]
    return hashlib.sha256(canonical_json(document).encode()).digest()


def _open(
    connection: Connection, of: tuple[str, str, str], key: bytes, one: Found, run: int
) -> str:
    row = connection.execute(
        "INSERT INTO clearing.recon_break (key, leg, venue, account, type, side, what, at, field,"
        " ours, theirs) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (key, *of, one.type, one.side, one.what, one.at, one.field, one.ours, one.theirs),
    ).fetchone()
    if row is None:
        raise RuntimeError("a break got no number")
    _found_step(connection, int(row[0]), "opened", one, run)
    return "opened"


def _again(connection: Connection, known: tuple[int, str, Any], one: Found, run: int) -> str:
    number, state, amount = known
    same = amount is not None and Decimal(amount) == Decimal(decimal_text(one.amount))
    if state in _BY_PERSON and same:
        return ""
    if state in ("closed", *_BY_PERSON):
        _found_step(connection, number, "reopened", one, run)
        return "reopened"
    if not same:
        _found_step(connection, number, "changed", one, run)
        return "changed"
    return ""


def _found_step(connection: Connection, number: int, what: str, one: Found, run: int) -> None:
    connection.execute(
        "INSERT INTO clearing.recon_history (break, what, amount, here, there, words, run, person)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            number,
            what,
            Decimal(decimal_text(one.amount)),
            one.here,
            one.there,
            one.words,
            run,
            RECONCILIATION,
        ),
    )


def _step(
    connection: Connection,
    number: int,
    what: str,
    *,
    words: str,
    person: str = RECONCILIATION,
    run: int | None = None,
    proposal: int | None = None,
) -> None:
    connection.execute(
        "INSERT INTO clearing.recon_history (break, what, words, run, proposal, person)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (number, what, words, run, proposal, person),
    )


def note(connection: Connection, number: int, what: str, words: str, person: str) -> None:
    """Write a step that a person takes alone: ``owner``, ``cause``, ``comment`` or ``reopened``.

    Raises :class:`BreakUnknown` for a break that is not there, and where it is reopened while open.
    Within the caller's transaction.
    """
    view = break_view(connection, number)
    if what == "reopened" and view.status == "open":
        raise BreakUnknown(f"break {number} is open")
    if what not in ("owner", "cause", "comment", "reopened"):
        raise BreakUnknown(f"{what!r} is not a step that one person takes alone")
    _step(connection, number, what, words=words, person=person)


def settle_break(
    connection: Connection, number: int, what: str, words: str, person: str, proposal: int
) -> None:
    """Write that an approved proposal was carried out (``what`` says how)."""
    _step(connection, number, what, words=words, person=person, proposal=proposal)


def break_view(connection: Connection, number: int, now: datetime | None = None) -> BreakView:
    """Return one break with its history; raises :class:`BreakUnknown`."""
    for view in breaks(connection, numbers=(number,), now=now):
        return view
    raise BreakUnknown(f"there is no break {number}")


def breaks(
    connection: Connection,
    *,
    status: Status | None = None,
    of: tuple[str, str, str] | None = None,
    kind: str | None = None,
    numbers: Iterable[int] | None = None,
    now: datetime | None = None,
) -> list[BreakView]:
    """Return breaks in order of number, with their history.

    ``of`` is (leg, venue, account), ``kind`` a type; ages are counted to ``now``, by default the
    database's clock.
    """
    leg, venue, account = of or (None, None, None)
    rows = connection.execute(
        "SELECT id, type, leg, venue, account, side, what, at, field, ours, theirs,"
        " coalesce(%(now)s, clock_timestamp()) FROM clearing.recon_break"
        " WHERE (%(leg)s::text IS NULL OR leg = %(leg)s)"
        " AND (%(venue)s::text IS NULL OR venue = %(venue)s)"
        " AND (%(account)s::text IS NULL OR account = %(account)s)"
        " AND (%(kind)s::text IS NULL OR type = %(kind)s)"
        " AND (%(numbers)s::bigint[] IS NULL OR id = ANY(%(numbers)s)) ORDER BY id",
        {
            "now": now,
            "leg": leg,
            "venue": venue,
            "account": account,
            "kind": kind,
            "numbers": None if numbers is None else list(numbers),
        },
    ).fetchall()
    steps: dict[int, list[Any]] = {}
    for row in connection.execute(
        "SELECT break, what, amount, words, person, coalesce(proposal, 0), recorded_at, here, there"
        " FROM clearing.recon_history WHERE break = ANY(%s) ORDER BY id",
        ([int(row[0]) for row in rows],),
    ):
        steps.setdefault(int(row[0]), []).append(row)
    views = [_view(row, steps.get(int(row[0]), [])) for row in rows]
    return [view for view in views if status is None or view.status == status]


def _view(row: Any, steps: Sequence[Any]) -> BreakView:
    state = {"owner": "", "cause": ""}
    status: Status = "open"
    amount = here = there = words = ""
    for _, what, told, said, _, _, _, ours, theirs in steps:
        if what in state:
            state[what] = said
        if what in ("opened", "changed", "reopened") and told is not None:
            amount, here, there, words = _text(told), ours, theirs, said
        if what in ("opened", "reopened"):
            status = "open"
        elif what in ("closed", *_BY_PERSON):
            status = "closed"
    first = steps[0][6]
    return BreakView(
        int(row[0]),
        row[1],
        status,
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        amount,
        from_microseconds(int(row[7])),
        first,
        bucket((row[11] - first).days),
        state["owner"],
        state["cause"],
        row[8],
        here,
        there,
        words,
        tuple(json.loads(row[9])),
        tuple(json.loads(row[10])),
        tuple(
            BreakStep(what, "" if told is None else _text(told), said, person, int(proposal), when)
            for _, what, told, said, person, proposal, when, _, _ in steps
        ),
    )


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bucket(days: int) -> str:
    """Return the age bucket of a number of whole days."""
    return next((name for most, name in BUCKETS if days <= most), ">30")
