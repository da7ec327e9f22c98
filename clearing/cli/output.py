"""What a command prints: tables for people, JSON for programs, progress for both.

Answers go to standard output, everything else to standard error, so that a pipe gets the answer
and nothing else.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_PIPE_WIDTH = 160
_LINE_SECONDS = 2


class _Console(Console):
    """A console whose reader may go away: the command goes on, and its exit code is its own."""

    def on_broken_pipe(self) -> None:
        """Write into nothing from here on."""
        self.quiet = True
        _unheard()


def _unheard() -> None:
    """Have standard output go nowhere: whoever read it has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _console(*, stderr: bool = False) -> Console:
    """Return a console as wide as its terminal; a pipe is wide enough to cut nothing.

    Names are shown as they are: ``:fire:`` in one is no picture.
    """
    console = _Console(stderr=stderr, highlight=False, emoji=False)
    if not console.is_terminal:
        console = _Console(stderr=stderr, highlight=False, emoji=False, width=_PIPE_WIDTH)
    return console


out = _console()
err = _console(stderr=True)


def print_json(answer: Any) -> None:
    """Print an answer as one JSON document; amounts stay decimal text."""
    print_text(json.dumps(plain(answer), indent=2, ensure_ascii=False))


def print_text(text: str, *, end: str = "\n") -> None:
    """Print a text as it is; that nobody reads to its end changes nothing else."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _unheard()


def plain(value: Any) -> Any:
    """Return an answer as what JSON has: dataclasses as objects, times as ISO text."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return value


def shown_time(moment: datetime | None) -> str:
    """Write a time as people read it, in UTC, to the second."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """Write a time without its year, for tables that must be narrow."""
    return moment.strftime("%m-%d %H:%M:%S")


def amount(text: str) -> str:
    """Write a decimal with thousands separated, every digit kept."""
    whole, point, fraction = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.removeprefix("-")
    if not digits.isdigit():
        return text
    return f"{sign}{int(digits):,}{point}{fraction}"


def short(text: str, decimals: int = 2) -> str:
    """Write a fine decimal cut to a few decimals, with … where digits were left out."""
    whole, point, fraction = text.partition(".")
    if len(fraction) <= decimals:
        return amount(text)
    return amount(f"{whole}{point}{fraction[:decimals]}") + "…"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Make a table; a column whose name begins with ``>`` is aligned to the right."""
    made = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        show_header=any(column.strip(">") for column in columns),
        pad_edge=False,
        padding=(0, 1),
    )
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            escape(column.removeprefix(">")),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


class Steps:
    """Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, name: str, total: int | None, bar: Progress | None) -> None:
        self._name = name
        self._total = total
        self._bar = bar
        self._task = None if bar is None else bar.add_task(name, total=total)
        self._said = time.monotonic()

    def reached(self, done: int) -> None:
        """Say how far the work is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
        elif time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            of = "" if self._total is None else f" of {self._total:,}"
            err.print(f"{self._name}: {done:,}{of}")


@contextmanager
def steps(name: str, total: int | None = None) -> Iterator[Steps]:
    """Show the progress of ``name`` while the block runs."""
    if not err.is_terminal:
        yield Steps(name, total, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bar:
        yield Steps(name, total, bar)


def say_step(text: str) -> None:
    """Tell what long work is doing, on standard error."""
    err.print(text, style="dim", markup=False)
