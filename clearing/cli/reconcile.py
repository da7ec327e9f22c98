"""Commands that compare our books with statements, and follow what differs."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, clock, out, print_json, say_step, shown_time, table
from clearing.cli.person import Person, person_of
from clearing.cli.statements import doubt_text, print_imports
from clearing.cli.where import Where, ledger
from clearing.events.fields import parse_time
from clearing.reconcile import (
    BREAK_TYPES,
    LEGS,
    BreakView,
    DifferenceView,
    Leg,
    Reconciliation,
)

_LISTED = 40
"""How many breaks of one reconciliation a terminal shows."""

Number = Annotated[int, Parameter(help="the break's number")]
Words = Annotated[str, Parameter(help="in words")]


def reconcile(
    venue: Annotated[str, Parameter(help="whose statements (any name for a chain or bank)")],
    account: Annotated[str, Parameter(help="the ledger account; *: all, of a chain or bank")],
    /,
    *,
    leg: Annotated[Leg, Parameter(help="whose statements they are")] = "venue",
    since: Annotated[
        str | None,
        Parameter(name="--from", help="compare what happened from this time on, with an offset"),
    ] = None,
    until: Annotated[
        str | None, Parameter(help="compare what happened before this time, with an offset")
    ] = None,
    news: Annotated[
        bool,
        Parameter(negative=(), help="with --from: also earlier, where anything is new or open"),
    ] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="record nothing")] = False,
    matches: Annotated[bool, Parameter(negative=(), help="tell every match, too")] = False,
    when: When | None = None,
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Compare the ledger with statements: coverage first, then matches, balances and breaks.

    Exit code 1 where anything differs or may be missing.
    """
    who = person_of(person)
    with ledger(where) as opened:
        answer = opened.desk(who).reconcile(
            venue,
            account,
            leg=leg,
            at=moment_of(opened, when),
            since=None if since is None else parse_time(since),
            until=None if until is None else parse_time(until),
            news=news,
            dry_run=dry_run,
            with_matches=matches,
            progress=say_step,
        )
    if where is not None and where.json:
        print_json(answer)
    else:
        print_reconciliation(answer)
    return 0 if answer.clean else 1


def print_reconciliation(answer: Reconciliation) -> None:
    """Print a reconciliation, coverage first."""
    who = answer.venue if answer.leg == "venue" else f"{answer.leg} {answer.venue}"
    out.print(
        f"{answer.account} with {who}, {shown_time(answer.since)} to {shown_time(answer.until)},"
        f" as of log position {answer.log_position:,}",
        markup=False,
    )
    print_imports(answer.coverage.imports)
    if answer.coverage.gaps:
        gaps = [
            (
                shown_time(gap.since),
                shown_time(gap.until),
                gap.account,
                gap.what,
                amount(gap.amount),
                f"{gap.words}; see the breaks"
                if gap.named
                else doubt_text(gap.id, gap.words, gap.accepted),
            )
            for gap in answer.coverage.gaps[:_LISTED]
        ]
        out.print(table("Gaps", ("from", "until", "account", "of", ">by", ""), gaps))
    totals = [
        (
            total.what,
            *(amount(text) for text in (total.ours_opening, total.ours_movements)),
            amount(total.ours_closing),
            *(amount(text) for text in (total.theirs_opening, total.theirs_movements)),
            amount(total.theirs_closing),
        )
        for total in answer.totals
    ]
    columns = (
        *("", ">opening", ">movements", ">closing"),
        *(">their opening", ">their movements", ">their closing"),
    )
    out.print(table("Opening + movements = closing, on both sides", columns, totals))
    rules = ", ".join(f"{count:,} by {rule}" for rule, count in answer.rules.items()) or "none"
    out.print(f"{answer.ours:,} of ours, {answer.theirs:,} of theirs; matches: {rules}")
    if answer.residuals:
        listed = ", ".join(f"{amount(text)} {asset}" for asset, text in answer.residuals.items())
        out.print(f"let pass by tolerances {answer.tolerances}: {listed}", markup=False)
    if not answer.differences:
        out.print("clean" if answer.clean else "no breaks; what is doubtful stands above")
    else:
        rows = [_difference(one) for one in answer.differences[:_LISTED]]
        names = ("type", "of", ">theirs less ours", "at", "here", "there", "what to know")
        out.print(table(f"{len(answer.differences):,} differences", names, rows))
        if len(answer.differences) > _LISTED:
            out.print(f"… {len(answer.differences) - _LISTED:,} more (--json, or clearing breaks)")
    if answer.recorded is not None:
        counts = answer.recorded
        out.print(
            f"run {answer.run}: {counts.opened} opened, {counts.changed} changed,"
            f" {counts.closed} closed, {counts.reopened} reopened"
        )
    elif answer.again:
        out.print(f"run {answer.run} said the same: nothing is recorded again")


def _difference(one: DifferenceView) -> tuple[str, ...]:
    ours = ", ".join(str(ref["log_position"]) for ref in one.ours[:3])
    theirs = ", ".join(f"{ref['import']}:{ref['line']}" for ref in one.theirs[:3])
    here = amount(one.here) + (f" (at {ours}{' …' if len(one.ours) > 3 else ''})" if ours else "")
    there = amount(one.there) + (
        f" (line {theirs}{' …' if len(one.theirs) > 3 else ''})" if theirs else ""
    )
    return (one.type, one.what, amount(one.amount), shown_time(one.at), here, there, one.words)


def residuals(
    venue: Annotated[str, Parameter(help="whose statements (any name for a chain or bank)")],
    account: Annotated[str, Parameter(help="the ledger account")],
    /,
    *,
    source: Annotated[str, Parameter(help="the declared source that events are appended as")],
    leg: Annotated[Leg, Parameter(help="whose statements they are")] = "venue",
    until: Annotated[
        str | None, Parameter(help="compare what happened before this time, with an offset")
    ] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="post nothing")] = False,
    person: Person = None,
    where: Where | None = None,
) -> None:
    """Post what tolerances let pass to the accounts that they name; what is posted is not again.

    It compares as `clearing reconcile` does, but records no breaks.
    """
    with ledger(where) as opened:
        desk = opened.desk(person_of(person))
        answer = desk.reconcile(
            venue,
            account,
            leg=leg,
            until=None if until is None else parse_time(until),
            dry_run=True,
            with_matches=True,
            progress=say_step,
        )
        events = desk.residuals(answer, source)
        positions = [None] * len(events) if dry_run else desk.post_residuals(answer, source)
    found = [
        {**event, "log_position": position}
        for event, position in zip(events, positions, strict=True)
    ]
    if where is not None and where.json:
        print_json(found)
        return
    rows = [
        (
            "" if one["log_position"] is None else f"{one['log_position']:,}",
            f"{amount(one['amount'])} {one['asset']}",
            one["contra_account"],
            one["reason"],
        )
        for one in found
    ]
    title = "Residuals that would be posted" if dry_run else "Residuals posted"
    columns = (">log position", f">to {account}", "from", "why")
    out.print(table(title if rows else "No residuals to post", columns, rows))


def threeway(
    account: Annotated[str, Parameter(help="the ledger account; *: all")],
    /,
    *,
    until: Annotated[
        str | None, Parameter(help="what happened before this time, with an offset")
    ] = None,
    when: When | None = None,
    where: Where | None = None,
) -> int:
    """Show what came from outside or went there, as ledger, venue, and chain or bank have it.

    It goes by what `clearing reconcile` matched on each leg. Exit code 1 where any does not agree.
    """
    with ledger(where) as opened:
        found = opened.desk("reader").three_way(
            account,
            at=moment_of(opened, when),
            until=None if until is None else parse_time(until),
        )
    if where is not None and where.json:
        print_json(found)
        return 0 if all(one.agrees for one in found) else 1
    rows = [
        (
            f"{one.log_position:,}",
            shown_time(one.occurred_at),
            one.account,
            one.kind,
            f"{amount(one.amount)} {one.asset}",
            *(one.legs[leg] for leg in LEGS),
            "✓" if one.agrees else "✗",
        )
        for one in found
    ]
    columns = (">log position", "at", "account", "what", ">amount", *LEGS, "")
    out.print(table(f"From and to the outside: {account}", columns, rows))
    return 0 if all(one.agrees for one in found) else 1


app = App(name="breaks", help="Differences between our books and statements, and their history.")


@app.default
def listed(
    *,
    all: Annotated[bool, Parameter(negative=(), help="closed ones, too")] = False,  # noqa: A002 - the option is called --all
    type: Annotated[str | None, Parameter(help="of this type alone")] = None,  # noqa: A002 - the option is called --type
    where: Where | None = None,
) -> None:
    """List the open breaks: type, amount, age, owner and cause."""
    if type is not None and type not in BREAK_TYPES:
        raise ValueError(f"{type!r} is no type; there are {', '.join(BREAK_TYPES)}")
    with ledger(where) as opened:
        found = opened.desk("reader").breaks(status=None if all else "open", kind=type)
    if where is not None and where.json:
        print_json(found)
        return
    print_breaks(found, "Breaks" if all else "Open breaks")


def print_breaks(found: list[BreakView] | tuple[BreakView, ...], title: str) -> None:
    """Print breaks as a table."""
    rows = [
        (
            str(one.number),
            one.type,
            one.venue if one.leg == "venue" else one.leg,
            one.account,
            one.what,
            amount(one.amount),
            shown_time(one.at),
            f"{one.age} d",
            one.status,
            one.owner,
            one.cause or one.words,
        )
        for one in found
    ]
    columns = (
        *(">break", "type", "who", "account", "of", ">theirs less ours", "at", "age"),
        *("status", "owner", "cause"),
    )
    out.print(table(title, columns, rows))


@app.command
def show(number: Number, /, *, where: Where | None = None) -> None:
    """Show a break: both sides, and everything that became of it."""
    with ledger(where) as opened:
        view = opened.desk("reader").break_view(number)
    if where is not None and where.json:
        print_json(view)
        return
    print_breaks([view], f"Break {number}")
    for name, refs in (("ours", view.ours), ("theirs", view.theirs)):
        for ref in refs:
            told = ", ".join(f"{key} {value}" for key, value in ref.items() if value != "")
            out.print(f"  {name}: {told}", markup=False)
    if view.field:
        out.print(f"  {view.field}: here {view.here}, there {view.there}", markup=False)
    rows = [
        (clock(step.recorded_at), step.what, amount(step.amount), step.person, step.words)
        for step in view.history
    ]
    out.print(table("History", ("at", "what", ">amount", "who", ""), rows))


def _noted(
    number: int,
    what: Literal["owner", "cause", "comment", "reopened"],
    words: str,
    person: str | None,
    where: Where | None,
) -> None:
    with ledger(where) as opened:
        view = opened.desk(person_of(person)).note(number, what, words)
    if where is not None and where.json:
        print_json(view)
    else:
        print_breaks([view], f"Break {number}")


@app.command
def owner(
    number: Number, name: Words, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Give a break an owner: who must act."""
    _noted(number, "owner", name, person, where)


@app.command
def cause(
    number: Number, words: Words, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Say what a break's cause is."""
    _noted(number, "cause", words, person, where)


@app.command
def comment(
    number: Number, words: Words, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Write something down about a break."""
    _noted(number, "comment", words, person, where)


@app.command
def reopen(
    number: Number, words: Words, /, *, person: Person = None, where: Where | None = None
) -> None:
    """Open a closed break again, and say why."""
    _noted(number, "reopened", words, person, where)
