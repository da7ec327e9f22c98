"""Verification of everything that is stored: the log's hashes, and read models against a fold."""

from collections.abc import Callable
from dataclasses import dataclass

from clearing.log import Connection, LogHole, protections, verify_log
from clearing.projectors import BrokenCheckpoint, BrokenLeaf, check_generation


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. ``sound`` is true only if nothing was.

    ``events`` were re-hashed; ``log_findings`` and ``model_findings`` are what does not agree.
    ``count`` may exceed the findings shown. ``protections`` says what guards the log now; events
    that no checkpoint outside this database covers are only as safe as those.
    """

    sound: bool
    events: int
    count: int
    log_findings: tuple[str, ...]
    model_findings: tuple[str, ...]
    protections: dict[str, bool]


Progress = Callable[[str, int], None]
"""Called with the stage (``log`` or ``models``) and the position reached."""


def verify(connection: Connection, progress: Progress | None = None) -> Verification:
    """Re-hash the log, then fold it anew and compare every digest and read model."""
    log = verify_log(connection, None if progress is None else lambda n: progress("log", n))
    models: list[str] = []
    try:
        models = check_generation(
            connection, progress=None if progress is None else lambda n: progress("models", n)
        )
    except (BrokenLeaf, BrokenCheckpoint, LogHole) as broken:
        models = [f"the log cannot be folded: {broken}"]
    except (ArithmeticError, LookupError, TypeError, ValueError) as broken:
        if log.sound:
            raise
        # What is wrong with the log was found above; whatever fails on it is its consequence.
        models = [f"the log cannot be folded: {broken!r}"]
    count = log.count + len(models)
    return Verification(
        count == 0,
        log.events,
        count,
        tuple(log.shown),
        tuple(models),
        protections(connection),
    )
