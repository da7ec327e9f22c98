"""The daily close: everything that has to be done and looked at before a day is signed.

It does nothing of its own: it takes statements in, reconciles, computes fees and funding again,
issues our own statements, verifies the log and signs a checkpoint, through the same API as
everybody, and remembers which steps of a day are done.
"""

from clearing.close.plan import ClosePlan, PlanRefused, read_plan
from clearing.close.running import Close, StepDone, Tools, close_day

__all__ = [
    "Close",
    "ClosePlan",
    "PlanRefused",
    "StepDone",
    "Tools",
    "close_day",
    "read_plan",
]
