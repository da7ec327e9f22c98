"""``clearing stress``: the book put through paths of marks."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from clearing.audit import Stress, StressAnswer, read_stress
from clearing.audit.stress import Chance, Driver, Figure, PathAnswer
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, out, print_json, short, steps, table
from clearing.cli.scenarios import naming_files, print_columns, text_of
from clearing.cli.where import Where, ledger

_LISTED = 8

StressFile = Annotated[Path, Parameter(help="a stress test, in YAML or JSON")]
Processes = Annotated[
    PositiveInt | None, Parameter(help="how many to use; by default one per processor")
]

_WORDS = {
    "liquidated_accounts": "accounts liquidated",
    "liquidation_steps": "· steps of their ladders",
    "margin_calls": "margin calls",
    "deleveraged_accounts": "accounts deleveraged",
    "deleveragings": "· times",
    "moved_marks": "marks moved by closes",
    "losses": "losses",
    "funds": "· borne by funds",
    "adl": "· by deleveraging",
    "socialised": "· socialised",
    "deficit": "· deficit",
    "fund_low": "low",
    "fund_end": "at the end",
}


def stress(
    test: StressFile,
    /,
    *,
    processes: Processes = None,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Put the book through shocks, paths of files and Monte Carlo: liquidations, funds, losses."""
    document = stress_file(test)
    with (
        naming_files({document.name: str(test)}),
        ledger(where) as opened,
        steps("paths", document.runs) as progress,
    ):
        moment = moment_of(opened, when)
        answer = opened.stress(document, moment, processes=processes, progress=progress.reached)
    if where is not None and where.json:
        print_json(answer)
        return
    print_stress(answer)


def stress_file(path: Path) -> Stress:
    """Return the stress test that a file describes; what is wrong with it names the file."""
    return read_stress(text_of(path), str(path))


def print_stress(answer: StressAnswer) -> None:
    """Print what a stress test says."""
    title = f"{answer.stress}: the book after log position {answer.log_position:,}"
    given = [path.totals for path in answer.paths if path.totals is not None]
    print_columns(title, [answer.still, *given])
    for path in answer.paths:
        if path.totals is None:
            _print_figures(path.name, path.count, path.figures)
        _print_funds(path)
        _print_drivers(path.name, "accounts", path.accounts, path.count)
        _print_drivers(path.name, "markets", path.markets, path.count)
        if path.moved_marks:
            times = f"{path.moved_marks:,} times"
            out.print(f"{path.name}: forced closes moved marks {times}", markup=False)
        out.print(f"digest of {path.name}: {path.digest}", markup=False, style="dim")


def _print_figures(name: str, count: int, figures: Sequence[Figure]) -> None:
    rows = [
        (_named(figure), *(short(text) for text in _texts(figure)))
        for figure in figures
        if any(text.strip("0.") for text in _texts(figure))
    ]
    columns = ("", ">mean", ">median", ">95 %", ">99 %", ">worst")
    if rows:
        out.print(table(f"{name}: {count:,} paths", columns, rows))
        out.print("every other figure is 0 in every path", style="dim")
    else:
        out.print(f"{name}: {count:,} paths, in none of which anything happened", markup=False)


def _texts(figure: Figure) -> tuple[str, ...]:
    return figure.mean, figure.median, figure.p95, figure.p99, figure.worst


def _named(figure: Figure) -> str:
    words = _WORDS.get(figure.figure, figure.figure)
    if figure.fund:
        return f"{figure.fund}, {figure.asset}: {words}"
    return f"{words}, {figure.asset}" if figure.asset else words


def _print_funds(path: PathAnswer) -> None:
    rows = [
        (
            state.fund,
            state.asset,
            short(state.start),
            short(state.lowest),
            _chance(state.depleted, path.count),
            _chance(state.beyond, path.count),
        )
        for state in path.funds
    ]
    columns = ("fund", "asset", ">at the start", ">lowest", "depleted", "losses go beyond funds")
    if rows:
        out.print(table(f"{path.name}: funds", columns, rows))


def _chance(chance: Chance, count: int) -> str:
    """Write a probability with its interval; of one path, whether it is so."""
    if not chance.probability:
        return "yes" if chance.paths else "no"
    # The interval outwards, so that it is never narrower than it is.
    roundings = ((chance.low, ROUND_FLOOR), (chance.high, ROUND_CEILING))
    low, high = (f"{Decimal(text).quantize(_PLACES, way):.2%}" for text, way in roundings)
    return f"{chance.paths:,} of {count:,}: {Decimal(chance.probability):.2%} ({low} to {high})"


_PLACES = Decimal("0.0001")


def _print_drivers(name: str, what: str, drivers: Sequence[Driver], count: int) -> None:
    """Print who or what lost most; in how many paths, if there is more than one."""
    if not drivers:
        return
    title = f"{name}: {what}"
    if len(drivers) > _LISTED:
        title += f" (the first {_LISTED} of {len(drivers):,}; --json has all)"
    columns, rows = ["", "asset", ">loss", ">share"], []
    if count > 1:
        columns = ["", "asset", ">mean loss", ">share", ">loses in"]
        columns += [">liquidated in"] if drivers[0].liquidated is not None else []
    for driver in drivers[:_LISTED]:
        named = driver.name or "no move explains it"
        row = [named, driver.asset, amount(driver.loss), f"{Decimal(driver.share):.2%}"]
        if count > 1:
            row.append(f"{driver.paths:,} of {count:,}")
            row += [f"{driver.liquidated:,}"] if driver.liquidated is not None else []
        rows.append(row)
    out.print(table(title, columns, rows))
