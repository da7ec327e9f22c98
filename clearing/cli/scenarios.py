"""Commands about what would have been: replay, diff, bisect."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clearing.audit import (
    LOG,
    Diff,
    FirstDifference,
    Scenario,
    ScenarioAnswer,
    ScenarioRefused,
    read_scenario,
)
from clearing.audit.replay import ColumnTotals, ContestedView, Fate, FateView
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, clock, out, print_json, short, steps, table
from clearing.cli.where import Where, ledger
from clearing.events.documents import MAX_BYTES
from clearing.ledger import Ledger

_LISTED = 40

ScenarioFile = Annotated[Path, Parameter(help="a scenario, in YAML or JSON")]


def scenario_file(path: Path) -> Scenario:
    """Return the scenario that a file describes; what is wrong with it names the file."""
    return read_scenario(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Return the text of a document's file, of the size that is read at most and one byte more."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise ScenarioRefused(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ScenarioRefused(str(path), [f"is not UTF-8 text: {error}"]) from error


@contextmanager
def naming_files(files: dict[str, str]) -> Iterator[None]:
    """Let what is refused of a scenario name its file; ``files`` are these by scenario's name."""
    try:
        yield
    except ScenarioRefused as refused:
        if refused.name not in files:
            raise
        raise ScenarioRefused(files[refused.name], refused.problems) from refused


Keep = Annotated[
    bool,
    Parameter(negative=(), help="write its books to a generation of its own, to be asked"),
]


def replay(
    scenario: ScenarioFile,
    /,
    *,
    keep: Keep = False,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Run a scenario over the log, in memory: recorded, derived without it, derived with it.

    With ``--keep`` its books are written beside ours: most questions take --generation.
    """
    number = None
    document = scenario_file(scenario)
    with naming_files({document.name: str(scenario)}), ledger(where) as opened:
        moment = moment_of(opened, when)
        with steps("replayed", moment.plain()) as progress:
            if keep:
                number, answer = opened.keep_scenario(
                    document, moment.plain(), progress=progress.reached
                )
            else:
                answer = opened.replay(document, moment.plain(), progress=progress.reached)
    if where is not None and where.json:
        print_json({"generation": number, "answer": answer} if keep else answer)
        return
    print_answer(answer)
    if number is not None:
        out.print(
            f"kept as generation {number}: `clearing accounts --generation {number}`,"
            f" `clearing diff log generation:{number}`"
        )


Side = Annotated[str, Parameter(help="`log`, a scenario in YAML or JSON, or `generation:NUMBER`")]

_GENERATION = "generation:"


def _side(named: str) -> Scenario:
    return LOG if named == LOG.name else scenario_file(Path(named))


def _stored(opened: Ledger, a: str, b: str) -> tuple[int, int] | None:
    """Return the generations that two sides mean, or None where neither names one."""
    if not any(named.startswith(_GENERATION) for named in (a, b)):
        return None
    numbers = []
    for named in (a, b):
        number = named.removeprefix(_GENERATION)
        if named == LOG.name:
            numbers.append(opened.moment().generation.number)
        elif named.startswith(_GENERATION) and number.isdecimal():
            numbers.append(int(number))
        else:
            raise ValueError(
                f"{named}: a generation is compared with another one, as generation:2, or with the"
                " log; keep the scenario first (`clearing replay FILE --keep`)"
            )
    return numbers[0], numbers[1]


def _upto(when: When | None) -> int | None:
    """Return the position that a comparison of generations goes up to, if one is named."""
    if when is None or when == When(when.at):
        return None if when is None else when.at
    raise ValueError("generations are compared --at a position, or up to where both are")


def diff(a: Side, b: Side, /, *, when: When | None = None, where: Where | None = None) -> None:
    """Say what differs between two scenarios, generations, or one and the log: who, since when."""
    with ledger(where) as opened:
        pair = _stored(opened, a, b)
        if pair is not None:
            upto = _upto(when)
            with steps("compared", upto) as progress:
                answer = opened.diff_generations(*pair, upto=upto, progress=progress.reached)
        else:
            one, other = _side(a), _side(b)
            moment = moment_of(opened, when).plain()
            with (
                naming_files({one.name: a, other.name: b}),
                steps("compared", moment) as progress,
            ):
                answer = opened.diff(one, other, moment, progress=progress.reached)
    if where is not None and where.json:
        print_json(answer)
        return
    print_diff(answer)


def bisect(a: Side, b: Side, /, *, when: When | None = None, where: Where | None = None) -> None:
    """Find the first event after which two scenarios, generations, or one and the log, differ."""
    with ledger(where) as opened:
        pair = _stored(opened, a, b)
        if pair is not None:
            names = (f"generation {pair[0]}", f"generation {pair[1]}")
            answer = opened.bisect_generations(*pair, upto=_upto(when))
        else:
            one, other = _side(a), _side(b)
            names = (one.name, other.name)
            moment = moment_of(opened, when).plain()
            with (
                naming_files({one.name: a, other.name: b}),
                steps("compared", moment) as progress,
            ):
                answer = opened.bisect(one, other, moment, progress=progress.reached)
    if where is not None and where.json:
        print_json(answer)
        return
    _print_first(answer, *names)


def print_diff(answer: Diff) -> None:
    """Print what differs between two runs."""
    _print_first(answer.first, answer.a, answer.b)
    if answer.first is None:
        return
    title = f"Log positions {answer.since:,} to {answer.upto:,}"
    print_columns(title, answer.columns)
    rows = [
        (
            view.account,
            _words(view.a),
            _words(view.b),
            f"{short(view.equity)} {view.asset}",
            _position(view.diverged),
            "" if view.diverged_at is None else clock(view.diverged_at),
            view.cause,
        )
        for view in answer.fates[:_LISTED]
    ]
    title = "Accounts that differ"
    if len(answer.fates) > _LISTED:
        title += f" (the first {_LISTED} of {len(answer.fates):,}; --json has all)"
    columns = ("account", answer.a, answer.b, ">equity", ">diverged at", "occurred", "cause")
    out.print(table(title, columns, rows))
    lines = [(line.asset, line.line, amount(line.difference)) for line in answer.house]
    out.print(table("Who has the difference", ("asset", "", f">{answer.b} less {answer.a}"), lines))


def _event(first: FirstDifference) -> str:
    """Say where an event is: in the log, or as the how many-th inserted after one that is."""
    if first.inserted:
        return f"what is inserted at {first.log_position:,}+{first.inserted}"
    return f"the event at log position {first.log_position:,}"


def _print_first(first: FirstDifference | None, a: str, b: str) -> None:
    if first is None:
        out.print(f"{a} and {b} do not differ", markup=False)
        return
    out.print(
        f"{a} and {b} differ since {_event(first)}:"
        f" {first.kind} {first.source}/{first.external_id}, {clock(first.occurred_at)}",
        markup=False,
    )
    for name, entry in ((a, first.only_a), (b, first.only_b)):
        if entry:
            words = ", ".join(f"{field} {value}" for field, value in entry.items())
            out.print(f"  only in {name}: {words}", markup=False)


def print_answer(answer: ScenarioAnswer) -> None:
    """Print what a scenario changes."""
    title = f"{answer.scenario}: log positions {answer.since:,} to {answer.upto:,}"
    print_columns(title, answer.columns)
    _print_fates(answer)
    print_contested(answer.contested)
    rows = [
        (view.override, f"{view.events:,}", _position(view.first), _position(view.last))
        for view in answer.overrides
    ]
    if rows:
        columns = ("", ">events changed", ">first", ">last")
        out.print(table("Overrides", columns, rows))


def print_columns(title: str, columns: Sequence[ColumnTotals]) -> None:
    """Print the totals of columns side by side."""
    rows: list[tuple[str, ...]] = [
        (name, *(f"{value(column):,}" for column in columns)) for name, value in _COUNTS
    ]
    assets = sorted({totals.asset for column in columns for totals in column.assets})
    for asset in assets:
        for name in ("penalties", "losses", "funds", "adl", "socialised", "deficit"):
            shown = [
                next((getattr(t, name) for t in column.assets if t.asset == asset), "0")
                for column in columns
            ]
            words = _LAYERS.get(name, name)
            if any(value != "0" for value in shown):
                rows.append((f"{words}, {asset}", *(short(value) for value in shown)))
    known = [{(one.fund, one.asset): one for one in column.funds} for column in columns]
    for key in dict.fromkeys(key for funds in known for key in funds):
        # A fund that a column does not have has nothing there.
        states = [funds.get(key) for funds in known]
        name = ", ".join(key)
        rows.append((f"{name}: low", *("0" if s is None else short(s.low) for s in states)))
        ends = ("0" if s is None else short(s.equity) for s in states)
        rows.append((f"{name}: at the end", *ends))
    out.print(table(title, ("", *(f">{column.column}" for column in columns)), rows))


def _count(name: str) -> Callable[[ColumnTotals], int]:
    return lambda column: int(getattr(column, name))


_COUNTS = [
    ("accounts liquidated", _count("liquidated_accounts")),
    ("· steps of their ladders", _count("liquidation_steps")),
    ("· liquidations as told", _count("told_liquidations")),
    ("· events with any of these", _count("liquidation_events")),
    ("margin calls", _count("margin_calls")),
    ("accounts deleveraged", _count("deleveraged_accounts")),
    ("· times", _count("deleveragings")),
    ("contested sides of fills", _count("contested")),
]
_LAYERS = {
    "losses": "losses",
    "funds": "· borne by funds",
    "adl": "· by deleveraging",
    "socialised": "· socialised",
    "deficit": "· deficit",
}


def _print_fates(answer: ScenarioAnswer) -> None:
    if not answer.fates:
        out.print("no account ends otherwise than in the record")
        return
    rows = [_fate_row(view) for view in answer.fates[:_LISTED]]
    more = len(answer.fates)
    title = "Accounts that end otherwise"
    if more > _LISTED:
        title += f" (the first {_LISTED} of {more:,}; --json has all)"
    derived = any(view.derived is not None for view in answer.fates)
    names = ["recorded", *(["derived"] if derived else []), "scenario"]
    columns = ["account", *(f for name in names for f in (name, ">equity"))]
    out.print(table(title, (*columns, ">diverged at", "occurred"), rows))


def _fate_row(view: FateView) -> tuple[str, ...]:
    fates = [view.recorded, *([view.derived] if view.derived else []), view.scenario]
    cells = [cell for fate in fates for cell in (_words(fate), short(fate.equity))]
    when = "" if view.diverged_at is None else clock(view.diverged_at)
    return (view.account, *cells, _position(view.diverged), when)


def _words(fate: Fate) -> str:
    """Say how an account stands and what happened to it."""
    parts = [fate.status]
    if fate.first_liquidation is not None:
        parts.append(f"liquidated at {fate.first_liquidation:,}")
    if fate.deleveraged:
        parts.append(f"deleveraged {fate.deleveraged:,}×")
    return ", ".join(parts)


def print_contested(contested: Sequence[ContestedView]) -> None:
    """Print the sides of fills that accounts could not have had."""
    if not contested:
        return
    rows = [
        (
            view.column,
            f"{view.log_position:,}",
            view.account,
            view.market,
            amount(view.size),
            view.reason,
        )
        for view in contested[:_LISTED]
    ]
    title = "Contested sides of fills"
    if len(contested) > _LISTED:
        title += f" (the first {_LISTED} of {len(contested):,}; --json has all)"
    out.print(table(title, ("in", ">position", "account", "market", ">size", "reason"), rows))


def _position(position: int | None) -> str:
    return "" if position is None else f"{position:,}"
