"""Commands that write sample files of our own invention: sample crash."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.cli.output import out
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
