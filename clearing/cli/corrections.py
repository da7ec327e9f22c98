"""Commands about what came late or was corrected: corrections, impact."""

from typing import Annotated

from cyclopts import Parameter

from clearing.audit import CorrectionView, Impact, Impacted
from clearing.cli.moment import Limit, When, moment_of
from clearing.cli.output import clock, out, print_json, short, steps, table
from clearing.cli.scenarios import print_diff
from clearing.cli.where import Where, ledger


def corrections(
    *, when: When | None = None, limit: Limit = 1000, where: Where | None = None
) -> None:
    """List late facts, corrected marks, reversals, adjustments and certified states."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        answer = opened.corrections(moment.plain(), limit=limit)
    if where is not None and where.json:
        print_json(answer)
        return
    rows = [
        (
            f"{view.log_position:,}",
            clock(view.occurred_at),
            view.kind,
            _what(view),
            "" if view.amends is None else f"{view.amends:,}",
            view.account,
            view.amount,
            view.author,
            view.approver,
            view.reason,
        )
        for view in answer
    ]
    columns = (">position", "occurred", "kind", "what", ">amends", "account", ">amount")
    out.print(table("Corrections", (*columns, "author", "approver", "reason"), rows))


def _what(view: CorrectionView) -> str:
    if view.what == "late":
        return f"late by {view.late_seconds} s"
    words = view.what.replace("_", " ")
    return words if view.effective else f"{words}, without effect"


def impact(
    position: Annotated[int, Parameter(help="the log position of a late fact or correction")],
    /,
    *,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Say what a late fact or correction would have changed, had it been known in time."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with steps("compared", moment.plain()) as progress:
            answer = opened.impact(position, moment.plain(), progress=progress.reached)
    if where is not None and where.json:
        print_json(answer)
        return
    print_impact(answer)


def print_impact(answer: Impact) -> None:
    """Print what a correction would have changed."""
    print_diff(answer.diff)
    rows = [
        (view.account, _finding(view), "" if view.at is None else clock(view.at), _more(view))
        for view in answer.impacted
        if view.finding != "equity"
    ]
    if rows:
        columns = ("account", "", "at", ">equity")
        out.print(table("Liquidations that would have been others", columns, rows))


def _finding(view: Impacted) -> str:
    where = "" if view.log_position is None else f", at log position {view.log_position:,}"
    return view.finding + where


def _more(view: Impacted) -> str:
    return f"{short(view.equity)} {view.asset}"
