"""Run benchmarks and print ratios; what needs a database gets one beside the ledger's own."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import (
    append,
    as_of,
    checkpoints,
    liquidations,
    marks,
    matching,
    periods,
    proofs,
    rebuild,
    reconciling,
    stress_paths,
    verifying,
    what_if,
    windows,
)
from benchmarks.long_log import long_log
from benchmarks.matching import NoBaseline
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
from clearing.log import Connection
from clearing.projectors import Generation

NAME = "clearing_benchmark"
COMMENT = "Made by benchmarks, which drops it again."
LONG = "clearing_benchmark_long"
_KEPT = "Made by benchmarks and kept: the log of --events {}."

Measure = Callable[[], list[Ratio]]


def main() -> int:
    """Run what the command line names, or everything; the exit code says nothing of speed."""
    known = ", ".join(_known(quick=True, events=None))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, three rounds")
    parser.add_argument(
        "--events",
        type=int,
        metavar="N",
        help="ask a log of about N events (10000000 is large), made once and kept for the next run;"
        " prove, match or reconcile N",
    )
    parser.add_argument("--forget", action="store_true", help="drop the log that was kept, and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    benchmarks = _known(quick=options.quick, events=options.events)
    unknown = [name for name in options.names if name not in benchmarks]
    if unknown:
        parser.error(f"{', '.join(unknown)}: known are {known}")
    machine = _machine()
    print(", ".join(machine.values()), flush=True)
    found: list[Ratio] = []
    try:
        if options.forget:
            _forget()
            return 0
        for name in options.names or benchmarks:
            for ratio in benchmarks[name]():
                found.append(ratio)
                print(ratio.lines(), flush=True)
    except (DatabaseUnavailable, NoBaseline, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json is not None:
        document = {"machine": machine, "quick": options.quick, "ratios": [*map(asdict, found)]}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def _known(*, quick: bool, events: int | None) -> dict[str, Measure]:
    """Return the benchmarks by name, in the sizes asked for."""
    repeats = 3 if quick else 5

    def asked(measured: Callable[[Connection, Generation], list[Ratio]]) -> Measure:
        length = 20_000 if quick else 200_000
        return lambda: _on_log(measured, events, length)

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
        "proofs": lambda: proofs.run(
            leaves=events or (20_000 if quick else 1_000_000),
            samples=20 if quick else 200,
            repeats=repeats,
        ),
        "as-of": asked(
            lambda connection, live: as_of.run(
                connection, live, samples=20 if quick else 60, repeats=repeats
            )
        ),
        "liquidation": asked(
            lambda connection, live: liquidations.run(
                connection, live, samples=5 if quick else 20, repeats=repeats
            )
        ),
        "what-if": asked(what_if.run),
        "stress": asked(
            lambda connection, live: stress_paths.run(
                connection, live, paths=40 if quick else 1_000, repeats=3
            )
        ),
        "checkpoint": asked(
            lambda connection, live: checkpoints.run(connection, live, samples=20 if quick else 200)
        ),
        "verify": asked(verifying.run),
        "match": lambda: matching.run(count=events or (20_000 if quick else 1_000_000), repeats=3),
        "window": lambda: windows.run(
            count=2_000 if quick else 8_000, many=20_000 if quick else 500_000, repeats=3
        ),
        "period": lambda: _on_database(
            lambda url: periods.run(url, days=30 if quick else 400, daily=50 if quick else 500)
        ),
        "reconcile": lambda: _on_database(
            lambda url: reconciling.run(url, count=events or (20_000 if quick else 1_000_000))
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
            _say_server(url)
            return measured(url)
        finally:
            drop_beside(database.url, NAME, COMMENT)


def _on_log(
    measured: Callable[[Connection, Generation], list[Ratio]], events: int | None, length: int
) -> list[Ratio]:
    """Run a measurement on a projected log: one that is kept, of ``events``, or a scratch one."""
    if events is None:

        def scratch(url: str) -> list[Ratio]:
            with long_log(url, length) as (connection, live):
                return measured(connection, live)

        return _on_database(scratch)
    comment = _KEPT.format(events)
    with open_database(Settings.read()) as database:
        with connect(database.url) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (LONG,)
            ).fetchone()
        url = beside(database.url, LONG, comment, fresh=found is None)
        _say_server(url)
        with long_log(url, events) as (connection, live):
            return measured(connection, live)


def _forget() -> None:
    """Drop the log that was kept, whatever its length."""
    with open_database(Settings.read()) as database, connect(database.url) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (LONG,),
        ).fetchone()
        start = _KEPT.partition("{}")[0]
        if row is not None and str(row[0]).startswith(start):
            drop_beside(database.url, LONG, str(row[0]))


def _say_server(url: str) -> None:
    with connect(url) as connection:
        version = connection.info.server_version
    print(f"Postgres {version // 10_000}.{version % 10_000}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
