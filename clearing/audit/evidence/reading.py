"""Reading a pack, and checking it: hashes, proofs, and every figure made again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearing.audit.evidence.archive import PackBroken, read_archive, read_lines, read_object
from clearing.audit.evidence.pseudonyms import pseudonym
from clearing.audit.evidence.report import report_html
from clearing.audit.evidence.running import Figures, figures_of
from clearing.engine import ENGINE_VERSION, Engine, Resolver
from clearing.events import EventRow, unpack, upcast
from clearing.events.canonical import document_hash
from clearing.log.checkpoints import Checkpoint, open_checkpoint
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.notes import NoteRefused, Verifier, decoded
from clearing.log.proving import proves_growth, proves_inclusion
from clearing.rulebook.comparing import differences


@dataclass(frozen=True, slots=True)
class PackChecked:
    """What became of checking a pack.

    ``verdict``: ``reproduces``, ``does not reproduce``, or ``could not tell`` (another engine
    version made it). ``findings`` are what does not agree; ``proven`` events are the log's by a
    checkpoint that somebody trusted signed, of which the contents of ``shown`` are in the pack and
    were hashed; those of ``withheld`` are not, for other people's sake: what is told in their place
    is taken as it is told, by whoever made the pack. ``unproven`` says why nothing is proven, if
    so.
    """

    verdict: str
    account: str
    since: int
    upto: int
    findings: tuple[str, ...]
    proven: int
    shown: int
    withheld: int
    unproven: str
    signed_by: tuple[str, ...]


def rows_of(
    lines: Sequence[dict[str, Any]], earlier: Sequence[dict[str, Any]]
) -> tuple[list[EventRow], Resolver]:
    """Return a pack's events, and what finds them and the earlier ones by identity."""
    rows = [_row(line) for line in lines]
    index: dict[tuple[int, str], EventRow] = {}
    for row in (*(_row(line) for line in earlier), *rows):
        index[row.source, row.external_id] = row
        index[row.source, pseudonym(row.source, row.external_id)] = row
    return rows, lambda source, external_id: index.get((source, external_id))


def _row(line: dict[str, Any]) -> EventRow:
    if "content" in line:
        row = unpack(decoded(line["content"], "content"))
        row.position = int(line["position"])
        return upcast(row)
    return EventRow(*line["row"])


def check_pack(path: Path, trusted: Sequence[Verifier] = ()) -> PackChecked:
    """Check a pack, without a database: hashes, proofs, and every figure made again.

    ``trusted`` are the public keys that count; without any, the one in the pack does, which proves
    no more than that the pack agrees with itself. Raises :class:`PackBroken`.
    """
    files = read_archive(path)
    manifest = read_object(files, "manifest.json")
    account, since, upto = _about(manifest)
    findings = _hashes(manifest, files)
    lines = read_lines(files, "events.jsonl", leaves=True)
    earlier = read_lines(files, "earlier.jsonl", leaves=False)
    findings += _contents(lines)
    findings += _rulebooks(files)
    proven, unproven = 0, ""
    signed: tuple[str, ...] = ()
    try:
        proven, signed = _proofs(files, upto, (lines, earlier), trusted)
    except (NoteRefused, ValueError, KeyError, TypeError) as refused:
        unproven = str(refused)
        if "log.json" in files:
            findings.append(f"log.json: {unproven}")
    told = read_object(files, "figures.json")
    verdict = "could not tell"
    engine_version = told.get("engine_version")
    if not isinstance(engine_version, str):
        raise PackBroken("figures.json: engine_version is not a version")
    if engine_version == ENGINE_VERSION:
        findings += _figures(files, (account, since, upto), lines, earlier, told)
        verdict = "does not reproduce" if findings else "reproduces"
    elif findings:
        verdict = "does not reproduce"
    shown = sum("content" in line for line in lines)
    return PackChecked(
        verdict,
        account,
        since,
        upto,
        tuple(findings),
        proven,
        shown,
        len(lines) - shown,
        unproven,
        signed,
    )


def _about(manifest: dict[str, Any]) -> tuple[str, int, int]:
    """Return the account that a pack is about, and from and up to which position."""
    account, since, upto = (manifest.get(name) for name in ("account", "since", "upto"))
    if not isinstance(account, str) or type(since) is not int or type(upto) is not int:
        raise PackBroken("manifest.json: account, since and upto are a name and two positions")
    return account, since, upto


def _hashes(manifest: dict[str, Any], files: dict[str, str]) -> list[str]:
    """Return which files are not those of the manifest."""
    told = manifest.get("files")
    if not isinstance(told, dict):
        raise PackBroken("manifest.json: files is not an object of hashes by name")
    found = {
        name: hashlib.sha256(text.encode()).hexdigest()
        for name, text in files.items()
        if name != "manifest.json"
    }
    names = sorted({*told, *found})
    return [f"{name}: is not the manifest's" for name in names if told.get(name) != found.get(name)]


def _contents(lines: list[dict[str, Any]]) -> list[str]:
    """Return which events do not hash to their leaves."""
    return [
        f"log position {line['position']}: content and leaf differ"
        for line in lines
        if "content" in line
        and leaf_hash(decoded(line["content"], "content")).hex() != line["leaf"]
    ]


def _rulebooks(files: dict[str, str]) -> list[str]:
    found = []
    for name, text in files.items():
        if name.startswith("rulebooks/"):
            sha256 = name.removeprefix("rulebooks/").removesuffix(".json")
            try:
                wrong = document_hash(json.loads(text)) != sha256
            except (TypeError, ValueError, RecursionError):
                wrong = True
            if wrong:
                found.append(f"{name}: is not the document of that hash")
    return found


def _proofs(
    files: dict[str, str],
    upto: int,
    events: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    trusted: Sequence[Verifier],
) -> tuple[int, tuple[str, ...]]:
    """Return how many events are proven to be the log's, and who signed the checkpoint."""
    lines, earlier = events
    if "log.json" not in files:
        raise NoteRefused("the pack has no checkpoint and no proofs")
    proofs = read_object(files, "log.json")
    for name in ("peaks", "growth"):
        if not isinstance(proofs[name], list):
            raise NoteRefused(f"{name} is not a list of hashes")
    keys = list(trusted) or [Verifier.from_text(files.get("verifier", ""))]
    checkpoint, signed = open_checkpoint(str(proofs["checkpoint"]), keys)
    tree = Frontier(int(proofs["since"]), [decoded(one, "a peak") for one in proofs["peaks"]])
    for expected, line in enumerate(lines, start=tree.size + 1):
        if line["position"] != expected:
            raise NoteRefused(f"log position {expected} is missing; {line['position']} follows")
        tree.append(bytes.fromhex(line["leaf"]))
    if tree.size != upto:
        raise NoteRefused(f"the events end at {tree.size}, not at {upto}")
    path = [decoded(one, "a hash") for one in proofs["growth"]]
    if not proves_growth(tree.size, checkpoint.size, path, tree.root(), checkpoint.root):
        raise NoteRefused(
            f"the events are not those under the checkpoint of {checkpoint.size:,} events"
        )
    if not isinstance(proofs["earlier"], dict):
        raise NoteRefused("earlier is not an object of proofs by position")
    if set(proofs["earlier"]) != {str(line["position"]) for line in earlier}:
        raise NoteRefused("the earlier events and their proofs are not of the same positions")
    for line in earlier:
        _prove_earlier(line, proofs["earlier"], checkpoint)
    return len(lines), signed


def _prove_earlier(line: dict[str, Any], proofs: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Refuse an earlier event that is not under the checkpoint, or whose content is another's."""
    position = line["position"]
    proof = proofs[str(position)]
    leaf, path = bytes.fromhex(proof["leaf"]), [decoded(one, "a hash") for one in proof["path"]]
    if "content" in line and leaf_hash(decoded(line["content"], "content")) != leaf:
        raise NoteRefused(f"log position {position}: content and leaf differ")
    if not proves_inclusion(leaf, position - 1, checkpoint.size, path, checkpoint.root):
        raise NoteRefused(f"log position {position} is not proven to be under the checkpoint")


def _figures(
    files: dict[str, str],
    about: tuple[str, int, int],
    lines: list[dict[str, Any]],
    earlier: list[dict[str, Any]],
    told: Figures,
) -> list[str]:
    """Return which figures are others when they are made again, and whether the report is."""
    account, since, upto = about
    found = []
    try:
        rows, resolver = rows_of(lines, earlier)
        engine = Engine.restore(files["state.json"], resolver=resolver)
        if engine.position != since - 1:
            found.append(f"manifest.json: since is {since}, the state is of {engine.position}")
        if not engine.position and engine.snapshot() != Engine(resolver=resolver).snapshot():
            found.append("state.json: is not the state before the first event, where nothing is")
        again = figures_of(engine, rows, account)
        if engine.position != upto:
            found.append(f"manifest.json: upto is {upto}, the events end at {engine.position}")
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # The fold is total over what a ledger has: what it fails on is not of one.
        return [*found, f"the events cannot be folded: {error}"]
    found += [
        f"figures.json: {path} is {told_!r}, and comes to {again_!r}"
        for path, told_, again_ in differences(told, json.loads(json.dumps(again)))
    ]
    report = report_html(again, proven="log.json" in files)
    if files.get("report.html") != report:
        found.append("report.html: is not the report of these figures")
    return found
