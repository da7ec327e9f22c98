"""Verification of everything that is stored: the log's hashes, checkpoints, read models.

Whoever may rewrite the whole database can make it agree with itself. What they cannot reach are
checkpoints kept outside it: events up to the last of them are proven or not, later ones unproven.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clearing.audit.checkpointing import Kept, kept_checkpoints
from clearing.engine import ENGINE_VERSION
from clearing.log import Connection, LogHole, Witness, protections, verify_log
from clearing.log.notes import Verifier
from clearing.log.tiles import StoreBroken, TileStore
from clearing.projectors import (
    BrokenCheckpoint,
    BrokenLeaf,
    Stated,
    check_generation,
    live_generation,
)

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
    good = [one for one in kept if not one.problem and one.checkpoint is not None]
    witness = None if store is None else _witness(store, good, findings)
    log = verify_log(
        connection, None if progress is None else lambda n: progress("log", n), witness
    )
    stated, untold = _stated(connection, good)
    models: list[str] = []
    try:
        models = check_generation(
            connection,
            stated=stated,
            progress=None if progress is None else lambda n: progress("models", n),
        )
    except (BrokenLeaf, BrokenCheckpoint, LogHole) as broken:
        models = [f"the log cannot be folded: {broken}"]
    except (ArithmeticError, LookupError, TypeError, ValueError) as broken:
        if log.sound:
            raise
        # What is wrong with the log was found above; whatever fails on it is its consequence.
        models = [f"the log cannot be folded: {broken!r}"]
    count = log.count + len(findings) + len(models)
    proven = good[-1].size if good else 0
    unproven = max(log.events - proven, 0)
    if not good:
        untold.append(NO_CHECKPOINT)
    elif unproven:
        untold.append(f"{unproven:,} events after the last checkpoint are unproven")
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


def _witness(store: TileStore, good: list[Kept], findings: list[str]) -> Witness | None:
    """Return what the checkpoints, and tiles that agree with the last of them, know of the log."""
    roots = {one.size: one.checkpoint.root for one in good if one.checkpoint is not None}
    if not roots:
        return None
    last = max(roots)
    try:
        agrees = store.root(last) == roots[last]
        problem = f"the tiles of {store.folder} do not give the root of {last:,} events"
    except (StoreBroken, OSError) as broken:
        agrees, problem = False, f"the tiles of {store.folder}: {broken}"
    if not agrees:
        findings.append(problem)
    return Witness(roots, last if agrees else 0, store.leaves)


def _stated(connection: Connection, good: list[Kept]) -> tuple[list[Stated], list[str]]:
    """Return the states to hold against a fold, and those that cannot be."""
    live = live_generation(connection)
    reached = 0 if live is None else live.position
    stated, untold = [], []
    for one in good:
        state = None if one.checkpoint is None else one.checkpoint.state
        if state is None:
            continue
        name = f"the state at the checkpoint of {one.size:,} events"
        if state.engine != ENGINE_VERSION:
            untold.append(f"{name} is of engine {state.engine}; this is engine {ENGINE_VERSION}")
        elif one.size > reached:
            untold.append(f"{name} is not projected; the read models are at {reached:,}")
        else:
            stated.append(Stated(one.size, state.digest, state.entries))
    return stated, untold
