"""Commands about generations: which read models there are, and removing what is not needed."""

import json
from typing import Annotated

from cyclopts import App, Parameter

from clearing.cli.output import out, print_json, table
from clearing.cli.where import Where, ledger
from clearing.projectors import Generation

app = App(name="generations", help="Sets of read models: the books, earlier ones, and scenarios'.")


@app.default
def listed(*, where: Where | None = None) -> None:
    """List every set of read models: its status, how far it is, which engine wrote it."""
    with ledger(where) as opened:
        found = opened.generations()
    if where is not None and where.json:
        print_json([_facts(one) for one in found])
        return
    rows = [
        (
            str(one.number),
            one.status,
            f"{one.position:,}",
            one.engine_version,
            _name(one),
            f"{one.since:,}" if one.since else "",
        )
        for one in found
    ]
    columns = (">generation", "status", ">log position", "engine", "scenario", ">since")
    out.print(table("Generations", columns, rows))


@app.command
def drop(
    number: Annotated[int, Parameter(help="the generation")], /, *, where: Where | None = None
) -> None:
    """Remove a generation and its tables; never the live one."""
    with ledger(where) as opened:
        opened.drop_generation(number)
    if where is not None and where.json:
        print_json({"dropped": number})
    else:
        out.print(f"dropped generation {number}")


def _name(generation: Generation) -> str:
    return str(json.loads(generation.scenario)["name"]) if generation.scenario else ""


def _facts(generation: Generation) -> dict[str, object]:
    return {
        "number": generation.number,
        "status": generation.status,
        "position": generation.position,
        "entry_hash": generation.entry_hash.hex(),
        "engine_version": generation.engine_version,
        "finding": generation.finding,
        "scenario": json.loads(generation.scenario) if generation.scenario else None,
        "since": generation.since or None,
    }
