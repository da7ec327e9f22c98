"""Verifying read models: what is stored against what the log folds to, table by table.

Everything that is found is returned, not only the first of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from clearing.engine import ENGINE_VERSION
from clearing.log import Connection, read_head
from clearing.projectors.generations import (
    Generation,
    create_generation,
    drop_generation,
    ensure_live,
    projector_transaction,
    rows_beyond,
)
from clearing.projectors.projector import Progress, Projector, snapshot_problem
from clearing.projectors.rebuild import Comparison, drop_unfinished, one_rebuild
from clearing.projectors.tables import schema_of


@dataclass(frozen=True, slots=True)
class Stated:
    """A state as somebody stated it: digests of book and rulebooks, entry hash, at a position."""

    position: int
    digest: str
    entries: str
    rules: str


def check_generation(
    connection: Connection,
    *,
    stated: Sequence[Stated] = (),
    progress: Progress | None = None,
    batch: int = 10_000,
) -> list[str]:
    """Compare the live generation with a fresh fold of the log, and return every difference.

    Folds into a generation of its own, which is dropped again; compares entry hash, snapshots and
    their digests, certified digests, states ``stated`` elsewhere, and every table, and looks for
    rows after the checkpoint. A live generation of another engine version is not compared. The
    live generation may move on meanwhile. Raises :class:`~clearing.projectors.RebuildBusy` while a
    rebuild or another verification runs, and what a fold raises on a broken log.
    """
    with one_rebuild(connection):
        live = ensure_live(connection)
        drop_unfinished(connection, keep_building=True)
        with projector_transaction(connection, creates=True):
            scratch = create_generation(connection, "checking")
        try:
            return _compare(connection, live, scratch, stated, progress, batch)
        finally:
            if not connection.closed and not connection.broken:
                drop_generation(connection, scratch.number)


def _compare(
    connection: Connection,
    live: Generation,
    scratch: Generation,
    stated: Sequence[Stated],
    progress: Progress | None,
    batch: int,
) -> list[str]:
    found = rows_beyond(connection, live.number)
    head = read_head(connection).position
    if live.position > head:
        found.append(f"the live generation is at {live.position}, the log ends at {head}")
    projector = Projector(connection, scratch)
    found += _broken_snapshots(connection, projector, live)
    comparison = Comparison(
        connection,
        projector,
        other_entries=live.engine_version != ENGINE_VERSION,
        also=[state.position for state in stated],
    )
    projector.run(upto=live.position, batch=batch, progress=progress)
    found += comparison.upto(live)
    beyond = max((state.position for state in stated), default=0)
    projector.run(upto=beyond, batch=batch, progress=progress)
    return found + comparison.certified()[1] + _contradicted(projector, stated)


def _contradicted(projector: Projector, stated: Sequence[Stated]) -> list[str]:
    """Return which stated states are not what the log folds to; those not reached are left out."""
    found = []
    for state in stated:
        told = (
            ("digest", state.digest, projector.digests),
            ("entry hash", state.entries, projector.entry_hashes),
            ("rulebooks' digest", state.rules, projector.rules),
        )
        found += [
            f"checkpoint of {state.position:,} events: states the {name} {value}, the log folds to"
            f" {folded[state.position]}"
            for name, value, folded in told
            if folded.get(state.position, value) != value
        ]
    return found


def _broken_snapshots(connection: Connection, projector: Projector, live: Generation) -> list[str]:
    found = []
    query = sql.SQL(
        "SELECT position, entry_hash, digest, document FROM {} WHERE position = %s"
    ).format(sql.Identifier(schema_of(live.number), "snapshot"))
    for position in projector.snapshots_of(live.number):
        row = connection.execute(query, (position,)).fetchone()  # one at a time: they can be large
        problem = "" if row is None else snapshot_problem(*row)
        if problem:
            found.append(f"snapshot at position {position} of generation {live.number} {problem}")
    return found
