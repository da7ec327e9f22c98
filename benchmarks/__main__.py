"""Run benchmarks and print ratios; what needs a database gets one beside the ledger's own."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import append, as_of, marks, rebuild
from benchmarks.measure import Ratio
from clearing.database import (
    DatabaseUnavailable,
    Settings,
    SettingsError,
    beside,
    connect,
    drop_beside,
    migrate,
    open_database,
)

NAME = "clearing_benchmark"
COMMENT = "Made by benchmarks, which drops it again."


def main() -> int:
    """Run what the command line names, or everything; the exit code says nothing of speed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="append, rebuild, marks, as-of")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, three rounds")
    parser.add_argument(
        "--events", type=int, metavar="N", help="events of the log for as-of (10000000 is large)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    known = _known(quick=options.quick, events=options.events)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"{', '.join(unknown)}: known are {', '.join(known)}")
    machine = _machine()
    print(", ".join(machine.values()), flush=True)
    found: list[Ratio] = []
    try:
        for name in options.names or known:
            for ratio in known[name]():
                found.append(ratio)
                print(ratio.lines(), flush=True)
    except (DatabaseUnavailable, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json is not None:
        document = {"machine": machine, "quick": options.quick, "ratios": [*map(asdict, found)]}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def _known(*, quick: bool, events: int | None) -> dict[str, Callable[[], list[Ratio]]]:
    """Return the benchmarks by name, in the sizes asked for."""
    repeats = 3 if quick else 5
    return {
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
        "as-of": lambda: _on_database(
            lambda url: as_of.run(
                url,
                events=events or (20_000 if quick else 200_000),
                samples=20 if quick else 60,
                repeats=repeats,
            )
        ),
    }


def _machine() -> dict[str, str]:
    """Return what figures depend on, as far as can be told without a database."""
    cpus, memory = os.cpu_count(), "unknown"
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        memory = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / (1 << 30):.1f}"
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": f"{cpus} cores",
        "memory": f"{memory} GiB of memory",
    }


def _on_database(measured: Callable[[str], list[Ratio]]) -> list[Ratio]:
    """Run a measurement on a scratch database beside the ledger's own."""
    with open_database(Settings.read()) as database:
        url = beside(database.url, NAME, COMMENT, fresh=True)
        try:
            migrate(url)
            with connect(url) as connection:
                version = connection.info.server_version
            print(f"Postgres {version // 10_000}.{version % 10_000}", flush=True)
            return measured(url)
        finally:
            drop_beside(database.url, NAME, COMMENT)


if __name__ == "__main__":
    sys.exit(main())
