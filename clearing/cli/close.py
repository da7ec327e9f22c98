"""The daily close as a command: one page at the end of a day."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clearing.cli.keys import keep_verifier, signer_of, store_folder, trusted_keys
from clearing.cli.output import err, out, print_json, say_step, shown_time, table
from clearing.cli.person import Person, person_of
from clearing.cli.reconcile import print_breaks
from clearing.cli.where import Where, ledger
from clearing.close import Close, Tools, close_day, read_plan
from clearing.log.tiles import TileStore


def close(
    day: Annotated[str, Parameter(help="the day of the plan's calendar, such as 2024-06-18")],
    /,
    *,
    plan: Annotated[Path, Parameter(help="what is closed, as YAML or JSON")],
    store: Annotated[
        Path | None, Parameter(help="the folder of checkpoints, as of `clearing checkpoint`")
    ] = None,
    key: Annotated[Path | None, Parameter(help="the private key's file")] = None,
    person: Person = None,
    where: Where | None = None,
) -> int:
    """Close a day: statements, reconciliation, fees, our statements, verify, checkpoint; one page.

    Interrupted, it is run again and goes on; what is done is not done twice. Exit codes: 0 clean,
    1 there are breaks or the log is not sound, 2 could not tell.
    """
    who = person_of(person)
    wanted = read_plan(plan)
    with ledger(where) as opened:
        signer, path, made = signer_of(opened, key)
        kept = TileStore(store_folder(opened, store))
        trusted = (*trusted_keys([], kept if kept.folder.is_dir() else None), signer.verifier)
        answer = close_day(
            opened,
            wanted,
            day,
            person=who,
            folder=plan.parent,
            tools=Tools(kept, signer, trusted),
            progress=say_step,
        )
    if wanted.checkpoint:
        keep_verifier(kept, signer)
    if made:
        err.print(f"made a key, {path}: keep it where whoever can change the database cannot")
    if where is not None and where.json:
        print_json(answer)
    else:
        print_close(answer)
    return {"clean": 0, "could not tell": 2}.get(answer.verdict, 1)


def print_close(answer: Close) -> None:
    """Print the page of a close."""
    hours = f"{shown_time(answer.begins)} to {shown_time(answer.ends)} UTC"
    position = f"as of log position {answer.log_position:,}"
    out.print(f"{answer.plan}, {answer.day}: {hours}, {position}", markup=False)
    rows = [
        ("✓" if one.good else "✗", one.step, one.words, "as before" if one.again else "")
        for one in answer.steps
    ]
    out.print(table("", ("", "step", "what it found", ""), rows))
    if answer.breaks:
        print_breaks(answer.breaks, f"{len(answer.breaks):,} open breaks, oldest and largest first")
        act = ", ".join(f"{name or 'nobody yet'} {count:,}" for name, count in answer.act.items())
        out.print(f"to act: {act}", markup=False)
    for one in answer.waiting:
        asked = f"proposal {one.number}, {one.kind} by {one.author}: {one.reason}"
        out.print(f"waits for a decision: {asked}", markup=False)
    style = "green" if answer.verdict == "clean" else "red"
    out.print(answer.verdict, style=style)
