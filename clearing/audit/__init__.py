"""Answers: what was, at any position, read from the histories and valued by the engine.

Cash, positions, marks and funding come from the read models; equity, requirements and status come
from the engine's own functions on a book loaded from them, so there is no second rule engine.
"""

from clearing.audit.accounts import account, account_story, accounts
from clearing.audit.balances import trial_balance
from clearing.audit.checkpointing import (
    CheckpointMade,
    CheckpointRefused,
    make_checkpoint,
    prove_event,
    prove_growth,
)
from clearing.audit.corrections import CorrectionView, corrections
from clearing.audit.deriving import derive_rulebook, rederive
from clearing.audit.deviating import DeviationEvidence, deviation_evidence, deviations
from clearing.audit.evidence import PackBroken, PackChecked, PackMade, check_pack, make_pack
from clearing.audit.explain import (
    Explanation,
    LiquidationExplained,
    PriceExplained,
    explain_equity,
    explain_fund,
    explain_funding,
    explain_liquidation,
    explain_margin,
    explain_price,
)
from clearing.audit.fills import FillReport, fill_report
from clearing.audit.funds import fund_history, funds
from clearing.audit.history import HistoryEntry, HistoryEvent, HistoryPage, Wanted, history
from clearing.audit.house import house
from clearing.audit.house_views import HouseAssetView, HouseView, MarketView
from clearing.audit.impact import Impact, Impacted, NotACorrection, impact
from clearing.audit.losses import NameUnknown, liquidations
from clearing.audit.markets import market
from clearing.audit.moments import Moment, MomentUnclear, Reordered, resolve_moment
from clearing.audit.period import (
    FillsView,
    PeriodView,
    PostedView,
    RemainderView,
    SharedView,
    account_period,
    exact_text,
    ledger_period,
)
from clearing.audit.replay import (
    LOG,
    Diff,
    FirstDifference,
    OverrideEffect,
    Scenario,
    ScenarioAnswer,
    ScenarioRefused,
    attribute,
    bisect,
    bisect_generations,
    diff,
    diff_generations,
    keep_scenario,
    parse_scenario,
    read_scenario,
    replay,
)
from clearing.audit.rulebooks import RulebookUnknown, RulebookView, rulebook, rulebooks
from clearing.audit.status import ledger_status
from clearing.audit.stress import Stress, StressAnswer, parse_stress, read_stress, stress
from clearing.audit.told import told_liquidations
from clearing.audit.verify import Verification, verify
from clearing.audit.views import (
    AccountView,
    DeviationView,
    FundStateView,
    FundView,
    LedgerStatus,
    LiquidationView,
    PositionView,
    ProviderView,
    ScopeView,
    StoryPoint,
    ToldLiquidationView,
    TrialBalanceLine,
)

__all__ = [
    "LOG",
    "AccountView",
    "CheckpointMade",
    "CheckpointRefused",
    "CorrectionView",
    "DeviationEvidence",
    "DeviationView",
    "Diff",
    "Explanation",
    "FillReport",
    "FillsView",
    "FirstDifference",
    "FundStateView",
    "FundView",
    "HistoryEntry",
    "HistoryEvent",
    "HistoryPage",
    "HouseAssetView",
    "HouseView",
    "Impact",
    "Impacted",
    "LedgerStatus",
    "LiquidationExplained",
    "LiquidationView",
    "MarketView",
    "Moment",
    "MomentUnclear",
    "NameUnknown",
    "NotACorrection",
    "OverrideEffect",
    "PackBroken",
    "PackChecked",
    "PackMade",
    "PeriodView",
    "PositionView",
    "PostedView",
    "PriceExplained",
    "ProviderView",
    "RemainderView",
    "Reordered",
    "RulebookUnknown",
    "RulebookView",
    "Scenario",
    "ScenarioAnswer",
    "ScenarioRefused",
    "ScopeView",
    "SharedView",
    "StoryPoint",
    "Stress",
    "StressAnswer",
    "ToldLiquidationView",
    "TrialBalanceLine",
    "Verification",
    "Wanted",
    "account",
    "account_period",
    "account_story",
    "accounts",
    "attribute",
    "bisect",
    "bisect_generations",
    "check_pack",
    "corrections",
    "derive_rulebook",
    "deviation_evidence",
    "deviations",
    "diff",
    "diff_generations",
    "exact_text",
    "explain_equity",
    "explain_fund",
    "explain_funding",
    "explain_liquidation",
    "explain_margin",
    "explain_price",
    "fill_report",
    "fund_history",
    "funds",
    "history",
    "house",
    "impact",
    "keep_scenario",
    "ledger_period",
    "ledger_status",
    "liquidations",
    "make_checkpoint",
    "make_pack",
    "market",
    "parse_scenario",
    "parse_stress",
    "prove_event",
    "prove_growth",
    "read_scenario",
    "read_stress",
    "rederive",
    "replay",
    "resolve_moment",
    "rulebook",
    "rulebooks",
    "stress",
    "told_liquidations",
    "trial_balance",
    "verify",
]
