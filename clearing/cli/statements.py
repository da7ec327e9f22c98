"""Commands about somebody else's statements: what a file is, taking it in, what is covered."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from clearing.adapters import Refusal
from clearing.adapters.statements import (
    STATEMENT_READERS,
    StatementReader,
    settled_reader,
    sniff_statement,
    statement_files,
)
from clearing.cli.output import amount, err, out, print_json, shown_time, steps, table
from clearing.cli.person import Person, person_of
from clearing.cli.where import Where, ledger
from clearing.events.fields import parse_time
from clearing.ledger import Ledger
from clearing.log import Refused
from clearing.reconcile import EVERY, Acceptance, ImportView, Leg, Taken, look

app = App(
    name="statements",
    help="Statements of venues, chains and banks: recognise them, take them in, see the gaps.",
)

_LISTED = 40
"""How many gaps of one file a terminal shows."""

Files = Annotated[str, Parameter(help="files, gzip too, or directories of pages")]
Form = Annotated[
    str | None,
    Parameter(name="--format", help="the format, if it is not to be recognised"),
]
Settings = Annotated[
    tuple[str, ...],
    Parameter(name="--set", help="NAME=VALUE, an option of the format", negative=()),
]


@app.command(name="formats")
def formats(*, where: Where | None = None) -> None:
    """List the formats that are read, and their options."""
    if where is not None and where.json:
        print_json(
            [
                {
                    "format": one.name,
                    "venue": one.venue,
                    "summary": one.summary,
                    "columns": dict(one.columns),
                    "kinds": None if one.kinds is None else sorted(one.kinds),
                    "fills": one.fills,
                    "settings": {name: value.meaning for name, value in one.settings.items()},
                }
                for one in STATEMENT_READERS.values()
            ]
        )
        return
    rows = [(one.name, one.summary, ", ".join(one.settings)) for one in STATEMENT_READERS.values()]
    out.print(table("Statement formats", ("format", "what it is", "--set"), rows))


@app.command(name="look")
def look_at(
    *files: Files,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    where: Where | None = None,
) -> int:
    """Say what files are, what they cover and what may be missing in them; take nothing in."""
    taken = []
    for path in _files(files):
        with steps(f"read {path}") as progress:
            settings = settings_of(set)
            reader = settled_reader(reader_of(path, form), settings)
            taken.append(look(reader, path, settings, progress.reached))
    if where is not None and where.json:
        print_json(taken)
    else:
        _print_taken("What the files are", taken)
    return _code(taken)


@app.command(name="take")
def take(
    *files: Files,
    account: Annotated[
        str, Parameter(help=f"the ledger account that it is of; {EVERY}: all, of a bank or chain")
    ],
    leg: Annotated[Leg, Parameter(help="whose statement it is")] = "venue",
    venue: Annotated[str | None, Parameter(help="who states, if not as the format says")] = None,
    form: Form = None,
    set: Settings = (),  # noqa: A002 - the option is called --set
    since: Annotated[
        str | None, Parameter(name="--from", help="from when it was asked for, with an offset")
    ] = None,
    until: Annotated[str | None, Parameter(help="until when it was asked for")] = None,
    partial: Annotated[
        bool, Parameter(negative=(), help="take in what can be read of files with bad lines")
    ] = False,
    again: Annotated[
        bool, Parameter(negative=(), help="take in again what was withdrawn, too")
    ] = False,
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Take statements in, each whole or not at all, never twice; bad lines go to quarantine."""
    who = person_of(person)
    paths = _files(files)
    with ledger(where) as opened:
        taken = []
        for path in paths:
            with steps(f"read {path}") as progress:
                reader = reader_of(path, form)
                taken.append(
                    opened.desk(who).take(
                        reader,
                        path,
                        account=account,
                        leg=leg,
                        venue=venue,
                        settings=settings_of(set),
                        asked_from=_time(since),
                        asked_until=_time(until),
                        partial=partial,
                        again=again,
                        progress=progress.reached,
                    )
                )
            _quarantine(opened, taken[-1].refusals)
    if where is not None and where.json:
        print_json(taken)
    else:
        _print_taken(f"Statements of {account}", taken)
        for one in taken:
            if not one.number:
                err.print(f"{one.file}: not taken in; mend it, or use --partial", style="red")
            if one.withdrawn is not None:
                why = f"import {one.number} was {one.withdrawn.words}"
                err.print(
                    f"{one.file}: {why}; --again takes it in anew", markup=False, soft_wrap=True
                )
    return _code(taken)


@app.default
def listed(
    *,
    account: Annotated[str | None, Parameter(help="of this ledger account alone")] = None,
    venue: Annotated[str | None, Parameter(help="of this venue alone")] = None,
    where: Where | None = None,
) -> None:
    """List the statements that were taken in: what each covers, what is doubtful, what counts."""
    with ledger(where) as opened:
        found = opened.desk("reader").statements(None, venue, account)
    if where is not None and where.json:
        print_json(found)
        return
    print_imports(found)


def print_imports(found: list[ImportView] | tuple[ImportView, ...]) -> None:
    """Print what was taken in, with its doubts, and what became of it."""
    rows = [
        (
            str(one.number),
            one.leg if one.leg != "venue" else one.venue,
            one.account,
            one.file,
            f"{one.lines:,}",
            shown_time(one.since),
            shown_time(one.until),
            "; ".join(_standing(one)),
        )
        for one in found
    ]
    columns = (">import", "who", "account", "file", ">lines", "from", "until", "doubtful")
    out.print(table("Statements", columns, rows))


def _standing(one: ImportView) -> Iterator[str]:
    """Yield why a statement counts no more, or what is doubtful about it and who accepted it."""
    if one.withdrawn is not None:
        yield one.withdrawn.words
        return
    if one.again_after:
        yield f"again, after {one.again_after}"
    for doubt in one.doubts:
        yield doubt_text(doubt.id, doubt.words, doubt.accepted)


def doubt_text(name: str, words: str, accepted: Acceptance | None) -> str:
    """Write a doubt: by what it can be accepted, or who accepted it and why."""
    if accepted is None:
        return f"{words} [{name}]"
    people = f"{accepted.author}, {accepted.approver}"
    return f"{words} (accepted by {accepted.proposal}: {people}: {accepted.reason})"


def _files(files: tuple[str, ...]) -> list[str]:
    if not files:
        raise ValueError("name at least one file or directory")
    try:
        return statement_files(files)
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error


def reader_of(path: str, form: str | None) -> StatementReader:
    """Return the reader of a named format, or of the one that a file begins like."""
    if form is None:
        return sniff_statement(path)
    reader = STATEMENT_READERS.get(form)
    if reader is None:
        raise ValueError(f"{form!r} is no format; there are {', '.join(STATEMENT_READERS)}")
    return reader


def settings_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=VALUE pairs by name."""
    settings = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--set {text!r} is not NAME=VALUE")
        settings[name] = value
    return settings


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _quarantine(opened: Ledger, refusals: list[Refusal]) -> None:
    if refusals:
        opened.quarantine(
            Refused(one.file, one.line, one.field, one.value, one.reason, one.raw)
            for one in refusals
        )


def _print_taken(title: str, taken: list[Taken]) -> None:
    rows = [
        (
            one.file,
            one.format,
            f"{one.seen.lines:,}",
            shown_time(one.seen.first),
            shown_time(one.seen.last),
            ", ".join(f"{count:,} {kind}" for kind, count in one.kinds.items()),
            _state(one),
        )
        for one in taken
    ]
    columns = ("file", "recognised as", ">lines", "from", "until", "what", "")
    out.print(table(title, columns, rows))
    for one in taken:
        _print_gaps(one)
        for refusal in one.refusals:
            err.print(str(refusal), style="red", markup=False)


def _print_gaps(one: Taken) -> None:
    """Print where fills do not follow each other, account by account and market by market."""
    if not one.gaps:
        return
    rows = [
        (
            gap.account,
            gap.market,
            f"{gap.line:,}",
            shown_time(gap.at),
            amount(gap.amount),
            gap.words,
        )
        for gap in one.gaps[:_LISTED]
    ]
    columns = ("account", "market", ">line", "at", ">by", "")
    out.print(table(f"{one.gap_count:,} gaps between the fills of {one.file}", columns, rows))
    if one.gap_count > _LISTED:
        out.print(f"… {one.gap_count - _LISTED:,} more (--json lists {len(one.gaps):,})")


def _state(one: Taken) -> str:
    words: list[Any] = []
    if one.withdrawn is not None:
        words.append(f"import {one.number}, which counts no more")
    elif one.number:
        words.append(f"import {one.number}" if one.new else f"import {one.number} already")
    if one.seen.saturated:
        words.append("a full page: more may have been left off")
    if one.seen.misplaced:
        words.append(f"{one.seen.order}, but not at {len(one.seen.misplaced):,} lines")
    if one.gap_count:
        words.append(f"{one.gap_count:,} gaps between fills")
    if one.refusals:
        words.append(f"{len(one.refusals):,} lines refused")
    return "; ".join(words)


def _code(taken: list[Taken]) -> int:
    return 1 if any(one.refusals for one in taken) else 0
