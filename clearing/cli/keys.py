"""Where checkpoints and the key that signs them are kept, and whose signatures count."""

import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from clearing.cli.where import DEMO
from clearing.database import Settings, data_folder
from clearing.ledger import Ledger
from clearing.log.notes import NoteRefused, Signer, Verifier
from clearing.log.tiles import TileStore

_VERIFIER = "verifier"


def store_folder(opened: Ledger, named: Path | None) -> Path:
    """Return the folder of a ledger's checkpoints: as named, as set, or by the database's name."""
    return named_folder(named) or default_folder(Settings.read(), opened)


def named_folder(named: Path | None) -> Path | None:
    """Return the folder of checkpoints that is named or set, if one is: no ledger is needed."""
    return named or Settings.read().checkpoints


def default_folder(settings: Settings, opened: Ledger) -> Path:
    """Return the folder in the data folder that a database's checkpoints are kept in."""
    info = opened.connection.info
    host = "" if info.host.startswith("/") else f"{info.host}_{info.port}_"
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{host}{info.dbname}")
    return data_folder(settings) / "checkpoints" / name


def forget_demo_checkpoints(opened: Ledger) -> None:
    """Remove the checkpoints of an earlier demo, whose ledger is gone, and the key of its log."""
    if opened.connection.info.dbname == DEMO:
        settings = Settings.read()
        shutil.rmtree(default_folder(settings, opened), ignore_errors=True)
        _default_key(settings, opened).unlink(missing_ok=True)


def _default_key(settings: Settings, opened: Ledger) -> Path:
    """Return the key's file: each ledger has its own, since a key's name is a log's name."""
    name = default_folder(settings, opened).name
    return data_folder(settings) / "checkpoint-keys" / f"{name}.key"


def signer_of(opened: Ledger, named: Path | None) -> tuple[Signer, Path, bool]:
    """Return the key that signs, its file, and whether it was made just now.

    Raises :class:`~clearing.log.notes.NoteRefused` for a file that others may read, or that holds
    no key.
    """
    settings = Settings.read()
    path = named or settings.checkpoint_key or _default_key(settings, opened)
    try:
        return _read_key(path), path, False
    except FileNotFoundError:
        signer = Signer.generate(f"clearing.invalid/{secrets.token_hex(8)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(signer.text() + "\n")
        out.flush()
        os.fsync(out.fileno())
    return signer, path, True


def _read_key(path: Path) -> Signer:
    with path.open(encoding="ascii") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NoteRefused(f"{path} can be read by others; `chmod 600` it")
        try:
            return Signer.from_text(file.read(1000))
        except (NoteRefused, UnicodeDecodeError) as error:
            raise NoteRefused(f"{path}: {error}") from None


def keep_verifier(store: TileStore, signer: Signer) -> None:
    """Keep the public key beside the checkpoints, for those who have no other copy."""
    path = store.folder / _VERIFIER
    if not path.exists():
        path.write_text(signer.verifier.text() + "\n", encoding="ascii")


def trusted_keys(named: list[str], store: TileStore | None) -> list[Verifier]:
    """Return the public keys that count: named as texts or files, else the one beside the store."""
    keys = [_verifier(text) for text in named]
    if keys or store is None:
        return keys
    beside = store.folder / _VERIFIER
    return [_verifier(str(beside))] if beside.exists() else []


def _verifier(named: str) -> Verifier:
    path = Path(named)
    try:
        text = path.read_text(encoding="ascii") if path.is_file() else named
        return Verifier.from_text(text)
    except (OSError, UnicodeDecodeError, NoteRefused) as error:
        raise NoteRefused(f"{named}: {error}") from None
