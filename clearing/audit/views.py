"""The shapes of answers. Amounts are exact decimals as text, in the asset or market they name."""

from dataclasses import dataclass
from datetime import datetime

from clearing.audit.moments import Reordered


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position: signed size, cost with the same sign, mark, unrealised PnL, accrued funding.

    ``average_entry`` is cost ÷ size as shown to people, at the market's price decimals and rounded
    half-even; ``entry_known`` is false where the source's history did not say. ``mark`` is empty
    while the market has none. ``liquidation_price`` is the mark at which this market alone would
    bring the scope to its liquidation boundary, rounded half-even to mark decimals; ``none`` where
    no price does, empty where nothing is asked. ``distance``, ``risk_score`` and ``time_to_breach``
    (in seconds) are those of :class:`~clearing.engine.forecast.Forecast` for the horizon of the
    class's alerts, or a day; empty where its market publishes no volatility. ``auction_ends_at`` is
    when an open auction of the position ends; None where there is none.
    """

    market: str
    size: str
    cost: str
    average_entry: str
    entry_known: bool
    mark: str
    notional: str
    unrealised: str
    accrued_funding: str
    maintenance: str
    liquidation_price: str
    distance: str
    risk_score: str
    time_to_breach: str
    auction_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class MarginCallView:
    """An open margin call: what is due (at its opening), which level it restores, and when."""

    amount_due: str
    level: str
    due_at: datetime
    missed: bool


@dataclass(frozen=True, slots=True)
class ScopeView:
    """An account in one asset: what it has, what is asked of it, and its status.

    ``pending`` are deposits that are not final yet and count for nothing. ``collateral`` is the
    full value of balances in other assets that count here; ``equity`` is the sum of cash,
    unrealised PnL, accrued funding and collateral. ``levels`` are the requirements by name,
    ``counted`` the equity that counts for each. ``withdrawable`` is rounded down to the asset's
    unit. ``free_margin`` is what counts at initial less initial margin. Ratios are rounded
    half-even and empty where there is nothing to divide by (nothing asked, nothing owed);
    ``margin_ratio`` and ``effective_leverage`` are ``none`` while no equity is left:
    ``margin_level`` in per cent, the others plain (:class:`~clearing.engine.ratios.MarginFigures`
    has the formulas). ``rulebook`` is the one in force for the asset, as ``name@version``; empty
    without one.
    """

    asset: str
    cash: str
    pending: str
    unrealised: str
    accrued_funding: str
    collateral: str
    equity: str
    initial: str
    maintenance: str
    levels: dict[str, str]
    counted: dict[str, str]
    withdrawable: str
    free_margin: str
    margin_level: str
    margin_ratio: str
    health_factor: str
    collateralisation: str
    effective_leverage: str
    status: str
    margin_call: MarginCallView | None
    rulebook: str
    positions: tuple[PositionView, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account at a log position. ``exists`` is false before it was opened; that is an answer.

    ``isolates`` are the only markets that it may trade in (empty: all), ``parts`` the accounts that
    name it as their ``parent``: isolated positions and the like, which are margined apart. With
    ``reordered`` the answer is a scenario.
    """

    account: str
    account_class: str
    owner: str
    exists: bool
    log_position: int
    scopes: tuple[ScopeView, ...]
    parent: str = ""
    isolates: tuple[str, ...] = ()
    parts: tuple["AccountView", ...] = ()
    reordered: Reordered | None = None


@dataclass(frozen=True, slots=True)
class StoryPoint:
    """One moment of an account's story in one asset: equity against its requirements."""

    log_position: int
    occurred_at: datetime
    equity: str
    initial: str
    maintenance: str
    status: str


@dataclass(frozen=True, slots=True)
class LiquidationView:
    """One step of the ladder: the inequality that was true, what was closed, and who bore a loss.

    ``equity`` is what counts at the level. ``loss`` is minus all of it at a takeover that found
    less than nothing. With ``kept`` (what closes at a price of the rulebook left the account beyond
    nothing) it is the sum of ``fund``, ``adl``, ``socialised``, ``deficit`` and ``rounding``; all
    are empty where there was none.
    """

    log_position: int
    occurred_at: datetime
    account: str
    asset: str
    action: str
    equity: str
    comparator: str
    threshold: str
    level: str
    closed: tuple[str, ...]
    loss: str
    fund: str
    adl: str
    socialised: str
    deficit: str
    rounding: str
    kept: str


@dataclass(frozen=True, slots=True)
class ToldLiquidationView:
    """A fill that its venue says was a liquidation, and what the ledger knew just before it.

    ``size`` is signed, a purchase positive; ``mark`` that in force, empty without one; ``method``
    the venue's word. ``equity`` and ``maintenance`` are of the whole account in the asset, as far
    as the log says what it has. ``deviations`` are the codes of what contradicts it.
    """

    log_position: int
    occurred_at: datetime
    account: str
    market: str
    size: str
    price: str
    mark: str
    method: str
    equity: str
    maintenance: str
    deviations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FundView:
    """A fund after an event that changed it: cash, inventory at mark, and equity."""

    log_position: int
    occurred_at: datetime
    fund: str
    asset: str
    cash: str
    inventory: str
    equity: str


@dataclass(frozen=True, slots=True)
class ProviderView:
    """Who provides part of a fund's money, and what it would have by leaving at that moment.

    ``provider`` is empty for the venue itself. ``worth`` is in the asset, never below 0 and before
    the limit that an earlier request sets; ``leaving`` are the shares it asked to leave with.
    """

    fund: str
    asset: str
    provider: str
    shares: str
    total_shares: str
    worth: str
    leaving: str


@dataclass(frozen=True, slots=True)
class FundStateView:
    """A fund in an asset: cash, inventory at mark (with accrued funding), their sum, its providers.

    ``shares`` are all that there are (0: it is the house's alone). With ``reordered`` the answer is
    a scenario.
    """

    fund: str
    asset: str
    log_position: int
    cash: str
    inventory: str
    equity: str
    positions: tuple[PositionView, ...]
    shares: str
    providers: tuple[ProviderView, ...]
    reordered: Reordered | None = None


@dataclass(frozen=True, slots=True)
class TrialBalanceLine:
    """A ledger account's balance; the lines of an asset that are not memos sum to zero.

    ``account`` names the account, market or nothing; all trading accounts are one line. A ``memo``
    line is no balance but explains one: ``accrued funding`` is what a market's holders are owed and
    not paid yet, ``funding remainder`` the rest of its ``funding`` balance, which rounding left.
    """

    ledger: str
    account: str
    asset: str
    balance: str
    memo: bool = False


@dataclass(frozen=True, slots=True)
class DeviationView:
    """Where facts contradict the rules: what was expected and what was found."""

    log_position: int
    code: str
    account: str
    market: str
    asset: str
    expected: str
    found: str
    detail: str


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """How far everything is: the log, the live generation, quarantine, protections."""

    log_position: int
    log_root: str
    batches: int
    recorded_at: datetime | None
    sources: int
    assets: int
    markets: int
    accounts: int
    generation: int
    engine_version: str
    projected_position: int
    entry_hash: str
    quarantined: int
    protections: dict[str, bool]
