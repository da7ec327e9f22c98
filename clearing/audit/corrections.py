"""Late facts and corrections: every event of the log that amends what the books said before it.

A reversal, a corrected mark and an adjustment name what they amend; a late fact amends whatever was
derived since its own time; a certification and a restatement say which state was signed, and what
was accepted in its place.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.engine.content import Content
from clearing.events import EventRow, Kind, Registry, decode, upcast
from clearing.events.fields import from_microseconds
from clearing.log import Connection, position_of, read_at
from clearing.quantities import format_exact

AMENDS: Final = (
    "(kind IN (15, 16, 50, 51) OR detail LIKE '{\"amends\"%%')"  # as the log's partial index has it
)
"""Which events amend others by what they say: adjustments, reversals, certifications, restatements,
and corrected marks, whose canonical detail begins with what they amend."""


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """One event that amends what the books said.

    ``what``: ``late`` (told after something that happened later: ``late_seconds``), ``reversal``,
    ``corrected_mark``, ``adjustment``, ``certification`` or ``restatement``. ``amends`` is the
    position of the event that it names (for the last two, of the state), None where it names none
    or one that the log does not have; ``reference`` is how it names it. ``effective`` is false for
    a corrected mark that came after a later one: it moved nothing, and redress is by adjustment.
    """

    log_position: int
    occurred_at: datetime
    kind: str
    what: str
    amends: int | None
    reference: str
    late_seconds: str
    effective: bool
    account: str
    amount: str
    author: str
    approver: str
    reason: str


def corrections(
    connection: Connection, moment: Moment, *, limit: int = 1000, since: int = 0
) -> list[CorrectionView]:
    """Return the latest late facts and corrections up to a position, in order of the log.

    Those up to position ``since`` are left out.
    """
    histories = Histories(connection, moment)
    late = dict(
        histories.rows(
            "SELECT position, microseconds FROM {late} WHERE position <= %(position)s"
            " AND position > %(since)s ORDER BY position DESC LIMIT %(limit)s",
            ["late"],
            limit=limit,
            since=since,
        )
    )
    rows = connection.execute(
        f"SELECT position FROM clearing.log WHERE {AMENDS} AND position <= %s"  # noqa: S608 - constant
        " AND position > %s ORDER BY position DESC LIMIT %s",
        (moment.of_log(), since, limit),
    ).fetchall()
    positions = sorted({int(row[0]) for row in rows} | {int(p) for p in late})[-limit:]
    return [
        view
        for position in positions
        for view in _views(histories, position, int(late.get(position, 0)))
    ]


def _views(histories: Histories, position: int, late: int) -> Iterable[CorrectionView]:
    row = upcast(read_at(histories.connection, position)[0])
    what = what_it_is(row)
    for name in (*(["late"] if late else []), *([what] if what else [])):
        yield _view(histories, row, name, late)


def what_it_is(row: EventRow) -> str:
    """Say how an event amends others by what it says; empty where it amends none."""
    if row.kind == Kind.Marked:
        return "corrected_mark" if row.detail.startswith('{"amends"') else ""
    return _WHAT.get(row.kind, "")


_WHAT: Final[dict[int, str]] = {
    Kind.Adjusted: "adjustment",
    Kind.Reversed: "reversal",
    Kind.StateCertified: "certification",
    Kind.RestatementAccepted: "restatement",
}
_FIELDS: Final = {"adjustment": "reference", "reversal": "target", "corrected_mark": "amends"}


def amended_by(connection: Connection, row: EventRow) -> tuple[int | None, str]:
    """Return the position of the event that ``row`` names, and how it names it.

    The position is None where the log does not have it; the words are empty where none is named.
    """
    detail: dict[str, Any] = json.loads(row.detail) if row.detail else {}
    if row.kind in (Kind.StateCertified, Kind.RestatementAccepted):
        return int(detail["position"]), f"state at {detail['position']}"
    stored = detail.get(_FIELDS.get(what_it_is(row), ""))
    if stored is None:
        return None, ""
    source, external_id = stored
    if not isinstance(source, int) or not source:
        return None, str(external_id)
    return position_of(connection, source, external_id), str(external_id)


def _view(histories: Histories, row: EventRow, what: str, late: int) -> CorrectionView:
    event = _event(row, histories.registry)
    amends, reference = (None, "") if what == "late" else amended_by(histories.connection, row)
    amount = event.get("amount")
    return CorrectionView(
        row.position,
        from_microseconds(row.occurred_at),
        Kind(row.kind).name,
        what,
        amends,
        reference,
        format_exact(late, 6) if what == "late" else "",
        what != "corrected_mark" or _took_effect(histories, row),
        str(event.get("account", "")),
        "" if amount is None else f"{amount} {event.get('asset', '')}".strip(),
        str(event.get("author", "")),
        str(event.get("approver", "")),
        str(event.get("reason", "")),
    )


def _event(row: EventRow, registry: Registry) -> dict[str, Any]:
    return decode(row, registry).model_dump()


def _took_effect(histories: Histories, row: EventRow) -> bool:
    """Whether a corrected mark moved any of its markets."""
    return bool(
        histories.rows(
            "SELECT 1 FROM {mark} WHERE market = ANY(%(markets)s) AND position = %(at)s"
            " AND effective LIMIT 1",
            ["mark"],
            markets=[market for market, _ in Content(row).marks()],
            at=row.position,
        )
    )
