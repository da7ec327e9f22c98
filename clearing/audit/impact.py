"""What a late fact or a correction would have changed, had it been known in time.

The books say what they said: nothing of them is undone. This is the other story, told as a
scenario: a late fact stands where its own time puts it, a corrected mark is what the correction
says, a reversed event did not happen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clearing.audit.corrections import amended_by, what_it_is
from clearing.audit.load import Histories
from clearing.audit.losses import times_of
from clearing.audit.moments import Moment
from clearing.audit.replay import LOG, Diff, FateDifference, Scenario, diff, parse_scenario
from clearing.audit.replay.run import Progress
from clearing.events import EventRow, decode, upcast
from clearing.events.fields import from_microseconds
from clearing.log import Connection, read_at


class NotACorrection(ValueError):  # noqa: N818 - reads as the statement that it is
    """An event amends nothing of what the books said; the message says what would."""


@dataclass(frozen=True, slots=True)
class Impacted:
    """An account for which it would have made a difference, in words.

    ``finding``: ``would have been liquidated``, ``would not have been liquidated``, ``would have
    been liquidated earlier`` or ``later``, or ``equity``. ``at`` is when it would have been (or,
    where it would not, when it was); ``equity`` is what it would have had more at the end.
    """

    account: str
    asset: str
    finding: str
    log_position: int | None
    at: datetime | None
    equity: str


@dataclass(frozen=True, slots=True)
class Impact:
    """What the event at ``log_position`` would have changed, had it been known in time.

    ``what`` is ``late``, ``corrected_mark`` or ``reversal``; ``amends`` the position that it amends
    (a late fact: none). ``scenario`` is the other story as a document that can be kept, altered and
    replayed; ``diff`` how it differs from the log; ``impacted`` the accounts it would have made a
    difference to.
    """

    log_position: int
    what: str
    amends: int | None
    scenario: dict[str, Any]
    impacted: tuple[Impacted, ...]
    diff: Diff


def impact(
    connection: Connection, position: int, moment: Moment, progress: Progress | None = None
) -> Impact:
    """Return what the late fact or correction at ``position`` would have changed.

    Raises :class:`NotACorrection` for an event that is neither, or that amends what the log does
    not have.
    """
    if not 1 <= position <= moment.position:
        raise NotACorrection(
            f"there is no event at log position {position} up to {moment.position}"
        )
    row = upcast(read_at(connection, position)[0])
    what, amends = what_it_is(row), None
    if what in ("corrected_mark", "reversal"):
        amends, named = amended_by(connection, row)
        if amends is None or amends >= position:
            raise NotACorrection(
                f"log position {position} amends {named!r}, which is not before it"
            )
        overrides = _corrected(connection, moment, row, amends)
    elif _is_late(connection, moment, position):
        what = "late"
        time = from_microseconds(row.occurred_at).isoformat()
        overrides = [{"override": "move", "event": position, "to": time}]
    else:
        raise NotACorrection(
            f"the event at log position {position} is neither late nor a corrected mark nor a"
            " reversal; `clearing corrections` lists those that are"
        )
    name = f"{what.replace('_', ' ')} at {position} known in time"
    document = {"scenario": 1, "name": name, "overrides": overrides}
    scenario: Scenario = parse_scenario(document, name)
    found = diff(connection, LOG, scenario, moment, progress)
    return Impact(position, what, amends, document, tuple(_impacted(connection, found)), found)


def _corrected(
    connection: Connection, moment: Moment, row: EventRow, amends: int
) -> list[dict[str, Any]]:
    """Return overrides by which what is amended is as the correction has it."""
    drop = [{"override": "drop", "event": row.position}]
    if what_it_is(row) == "reversal":
        return [{"override": "drop", "event": amends}, *drop]
    registry = Histories(connection, moment).registry
    told = decode(upcast(read_at(connection, amends)[0]), registry).model_dump()
    right = decode(row, registry).model_dump()
    prices = {mark["market"]: mark["price"] for mark in right["marks"]}
    marks = [
        {"market": mark["market"], "price": str(prices.get(mark["market"], mark["price"]))}
        for mark in told.get("marks", ())
    ]
    if not marks:
        raise NotACorrection(f"log position {row.position} corrects {amends}, which is no mark")
    return [{"override": "amend", "event": amends, "set": {"marks": marks}}, *drop]


def _is_late(connection: Connection, moment: Moment, position: int) -> bool:
    histories = Histories(connection, moment)
    return bool(
        histories.rows("SELECT 1 FROM {late} WHERE position = %(at)s", ["late"], at=position)
    )


def _impacted(connection: Connection, found: Diff) -> list[Impacted]:
    positions = {
        position
        for fate in found.fates
        for position in (fate.a.first_liquidation, fate.b.first_liquidation)
        if position is not None
    }
    times = times_of(connection, positions)
    return [_finding(fate, times) for fate in found.fates]


def _finding(fate: FateDifference, times: dict[int, datetime]) -> Impacted:
    was, would = fate.a.first_liquidation, fate.b.first_liquidation
    at: int | None = would
    if was is None and would is None:
        words, at = "equity", None
    elif was is None:
        words = "would have been liquidated"
    elif would is None:
        words, at = "would not have been liquidated", was
    elif would < was:
        words = "would have been liquidated earlier"
    elif would > was:
        words = "would have been liquidated later"
    else:
        words = "equity"
    when = None if at is None else times.get(at)
    return Impacted(fate.account, fate.asset, words, at, when, fate.equity)
