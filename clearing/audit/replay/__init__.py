"""What if: scenarios over the log, run in memory beside it and never written to it.

A scenario is a document of overrides (:mod:`document`); :mod:`overlay` makes of it what changes a
log, :mod:`run` folds the log with and without it, and :mod:`answer` says what differs.
"""

from clearing.audit.replay.answer import (
    AssetTotals,
    ColumnTotals,
    ContestedView,
    Fate,
    FateView,
    FundState,
    OverrideView,
    ScenarioAnswer,
)
from clearing.audit.replay.attribution import OverrideEffect, attribute
from clearing.audit.replay.diff import (
    LOG,
    Diff,
    FateDifference,
    FirstDifference,
    bisect,
    diff,
)
from clearing.audit.replay.document import (
    Scenario,
    ScenarioRefused,
    parse_scenario,
    read_scenario,
)
from clearing.audit.replay.keeping import keep_scenario
from clearing.audit.replay.running import replay
from clearing.audit.replay.stored import bisect_generations, diff_generations
from clearing.audit.replay.sums import HouseLine

__all__ = [
    "LOG",
    "AssetTotals",
    "ColumnTotals",
    "ContestedView",
    "Diff",
    "Fate",
    "FateDifference",
    "FateView",
    "FirstDifference",
    "FundState",
    "HouseLine",
    "OverrideEffect",
    "OverrideView",
    "Scenario",
    "ScenarioAnswer",
    "ScenarioRefused",
    "attribute",
    "bisect",
    "bisect_generations",
    "diff",
    "diff_generations",
    "keep_scenario",
    "parse_scenario",
    "read_scenario",
    "replay",
]
