"""Commands about what is owed: liabilities publish, liabilities proof, liabilities check."""

import json
import os
import secrets
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.books.liabilities import (
    SECRET_BYTES,
    Liabilities,
    LiabilityProof,
    NotAFile,
    ProofRefused,
    Publication,
    check_proof,
)
from clearing.books.new_files import new_file, new_folder
from clearing.cli.keys import default_folder, store_folder, trusted_keys
from clearing.cli.moment import When, moment_of
from clearing.cli.output import amount, err, out, print_json, print_text, short, steps, table
from clearing.cli.proofs import Store, Trusted
from clearing.cli.where import Where, ledger
from clearing.database import Settings, data_folder
from clearing.ledger import Ledger
from clearing.log.tiles import TileStore
from clearing.quantities import format_scaled

app = App(
    name="liabilities", help="What is owed, published, and proofs that a user checks offline."
)

_PUBLICATION = "publication.json"
_MOST = 64 * 1024 * 1024

Secret = Annotated[
    Path | None,
    Parameter(
        name="--secret",
        help="the file of the secret that hides leaves; made, readable by you alone, if there is"
        " none; in the data folder by default",
    ),
]


@app.command
def publish(
    *,
    to: Annotated[Path, Parameter(name="--out", help="the folder to make; it must not exist")],
    house: Annotated[
        list[str] | None,
        Parameter(
            name="--house", help="a class of accounts that are the venue's own, as funds are"
        ),
    ] = None,
    secret: Secret = None,
    store: Store = None,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Publish what is owed in each asset: a sum tree's root and total, and what is beside it."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        position = moment.plain()
        key, path, made = _secret(opened, secret, make=True)
        folder = store_folder(opened, store)
        kept = TileStore(folder) if folder.is_dir() else None
        found = opened.liabilities(key, moment, house=house or [], store=kept)
    with new_folder(to) as draft:
        (draft / _PUBLICATION).write_text(found.publication.text(), encoding="utf-8", newline="\n")
    if made:
        err.print(f"made a secret, {path}: proofs are made with it; keep it, and to yourself")
    if where is not None and where.json:
        told = json.loads(found.publication.text())
        print_json({"file": str(to / _PUBLICATION), "publication": told})
        return
    _print_publication(found.publication, f"Owed at log position {position:,}")
    signed = "a signed checkpoint is in it" if found.publication.checkpoint else "no checkpoint yet"
    out.print(f"{to / _PUBLICATION}: {signed}", markup=False)


def _print_publication(publication: Publication, title: str) -> None:
    rows = []
    for asset in publication.assets:
        told = asset.document()
        house = sum(asset.house.values())
        rows.append(
            (
                asset.asset,
                *(short(told[name]) for name in ("total", "negative")),
                str(asset.negative_accounts),
                short(format_scaled(house, asset.decimals)),
                *(short(told[name]) for name in ("pending", "not_named")),
                told["root"][:16] + "…",
            )
        )
    columns = ("asset", ">owed", ">negative", ">of accounts", ">the house's", ">pending")
    out.print(table(title, (*columns, ">not named", "root"), rows))


@app.command
def proof(
    account: Annotated[str | None, Parameter(help="whose proof")] = None,
    /,
    *,
    publication: Annotated[Path, Parameter(help="the publication's file")],
    everybody: Annotated[
        bool, Parameter(name="--all", negative=(), help="a file for each account that is owed")
    ] = False,
    to: Annotated[
        Path | None,
        Parameter(name="--out", help="the file to write, or with --all the folder to make"),
    ] = None,
    secret: Secret = None,
    where: Where | None = None,
) -> None:
    """Make the proof that an account is in a publication: to give to its user, and nobody else."""
    if (account is None) is not everybody:
        raise ValueError("name an account, or --all of them")
    if everybody and to is None:
        raise ValueError("--all needs --out: the folder to make")
    text = _read(publication)
    published = Publication.from_text(text)
    with ledger(where) as opened:
        key, _, _ = _secret(opened, secret, make=False)
        found = opened.liabilities_again(key, published)
    if account is not None:
        made = found.proof(account, text)
        if to is None:
            print_text(made.text(), end="")
            return
        with new_file(to, mode=0o600) as file:
            file.write(made.text())
        _told(where, to, 1)
        return
    if to is not None:
        _told(where, to, _write_all(found, text, to))


def _write_all(found: Liabilities, text: str, to: Path) -> int:
    """Write everybody's proof into a folder that is its maker's alone."""
    done = 0
    with new_folder(to) as draft, steps("proofs", len(found.accounts())) as progress:
        draft.chmod(0o700)
        for done, made in enumerate(found.proofs(text), start=1):
            (draft / proof_name(made)).write_text(made.text(), encoding="utf-8", newline="\n")
            progress.reached(done)
    return done


def proof_name(made: LiabilityProof) -> str:
    """Return what a proof's file is called: the account's name, ``/`` and ``:`` as in URLs."""
    name = made.account.replace("/", "%2F").replace(":", "%3A")
    return f"{name}.json"


def _told(where: Where | None, to: Path, many: int) -> None:
    if where is not None and where.json:
        print_json({"out": str(to), "proofs": many})
    else:
        out.print(f"{to}: {many:,} {'proof' if many == 1 else 'proofs'}", markup=False)


@app.command
def check(
    proof_file: Annotated[Path, Parameter(name="proof", help="the proof's file")],
    publication: Annotated[Path, Parameter(help="the publication's file")],
    /,
    *,
    key: Trusted = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="answer as JSON")] = False,
) -> int:
    """Check a proof against a publication, without a database. Exit codes: 0 it proves, 1 not."""
    try:
        answer = check_proof(_read(proof_file), _read(publication), trusted_keys(key or [], None))
    except (ProofRefused, NotAFile) as refused:
        if as_json:
            print_json({"proves": False, "why": str(refused)})
        else:
            out.print(f"✗ {proof_file}: {refused}", style="red", markup=False)
        return 1
    if as_json:
        print_json({"proves": True, **asdict(answer)})
        return 0
    title = f"Owed to {answer.account}"
    rows = [
        (asset, amount(owed), amount(answer.totals[asset])) for asset, owed in answer.owed.items()
    ]
    out.print(table(title, ("asset", ">is owed", ">within the total of"), rows))
    out.print("The proof holds: these amounts are in the published totals", style="green")
    out.print(f"as of {answer.as_of}, log position {answer.log_position:,}", markup=False)
    whose = f"signed by {', '.join(answer.signed_by)}" if answer.signed_by else "not checked"
    hint = "" if answer.signed_by else " (--key names whose checkpoint it must be)"
    out.print(f"whose log it is of: {whose}{hint}", markup=False)
    return 0


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(_MOST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise NotAFile(f"{path}: cannot be read: {error}") from None
    if len(text) > _MOST:
        raise NotAFile(f"{path}: is longer than any such file")
    return text


def _secret(opened: Ledger, named: Path | None, *, make: bool) -> tuple[bytes, Path, bool]:
    """Return the secret, its file, and whether it was made just now.

    Raises :class:`ValueError` for a file that others may read, that holds no secret, or, unless one
    is to be made, that is not there.
    """
    settings = Settings.read()
    name = f"{default_folder(settings, opened).name}.secret"
    path = named or data_folder(settings) / "liability-secrets" / name
    try:
        return _read_secret(path), path, False
    except FileNotFoundError:
        if not make:
            raise ValueError(
                f"{path}: there is no secret; name the one that it was published with (--secret)"
            ) from None
    secret = secrets.token_bytes(SECRET_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path, mode=0o600) as file:
        file.write(f"{secret.hex()}\n")
    return secret, path, True


def _read_secret(path: Path) -> bytes:
    with path.open(encoding="ascii") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"{path} can be read by others; `chmod 600` it")
        try:
            secret = bytes.fromhex(file.read(1000).strip())
        except ValueError:
            secret = b""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"{path} holds no secret: {SECRET_BYTES} bytes in hexadecimal")
    return secret
