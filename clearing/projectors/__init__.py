"""Read models: the fold's entries written as histories, in generations that can be rebuilt.

This room knows how entries become rows and how far they were written; it does not know how rules
work. Everything here can be thrown away and made again from the log.
"""

from clearing.projectors.certified import Certified, certification, certified_digests
from clearing.projectors.components import Components, equity_components
from clearing.projectors.follow import follow, project
from clearing.projectors.generations import (
    Generation,
    drop_generation,
    drop_unused,
    ensure_live,
    first_difference,
    generations,
    live_generation,
)
from clearing.projectors.projector import (
    BrokenCheckpoint,
    BrokenLeaf,
    CheckpointMoved,
    Projector,
    checked,
    digests_at,
    fold_log,
    log_resolver,
    snapshot_problem,
)
from clearing.projectors.rebuild import (
    RebuildBusy,
    RebuildRefused,
    Rebuilt,
    one_rebuild,
    rebuild,
)
from clearing.projectors.rules import rules_digest
from clearing.projectors.staging import Staging
from clearing.projectors.tables import BETWEEN, OF_MARKETS, POSTING, TABLES, Table, schema_of
from clearing.projectors.verify import Stated, check_generation

__all__ = [
    "BETWEEN",
    "OF_MARKETS",
    "POSTING",
    "TABLES",
    "BrokenCheckpoint",
    "BrokenLeaf",
    "Certified",
    "CheckpointMoved",
    "Components",
    "Generation",
    "Projector",
    "RebuildBusy",
    "RebuildRefused",
    "Rebuilt",
    "Staging",
    "Stated",
    "Table",
    "certification",
    "certified_digests",
    "check_generation",
    "checked",
    "digests_at",
    "drop_generation",
    "drop_unused",
    "ensure_live",
    "equity_components",
    "first_difference",
    "fold_log",
    "follow",
    "generations",
    "live_generation",
    "log_resolver",
    "one_rebuild",
    "project",
    "rebuild",
    "rules_digest",
    "schema_of",
    "snapshot_problem",
]
