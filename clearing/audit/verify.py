"""Verification of everything that is stored: the log's hashes, checkpoints, read models.

Whoever may rewrite the whole database can make it agree with itself. What they cannot reach are
checkpoints kept outside it: events up to the last of them are proven or not, later ones unproven.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import errors

from clearing.audit.checkpointing import Kept, kept_checkpoints, latest_problem
from clearing.engine import ENGINE_VERSION, UnknownKind
from clearing.events import UnknownVersion
from clearing.log import (
    Connection,
    Findings,
    HeadMissing,
    LogHole,
    Witness,
    protections,
    verify_log,
)
from clearing.log.checkpoints import Annex
from clearing.log.notes import Verifier
from clearing.log.tiles import StoreBroken, TileStore
from clearing.projectors import (
    BrokenCheckpoint,
    BrokenLeaf,
    Stated,
    check_generation,
    generations,
    live_generation,
)

_BROKEN = (BrokenCheckpoint, BrokenLeaf, HeadMissing, LogHole, UnknownKind, UnknownVersion)
_SPOILT = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
    errors.IntegrityError,
    errors.DuplicateSchema,
    errors.DataError,
)
"""What the database answers where tables are not those that the migrations and projectors made."""

NO_CHECKPOINT = "no checkpoint is kept outside the database: it can only be held against itself"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. ``sound`` is true only if nothing was.

    ``verdict`` is ``sound``, ``not sound``, or ``could not tell``: nothing was found, but some
    could have been rewritten without a trace, as ``untold`` says. ``events`` were re-hashed;
    ``log_findings``, ``checkpoint_findings`` and ``model_findings`` are what does not agree, and
    ``count`` may exceed the findings shown. ``checkpoints`` were checked, the last of ``proven``
    events; ``unproven`` came after it. ``protections`` says what guards the log now.
    """

    sound: bool
    verdict: str
    events: int
    count: int
    log_findings: tuple[str, ...]
    checkpoint_findings: tuple[str, ...]
    model_findings: tuple[str, ...]
    checkpoints: int
    proven: int
    unproven: int
    untold: tuple[str, ...]
    protections: dict[str, bool]


Progress = Callable[[str, int], None]
"""Called with the stage (``log`` or ``models``) and the position reached."""


def verify(
    connection: Connection,
    progress: Progress | None = None,
    *,
    store: TileStore | None = None,
    trusted: Sequence[Verifier] = (),
) -> Verification:
    """Re-hash the log, hold it against the checkpoints of ``store``, fold it, compare everything.

    Checkpoints count if one of the ``trusted`` keys signed them.
    """
    kept = [] if store is None else list(kept_checkpoints(store, list(trusted)))
    findings = [one.problem for one in kept if one.problem]
    if store is not None and (problem := latest_problem(store)):
        findings.append(problem)
    good = [one for one in kept if not one.problem and one.checkpoint is not None]
    witness = None if store is None else _witness(store, good, findings)
    log = _log(connection, progress, witness)
    stated, untold = _stated(good)
    models: list[str] = []
    try:
        models = _set_back(connection, good)
        untold += _other_engine(connection)
        models += check_generation(
            connection,
            stated=stated,
            progress=None if progress is None else lambda n: progress("models", n),
        )
    except _BROKEN as broken:
        models.append(f"the log cannot be folded: {broken}")
    except _SPOILT as broken:
        models.append(f"the read models cannot be compared: {broken}")
    except (ArithmeticError, LookupError, TypeError, ValueError) as broken:
        # The fold is total over what can be appended: what it fails on was not.
        models.append(f"the log cannot be folded: {broken!r}")
    count = log.count + len(findings) + len(models)
    proven = good[-1].size if good else 0
    unproven = max(log.events - proven, 0)
    if not good:
        untold.append(NO_CHECKPOINT)
    elif unproven:
        untold.append(f"{unproven:,} events after the last checkpoint are unproven")
    if good and (later := log.refused - _refused(good)) > 0:
        untold.append(f"{later:,} refused lines after the last checkpoint are unproven")
    verdict = "not sound" if count else "could not tell" if untold else "sound"
    return Verification(
        count == 0,
        verdict,
        log.events,
        count,
        tuple(log.shown),
        tuple(findings),
        tuple(models),
        len(good),
        proven,
        unproven,
        tuple(untold),
        protections(connection),
    )


def _log(connection: Connection, progress: Progress | None, witness: Witness | None) -> Findings:
    """Verify the log; tables that are not what they were made as are a finding, too."""
    try:
        return verify_log(
            connection, None if progress is None else lambda n: progress("log", n), witness
        )
    except _SPOILT as broken:
        found = Findings()
        found.add(f"the log's tables cannot be read: {broken}")
        return found


def _witness(store: TileStore, good: list[Kept], findings: list[str]) -> Witness | None:
    """Return what the checkpoints, and tiles that agree with the last of them, know of the log."""
    roots: dict[int, bytes] = {}
    receipts, quarantine = dict[str, Annex](), dict[str, Annex]()
    for one in good:
        if one.checkpoint is None:
            continue
        if roots.setdefault(one.size, one.checkpoint.root) != one.checkpoint.root:
            findings.append(f"{one.name}: another one of that size has another root")
        if one.checkpoint.receipts is not None:
            receipts[f"{one.name}: its receipts line"] = one.checkpoint.receipts
        if one.checkpoint.quarantine is not None:
            quarantine[f"{one.name}: its quarantine line"] = one.checkpoint.quarantine
    if not roots:
        return None
    last = max(roots)
    try:
        agrees = store.root(last) == roots[last]
        problem = f"the tiles of {store.folder} do not give the root of {last:,} events"
    except StoreBroken as broken:
        agrees, problem = False, f"the tiles of {store.folder}: {broken}"
    if not agrees:
        findings.append(problem)
    return Witness(roots, last if agrees else 0, store.leaves, receipts, quarantine)


def _stated(good: list[Kept]) -> tuple[list[Stated], list[str]]:
    """Return the states to hold against a fold, and those that cannot be.

    What has no state, or one by another engine version, is passed over where this version stated a
    later one.
    """
    stated, untold = [], list[str]()
    for one in good:
        state = None if one.checkpoint is None else one.checkpoint.state
        if state is None:
            untold.append(f"{one.name}: says nothing of their state")
        elif state.engine == ENGINE_VERSION:
            untold.clear()
            stated.append(Stated(one.size, state.digest, state.entries, state.rules))
        else:
            untold.append(
                f"the state at the {one.name} is of engine {state.engine}; this is engine"
                f" {ENGINE_VERSION}"
            )
    return stated, untold


def _refused(good: list[Kept]) -> int:
    """Return how many refused lines the checkpoints cover."""
    return max(
        one.checkpoint.quarantine.count
        for one in good
        if one.checkpoint is not None and one.checkpoint.quarantine is not None
    )


def _set_back(connection: Connection, good: list[Kept]) -> list[str]:
    """Say where generations are not what checkpoints were made of: they only go forward."""
    known = {generation.number: generation for generation in generations(connection)}
    live = next((one for one in known.values() if one.status == "live"), None)
    reached = 0 if live is None else live.position
    found = []
    for one in good:
        state = None if one.checkpoint is None else one.checkpoint.state
        if state is None:
            continue
        if one.size > reached:
            found.append(f"{one.name}: was made of read models, and they are at {reached:,} now")
        generation = known.get(state.generation)
        if generation is not None and generation.engine_version != state.engine:
            found.append(
                f"{one.name}: says generation {state.generation} is of engine {state.engine}, and"
                f" it is called one of engine {generation.engine_version}"
            )
    return found


def _other_engine(connection: Connection) -> list[str]:
    live = live_generation(connection)
    if live is None or live.engine_version == ENGINE_VERSION:
        return []
    names = f"engine {live.engine_version}, this is engine {ENGINE_VERSION}"
    return [f"the read models are of {names}; rebuild them to compare them"]
