"""Read models: the fold's entries written as histories, in generations that can be rebuilt.

This room knows how entries become rows and how far they were written; it does not know how rules
work. Everything here can be thrown away and made again from the log.
"""

from clearing.projectors.follow import follow, project
from clearing.projectors.generations import (
    Generation,
    drop_generation,
    ensure_live,
    generations,
    live_generation,
)
from clearing.projectors.projector import (
    BrokenCheckpoint,
    BrokenLeaf,
    CheckpointMoved,
    Projector,
    fold_log,
    log_resolver,
)
from clearing.projectors.rebuild import (
    RebuildBusy,
    RebuildRefused,
    Rebuilt,
    certification,
    certified_digests,
    check_generation,
    rebuild,
)
from clearing.projectors.tables import POSTING, TABLES, Table, schema_of

__all__ = [
    "POSTING",
    "TABLES",
    "BrokenCheckpoint",
    "BrokenLeaf",
    "CheckpointMoved",
    "Generation",
    "Projector",
    "RebuildBusy",
    "RebuildRefused",
    "Rebuilt",
    "Table",
    "certification",
    "certified_digests",
    "check_generation",
    "drop_generation",
    "ensure_live",
    "fold_log",
    "follow",
    "generations",
    "live_generation",
    "log_resolver",
    "project",
    "rebuild",
    "schema_of",
]
