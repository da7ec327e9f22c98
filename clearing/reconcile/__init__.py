"""Our books against somebody else's: statements taken in, matched, their breaks, and who signs.

What is recorded here is append-only, beside the log: imports with their coverage, matches with the
rule that made them, breaks with their history, proposals with who made and who approved them. It
reads the ledger through :mod:`clearing.audit` and knows nothing of the engine's inside.
"""

from clearing.reconcile.accepting import Acceptance
from clearing.reconcile.acting import NotAllowed
from clearing.reconcile.answers import DifferenceView, LegTotals, MatchView, Reconciliation
from clearing.reconcile.breaks import BreakStep, BreakUnknown, BreakView
from clearing.reconcile.chains import FillGap
from clearing.reconcile.checks import CHECKS, Check, Checked
from clearing.reconcile.closing import close_steps, record_close_step
from clearing.reconcile.coverage import Coverage, Doubt, Gap, ImportView
from clearing.reconcile.desk import Desk
from clearing.reconcile.differences import BREAK_TYPES, BreakType
from clearing.reconcile.proposals import PROPOSAL_KINDS, Apart, Proposal
from clearing.reconcile.recompute import (
    FeeReport,
    FeeSchedule,
    FundingCharge,
    FundingReport,
    ImpliedRate,
    TakerWhen,
    charges_of,
    fee_schedule,
    implied_rates,
    recompute_fees,
    recompute_funding,
)
from clearing.reconcile.running import NothingToCompare
from clearing.reconcile.sampling import MAPPING, PLANTED, NothingPlanted, Planted
from clearing.reconcile.taking import EVERY, LEGS, Leg, StatementRefused, Taken, look
from clearing.reconcile.withdrawing import Withdrawal

__all__ = [
    "BREAK_TYPES",
    "CHECKS",
    "EVERY",
    "LEGS",
    "MAPPING",
    "PLANTED",
    "PROPOSAL_KINDS",
    "Acceptance",
    "Apart",
    "BreakStep",
    "BreakType",
    "BreakUnknown",
    "BreakView",
    "Check",
    "Checked",
    "Coverage",
    "Desk",
    "DifferenceView",
    "Doubt",
    "FeeReport",
    "FeeSchedule",
    "FillGap",
    "FundingCharge",
    "FundingReport",
    "Gap",
    "ImpliedRate",
    "ImportView",
    "Leg",
    "LegTotals",
    "MatchView",
    "NotAllowed",
    "NothingPlanted",
    "NothingToCompare",
    "Planted",
    "Proposal",
    "Reconciliation",
    "StatementRefused",
    "Taken",
    "TakerWhen",
    "Withdrawal",
    "charges_of",
    "close_steps",
    "fee_schedule",
    "implied_rates",
    "look",
    "recompute_fees",
    "recompute_funding",
    "record_close_step",
]
