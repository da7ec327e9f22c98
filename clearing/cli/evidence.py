"""Commands about packs of evidence: evidence make, evidence check."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.audit import check_pack
from clearing.cli.keys import store_folder, trusted_keys
from clearing.cli.moment import When, moment_of
from clearing.cli.output import out, print_json
from clearing.cli.proofs import Store, Trusted
from clearing.cli.where import Where, ledger
from clearing.log.tiles import TileStore

app = App(name="evidence", help="Everything about one account in one file that others can check.")

_SHOWN = 20


@app.command
def make(
    account: str,
    /,
    *,
    to: Annotated[Path, Parameter(name="--out", help="the file to write; it must not exist")],
    when: When | None = None,
    since: Annotated[
        int | None, Parameter(help="the first log position; by default that of its first event")
    ] = None,
    names: Annotated[
        bool, Parameter(negative=(), help="with other accounts under their names")
    ] = False,
    store: Store = None,
    where: Where | None = None,
) -> None:
    """Write a pack: events with proofs, rules, figures, a report that opens without a network."""
    with ledger(where) as opened:
        folder = store_folder(opened, store)
        if store is not None and not folder.is_dir():
            raise ValueError(f"--store {store} is no folder")
        kept = TileStore(folder) if folder.is_dir() else None
        keys = trusted_keys([], kept)
        moment = moment_of(opened, when)
        try:
            answer = opened.evidence(
                account,
                to,
                moment.plain(),
                since=since,
                store=kept,
                verifier=keys[0] if keys else None,
                names=names,
            )
        except FileExistsError:
            raise ValueError(f"{to} is there already; name another file") from None
    if where is not None and where.json:
        print_json(answer)
        return
    out.print(
        f"{answer.file}: {answer.events:,} events, log positions {answer.since:,} to"
        f" {answer.upto:,}, about {answer.account}",
        markup=False,
    )
    proven = "with proofs" if answer.proven else "without proofs: no checkpoint covers it"
    hidden = "others under their names" if answer.named else "others under pseudonyms"
    out.print(f"{proven}; {hidden}; SHA-256 {answer.sha256}", markup=False)


@app.command
def check(
    pack: Path,
    /,
    *,
    key: Trusted = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="answer as JSON")] = False,
) -> int:
    """Check a pack, without a database: hashes, proofs, and every figure made again.

    Exit codes: 0 everything reproduces; 1 something does not; 2 could not tell: another engine
    version made it, or it is no pack.
    """
    answer = check_pack(pack, trusted_keys(key or [], None))
    code = {"reproduces": 0, "does not reproduce": 1}.get(answer.verdict, 2)
    if as_json:
        print_json(answer)
        return code
    for finding in answer.findings[:_SHOWN]:
        out.print(f"✗ {finding}", style="red", markup=False)
    if len(answer.findings) > _SHOWN:
        out.print(f"… and {len(answer.findings) - _SHOWN:,} more (--json has all)", style="red")
    style = {0: "green", 1: "red"}.get(code, "yellow")
    words = f"{answer.account}, log positions {answer.since:,} to {answer.upto:,}: {answer.verdict}"
    out.print(words, style=style, markup=False)
    if answer.proven:
        whose = "" if key else " (by the key in the pack itself)"
        signed = f"{', '.join(answer.signed_by)}{whose}"
        out.print(
            f"{answer.proven:,} events are the log's, signed by {signed};"
            f" the contents of {answer.shown:,} are here",
            markup=False,
        )
    else:
        out.print(f"? not proven to be the log's: {answer.unproven}", style="yellow", markup=False)
    if answer.withheld:
        out.print(
            f"? {answer.withheld:,} events of others are withheld, and what is told in their place"
            " is taken as told; a pack made with --names shows and proves them",
            style="yellow",
            markup=False,
        )
    return code
