"""Making checkpoints of a ledger, and proofs against them.

A checkpoint is only signed if the log still begins with what the last one said: the old leaves are
those that the store keeps outside the database, the new ones are re-hashed from the events, and
together they must give the log's head. So a log that was written again cannot be signed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearing.events import pack
from clearing.log import Connection, read_at, read_head, read_log
from clearing.log.checkpoints import Checkpoint, State
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.notes import NoteRefused, Signer, Verifier, open_note
from clearing.log.proof_files import write_growth, write_inclusion
from clearing.log.proving import consistency_path, inclusion_path
from clearing.log.tiles import StoreBroken, TileStore
from clearing.projectors import Projector, ensure_live, project
from clearing.projectors.certified import rules_digest


class CheckpointRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A checkpoint or proof cannot be made; the message says what does not agree."""


@dataclass(frozen=True, slots=True)
class CheckpointMade:
    """A checkpoint that was kept: its size, root, state, and the file that it is in."""

    size: int
    root: str
    digest: str
    engine_version: str
    generation: int
    file: str
    note: str


Progress = Callable[[int], None]


def make_checkpoint(
    connection: Connection, store: TileStore, signer: Signer, progress: Progress | None = None
) -> CheckpointMade:
    """Project what is there, and sign and keep a checkpoint of the log and its state.

    A log that has not grown since the last one gives that one again. Raises
    :class:`CheckpointRefused` if the log does not begin with what the store has, and
    :class:`~clearing.log.tiles.StoreBroken`.
    """
    project(connection)
    live = ensure_live(connection)
    engine = Projector(connection, live).engine
    size = engine.position
    if not size:
        raise CheckpointRefused("the log is empty; there is nothing to sign")
    if size < store.size:
        raise CheckpointRefused(
            f"the log has {size:,} events, the last checkpoint {store.size:,}: events were removed"
        )
    _check_signer(store, signer)
    _grow(connection, store, size, progress)
    root = store.root(size)
    state = State(
        engine.digest(),
        engine.entry_hash.hex(),
        rules_digest(engine),
        live.engine_version,
        live.number,
    )
    if size in store.sizes():
        note = store.checkpoint(size)
        _check_same(note, signer, Checkpoint(signer.name, size, root, state))
    else:
        note = signer.sign(Checkpoint(signer.name, size, root, state).text())
    path = store.keep(size, note)
    return CheckpointMade(
        size, root.hex(), state.digest, state.engine, state.generation, str(path), note
    )


def _check_signer(store: TileStore, signer: Signer) -> None:
    """Refuse to go on with a store whose last checkpoint another key signed."""
    if not store.size:
        return
    try:
        text, _ = open_note(store.checkpoint(store.size), [signer.verifier])
        checkpoint = Checkpoint.from_text(text)
    except NoteRefused as refused:
        raise CheckpointRefused(
            f"the last checkpoint of {store.folder} is not this key's: {refused}"
        ) from refused
    if store.root(store.size) != checkpoint.root:
        raise CheckpointRefused(
            f"the tiles of {store.folder} do not give the root of its last checkpoint"
        )


def _check_same(note: str, signer: Signer, expected: Checkpoint) -> None:
    text, _ = open_note(note, [signer.verifier])
    kept = Checkpoint.from_text(text)
    if kept.root != expected.root:
        raise CheckpointRefused(
            f"the checkpoint of {kept.size:,} events that is kept has another root"
        )
    before, now = kept.state, expected.state
    same = before is None or now is None or before.engine != now.engine
    if not same and before is not None and now is not None and before.digest != now.digest:
        raise CheckpointRefused(
            f"the checkpoint of {kept.size:,} events says their state is {before.digest}, and they"
            f" fold to {now.digest}"
        )


def _grow(connection: Connection, store: TileStore, size: int, progress: Progress | None) -> None:
    """Add the log's new leaves to the tiles, once they are seen to give the log's head."""
    head = read_head(connection)
    frontier = _frontier(store)
    leaves: list[bytes] = []
    for stored in read_log(connection, after=store.size, upto=head.position):
        for row, leaf in stored:
            if leaf_hash(pack(row)) != leaf:
                raise CheckpointRefused(f"log position {row.position}: content and leaf differ")
            frontier.append(leaf)
            if row.position <= size:
                leaves.append(leaf)
        if progress is not None:
            progress(frontier.size)
    if frontier.root() != head.root:
        raise CheckpointRefused(
            f"the log does not begin with the {store.size:,} events of the last checkpoint: with"
            f" them its root would be {frontier.root().hex()}, and it is {head.root.hex()}"
        )
    store.append(leaves)


def _frontier(store: TileStore) -> Frontier:
    """Return the tree over the store's leaves, as an appender carries it."""
    peaks, start = [], 0
    for level in range(store.size.bit_length() - 1, -1, -1):
        if store.size >> level & 1:
            peaks.append(store.subtree(level, start >> level))
            start += 1 << level
    return Frontier(store.size, peaks)


def prove_event(
    connection: Connection, store: TileStore, position: int, size: int | None = None
) -> str:
    """Return the proof, as a file, that an event is in the log of a checkpoint (the latest).

    Raises :class:`CheckpointRefused` if no checkpoint has it, or the event is not what it was.
    """
    size = _kept(store, size)
    if not 1 <= position <= size:
        raise CheckpointRefused(
            f"the checkpoint of {size:,} events does not have log position {position:,}"
        )
    row, _ = read_at(connection, position)
    content = pack(row)
    if leaf_hash(content) != store.leaf(position - 1):
        raise CheckpointRefused(
            f"the event at log position {position:,} is not the one that the checkpoint has"
        )
    path = inclusion_path(store.subtree, position - 1, size)
    return write_inclusion(position - 1, content, path, store.checkpoint(size))


def prove_growth(store: TileStore, first: int, second: int | None = None) -> str:
    """Return the proof, as a file, that the log of one checkpoint begins with that of another."""
    second = _kept(store, second)
    first = _kept(store, first)
    if first > second:
        raise CheckpointRefused(f"the checkpoint of {first:,} events is not before {second:,}")
    path = consistency_path(store.subtree, first, second)
    return write_growth(path, store.checkpoint(first), store.checkpoint(second))


def _kept(store: TileStore, size: int | None) -> int:
    sizes = store.sizes()
    if not sizes:
        raise CheckpointRefused(
            f"{store.folder} has no checkpoint; `clearing checkpoint` makes one"
        )
    if size is not None and size not in sizes:
        listed = ", ".join(f"{one:,}" for one in sizes[-10:])
        raise CheckpointRefused(f"no checkpoint of {size:,} events is kept; the last are {listed}")
    return sizes[-1] if size is None else size


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept checkpoint, opened: its size, what it says, or what is wrong with the file."""

    size: int
    checkpoint: Checkpoint | None
    problem: str


def kept_checkpoints(store: TileStore, trusted: list[Verifier]) -> Iterator[Kept]:
    """Yield every kept checkpoint, by size, signed by somebody trusted or with what is wrong."""
    for size in store.sizes():
        try:
            text, _ = open_note(store.checkpoint(size), trusted)
            checkpoint = Checkpoint.from_text(text)
        except (NoteRefused, StoreBroken) as refused:
            yield Kept(size, None, f"checkpoint of {size:,} events: {refused}")
            continue
        problem = ""
        if checkpoint.size != size:
            problem = f"checkpoint of {size:,} events: says that it is of {checkpoint.size:,}"
        yield Kept(size, checkpoint, problem)
