"""Rebuilding: a new generation beside the live one, compared, and switched to or refused.

The new generation is written by the same code as the live one. It must give the same entry hash
and the same tables at a common position, and the digest of every certified state; only then are
the two exchanged, in one transaction. While the live generation moves on, only what is new is
compared again; it is held still no longer than the last few events take. An interrupted rebuild is
taken up where it stopped.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from clearing.database.faults import fault_point
from clearing.engine import ENGINE_VERSION
from clearing.log import Connection
from clearing.projectors.certified import certified_digests
from clearing.projectors.generations import (
    Generation,
    create_generation,
    drop_generation,
    ensure_live,
    generations,
    index_generation,
    live_generation,
    projector_transaction,
    table_differences,
)
from clearing.projectors.projector import CheckpointMoved, Progress, Projector

_LOCK: Final = 0x636C6561  # one number for "a rebuild is running", within the advisory locks
_KEPT: Final = 1


class RebuildBusy(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """Another rebuild or verification is running on this ledger."""


class RebuildRefused(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """The rebuilt generation was not switched to; ``differences`` says why."""

    def __init__(self, generation: int, differences: list[str]) -> None:
        super().__init__(f"generation {generation} was refused: " + "; ".join(differences))
        self.generation = generation
        self.differences = differences


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: the generation now live, the one before, and their common digest.

    ``position`` is where they were compared and exchanged, ``certified`` the certified positions
    whose digest was reproduced.
    """

    generation: int
    previous: int
    position: int
    digest: str
    certified: tuple[int, ...]


@contextmanager
def one_rebuild(connection: Connection) -> Iterator[None]:
    """Be the only rebuild or verification of this ledger, or raise :class:`RebuildBusy`."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    if row is None or not row[0]:
        raise RebuildBusy(
            "another rebuild or verification is running on this ledger; wait for it to end"
        )
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def await_rebuild(connection: Connection) -> None:
    """Wait until no rebuild or verification is running."""
    connection.execute("SELECT pg_advisory_lock_shared(%s)", (_LOCK,))
    connection.execute("SELECT pg_advisory_unlock_shared(%s)", (_LOCK,))


class Comparison:
    """A generation that is being written, compared with the live one as far as both have come.

    With ``other_entries`` the two may differ, as when another engine version wrote the live one;
    certified digests must be reproduced nevertheless. The projector takes digests at positions
    ``also`` as well.
    """

    def __init__(
        self,
        connection: Connection,
        projector: Projector,
        *,
        other_entries: bool = False,
        also: Iterable[int] = (),
    ) -> None:
        self._connection = connection
        self._projector = projector
        self._other_entries = other_entries
        self._compared = 0
        live = require_live(connection)
        self._snapshots = projector.snapshots_of(live.number)
        certified = certified_digests(connection)
        projector.note_digests_at([*(c.position for c in certified), *self._snapshots, *also])

    def upto(self, live: Generation) -> list[str]:
        """Return what differs between the last comparison and the live generation's checkpoint.

        The other generation must have come to the same position.
        """
        projector = self._projector
        found = []
        if not self._other_entries or live.engine_version == ENGINE_VERSION:
            if projector.engine.entry_hash != live.entry_hash:
                found.append(
                    f"entry hash at position {live.position}: generation {live.number} (engine"
                    f" {live.engine_version}) has {live.entry_hash.hex()}, generation"
                    f" {projector.generation} (engine {ENGINE_VERSION}) has"
                    f" {projector.engine.entry_hash.hex()}"
                )
            found += table_differences(
                self._connection,
                live.number,
                projector.generation,
                live.position,
                after=self._compared,
            )
            found += [
                f"snapshot at position {position} of generation {live.number} carries digest"
                f" {digest}, the log folds to {projector.digests[position]}"
                for position, digest in self._snapshots.items()
                if position > self._compared and projector.digests.get(position, digest) != digest
            ]
        self._compared = live.position
        return found

    def certified(self) -> tuple[tuple[int, ...], list[str]]:
        """Return the certified positions reached, and what contradicts them.

        Reads the certifications anew, since more may have come.
        """
        projector = self._projector
        reached = [
            c for c in certified_digests(self._connection) if c.position <= projector.position
        ]
        projector.fold_digests(c.position for c in reached)
        found = [c.contradiction(projector.digests[c.position]) for c in reached]
        return tuple(sorted({c.position for c in reached})), [text for text in found if text]


def rebuild(
    connection: Connection,
    *,
    batch: int = 10_000,
    snapshot_every: int | None = None,
    accept_engine_change: bool = False,
    progress: Progress | None = None,
) -> Rebuilt:
    """Rebuild from genesis beside the live generation, switch to the result, bring it up to date.

    Raises :class:`RebuildRefused` if the two differ or a certified digest is not reproduced. Where
    another engine version wrote the live one, ``accept_engine_change`` lets them differ (certified
    digests never). Raises :class:`RebuildBusy` while another rebuild runs.
    """
    with one_rebuild(connection):
        ensure_live(connection)
        generation = _building(connection)
        projector = Projector(connection, generation, snapshot_every=snapshot_every)
        comparison = Comparison(connection, projector, other_entries=accept_engine_change)
        shrinking = True
        while shrinking:
            live = require_live(connection)
            todo = live.position - projector.position
            projector.run(upto=live.position, batch=batch, progress=progress)
            index_generation(connection, generation.number)
            found = comparison.upto(live)
            contradictions = comparison.certified()[1]
            _refuse_if(connection, generation.number, found + contradictions)
            left = require_live(connection).position - live.position
            # Where the live one moves on as fast as we write, the switch writes what is left.
            shrinking = batch < left < todo
        projector.snapshot()
        rebuilt = _switch(connection, projector, comparison, batch)
        _forget_old(connection, "retired")
        try:
            projector.run(batch=batch, progress=progress)
        except CheckpointMoved:
            # Another projector has taken up the generation that is live now, as it may.
            return rebuilt
        return rebuilt


def require_live(connection: Connection) -> Generation:
    """Return the live generation; :class:`RuntimeError` if there is none."""
    live = live_generation(connection)
    if live is None:
        raise RuntimeError("there is no live generation; project first")
    return live


def drop_unfinished(connection: Connection, *, keep_building: bool) -> Generation | None:
    """Drop what interrupted verifications and rebuilds left; return a rebuild to take up again.

    That is one of this engine version, if ``keep_building``. Must be called as :func:`one_rebuild`.
    """
    kept = None
    for generation in generations(connection):
        if generation.status == "building" and keep_building and kept is None:
            if generation.engine_version == ENGINE_VERSION:
                kept = generation
                continue
        elif generation.status != "checking":
            continue
        drop_generation(connection, generation.number)
    return kept


def _building(connection: Connection) -> Generation:
    """Return the interrupted rebuild of this engine version, or a new one; drop any other."""
    kept = drop_unfinished(connection, keep_building=True)
    if kept is not None:
        return kept
    _forget_old(connection, "refused")
    with projector_transaction(connection, creates=True):
        return create_generation(connection, "building")


def _refuse_if(connection: Connection, number: int, differences: list[str]) -> None:
    if not differences:
        return
    with projector_transaction(connection):
        connection.execute(
            "UPDATE clearing.generation SET status = 'refused', finding = %s WHERE number = %s",
            ("\n".join(differences)[:10_000], number),
        )
    raise RebuildRefused(number, differences)


def _switch(
    connection: Connection, projector: Projector, comparison: Comparison, batch: int
) -> Rebuilt:
    """Hold the live generation still, write and compare what is left, exchange the two.

    All in one transaction; projectors of the live generation wait for it to end.
    """
    fault_point("rebuild_before_switch")
    number = projector.generation
    with projector_transaction(connection):
        connection.execute("SELECT 1 FROM clearing.generation WHERE status = 'live' FOR UPDATE")
        live = require_live(connection)
        projector.run(upto=live.position, batch=batch)
        differences = comparison.upto(live)
        certified, contradictions = comparison.certified()
        differences += contradictions
        if not differences:
            connection.execute(
                "UPDATE clearing.generation SET status = 'retired' WHERE number = %s",
                (live.number,),
            )
            connection.execute(
                "UPDATE clearing.generation SET status = 'live' WHERE number = %s", (number,)
            )
    _refuse_if(connection, number, differences)
    fault_point("rebuild_after_switch")
    return Rebuilt(number, live.number, live.position, projector.engine.digest(), certified)


def _forget_old(connection: Connection, status: str) -> None:
    """Keep the generation that came to this status last, and drop the ones before it."""
    old = [g.number for g in generations(connection) if g.status == status]
    for number in old[:-_KEPT]:
        drop_generation(connection, number)
