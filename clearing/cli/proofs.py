"""Commands that prove: checkpoint, prove event, prove growth, prove check."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.audit import prove_growth
from clearing.cli.keys import (
    keep_verifier,
    named_folder,
    signer_of,
    store_folder,
    trusted_keys,
)
from clearing.cli.output import err, out, print_json, print_text, steps
from clearing.cli.where import Where, ledger
from clearing.events import Kind, unpack
from clearing.events.fields import from_microseconds
from clearing.log.notes import NoteRefused
from clearing.log.proof_files import MAX_PROOF, Proved, check_proof
from clearing.log.tiles import TileStore

app = App(name="prove", help="Proofs that others can check: offline, with a public key alone.")

Store = Annotated[
    Path | None,
    Parameter(help="the folder of checkpoints, instead of CLEARING_CHECKPOINTS or the data folder"),
]
Trusted = Annotated[
    list[str] | None,
    Parameter(name="--key", help="a public key, or its file; whose signatures count"),
]
Size = Annotated[int | None, Parameter(help="the checkpoint of so many events; the latest")]


def checkpoint(
    *,
    store: Store = None,
    key: Annotated[
        Path | None,
        Parameter(help="the private key's file; made, readable by you alone, if there is none"),
    ] = None,
    where: Where | None = None,
) -> None:
    """Sign the log's root and the state it folds to, and keep both outside the database."""
    with ledger(where) as opened:
        signer, path, made = signer_of(opened, key)
        kept = TileStore(store_folder(opened, store))
        total = opened.status().log_position
        with steps("hashed", total) as hashing, steps("folded", total) as folding:
            bars = {"hashed": hashing, "folded": folding}
            answer = opened.checkpoint(
                kept, signer, progress=lambda stage, position: bars[stage].reached(position)
            )
    keep_verifier(kept, signer)
    if made:
        err.print(f"made a key, {path}: keep it where whoever can change the database cannot")
    if where is not None and where.json:
        print_json({"checkpoint": answer, "key": signer.verifier.text()})
        return
    out.print(answer.note, markup=False, end="")
    out.print(f"\nkept in {answer.file}", markup=False)
    out.print(f"public key {signer.verifier.text()}", markup=False)


@app.command
def event(
    position: Annotated[int, Parameter(help="the event's log position")],
    /,
    *,
    size: Size = None,
    store: Store = None,
    where: Where | None = None,
) -> None:
    """Print the proof that an event is in a checkpoint's log (C2SP tlog-proof)."""
    with ledger(where) as opened:
        kept = TileStore(store_folder(opened, store))
        proof = opened.prove_event(kept, position, size)
    _print_proof(proof, where)


@app.command
def growth(
    first: Annotated[int, Parameter(help="a checkpoint's size")],
    second: Annotated[int | None, Parameter(help="a later one's; the latest")] = None,
    /,
    *,
    store: Store = None,
    where: Where | None = None,
) -> None:
    """Print the proof that a checkpoint's log begins with that of an earlier one.

    It is made from the folder's files alone, without a database where the folder is named.
    """
    folder = named_folder(store)
    if folder is None:
        with ledger(where) as opened:
            folder = store_folder(opened, None)
    _print_proof(prove_growth(TileStore(folder), first, second), where)


def _print_proof(proof: str, where: Where | None) -> None:
    if where is not None and where.json:
        print_json({"proof": proof})
    else:
        print_text(proof, end="")


@app.command
def check(
    files: Annotated[list[Path], Parameter(help="proofs, or checkpoints")],
    /,
    *,
    key: Trusted = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="answer as JSON")] = False,
) -> int:
    """Check proofs and checkpoints, without a database.

    Exit codes: 0 all prove, 1 one does not, 2 a file cannot be read.
    """
    trusted = trusted_keys(key or [], None)
    if not trusted:
        raise ValueError("--key is needed: the public key of whoever signs the checkpoints")
    answers, failed = [], False
    for path in files:
        try:
            with path.open(encoding="utf-8") as file:
                proved = check_proof(file.read(MAX_PROOF + 1), trusted)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError:
            failed = True
            answers.append({"file": str(path), "proves": False, "why": "is no text, so no proof"})
            continue
        except NoteRefused as error:
            failed = True
            answers.append({"file": str(path), "proves": False, "why": str(error)})
            continue
        answers.append({"file": str(path), "proves": True, **_facts(proved)})
    if as_json:
        print_json(answers)
        return int(failed)
    for answer in answers:
        style = "green" if answer["proves"] else "red"
        words = answer["what"] if answer["proves"] else answer["why"]
        out.print(f"{answer['file']}: {words}", style=style, markup=False)
    return int(failed)


def _facts(proved: Proved) -> dict[str, object]:
    """Return what a proof proves, in words and numbers."""
    signed = ", ".join(proved.signed_by)
    facts: dict[str, object] = {
        "origin": proved.checkpoint.origin,
        "size": proved.size,
        "root": proved.root,
        "signed_by": proved.signed_by,
    }
    if not proved.log_position and not proved.first:
        what = (
            f"the log {proved.checkpoint.origin} of {proved.size:,} events has the root"
            f" {proved.root}; signed by {signed}"
        )
        return {"what": what, **facts, "state": proved.checkpoint.state}
    if not proved.log_position:
        what = (
            f"the log of {proved.size:,} events begins with the {proved.first:,} of the earlier"
            f" checkpoint; both signed by {signed}"
        )
        return {"what": what, "first": proved.first, **facts}
    place = f"log position {proved.log_position:,} of {proved.size:,}"
    facts = {"log_position": proved.log_position, **facts}
    try:
        row = unpack(proved.content)
        happened = from_microseconds(row.occurred_at).isoformat()
    except (ValueError, OverflowError) as error:
        # The proof holds nevertheless: so much is in the log that was signed, whatever it means.
        what = f"{place} {error}, of {len(proved.content):,} bytes; signed by {signed}"
        return {"what": what, **facts, "content": None}
    kind = Kind(row.kind).name if row.kind in set(Kind) else f"kind {row.kind}"
    what = f"{place} is {kind} {row.external_id!r} of {happened}; signed by {signed}"
    return {
        "what": what,
        **facts,
        "content": dict(zip(row.__slots__, row.values(), strict=True)),
    }
