"""Projecting: bring the live generation up to the log's end, and keep it there."""

from clearing.log import Connection, follow_log
from clearing.projectors.generations import ensure_live, live_generation
from clearing.projectors.projector import CheckpointMoved, Progress, Projector
from clearing.projectors.rebuild import await_rebuild


def project(
    connection: Connection,
    *,
    upto: int | None = None,
    batch: int = 10_000,
    snapshot_every: int | None = None,
    progress: Progress | None = None,
) -> Projector:
    """Bring the live generation up to a position, or the present end of the log.

    Returns its projector. Raises what :meth:`Projector.run` raises.
    """
    projector = Projector(connection, ensure_live(connection), snapshot_every=snapshot_every)
    projector.run(upto=upto, batch=batch, progress=progress)
    projector.snapshot_tail()
    return projector


def follow(
    connection: Connection,
    *,
    batch: int = 10_000,
    snapshot_every: int | None = None,
    idle_seconds: float | None = None,
    progress: Progress | None = None,
) -> int:
    """Project what is there and then whatever is appended; return the last position.

    Ends after ``idle_seconds`` without anything new, or when interrupted. May be killed at any
    moment: what was committed stands. When a rebuild puts another generation in the place of the
    live one, that is followed from there. Raises :class:`CheckpointMoved` if another projector
    writes to the live generation.
    """
    while True:
        projector = Projector(connection, ensure_live(connection), snapshot_every=snapshot_every)
        try:
            for stored in follow_log(
                connection, after=projector.position, batch=batch, idle_seconds=idle_seconds
            ):
                projector.write(stored)
                if progress is not None:
                    progress(projector.position)
        except CheckpointMoved:
            live = live_generation(connection)
            if live is None or live.number == projector.generation:
                raise
            await_rebuild(connection)
        else:
            projector.snapshot_tail()
            return projector.position
