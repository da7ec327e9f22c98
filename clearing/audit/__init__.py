"""Answers: what was, at any position, read from the histories and valued by the engine.

Cash, positions, marks and funding come from the read models; equity, requirements and status come
from the engine's own functions on a book loaded from them, so there is no second rule engine.
"""

from clearing.audit.accounts import account, account_story, accounts
from clearing.audit.balances import trial_balance
from clearing.audit.deriving import derive_rulebook, rederive
from clearing.audit.fills import FillReport, fill_report
from clearing.audit.funds import fund_history, funds
from clearing.audit.history import HistoryEntry, HistoryEvent, HistoryPage, Wanted, history
from clearing.audit.house import house
from clearing.audit.house_views import HouseAssetView, HouseView, MarketView
from clearing.audit.losses import NameUnknown, deviations, liquidations
from clearing.audit.markets import market
from clearing.audit.moments import Moment, MomentUnclear, Reordered, resolve_moment
from clearing.audit.rulebooks import RulebookUnknown, RulebookView, rulebook, rulebooks
from clearing.audit.status import ledger_status
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
    "AccountView",
    "DeviationView",
    "FillReport",
    "FundStateView",
    "FundView",
    "HistoryEntry",
    "HistoryEvent",
    "HistoryPage",
    "HouseAssetView",
    "HouseView",
    "LedgerStatus",
    "LiquidationView",
    "MarketView",
    "Moment",
    "MomentUnclear",
    "NameUnknown",
    "PositionView",
    "ProviderView",
    "Reordered",
    "RulebookUnknown",
    "RulebookView",
    "ScopeView",
    "StoryPoint",
    "ToldLiquidationView",
    "TrialBalanceLine",
    "Verification",
    "Wanted",
    "account",
    "account_story",
    "accounts",
    "derive_rulebook",
    "deviations",
    "fill_report",
    "fund_history",
    "funds",
    "history",
    "house",
    "ledger_status",
    "liquidations",
    "market",
    "rederive",
    "resolve_moment",
    "rulebook",
    "rulebooks",
    "told_liquidations",
    "trial_balance",
    "verify",
]
