"""A ledger's checkpoints: the first, which folds the whole log, and one after a little more.

The baseline is a fold of the log by itself. Each checkpoint must be of the live digest.
"""

import resource
import tempfile
from pathlib import Path

from benchmarks.measure import Ratio, compared, percentiles, seconds
from clearing import audit
from clearing.audit import CheckpointMade
from clearing.log import Connection
from clearing.log.notes import Signer
from clearing.log.proof_files import check_proof
from clearing.log.tiles import TileStore
from clearing.projectors import Generation, fold_log


def run(connection: Connection, live: Generation, *, samples: int) -> list[Ratio]:
    """Measure a first checkpoint, one that finds nothing new, and proofs of events."""
    signer = Signer("benchmark.invalid/log", bytes(32))
    with tempfile.TemporaryDirectory() as folder:
        store, made = TileStore(Path(folder)), list[CheckpointMade]()

        def checkpoint() -> None:
            made.append(audit.make_checkpoint(connection, store, signer))

        first, again = seconds(checkpoint), seconds(checkpoint)
        folded: list[str] = []
        fold = seconds(lambda: folded.append(fold_log(connection, upto=live.position).digest()))
        if {one.digest for one in made} != set(folded) or made[0] != made[1]:
            raise RuntimeError("the checkpoints are not of the state that the log folds to")
        taken = []
        for number in range(1, samples + 1):
            position = number * live.position // samples
            proofs: list[str] = []
            taken.append(seconds(lambda: proofs.append(_proof(connection, store, position))))  # noqa: B023 - run at once
            if check_proof(proofs[0], [signer.verifier]).log_position != position:
                raise RuntimeError(f"the proof of {position} is of another event")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    note = (
        f"{live.position:,} events: first {first:,.1f} s, again {again:,.2f} s; proofs of events"
        f" {percentiles(taken)}; at most {peak:,} MiB of memory"
    )
    return [
        compared(
            "a first checkpoint",
            [1 / first],
            "folding the log",
            [1 / fold],
            unit="checkpoints",
            floor=None,
            at_most=True,
            note=note,
        )
    ]


def _proof(connection: Connection, store: TileStore, position: int) -> str:
    return audit.prove_event(connection, store, position)
