"""Projecting: bring the live generation up to the log's end, and keep it there."""

from clearing.log import Connection, follow_log
from clearing.projectors.generations import ensure_live
from clearing.projectors.projector import SNAPSHOT_EVERY, Progress, Projector


def project(
    connection: Connection,
    *,
    batch: int = 10_000,
    snapshot_every: int = SNAPSHOT_EVERY,
    progress: Progress | None = None,
) -> Projector:
    """Bring the live generation up to the present end of the log; return its projector."""
    projector = Projector(connection, ensure_live(connection), snapshot_every=snapshot_every)
    projector.run(batch=batch, progress=progress)
    projector.snapshot_tail()
    return projector


def follow(
    connection: Connection,
    *,
    batch: int = 10_000,
    snapshot_every: int = SNAPSHOT_EVERY,
    idle_seconds: float | None = None,
    progress: Progress | None = None,
) -> int:
    """Project what is there and then whatever is appended; return the last position.

    Ends after ``idle_seconds`` without anything new, or when interrupted. May be killed at any
    moment: what was committed stands.
    """
    projector = Projector(connection, ensure_live(connection), snapshot_every=snapshot_every)
    for stored in follow_log(
        connection, after=projector.position, batch=batch, idle_seconds=idle_seconds
    ):
        projector.write(stored)
        if progress is not None:
            progress(projector.position)
    return projector.position
