"""What the ledger's postings are called in a statement, and which part of a result they are.

A posting says its purpose in the ledger's words; a back office reads kinds of movement, and a
result is taken apart into parts. Both stand here once, so that a statement and its attribution
agree.
"""

from dataclasses import dataclass
from typing import Final

TRANSFERS: Final = "transfers"
SHARES: Final = "others' shares"
PRICE: Final = "price"
EXECUTION: Final = "execution"
FUNDING: Final = "funding"
FEES: Final = "fees"
INTEREST: Final = "interest"
LIQUIDATION: Final = "liquidation"
ADL: Final = "ADL"
SOCIALISED: Final = "socialised loss"
EXCHANGE: Final = "exchange"
ADJUSTMENTS: Final = "adjustments"
COLLATERAL: Final = "collateral"
ROUNDING: Final = "rounding"

PARTS: Final = {
    TRANSFERS: "deposits, withdrawals, transfers, shares of funds, positions carried in",
    SHARES: "of the house: the change of what providers' shares of its funds are worth",
    PRICE: "positions held × the changes of their marks",
    EXECUTION: "trades and settlements: their prices against the mark in force",
    FUNDING: "funding paid and received, and what accrued",
    FEES: "trading fees, rebates with plus",
    INTEREST: "interest on balances",
    LIQUIDATION: "forced closes and takeovers against the mark, penalties, losses covered",
    ADL: "closes as a counterparty of somebody's liquidation, against the mark",
    SOCIALISED: "others' losses borne: haircuts of gains, charges per unit of open interest",
    EXCHANGE: "one asset for another in spot markets",
    ADJUSTMENTS: "adjustments by hand",
    COLLATERAL: "the change of what balances in other assets count for",
    ROUNDING: "what the ledger's roundings left",
}
"""The parts of a change of equity in the order of a statement, and what each holds."""


OWN_LEDGERS: Final = ("fees", "interest", "rounding", "deficit", "adjustment")
"""Ledger accounts that are the house's own: what it earned, left over, bore, gave."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """A posting's purpose: the ``kind`` of movement it is, and the ``part`` of a result."""

    kind: str
    part: str


PURPOSES: Final = {
    "deposit": Purpose("deposits", TRANSFERS),
    "confirmation": Purpose("deposits", TRANSFERS),
    "withdrawal": Purpose("withdrawals", TRANSFERS),
    "transfer": Purpose("transfers", TRANSFERS),
    "fund_contribution": Purpose("fund contributions", TRANSFERS),
    "fund_withdrawal": Purpose("fund withdrawals", TRANSFERS),
    "pool_joined": Purpose("fund shares", TRANSFERS),
    "pool_left": Purpose("fund shares", TRANSFERS),
    "realised_pnl": Purpose("realised PnL", PRICE),
    "cost_basis": Purpose("rounding of entries", PRICE),
    "fill_cost": Purpose("rounding of fills", ROUNDING),
    "funding": Purpose("funding", FUNDING),
    "funding_residual": Purpose("funding residual", FUNDING),
    "funding_rounding": Purpose("rounding of funding", ROUNDING),
    "fee": Purpose("fees", FEES),
    "interest": Purpose("interest", INTEREST),
    "penalty": Purpose("liquidation penalties", LIQUIDATION),
    "residual": Purpose("liquidation residuals", LIQUIDATION),
    "conversion": Purpose("collateral converted", LIQUIDATION),
    "seizure": Purpose("collateral seized", LIQUIDATION),
    "repayment": Purpose("debts repaid", LIQUIDATION),
    "variation": Purpose("takeovers settled", LIQUIDATION),
    "loss": Purpose("losses covered", LIQUIDATION),
    "deficit": Purpose("losses left uncovered", LIQUIDATION),
    "haircut": Purpose("haircuts", SOCIALISED),
    "per_unit": Purpose("charges per unit", SOCIALISED),
    "spot": Purpose("spot trades", EXCHANGE),
    "adjustment": Purpose("adjustments", ADJUSTMENTS),
}
"""Every purpose that a posting may have."""

FILLS: Final = {
    "trade": Purpose("trades", EXECUTION),
    "settlement": Purpose("settlements of markets", EXECUTION),
    "reversal": Purpose("trades reversed", EXECUTION),
    "carried": Purpose("positions carried in", TRANSFERS),
    "liquidation": Purpose("forced closes", LIQUIDATION),
    "takeover": Purpose("takeovers", LIQUIDATION),
    "adl": Purpose("closes as counterparty", ADL),
}
"""What fills of a cause are called, and the part that they belong to, as far as they differ from
the mark."""
