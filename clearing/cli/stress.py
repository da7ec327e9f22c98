"""The command that stresses a book: stress."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from clearing.audit.replay.document import MAX_BYTES
from clearing.audit.stress import PathAnswer, StressAnswer, StressRefused, read_stress
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, out, print_json, short, steps, table
from clearing.cli.where import Where, ledger

_LISTED = 10


def stress(
    document: Annotated[Path, Parameter(help="a stress test, in YAML or JSON")],
    /,
    *,
    processes: Annotated[
        int | None,
        Parameter(help="how many run at once", validator=validators.Number(gte=1, lte=1024)),
    ] = None,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Let prices take paths from a book on: shocks, files of marks, random ones from a seed."""
    try:
        with document.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise StressRefused(str(document), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise StressRefused(str(document), [f"is not UTF-8 text: {error}"]) from error
    told = read_stress(text, str(document))
    total = sum(getattr(path, "paths", 1) for path in told.paths)
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        with steps("paths", total) as progress:
            answer = opened.stress(told, moment, processes=processes, progress=progress.reached)
    if where is not None and where.json:
        print_json(answer)
        return
    print_stress(answer)


def print_stress(answer: StressAnswer) -> None:
    """Print what a stress test did."""
    out.print(f"{answer.stress}, on the book at log position {answer.log_position:,}", markup=False)
    singles = [path for path in answer.paths if path.outcome is not None]
    if singles:
        _print_outcomes(singles)
    for path in answer.paths:
        if path.outcome is None:
            _print_random(path)
        _print_drivers(path)


def _print_outcomes(paths: list[PathAnswer]) -> None:
    found = [path.outcome for path in paths if path.outcome is not None]
    rows: list[tuple[str, ...]] = [
        ("accounts liquidated", *(f"{o.liquidated_accounts:,}" for o in found)),
        ("· steps of their ladders", *(f"{o.liquidation_steps:,}" for o in found)),
        ("accounts deleveraged", *(f"{o.deleveraged_accounts:,}" for o in found)),
    ]
    for asset in sorted({totals.asset for o in found for totals in o.assets}):
        for name in ("penalties", "losses", "funds", "adl", "socialised", "deficit"):
            cells = [
                next((getattr(t, name) for t in o.assets if t.asset == asset), "0") for o in found
            ]
            if any(cell != "0" for cell in cells):
                words = {"funds": "· borne by funds", "adl": "· by deleveraging"}.get(name, name)
                rows.append((f"{words}, {asset}", *(short(cell) for cell in cells)))
    for i, fund in enumerate(found[0].funds):
        name = f"{fund.fund}, {fund.asset}"
        rows.append((f"{name}: low", *(short(o.funds[i].low) for o in found)))
        rows.append((f"{name}: at the end", *(short(o.funds[i].equity) for o in found)))
    out.print(table("", ("", *(f">{path.label}" for path in paths)), rows))


def _print_random(path: PathAnswer) -> None:
    spreads = [
        (s.figure, *(short(cell) for cell in (s.mean, s.median, s.p95, s.p99, s.worst)))
        for s in path.spreads
    ]
    columns = ("", ">mean", ">median", ">95 %", ">99 %", ">worst")
    out.print(table(f"{path.label}: {path.paths:,} paths", columns, spreads))
    depletions = [
        (
            f"{d.fund}, {d.asset}",
            f"{d.depleted:,} of {d.paths:,}",
            d.probability,
            f"{d.low} to {d.high}",
        )
        for d in path.depletion
    ]
    names = ("fund", ">depleted", ">probability", ">95 % interval")
    out.print(table("Depletion", names, depletions))


def _print_drivers(path: PathAnswer) -> None:
    for what in ("account", "market"):
        drivers = [driver for driver in path.drivers if driver.what == what]
        if not drivers:
            continue
        rows = [(d.name, f"{amount(d.loss)} {d.asset}", d.share) for d in drivers[:_LISTED]]
        title = f"{path.label}: the {what}s whose losses were beyond their equity"
        out.print(table(title, (what, ">loss", ">share"), rows))
