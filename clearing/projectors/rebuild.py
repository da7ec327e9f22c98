"""Rebuilding: a new generation beside the live one, compared, and switched to or refused.

The new generation is written by the same code as the live one. It must give the same entry hash
and the same tables at a common position, and the digest of every certified state; only then are
the two exchanged, in one transaction. An interrupted rebuild is taken up where it stopped.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from clearing.database.faults import fault_point
from clearing.engine import ENGINE_VERSION, Engine
from clearing.events import Kind, StateCertified
from clearing.events.canonical import canonical_json
from clearing.events.fields import from_microseconds
from clearing.log import Connection, read_head
from clearing.projectors.generations import (
    PROJECTOR,
    Generation,
    create_generation,
    drop_generation,
    ensure_live,
    generations,
    live_generation,
    projector_transaction,
    table_differences,
)
from clearing.projectors.projector import SNAPSHOT_EVERY, Progress, Projector

_LOCK: Final = 0x636C6561  # one number for "a rebuild is running", within the advisory locks
_KEPT: Final = 1


class RebuildBusy(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """Another rebuild is running on this ledger."""


class RebuildRefused(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """The rebuilt generation was not switched to; ``differences`` says why."""

    def __init__(self, generation: int, differences: list[str]) -> None:
        super().__init__(f"generation {generation} was refused: " + "; ".join(differences))
        self.generation = generation
        self.differences = differences


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: the generation now live, the one before, and their common digest."""

    generation: int
    previous: int
    position: int
    digest: str
    certified: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Certified:
    """A certified digest, and the digests that authorised restatements accept instead."""

    position: int
    digest: str
    accepted: tuple[str, ...]


def certified_digests(connection: Connection) -> list[Certified]:
    """Return every certified digest of the log with what restates it, by position."""
    rows = connection.execute(
        "SELECT kind, detail FROM clearing.log WHERE kind IN (%s, %s) ORDER BY position",
        (int(Kind.StateCertified), int(Kind.RestatementAccepted)),
    ).fetchall()
    certified: dict[int, str] = {}
    accepted: dict[int, list[str]] = {}
    for kind, detail in rows:
        content = json.loads(detail)
        if kind == Kind.StateCertified:
            certified[content["position"]] = content["digest"]
        else:
            accepted.setdefault(content["position"], []).append(content["new_digest"])
    return [
        Certified(position, digest, tuple(accepted.get(position, ())))
        for position, digest in sorted(certified.items())
    ]


def rules_digest(engine: Engine) -> str:
    """Return the digest of the rulebooks in force: each asset's name with its document's hash."""
    book = engine.book
    rules = [
        [book.registry.asset(ordinal).name, asset.rulebook.sha256]
        for ordinal, asset in sorted(book.assets.items())
        if asset.rulebook is not None
    ]
    return hashlib.sha256(canonical_json(rules).encode()).hexdigest()


def certification(
    connection: Connection, *, source: str, external_id: str, author: str
) -> StateCertified:
    """Return the event that certifies the live generation's book at its checkpoint.

    It certifies nothing until it is appended.
    """
    projector = Projector(connection, ensure_live(connection))
    engine = projector.engine
    return StateCertified(
        source=source,
        external_id=external_id,
        occurred_at=from_microseconds(engine.book.latest),
        position=engine.position,
        digest=engine.digest(),
        rules_sha256=rules_digest(engine),
        engine_version=ENGINE_VERSION,
        author=author,
    )


@contextmanager
def _one_rebuild(connection: Connection) -> Iterator[None]:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    if row is None or not row[0]:
        raise RebuildBusy("another rebuild is running on this ledger; wait for it to end")
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def rebuild(
    connection: Connection,
    *,
    batch: int = 10_000,
    snapshot_every: int = SNAPSHOT_EVERY,
    accept_engine_change: bool = False,
    progress: Progress | None = None,
) -> Rebuilt:
    """Rebuild from genesis beside the live generation and switch to the result.

    Raises :class:`RebuildRefused` if the two differ or a certified digest is not reproduced. Where
    another engine version wrote the live one, ``accept_engine_change`` lets them differ (certified
    digests never). Raises :class:`RebuildBusy` while another rebuild runs.
    """
    with _one_rebuild(connection):
        ensure_live(connection)
        generation = _building(connection)
        projector = Projector(connection, generation, snapshot_every=snapshot_every)
        certified = certified_digests(connection)
        projector.note_digests_at(c.position for c in certified)
        while True:
            live = _live(connection)
            projector.run(upto=live.position, batch=batch, progress=progress)
            differences = _differences(connection, live, projector, certified, accept_engine_change)
            if differences:
                _refuse(connection, generation.number, differences)
                raise RebuildRefused(generation.number, differences)
            projector.snapshot()
            if _switch(connection, live, projector):
                break
        _forget_old(connection)
        projector.run(batch=batch, progress=progress)
        return Rebuilt(
            generation.number,
            live.number,
            live.position,
            projector.engine.digest(),
            tuple(c.position for c in certified),
        )


def _live(connection: Connection) -> Generation:
    live = live_generation(connection)
    if live is None:
        raise RuntimeError("there is no live generation; project first")
    return live


def _building(connection: Connection) -> Generation:
    """Return the interrupted rebuild of this engine version, or a new one; drop any other."""
    for generation in generations(connection):
        if generation.status in ("building", "checking"):
            if generation.status == "building" and generation.engine_version == ENGINE_VERSION:
                return generation
            drop_generation(connection, generation.number)
    with projector_transaction(connection, creates=True):
        return create_generation(connection, "building")


def _differences(
    connection: Connection,
    live: Generation,
    projector: Projector,
    certified: list[Certified],
    accept_engine_change: bool,
) -> list[str]:
    found = []
    same_engine = live.engine_version == ENGINE_VERSION
    if same_engine or not accept_engine_change:
        if projector.position == live.position and projector.engine.entry_hash != live.entry_hash:
            found.append(
                f"entry hash at position {live.position}: generation {live.number} (engine"
                f" {live.engine_version}) has {live.entry_hash.hex()}, generation"
                f" {projector.generation} (engine {ENGINE_VERSION}) has"
                f" {projector.engine.entry_hash.hex()}"
            )
        found += table_differences(connection, live.number, projector.generation, live.position)
    for state in certified:
        if state.position > projector.position:
            continue
        digest = projector.digest_at(state.position)
        if digest not in (state.digest, *state.accepted):
            found.append(
                f"certified digest at position {state.position} is {state.digest}, the rebuild"
                f" gives {digest}, and no accepted restatement names that"
            )
    return found


def _refuse(connection: Connection, number: int, differences: list[str]) -> None:
    with projector_transaction(connection):
        connection.execute(
            "UPDATE clearing.generation SET status = 'refused', finding = %s WHERE number = %s",
            ("\n".join(differences)[:10_000], number),
        )


def _switch(connection: Connection, live: Generation, projector: Projector) -> bool:
    """Exchange the two in one transaction; False if the live one moved on meanwhile."""
    fault_point("rebuild_before_switch")
    with projector_transaction(connection):
        row = connection.execute(
            "SELECT position FROM clearing.projector_checkpoint"
            " WHERE projector = %s AND generation = %s FOR UPDATE",
            (PROJECTOR, live.number),
        ).fetchone()
        if row is None or row[0] != projector.position:
            return False
        connection.execute(
            "UPDATE clearing.generation SET status = 'retired' WHERE number = %s", (live.number,)
        )
        connection.execute(
            "UPDATE clearing.generation SET status = 'live' WHERE number = %s",
            (projector.generation,),
        )
    fault_point("rebuild_after_switch")
    return True


def _forget_old(connection: Connection) -> None:
    """Keep the generation retired last, and drop the ones before it."""
    retired = [g.number for g in generations(connection) if g.status == "retired"]
    for number in retired[:-_KEPT]:
        drop_generation(connection, number)


def check_generation(
    connection: Connection, *, progress: Progress | None = None, batch: int = 10_000
) -> list[str]:
    """Compare the live generation with a fresh fold of the log, and return every difference.

    Folds into a generation of its own, compares entry hash, snapshots' digests, certified digests
    and every table, and drops it.
    """
    with _one_rebuild(connection):
        live = ensure_live(connection)
        with projector_transaction(connection, creates=True):
            scratch = create_generation(connection, "checking")
        try:
            projector = Projector(connection, scratch)
            certified = certified_digests(connection)
            stored = projector.snapshots_of(live.number)
            projector.note_digests_at([*(c.position for c in certified), *stored])
            projector.run(upto=live.position, batch=batch, progress=progress)
            found = _differences(connection, live, projector, certified, False)
            found += [
                f"snapshot at position {position} of generation {live.number} carries digest"
                f" {digest}, the log folds to {projector.digests[position]}"
                for position, digest in stored.items()
                if position in projector.digests and projector.digests[position] != digest
            ]
            head = read_head(connection).position
            if live.position > head:
                found.append(f"the live generation is at {live.position}, the log ends at {head}")
            return found
        finally:
            drop_generation(connection, scratch.number)
