"""Commands that write sample files of our own invention: sample crash, sample statement."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.books import calendar_of, period_of
from clearing.cli.output import out
from clearing.cli.where import Where, ledger
from clearing.reconcile import MAPPING, PLANTED, Planted
from clearing.samples.crash import DEFAULT_CRASH_SEED, crash_funding, crash_marks

app = App(name="sample", help="Sample files of our own invention, the same for the same seed.")


@app.command
def crash(
    folder: Annotated[Path, Parameter(help="where marks.csv and funding.csv are written")],
    /,
    *,
    seed: Annotated[int, Parameter(help="which crash")] = DEFAULT_CRASH_SEED,
) -> None:
    """Write five days of hourly marks with a crash, and their funding, as `import binance` reads.

    Files that are there already are not written over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("marks.csv", crash_marks(seed)), ("funding.csv", crash_funding(seed))):
        path = folder / name
        try:
            with path.open("x", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in lines)
        except FileExistsError:
            raise ValueError(f"{path} is there already; name another folder") from None
        out.print(str(path), markup=False)


@app.command
def statement(
    account: Annotated[str, Parameter(help="the ledger account that is stated")],
    folder: Annotated[Path, Parameter(help="where the statement and its mapping are written")],
    /,
    *,
    day: Annotated[str, Parameter(help="the day, by UTC")],
    plant: Annotated[
        tuple[Planted, ...],
        Parameter(negative=(), help=f"errors to plant: {', '.join(PLANTED)}"),
    ] = (),
    where: Where | None = None,
) -> None:
    """Write what a venue would state of an account, and the mapping by which it is read.

    It is made from the ledger itself, so it agrees with it but for the errors that are planted.
    Files that are there already are not written over, but for the mapping.
    """
    period = period_of(calendar_of("utc"), day)
    folder.mkdir(parents=True, exist_ok=True)
    path, mapping = folder / f"{account}-{day}.csv", folder / "sample-venue.yaml"
    with ledger(where) as opened:
        lines = opened.desk("sample").sample_statement(account, period.begins, period.ends, plant)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
        except FileExistsError:
            raise ValueError(f"{path} is there already; name another folder") from None
    mapping.write_text(MAPPING, encoding="utf-8")
    out.print(f"{path}\n{mapping}", markup=False)
