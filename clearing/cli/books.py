"""Commands about the books for others: statements, their versions and differences, attribution."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from clearing.audit import CorrectionView
from clearing.books import (
    CALENDARS,
    Calendar,
    Restatement,
    Statement,
    write_statement,
)
from clearing.books.kinds import PARTS
from clearing.books.paper import PaperTable, grouped, paper_of
from clearing.cli.moment import Limit
from clearing.cli.output import err, out, print_json, shown_time, steps, table
from clearing.cli.period import Span, asked_period
from clearing.cli.where import Where, ledger
from clearing.ledger import Folding

app = App(name="books", help="Statements, restatements and attribution of profit and loss.")

_KNOWN = "of what was in the log by this position (the last one projected, if not named)"
_VERSION = "the issued version of this number as it was issued, instead of drawing it anew"
_ISSUE = "issue it: keep these figures as a version, a new one if they differ from the last"

Subject = Annotated[str | None, Parameter(help="the account's name; or --house")]
House = Annotated[bool, Parameter(negative=(), help="of the whole ledger instead")]
KnownAt = Annotated[int | None, Parameter(help=_KNOWN)]


@contextmanager
def _folding() -> Iterator[Folding]:
    """Show how far a fold is, if late facts ask for one."""
    with steps("folded in order of occurrence") as progress:
        yield lambda done, _: progress.reached(done)


def _subject(account: str | None, *, house: bool) -> str | None:
    if (account is None) != house:
        raise ValueError("name one subject: an account, or --house")
    return account


@app.command
def statement(
    account: Subject = None,
    /,
    *,
    house: House = False,
    span: Span | None = None,
    known_at: KnownAt = None,
    issue: Annotated[bool, Parameter(negative=(), help=_ISSUE)] = False,
    version: Annotated[int | None, Parameter(help=_VERSION)] = None,
    form: Annotated[
        Literal["table", "csv", "parquet", "html", "pdf"],
        Parameter(name="--format", help="how to write it; all but a table to --out"),
    ] = "table",
    to_file: Annotated[
        Path | None, Parameter(name="--out", help="the file to write, which must not exist yet")
    ] = None,
    where: Where | None = None,
) -> None:
    """Show the statement of an account or of the house over a period, write or issue it."""
    subject, period = _subject(account, house=house), asked_period(span)
    if (form == "table") != (to_file is None):
        raise ValueError("--format csv, parquet, html or pdf goes with --out FILE, and a table not")
    if to_file is not None and to_file.exists():
        raise ValueError(f"{to_file} exists already; name another file")
    if version is not None and (issue or known_at is not None):
        raise ValueError("--version is of what was issued; --issue and --known-at draw anew")
    with ledger(where) as opened:
        if version is not None:
            made = opened.issued_statement(subject, period, version)
        else:
            with _folding() as folding:
                made = opened.statement(
                    subject, period, known_at=known_at, issue=issue, folding=folding
                )
    if to_file is not None:
        write_statement(made, form, to_file)
        err.print(f"wrote {to_file}: {_state(made)}", markup=False)
    if where is not None and where.json:
        print_json(made)
    elif to_file is None:
        _print(made)


def _state(made: Statement) -> str:
    return paper_of(made).lines[-1]


def _print(made: Statement) -> None:
    paper = paper_of(made)
    out.print(paper.title, style="bold", markup=False)
    for line in paper.lines:
        out.print(line, markup=False)
    for each in (*paper.tables, paper.foot):
        _print_table(each)


def _print_table(each: PaperTable) -> None:
    if each.rows:
        out.print(table(each.title, each.columns, each.rows))


@app.command
def statements(
    account: Annotated[str | None, Parameter(help="only this account's")] = None,
    /,
    *,
    house: Annotated[bool, Parameter(negative=(), help="only the house's")] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """List issued statements with their versions, in order of issue."""
    if house and account is not None:
        raise ValueError("name one subject: an account, or --house")
    with ledger(where) as opened:
        found = opened.statements(account, house=house, limit=limit)
    if where is not None and where.json:
        print_json(found)
        return
    rows = [
        (
            each.subject or "the house",
            each.period.label(),
            str(each.version),
            f"{each.drawn.known_at:,}",
            f"{each.drawn.late_facts:,}",
            shown_time(each.issued_at),
            each.sha256[:16],
            each.restates[:16],
        )
        for each in found
    ]
    columns = ("of", "period", ">version", ">known at", ">late facts", "issued", "SHA-256")
    out.print(table("Issued statements", (*columns, "restates"), rows))


@app.command
def restatement(
    account: Subject = None,
    /,
    *,
    house: House = False,
    span: Span | None = None,
    before: Annotated[
        int | None, Parameter(help="the one version; else that before --after")
    ] = None,
    after: Annotated[int | None, Parameter(help="the other version; else the latest")] = None,
    where: Where | None = None,
) -> None:
    """Show what differs between two issued versions, and the late facts that made it differ."""
    subject, period = _subject(account, house=house), asked_period(span)
    with ledger(where) as opened:
        found = opened.restatement(subject, period, before=before, after=after)
    if where is not None and where.json:
        print_json(found)
        return
    _print_restatement(found)


def _print_restatement(found: Restatement) -> None:
    one, other = found.before, found.after
    if one.version == other.version:
        out.print(f"There is only version {one.version} of this statement.")
        return
    whose = one.subject or "the house"
    out.print(
        f"{whose}, {one.period.label()}: version {other.version} (known at"
        f" {other.drawn.known_at:,}) against version {one.version} (known at"
        f" {one.drawn.known_at:,})",
        markup=False,
    )
    rows = [
        (each.where, grouped(each.before), grouped(each.after), grouped(each.change))
        for each in found.differences
    ]
    columns = ("figure", f">version {one.version}", f">version {other.version}", ">change")
    out.print(table("What differs", columns, rows))
    if found.because:
        out.print(table("What became known between them", _BECAUSE, _because(found.because)))
    if found.engines:
        out.print(f"engine {found.engines[0]}, then {found.engines[1]}", markup=False)


_BECAUSE = (">position", "occurred", "event", "what", "account", "amount", "reason")


def _because(views: tuple[CorrectionView, ...]) -> list[tuple[str, ...]]:
    return [
        (
            f"{view.log_position:,}",
            shown_time(view.occurred_at),
            view.kind,
            view.what,
            view.account,
            view.amount,
            view.reason,
        )
        for view in views
    ]


@app.command
def attribution(
    account: Annotated[str, Parameter(help="the account's name")],
    /,
    *,
    span: Span | None = None,
    known_at: KnownAt = None,
    where: Where | None = None,
) -> None:
    """Show the parts of the change of an account's equity; they add up to it exactly."""
    period = asked_period(span)
    with ledger(where) as opened, _folding() as folding:
        found = opened.attribution(account, period, known_at=known_at, folding=folding)
    if where is not None and where.json:
        print_json(found)
        return
    for each in found:
        rows: list[tuple[str, ...]] = []
        for part in each.parts:
            rows.append((part.part, "", grouped(part.amount), "", PARTS[part.part]))
            rows += [("", line.item, "", grouped(line.amount), line.market) for line in part.lines]
        rows.append(("change of equity", "", grouped(each.change), "", ""))
        title = (
            f"{account}, {period.label()}: {each.asset} from {grouped(each.opening)}"
            f" to {grouped(each.closing)}"
        )
        out.print(table(title, ("", "", ">amount", ">of it", "in, or what it is"), rows))
    if not found:
        out.print(f"{account} had nothing, and nothing moved.", markup=False)


@app.command
def calendars(*, where: Where | None = None) -> None:
    """List the calendars that are known by name: when a day ends there."""
    if where is not None and where.json:
        print_json([asdict(each) for each in CALENDARS.values()])
        return
    rows = [(each.name, _clock(each), each.note) for each in CALENDARS.values()]
    out.print(table("Calendars", ("name", "a day ends", "note"), rows))


def _clock(calendar: Calendar) -> str:
    sign, ahead = ("-" if calendar.offset < 0 else "+"), abs(calendar.offset)
    ends = f"{calendar.ends // 60:02}:{calendar.ends % 60:02}"
    return f"{ends} at UTC{sign}{ahead // 60:02}:{ahead % 60:02}"
