"""The state that a checkpoint signs: folded from the events it signs, and from nothing else.

Snapshots and read models are in the database, where a superuser may have changed them so that they
agree with themselves. So the fold goes on from the state of the last checkpoint, which is kept
beside it and counts only if it has the digest that was signed; without one it begins at genesis.
"""

import json
from collections.abc import Callable

from clearing.engine import ENGINE_VERSION, Engine
from clearing.engine.cash import Resolver
from clearing.events import EventRow, upcast
from clearing.log import Connection, packed_leaf, position_of, read_at, read_log
from clearing.log.checkpoints import open_checkpoint
from clearing.log.notes import Verifier
from clearing.log.tiles import TileStore
from clearing.projectors import snapshot_problem


class NotSigned(ValueError):  # noqa: N818 - reads as the statement that it is
    """An event of the log is not the one that the tiles have at its position."""


def folded_state(
    connection: Connection,
    store: TileStore,
    key: Verifier,
    size: int,
    progress: Callable[[int], None] | None = None,
) -> Engine:
    """Return the engine after the first ``size`` events, every one of them that of the tiles.

    ``store`` has the tiles of these already. Raises :class:`NotSigned`.
    """
    resolver = _resolver(connection, store)
    engine = _signed(store, key, size, resolver) or Engine(resolver=resolver)
    for stored in read_log(connection, after=engine.position, upto=size):
        for row, _ in stored:
            _check(store, row)
            engine.apply(upcast(row))
        if progress is not None:
            progress(engine.position)
    return engine


def _signed(store: TileStore, key: Verifier, size: int, resolver: Resolver) -> Engine | None:
    """Return the engine of the kept state, if its digest is signed and by this engine version."""
    try:
        text = store.state()
        position = int(json.loads(text)["position"])
        checkpoint, _ = open_checkpoint(store.checkpoint(position), [key])
    except (ValueError, TypeError, KeyError):  # is none, or is of no checkpoint: it is only a cache
        return None
    state = checkpoint.state
    if state is None or state.engine != ENGINE_VERSION or not checkpoint.size <= size:
        return None
    if snapshot_problem(checkpoint.size, bytes.fromhex(state.entries), state.digest, text):
        return None
    return Engine.restore(text, resolver=resolver)


def _resolver(connection: Connection, store: TileStore) -> Resolver:
    """Return what finds earlier events for the engine, each held against the tiles."""

    def resolve(source: int, external_id: str) -> EventRow | None:
        position = position_of(connection, source, external_id)
        if position is None:
            return None
        row, _ = read_at(connection, position)
        _check(store, row)
        return upcast(row)

    return resolve


def _check(store: TileStore, row: EventRow) -> None:
    if packed_leaf(row) != store.leaf(row.position - 1):
        raise NotSigned(
            f"the event at log position {row.position:,} is not the one that the checkpoint has"
        )
