"""Commands that keep a ledger: init, project, rebuild, verify, psql."""

import os
import shutil
import subprocess
from typing import Annotated

import psycopg
from cyclopts import Parameter
from psycopg.conninfo import make_conninfo

from clearing.audit import Verification
from clearing.cli.keys import store_folder, trusted_keys
from clearing.cli.output import err, out, print_json, steps, table
from clearing.cli.proofs import Store, Trusted
from clearing.cli.where import Where, ledger
from clearing.ledger import Ledger
from clearing.log import HeadMissing, may_assume, read_head
from clearing.log.tiles import TileStore
from clearing.projectors import RebuildRefused


def init(*, where: Where | None = None) -> None:
    """Make the ledger, or bring its schema up to date, and say where it is."""
    with ledger(where) as opened:
        database = opened.describe()
    if where is not None and where.json:
        print_json(database)
        return
    rows = [(name.replace("_", " "), str(value)) for name, value in database.items()]
    out.print(table("Ready", ("", ""), rows))


def project(
    *,
    follow: Annotated[bool, Parameter(negative=(), help="stay and project what is appended")] = (
        False
    ),
    where: Where | None = None,
) -> None:
    """Bring the read models up to the end of the log."""
    with ledger(where) as opened:
        total = opened.status().log_position
        with steps("projected", None if follow else total) as progress:
            if follow:
                position = opened.follow(progress=progress.reached)
            else:
                position = opened.project(progress=progress.reached)
        digest = opened.digest()
    if where is not None and where.json:
        print_json({"position": position, "digest": digest})
    else:
        out.print(f"projected to log position {position:,}, digest {digest}")


def rebuild(
    *,
    accept_engine_change: Annotated[
        bool,
        Parameter(negative=(), help="another engine version made the live one and may differ"),
    ] = False,
    where: Where | None = None,
) -> int:
    """Rebuild every read model from genesis beside the live ones, compare, and switch.

    Exit code 1: the two differ or a certified digest is not reproduced; nothing was switched.
    """
    with ledger(where) as opened:
        total = opened.status().log_position
        try:
            with steps("rebuilt", total) as progress:
                done = opened.rebuild(
                    accept_engine_change=accept_engine_change, progress=progress.reached
                )
        except RebuildRefused as refused:
            err.print(f"generation {refused.generation} was refused:", style="red")
            for difference in refused.differences:
                err.print(f"- {difference}", markup=False)
            return 1
    if where is not None and where.json:
        print_json(done)
    else:
        out.print(
            f"generation {done.generation} replaces {done.previous} at log position"
            f" {done.position:,}: same entries, same tables, digest {done.digest}"
        )
    return 0


def verify(*, store: Store = None, key: Trusted = None, where: Where | None = None) -> int:
    """Re-hash the log, hold it against kept checkpoints, fold it anew, compare everything.

    Every difference is reported. Exit codes: 0 sound; 1 not sound; 2 could not tell: nothing was
    found, but events that no checkpoint outside the database covers could have been rewritten.
    """
    with ledger(where) as opened:
        folder = store_folder(opened, store)
        kept = TileStore(folder) if folder.is_dir() else None
        trusted = trusted_keys(key or [], kept)
        total = _length(opened)
        bars = {}
        with steps("re-hashed", total) as hashing, steps("folded", total) as folding:
            bars = {"log": hashing, "models": folding}
            answer = opened.verify(
                lambda stage, position: bars[stage].reached(position), store=kept, trusted=trusted
            )
    if where is not None and where.json:
        print_json(answer)
    else:
        print_verification(answer)
    return {"sound": 0, "not sound": 1}.get(answer.verdict, 2)


def _length(opened: Ledger) -> int | None:
    """Return how long the log says it is, or None if it says nothing: that is to be found."""
    try:
        return read_head(opened.connection).position
    except (HeadMissing, psycopg.errors.UndefinedTable):
        return None


def print_verification(answer: Verification) -> None:
    """Print what verification found."""
    findings = (*answer.log_findings, *answer.checkpoint_findings, *answer.model_findings)
    for finding in findings:
        out.print(f"✗ {finding}", style="red", markup=False)
    style = {"sound": "green", "not sound": "red"}.get(answer.verdict, "yellow")
    found = f": {answer.count:,} findings" if answer.count else ""
    out.print(
        f"{answer.events:,} events re-hashed and folded again: {answer.verdict}{found}", style=style
    )
    if answer.checkpoints:
        out.print(
            f"{answer.checkpoints:,} checkpoints outside the database, the last of"
            f" {answer.proven:,} events"
        )
    for words in answer.untold:
        out.print(f"? {words}", style="yellow", markup=False)
    off = [name.replace("_", " ") for name, on in answer.protections.items() if not on]
    if off:
        out.print(f"protections that are not active: {', '.join(off)}", style="yellow")


def psql(*, where: Where | None = None) -> int:
    """Open psql on the ledger, as a reader, if psql is installed."""
    program = shutil.which("psql")
    if program is None:
        raise ValueError("psql is not installed; `clearing init` says where any client may connect")
    with ledger(where) as opened:
        info = opened.connection.info
        settings = info.get_parameters()  # never the password
        if settings.get("sslcertmode") == "allow":  # the default, and unknown to a psql before 16
            del settings["sslcertmode"]
        settings["options"] = _as_reader(opened, settings.get("options", ""))
        environment = dict(os.environ)
        if info.password:
            environment["PGPASSWORD"] = info.password
        command = [program, make_conninfo("", **settings)]
        # The program is the one on PATH and its arguments are the open connection's own.
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def _as_reader(opened: Ledger, options: str) -> str:
    """Return session options with which nothing can be changed by mistake."""
    options = f"{options} -c default_transaction_read_only=on"
    if may_assume(opened.connection, "clearing_reader"):
        options += " -c role=clearing_reader"
    return options
