"""Making checkpoints of a ledger, and proofs against them.

A checkpoint is only signed if the log still begins with what the last one said: the old leaves are
those that the store keeps outside the database, the new ones are re-hashed from the events, and
together they must give the log's head. So a log that was written again cannot be signed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearing.audit.moments import MomentUnclear
from clearing.audit.signed_state import NotSigned, folded_state
from clearing.engine import ENGINE_VERSION, Engine
from clearing.events import pack
from clearing.log import Connection, packed_leaf, read_at, read_head, read_log
from clearing.log.annexes import (
    Leaves,
    contradicted,
    quarantine_leaves,
    quarantine_now,
    receipt_leaves,
    receipts_upto,
)
from clearing.log.checkpoints import Annex, Checkpoint, State, open_checkpoint
from clearing.log.merkle import Frontier
from clearing.log.notes import NoteRefused, Signer, Verifier
from clearing.log.proof_files import write_growth, write_inclusion
from clearing.log.proving import (
    consistency_path,
    inclusion_path,
    proves_growth,
    proves_inclusion,
)
from clearing.log.tiles import StoreBroken, TileStore
from clearing.projectors import ensure_live, project, rules_digest


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


Progress = Callable[[str, int], None]
"""Called with the stage (``hashed``, then ``folded``) and the position reached."""


def make_checkpoint(
    connection: Connection, store: TileStore, signer: Signer, progress: Progress | None = None
) -> CheckpointMade:
    """Project what is there, and sign and keep a checkpoint of the log and its state.

    Where nothing was appended or put in quarantine since the last one, that one is given again.
    The state is folded from the events that are signed, and held against the read models'. Raises
    :class:`CheckpointRefused` if what is there does not begin with what the store has, or the read
    models have another state, and :class:`~clearing.log.tiles.StoreBroken`.
    """
    projected = project(connection).engine
    size = projected.position
    if not size:
        raise CheckpointRefused("the log is empty; there is nothing to sign")
    with store.held():
        if size < store.size:
            raise CheckpointRefused(
                f"the log has {size:,} events, the last checkpoint {store.size:,}: events were"
                " removed"
            )
        last = _last(store, signer)
        root = _grow(connection, store, size, _of_stage(progress, "hashed"))
        _check_annexes(connection, last)
        engine = _folded(connection, store, signer, projected, progress)
        state = State(
            engine.digest(),
            engine.entry_hash.hex(),
            rules_digest(engine),
            ENGINE_VERSION,
            ensure_live(connection).number,
        )
        new = Checkpoint(
            signer.name,
            size,
            root,
            state,
            receipts_upto(connection, size),
            quarantine_now(connection),
        )
        if last is not None and last.size == size:
            _check_same(last, new)
        if last is not None and _covers(last, new):
            new, note = last, store.checkpoint(size)
        else:
            note = signer.sign(new.text())
        path = store.keep(size, note)
        store.keep_state(engine.snapshot())
    told = new.state or state
    return CheckpointMade(
        size, root.hex(), told.digest, told.engine, told.generation, str(path), note
    )


def _of_stage(progress: Progress | None, stage: str) -> Callable[[int], None] | None:
    return None if progress is None else lambda position: progress(stage, position)


def _folded(
    connection: Connection,
    store: TileStore,
    signer: Signer,
    projected: Engine,
    progress: Progress | None,
) -> Engine:
    """Return the engine that the signed events fold to; refuse if the read models have another."""
    size, reached = projected.position, _of_stage(progress, "folded")
    try:
        engine = folded_state(connection, store, signer.verifier, size, reached)
    except NotSigned as refused:
        raise CheckpointRefused(str(refused)) from refused
    here = (engine.digest(), engine.entry_hash.hex())
    there = (projected.digest(), projected.entry_hash.hex())
    for name, folded, model in zip(("digest", "entry hash"), here, there, strict=True):
        if folded != model:
            raise CheckpointRefused(
                f"the read models are at the {name} {model}, and the log folds to {folded}:"
                " `clearing verify` says what differs, `clearing rebuild` makes them anew"
            )
    return engine


def _last(store: TileStore, signer: Signer) -> Checkpoint | None:
    """Return the last checkpoint, if any; refuse to go on with one that another key signed."""
    if not store.size:
        return None
    try:
        checkpoint, _ = open_checkpoint(store.checkpoint(store.size), [signer.verifier])
    except NoteRefused as refused:
        raise CheckpointRefused(
            f"the last checkpoint of {store.folder} is not this key's: {refused}"
        ) from refused
    if store.root(store.size) != checkpoint.root:
        raise CheckpointRefused(
            f"the tiles of {store.folder} do not give the root of its last checkpoint"
        )
    return checkpoint


def _check_annexes(connection: Connection, last: Checkpoint | None) -> None:
    """Refuse to go on where receipts or quarantine are no longer what the last checkpoint says."""
    if last is None:
        return
    told: list[tuple[str, Annex | None, Leaves]] = [
        ("receipts", last.receipts, receipt_leaves(connection)),
        ("quarantine", last.quarantine, quarantine_leaves(connection)),
    ]
    for name, annex, leaves in told:
        if annex is not None:
            for problem in contradicted(leaves, {f"the last checkpoint's {name}": annex}):
                raise CheckpointRefused(problem)


def _covers(last: Checkpoint, new: Checkpoint) -> bool:
    """Whether the last checkpoint says all that a new one would (but for the read models' name)."""
    return (last.size, last.receipts, last.quarantine) == (
        new.size,
        new.receipts,
        new.quarantine,
    ) and _engine(last) == _engine(new)


def _engine(checkpoint: Checkpoint) -> str:
    return "" if checkpoint.state is None else checkpoint.state.engine


def _check_same(kept: Checkpoint, new: Checkpoint) -> None:
    """Refuse to contradict what is signed already of the same events."""
    if kept.root != new.root:
        raise CheckpointRefused(
            f"the checkpoint of {kept.size:,} events that is kept has another root"
        )
    before, now = kept.state, new.state
    if before is None or now is None or before.engine != now.engine:
        return
    if before.digest != now.digest:
        raise CheckpointRefused(
            f"the checkpoint of {kept.size:,} events says their state is {before.digest}, and they"
            f" fold to {now.digest}"
        )


def _grow(
    connection: Connection,
    store: TileStore,
    size: int,
    progress: Callable[[int], None] | None,
) -> bytes:
    """Add the log's new leaves to the tiles and return the root over all of them.

    Raises :class:`CheckpointRefused` unless the old leaves and the new ones give the log's head.
    """
    head = read_head(connection)
    before, tree = store.size, _frontier(store)

    def leaves(after: int, upto: int) -> Iterator[bytes]:
        for stored in read_log(connection, after=after, upto=upto):
            for row, leaf in stored:
                if packed_leaf(row) != leaf:
                    raise CheckpointRefused(f"log position {row.position}: content and leaf differ")
                tree.append(leaf)
                yield leaf
            if progress is not None:
                progress(tree.size)

    store.append(leaves(before, size))
    root = tree.root()
    for _ in leaves(size, head.position):
        pass  # appended meanwhile: not signed yet, but the head is of them too
    if tree.root() != head.root:
        raise CheckpointRefused(
            f"the log does not begin with the {before:,} events of the last checkpoint: with"
            f" them its root would be {tree.root().hex()}, and it is {head.root.hex()}"
        )
    if store.root(size) != root:
        raise CheckpointRefused(f"the tiles of {store.folder} do not give the root that they must")
    return root


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

    Raises :class:`~clearing.audit.MomentUnclear` for a position that the checkpoint does not have,
    and :class:`CheckpointRefused` if there is none, or the event is not what it was.
    """
    size = _kept(store, size)
    if not 1 <= position <= size:
        raise MomentUnclear(
            f"the checkpoint of {size:,} events does not have log position {position:,}"
        )
    row, _ = read_at(connection, position)
    leaf = packed_leaf(row)
    if leaf is None or leaf != store.leaf(position - 1):
        raise CheckpointRefused(
            f"the event at log position {position:,} is not the one that the checkpoint has"
        )
    path = inclusion_path(store.subtree, position - 1, size)
    note = store.checkpoint(size)
    if not proves_inclusion(leaf, position - 1, size, path, _root(note)):
        raise CheckpointRefused(_untrue(store, size))
    return write_inclusion(position - 1, pack(row), path, note)


def prove_growth(store: TileStore, first: int, second: int | None = None) -> str:
    """Return the proof, as a file, that the log of one checkpoint begins with that of another."""
    second = _kept(store, second)
    first = _kept(store, first)
    if first > second:
        raise CheckpointRefused(f"the checkpoint of {first:,} events is not before {second:,}")
    path = consistency_path(store.subtree, first, second)
    old, new = store.checkpoint(first), store.checkpoint(second)
    if not proves_growth(first, second, path, _root(old), _root(new)):
        raise CheckpointRefused(_untrue(store, second))
    return write_growth(path, old, new)


def _root(note: str) -> bytes:
    """Return the root that a note gives, whoever signed it: that is for its readers to see."""
    try:
        return Checkpoint.from_text(note.rpartition("\n\n")[0] + "\n").root
    except NoteRefused as refused:
        raise StoreBroken(f"a kept checkpoint is none: {refused}") from refused


def _untrue(store: TileStore, size: int) -> str:
    return f"the tiles of {store.folder} do not give the root of its checkpoint of {size:,} events"


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
    name: str
    checkpoint: Checkpoint | None
    problem: str


def kept_checkpoints(store: TileStore, trusted: list[Verifier]) -> Iterator[Kept]:
    """Yield every kept checkpoint, by size: signed by its log's key, or with what is wrong."""
    for size, number in store.kept():
        which = "" if number == 1 else f" (number {number})"
        name = f"checkpoint of {size:,} events{which}"
        try:
            checkpoint, _ = open_checkpoint(store.checkpoint(size, number), trusted)
        except (NoteRefused, StoreBroken) as refused:
            yield Kept(size, name, None, f"{name}: {refused}")
            continue
        problem = ""
        if checkpoint.size != size:
            problem = f"{name}: says that it is of {checkpoint.size:,}"
        yield Kept(size, name, checkpoint, problem)


def latest_problem(store: TileStore) -> str:
    """Say what is wrong with the file that gives the latest checkpoint; empty if nothing is."""
    try:
        latest = store.latest()
        expected = store.checkpoint(store.sizes()[-1]) if store.kept() else None
    except StoreBroken as broken:
        return str(broken)
    if latest == expected:
        return ""
    return f"{store.folder / 'checkpoint'} is not the last of the checkpoints that are kept"
