"""Commands that take files in: append, and import from a venue's own format."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from clearing.adapters import (
    IMPORTERS,
    Book,
    Format,
    ImportOptions,
    Located,
    Refusal,
    in_given_order,
    merge,
    merge_sorted,
    read_events,
)
from clearing.cli.liquidations import print_fill_report
from clearing.cli.output import err, out, print_json, steps, table
from clearing.cli.where import Where, ledger
from clearing.events import EventRefused
from clearing.ledger import Ledger
from clearing.log import BATCH, MAX_BATCH, Conflict, Refused
from clearing.samples import book_from_text

Files = Annotated[
    str, Parameter(help="files, gzip too; - is standard input", allow_leading_hyphen=True)
]
Sorted = Annotated[
    bool, Parameter(negative=(), help="each file is in merge order by itself; hold none in memory")
]
BatchSize = Annotated[
    int,
    Parameter(help="events in one transaction", validator=validators.Number(gte=1, lte=MAX_BATCH)),
]


class ConflictAt(ValueError):  # noqa: N818 - reads as the statement that it is
    """A line says something else under an identity that is in the log already."""


@dataclass
class Taken:
    """What an intake did: counts, the last position, and what was refused."""

    new: int = 0
    duplicates: int = 0
    log_position: int = 0
    log_root: str = ""
    refused: list[Refusal] = field(default_factory=list)


def append(
    *files: Files,
    format: Annotated[  # noqa: A002 - the option is called --format
        Format | None, Parameter(help="what the files are, if their names do not say")
    ] = None,
    sorted: Sorted = False,  # noqa: A002 - the option is called --sorted
    batch: BatchSize = BATCH,
    where: Where | None = None,
) -> int:
    """Append events from files (JSONL, CSV, Parquet), merged into one order.

    Running it again after an interruption finds what is in already and goes on. Lines that cannot
    become events go to quarantine, each named; the exit code is then 1.
    """
    if not files:
        raise ValueError("name at least one file, or - for standard input")
    _check_files(files)
    readers = [read_events(path, format) for path in files]
    if sorted:
        located = merge_sorted(readers)
    elif len(readers) == 1:
        located = in_given_order(readers)
    else:
        located = merge(readers)
    with ledger(where) as opened:
        taken = take(opened, located, batch)
    return _report(taken, where)


def import_(
    venue: Annotated[str, Parameter(help="the format: " + ", ".join(IMPORTERS))],
    /,
    *files: Files,
    set: Annotated[  # noqa: A002 - the option is called --set
        tuple[str, ...], Parameter(help="NAME=VALUE, an option of this format", negative=())
    ] = (),
    book: Annotated[
        str | None, Parameter(help="accounts beside prices: sample[:SEED][@PRESET]")
    ] = None,
    batch: BatchSize = BATCH,
    where: Where | None = None,
) -> int:
    """Import files as a venue writes them, project them, and compare with the venue's figures.

    All files of a run are merged into one order.
    """
    importer = IMPORTERS.get(venue)
    if importer is None:
        raise ValueError(f"{venue!r} is not a format; known are {', '.join(IMPORTERS)}")
    if not files:
        raise ValueError("name at least one file")
    _check_files(files)
    settings = dict(_pair(text) for text in set)
    made: Book | None = None if book is None else book_from_text(book)
    with ledger(where) as opened:
        options = ImportOptions(settings, opened.writer.registry, made)
        taken = take(opened, importer.read(files, options), batch)
        with steps("projected", taken.log_position) as progress:
            opened.project(progress=progress.reached)
        fills = opened.fill_report()
    if where is not None and where.json:
        print_json({"taken": taken, "fills": fills})
        return _code(taken)
    code = _report(taken, where)
    if fills.fills:
        print_fill_report(fills)
    return code


def _check_files(files: Sequence[str]) -> None:
    """Raise :class:`ValueError` unless every file of the run can be read.

    A run merges its files into one order before anything gets a position, so it begins with all of
    them or not at all.
    """
    for name in files:
        if name == "-":
            continue
        path = Path(name)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is no file"
            raise ValueError(f"{name} {what}; nothing was read")
        if not os.access(path, os.R_OK):
            raise ValueError(f"{name} may not be read by this user; nothing was read")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text!r} is not NAME=VALUE")
    return name, value


def take(opened: Ledger, located: Iterable[Located | Refusal], batch: int) -> Taken:
    """Append located events in batches, keeping what is refused in quarantine as it is met."""
    taken = Taken()
    waiting: list[Located] = []
    with steps("appended") as progress:
        for item in located:
            if isinstance(item, Refusal):
                taken.refused.append(item)
                opened.quarantine([_kept(item)])
                continue
            waiting.append(item)
            if len(waiting) >= batch:
                _append(opened, waiting, taken)
                progress.reached(taken.new + taken.duplicates)
                waiting = []
        _append(opened, waiting, taken)
        progress.reached(taken.new + taken.duplicates)
    return taken


def _append(opened: Ledger, waiting: Sequence[Located], taken: Taken) -> None:
    aside: dict[int, EventRefused] = {}
    try:
        receipt = opened.writer.append([item.event for item in waiting], set_aside=aside)
    except Conflict as conflict:
        item = waiting[conflict.index]
        raise ConflictAt(
            f"{item.file}:{item.line}: {conflict}; nothing of the batch from"
            f" {waiting[0].file}:{waiting[0].line} on was appended, the batches before it were"
        ) from conflict
    refused = [_refusal(waiting[index], problem) for index, problem in sorted(aside.items())]
    if refused:
        opened.quarantine(_kept(refusal) for refusal in refused)
    taken.refused += refused
    taken.new += receipt.new
    taken.duplicates += len(receipt.duplicates)
    taken.log_position = receipt.tree_size
    taken.log_root = receipt.root.hex()


def _refusal(item: Located, problem: EventRefused) -> Refusal:
    raw = item.event.model_dump_json()
    return Refusal(item.file, item.line, problem.path, str(problem.value), problem.message, raw)


def _kept(refusal: Refusal) -> Refused:
    return Refused(
        refusal.file, refusal.line, refusal.field, refusal.value, refusal.reason, refusal.raw
    )


def _report(taken: Taken, where: Where | None) -> int:
    for refusal in taken.refused[:20]:
        err.print(f"refused: {refusal}", style="red", markup=False)
    if len(taken.refused) > 20:
        err.print(f"… and {len(taken.refused) - 20} more; see `clearing quarantine`")
    if where is not None and where.json:
        print_json(taken)
    else:
        rows = [
            ("new events", f"{taken.new:,}"),
            ("duplicates", f"{taken.duplicates:,}"),
            ("refused", f"{len(taken.refused):,}"),
            ("log position", f"{taken.log_position:,}"),
            ("log root", taken.log_root),
        ]
        out.print(table("Appended", ("", ">"), rows))
    return _code(taken)


def _code(taken: Taken) -> int:
    return 1 if taken.refused else 0
