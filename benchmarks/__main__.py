"""The command: run benchmarks on a scratch database and print ratios."""

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import append, marks, rebuild
from benchmarks.measure import Ratio
from clearing.database import (
    Settings,
    beside,
    connect,
    drop_beside,
    migrate,
    open_database,
)

NAME = "clearing_benchmark"
COMMENT = "Made by benchmarks, which drops it again."


def main() -> None:
    """Run what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="append, rebuild, marks")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, three repeats")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    quick: bool = options.quick
    repeats = 3 if quick else 5
    known: dict[str, Callable[[], list[Ratio]]] = {
        "append": lambda: _on_database(
            lambda url: append.run(url, count=30_000 if quick else 200_000, repeats=repeats)
        ),
        "rebuild": lambda: _on_database(
            lambda url: rebuild.run(url, trades_per_minute=11 if quick else 60, repeats=repeats)
        ),
        "marks": lambda: marks.run(
            sizes=(1_000, 5_000, 20_000) if quick else (1_000, 10_000, 100_000),
            marks=5_000 if quick else 20_000,
            naive_marks=2_000 if quick else 10_000,
            repeats=repeats,
        ),
    }
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"{', '.join(unknown)}: known are {', '.join(known)}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    found: list[Ratio] = []
    for name in options.names or known:
        for ratio in known[name]():
            found.append(ratio)
            print(ratio.lines(), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(r) for r in found], indent=2) + "\n")


def _on_database(measured: Callable[[str], list[Ratio]]) -> list[Ratio]:
    """Run a measurement on a scratch database beside the ledger's own."""
    with open_database(Settings.read()) as database:
        url = beside(database.url, NAME, COMMENT, fresh=True)
        try:
            migrate(url)
            with connect(url) as connection:
                version = connection.info.server_version
            print(f"Postgres {version // 10_000}.{version % 10_000}")
            return measured(url)
        finally:
            drop_beside(database.url, NAME, COMMENT)


if __name__ == "__main__":
    main()
