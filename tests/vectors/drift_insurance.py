"""Shares of an insurance fund that a provider loses who asked to leave and stays after all."""

from decimal import Decimal

from tests.engine.venue import PERSON
from tests.vectors.outcome import Found, NotApplicable, Outcome
from tests.vectors.rows import Row
from tests.vectors.stage import Stage, text

QUOTE = -6
FUND, STAKER, OTHERS = "insurance", "staker", "others"
REBASED = (
    "a rebase divides everybody's shares alike, so nobody's part changes: the ledger needs none"
)
NOBODY = "a request for no shares is no request: the ledger has none to cancel"


def run(row: Row) -> Outcome:
    if not row.has("request_shares"):
        return NotApplicable(REBASED)
    asked, value = row.number("request_shares"), row.number("request_value")
    total, vault = row.number("total_shares"), row.number("vault_balance")
    if not asked:
        return NotApplicable(NOBODY)
    stage = Stage(decimals=-QUOTE)
    # A share costs a unit while the fund has just what its providers put in.
    for who, shares in ((STAKER, asked), (OTHERS, total - asked)):
        stage.account(who, account_class="provider")
        if shares:
            stage.pay(who, shares.scaleb(QUOTE))
            _told(stage, "PoolJoined", who, amount=text(shares.scaleb(QUOTE)))
    # The least at which its part is worth as much as the row says it was.
    _has(stage, Decimal(-(-int(value * total) // int(asked))))
    _told(stage, "PoolLeaveRequested", STAKER, shares=text(asked.scaleb(QUOTE)))
    _has(stage, vault)
    _told(stage, "PoolLeaveCancelled", STAKER)
    fund = stage.engine.book.scope(stage.ordinal(FUND), 1)
    return Found({"shares_lost_on_cancel": asked - fund.shares.get(stage.ordinal(STAKER), 0)})


def _told(stage: Stage, kind: str, who: str, **fields: str) -> None:
    stage(kind, account=who, fund=FUND, asset="USD", **fields)


def _has(stage: Stage, units: Decimal) -> None:
    """Let the fund earn or lose until it has so many units."""
    missing = units.scaleb(QUOTE) - stage.balance(FUND)
    if missing:
        told = {"account": FUND, "asset": "USD", "category": "earned", **PERSON}
        stage("Adjusted", amount=text(missing), **told)
