"""The projector: the log folded into a generation's histories, exactly once or not at all.

Rows, snapshot and checkpoint of a batch are written in one transaction, and the checkpoint moves
by compare-and-set, so of two projectors on one generation one loses cleanly and writes nothing. A
restart begins at the latest snapshot, which must still have the digest it was stored with, folds
up to the checkpoint without writing, and must arrive at the checkpoint's entry hash. Every event
read is hashed again, which is about a fiftieth of a fold's work: nothing is derived from what was
changed.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from typing import Final

from psycopg import sql

from clearing.database.faults import fault_point
from clearing.engine import ENGINE_VERSION, Engine, WatchName
from clearing.engine.cash import Resolver
from clearing.events import EventRow, pack, upcast
from clearing.events.canonical import canonical_json
from clearing.log import Connection, Stored, position_of, read_at, read_log
from clearing.projectors.generations import PROJECTOR, Generation, projector_transaction
from clearing.projectors.rules import rules_digest
from clearing.projectors.tables import schema_of
from clearing.projectors.writer import HistoryWriter

_LEAST: Final = 10_000
_MOST: Final = 100_000
_FOR_EACH: Final = 25

TAIL: Final = 5_000
"""Events without a snapshot after which the end of a run stores one."""

Progress = Callable[[int], None]
"""Called with the position reached."""


class BrokenLeaf(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """A stored event does not hash to its leaf: its content was changed."""


class BrokenCheckpoint(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """A generation cannot be continued from its checkpoint; the message says why.

    The log does not fold to the entry hash there, a snapshot is not what was stored, or another
    engine version wrote the generation.
    """


class CheckpointMoved(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """Another projector wrote to this generation, or it is no longer being written to."""


def require_this_engine(generation: Generation) -> None:
    """Raise :class:`BrokenCheckpoint` for a generation that another engine version wrote."""
    if generation.engine_version != ENGINE_VERSION:
        raise BrokenCheckpoint(
            f"generation {generation.number} was written by engine {generation.engine_version} and"
            f" this is engine {ENGINE_VERSION}; rebuild it"
        )


def snapshots_apart(engine: Engine) -> int:
    """Return how many events there are between snapshots, unless another number is asked for.

    A small book is stored often, so that little has to be folded from the snapshot before any
    position; a large one, which takes longer to store than these to fold, seldom.
    """
    return min(max(_FOR_EACH * len(engine.book.scopes), _LEAST), _MOST)


def log_resolver(connection: Connection) -> Resolver:
    """Return what finds earlier events for the engine: the log's own identity table."""

    def resolve(source: int, external_id: str) -> EventRow | None:
        position = position_of(connection, source, external_id)
        return None if position is None else upcast(read_at(connection, position)[0])

    return resolve


def checked(stored: Iterable[Stored]) -> Iterable[EventRow]:
    """Yield rows whose content still hashes to their leaf, old versions read as present ones.

    Raises :class:`BrokenLeaf` where content and leaf differ, and
    :class:`~clearing.events.UnknownVersion` for what a newer program wrote.
    """
    sha256 = hashlib.sha256
    for row, leaf in stored:
        try:
            content = b"\x00" + pack(row)
        except struct.error:  # a number that no event has
            content = b""
        if sha256(content).digest() != leaf:
            raise BrokenLeaf(f"log position {row.position}: content and leaf differ")
        yield upcast(row)


def fold_log(
    connection: Connection,
    *,
    upto: int | None = None,
    watch: WatchName = "banded",
    snapshot: str | None = None,
    visit: Callable[[Engine], None] | None = None,
) -> Engine:
    """Fold the log up to a position, writing nothing, and return the engine.

    Begins at ``snapshot``, a text of :meth:`Engine.snapshot`, or at genesis. ``visit`` is called
    with the engine after each event.
    """
    resolver = log_resolver(connection)
    if snapshot is None:
        engine = Engine(resolver=resolver, watch=watch)
    else:
        engine = Engine.restore(snapshot, resolver=resolver, watch=watch)
    for stored in read_log(connection, after=engine.position, upto=upto):
        for row in checked(stored):
            engine.apply(row)
            if visit is not None:
                visit(engine)
    return engine


def digests_at(connection: Connection, positions: Iterable[int]) -> dict[int, str]:
    """Return the digest of the book at each of these positions, by one fold from genesis.

    Positions that the log has not reached are left out.
    """
    wanted = frozenset(positions)
    found: dict[int, str] = {}

    def note(engine: Engine) -> None:
        if engine.position in wanted:
            found[engine.position] = engine.digest()

    if wanted:
        fold_log(connection, upto=max(wanted), visit=note)
    return found


def snapshot_problem(position: int, entry_hash: bytes, digest: str, document: str) -> str:
    """Say what is wrong with a stored snapshot; empty if it is what it was stored as."""
    try:
        content = json.loads(document)
        book = canonical_json(content["book"])
        place = (content["position"], content["entry_hash"])
    except (ValueError, KeyError, TypeError) as error:
        return f"cannot be read: {error!r}"
    if place != (position, entry_hash.hex()):
        return f"says that it is of position {place[0]} and entry hash {place[1]}"
    found = hashlib.sha256(book.encode("ascii")).hexdigest()
    return "" if found == digest else f"has digest {found}, not {digest} as it was stored with"


class Projector:
    """Writes one generation. The connection must be in autocommit mode and its own."""

    def __init__(
        self,
        connection: Connection,
        generation: Generation,
        *,
        watch: WatchName = "banded",
        snapshot_every: int | None = None,
    ) -> None:
        self._connection = connection
        self.generation = generation.number
        self._schema = schema_of(generation.number)
        self._snapshot_every = snapshot_every
        self.engine = self._restore(generation, watch)
        self._writer = HistoryWriter(connection, generation.number, self.engine.book)
        self._certified: frozenset[int] = frozenset()
        self.digests: dict[int, str] = {}
        self.entry_hashes: dict[int, str] = {}
        self.rules: dict[int, str] = {}

    @property
    def position(self) -> int:
        """The last position written."""
        return self.engine.position

    def note_digests_at(self, positions: Iterable[int]) -> None:
        """Take the digest of the book at these positions, when they are reached."""
        self._certified = frozenset(positions)

    def run(
        self, *, upto: int | None = None, batch: int = 10_000, progress: Progress | None = None
    ) -> int:
        """Write everything up to a position, or the present end, and return the last position.

        Raises :class:`CheckpointMoved`, :class:`BrokenLeaf`,
        :class:`~clearing.log.LogHole` and the engine's own errors; what was committed stands.
        """
        for stored in read_log(self._connection, after=self.position, upto=upto, batch=batch):
            self.write(stored)
            if progress is not None:
                progress(self.position)
        return self.position

    def write(self, stored: list[Stored]) -> None:
        """Fold and write one batch in one transaction."""
        before = (self.engine.position, self.engine.entry_hash)
        for row in checked(stored):
            self._writer.collect(row.position, self.engine.apply(row))
            if row.position in self._certified:
                self.digests[row.position] = self.engine.digest()
                self.entry_hashes[row.position] = self.engine.entry_hash.hex()
                self.rules[row.position] = rules_digest(self.engine)
        fault_point("project_before_write")
        with projector_transaction(self._connection):
            # First, so that of two projectors the slower one is stopped before it writes anything.
            self._move_checkpoint(before)
            self._writer.flush()
            fault_point("project_mid_write")
            every = self._snapshot_every or snapshots_apart(self.engine)
            if before[0] // every != self.position // every:
                self._writer.snapshot(self.engine)
            fault_point("project_before_commit")
        fault_point("project_after_commit")

    def snapshot(self) -> None:
        """Store a snapshot at the checkpoint, unless there is one."""
        with projector_transaction(self._connection):
            self._writer.snapshot(self.engine)

    def snapshot_tail(self) -> None:
        """Store a snapshot if the next start would have to fold :data:`TAIL` events or more."""
        if self.position - max(self.snapshots_of(self.generation), default=0) >= TAIL:
            self.snapshot()

    def fold_digests(self, positions: Iterable[int]) -> None:
        """Have in ``digests`` each of these positions that was reached, folding again if need be.

        A projector that was taken up again passed some of them in another process.
        """
        reached = {p for p in positions if p <= self.position}
        missing = reached - self.digests.keys()
        self.digests.update(digests_at(self._connection, missing))

    def snapshots_of(self, generation: int) -> dict[int, str]:
        """Return the digests that a generation's snapshots carry, by position."""
        rows = self._connection.execute(
            sql.SQL("SELECT position, digest FROM {} ORDER BY position").format(
                sql.Identifier(schema_of(generation), "snapshot")
            )
        ).fetchall()
        return {int(position): str(digest) for position, digest in rows}

    def _move_checkpoint(self, before: tuple[int, bytes]) -> None:
        # The share in the generation's row lasts until commit: whoever switches or drops it waits
        # for this batch, or this batch sees what became of it.
        used = self._connection.execute(
            "SELECT status IN ('live', 'building', 'checking') FROM clearing.generation"
            " WHERE number = %s FOR SHARE",
            (self.generation,),
        ).fetchone()
        if used is None or not used[0]:
            raise CheckpointMoved(
                f"generation {self.generation} is no longer in use; nothing after position"
                f" {before[0]} was written to it"
            )
        cursor = self._connection.execute(
            "UPDATE clearing.projector_checkpoint SET position = %s, entry_hash = %s"
            " WHERE projector = %s AND generation = %s AND position = %s AND entry_hash = %s",
            (self.position, self.engine.entry_hash, PROJECTOR, self.generation, *before),
        )
        if cursor.rowcount != 1:
            raise CheckpointMoved(
                f"another projector wrote to generation {self.generation} after position"
                f" {before[0]}; nothing of this batch was written"
            )

    def _restore(self, generation: Generation, watch: WatchName) -> Engine:
        number = generation.number
        require_this_engine(generation)
        snapshot = self._snapshot_before(generation)
        engine = fold_log(
            self._connection, upto=generation.position, watch=watch, snapshot=snapshot
        )
        at = (engine.position, engine.entry_hash)
        if at != (generation.position, generation.entry_hash):
            raise BrokenCheckpoint(
                f"generation {number} stands at position {generation.position} with"
                f" entry hash {generation.entry_hash.hex()}, but the log folds to"
                f" {at[1].hex()} at {at[0]}"
            )
        return engine

    def _snapshot_before(self, generation: Generation) -> str | None:
        """Return the latest snapshot up to the checkpoint, if any, having seen that it is whole."""
        row = self._connection.execute(
            sql.SQL(
                "SELECT position, entry_hash, digest, document FROM {} WHERE position <= %s"
                " ORDER BY position DESC LIMIT 1"
            ).format(sql.Identifier(self._schema, "snapshot")),
            (generation.position,),
        ).fetchone()
        if row is None:
            return None
        problem = snapshot_problem(*row)
        if problem:
            raise BrokenCheckpoint(
                f"the snapshot at position {row[0]} of generation {generation.number} {problem};"
                f" it is only a cache: delete it from {self._schema}.snapshot and start again"
            )
        return str(row[3])
